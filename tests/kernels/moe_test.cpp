// Mixtures of experts against LibTorch in float64 and a slow choice of experts; a row's bits depend on that row alone.
#include "kernels/comparison.h"

namespace hone::kernels {
namespace {

struct RouterCase {
  Router router;
  int64_t experts;
};

std::vector<RouterCase> routers(const at::Tensor& bias) {
  return {{{.experts_per_token = 2}, 5},
          {{.experts_per_token = 3, .normalize = true}, 7},
          {{.experts_per_token = 4,
            .sigmoid = true,
            .normalize = true,
            .scale = 2.5,
            .groups = 4,
            .kept_groups = 2,
            .bias = bias.const_data_ptr<float>()},
           12},
          {{.experts_per_token = 1, .sigmoid = true, .bias = bias.const_data_ptr<float>()}, 3},
          {{.experts_per_token = 6, .sigmoid = true, .scale = 0.5}, 6}};
}

// The experts that a row chooses, written down another way: a full sort of each row.
at::Tensor reference_choice(const at::Tensor& scores, const Router& r, const at::Tensor& bias) {
  at::Tensor value = scores.detach().clone();
  const int64_t rows = value.size(0), experts = value.size(1);
  if (r.bias != nullptr) value += bias.narrow(0, 0, experts);
  if (r.groups > 1) {
    const at::Tensor groups = value.view({rows, r.groups, experts / r.groups});
    const at::Tensor best = std::get<0>(groups.topk(2, -1)).sum(-1);
    const at::Tensor dropped = std::get<1>(best.topk(r.groups - r.kept_groups, -1, /*largest=*/false));
    at::Tensor mask = at::zeros_like(groups);
    mask.scatter_(1, dropped.unsqueeze(-1).expand({rows, -1, experts / r.groups}), -1e9);
    value = (groups + mask).view({rows, experts});
  }
  return std::get<0>(std::get<1>(value.topk(r.experts_per_token, -1)).sort(-1));
}

TEST_F(Ops, ExpertsMatchFloat64) {
  const at::Tensor bias = random({12}, 0.3);
  for (const auto& [router, count] : routers(bias)) {
    const int64_t rows = 40, width = 9, inner = 6;
    std::vector<Expert> experts;
    std::vector<at::Tensor> gate_up, down;
    for (int64_t e = 0; e < count; ++e) {
      experts.push_back({weight(random({2 * inner, width})), weight(random({width, inner}))});
      gate_up.push_back(experts.back().gate_up.value().to(at::kDouble).requires_grad_(true));
      down.push_back(experts.back().down.value().to(at::kDouble).requires_grad_(true));
    }
    at::Tensor chosen;
    expect_same(
        random({rows, count + 2 * width}),
        [&, r = router](const at::Tensor& x) {
          const auto parts = x.split_with_sizes({count, width, width}, 1);
          const Routing routing = route(parts[0].contiguous(), r);
          chosen = routing.experts;
          return mixture(parts[1].contiguous(), routing, experts, parts[2].contiguous());
        },
        [&, r = router](const at::Tensor& x) {
          const auto parts = x.split_with_sizes({count, width, width}, 1);
          const at::Tensor scores = r.sigmoid ? parts[0].sigmoid() : parts[0].softmax(-1);
          const at::Tensor choice = reference_choice(scores, r, bias.to(at::kDouble));
          EXPECT_TRUE(at::equal(choice, chosen.to(at::kLong)));
          at::Tensor weights = scores.gather(1, choice);
          if (r.normalize) weights = weights / weights.sum(-1, true);
          at::Tensor out = parts[2];
          for (int64_t e = 0; e < count; ++e) {
            const auto i = static_cast<size_t>(e);
            const at::Tensor h = at::linear(parts[1], gate_up[i]);
            const at::Tensor y = at::linear(at::silu(h.narrow(1, 0, inner)) * h.narrow(1, inner, inner), down[i]);
            out = out + (weights * r.scale * (choice == e)).sum(-1, true) * y;
          }
          return out;
        },
        1e-5);
    for (size_t e = 0; e < experts.size(); ++e) {
      if (!gate_up[e].grad().defined()) continue;
      EXPECT_LT(largest_difference(experts[e].gate_up.grad(), gate_up[e].grad()), 1e-4);
      EXPECT_LT(largest_difference(experts[e].down.grad(), down[e].grad()), 1e-4);
    }
  }
}

TEST_F(Ops, ExpertsOfARowDoNotDependOnTheBatch) {
  const at::Tensor bias = random({12}, 0.3);
  const auto [router, count] = routers(bias)[2];
  std::vector<Expert> experts;
  for (int64_t e = 0; e < count; ++e) experts.push_back({weight(random({32, 20})), weight(random({20, 16}))});
  const at::Tensor logits = random({70, count}), x = random({70, 20});
  const auto run = [&, r = router](int64_t at, int64_t n) {
    const at::Tensor part = x.narrow(0, at, n);
    return mixture(part, route(logits.narrow(0, at, n), r), experts, part);
  };
  const at::Tensor whole = run(0, 70);
  for (const int64_t size : {1, 3, 16}) {
    for (int64_t at = 0; at + size <= 70; at += 11) EXPECT_TRUE(same_bits(run(at, size), whole.narrow(0, at, size)));
  }
}

TEST_F(Ops, TiesGoToTheLowerExpert) {
  const Routing routing = route(at::zeros({1, 6}), {.experts_per_token = 3});
  EXPECT_TRUE(at::equal(routing.experts, at::arange(3, at::kInt).view({1, 3})));
}

}  // namespace
}  // namespace hone::kernels
