// Every operation against LibTorch in float64 (values and gradients), and the property that the engine stands on: a
// row's bits depend on that row alone.
#include "hone/kernels/ops.h"
#include "hone/kernels/parallel.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <numeric>

#include "kernels/cpu/table.h"

namespace hone::kernels {
namespace {

at::Tensor random(at::IntArrayRef shape, double scale = 1.0) {
  return at::randn(shape) * scale;
}

Weight weight(const at::Tensor& value) {
  return {value, at::zeros_like(value)};
}

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  return at::equal(a, b);
}

class Ops : public ::testing::Test {
 protected:
  void SetUp() override { at::manual_seed(1); }
};

// Gradients of f (ours, fp32) and g (reference, fp64) for the same output gradient: returns the largest difference
// relative to the largest entry, over outputs and dx.
template <class F, class G>
void expect_same(const at::Tensor& x, F ours, G reference, double tolerance) {
  at::Tensor xa = x.clone().requires_grad_(true);
  at::Tensor xb = x.to(at::kDouble).clone().requires_grad_(true);
  const at::Tensor a = ours(xa), b = reference(xb);
  EXPECT_LT(largest_difference(a.detach(), b.detach()),
            tolerance * std::max(1.0, b.detach().abs().max().item<double>()));
  const at::Tensor g = random(a.sizes());
  a.backward(g);
  b.backward(g.to(at::kDouble));
  EXPECT_LT(largest_difference(xa.grad(), xb.grad()), tolerance * std::max(1.0, xb.grad().abs().max().item<double>()));
}

TEST_F(Ops, LinearMatchesFloat64) {
  for (const auto& [rows, in, out] :
       std::vector<std::array<int64_t, 3>>{{1, 1, 1}, {5, 7, 3}, {13, 96, 288}, {200, 256, 97}, {97, 300, 33}}) {
    const Weight w = weight(random({out, in})), bias = weight(random({out}));
    const at::Tensor residual = random({rows, out});
    at::Tensor wd = w.value().to(at::kDouble).requires_grad_(true),
               bd = bias.value().to(at::kDouble).requires_grad_(true);
    expect_same(
        random({rows, in}), [&](const at::Tensor& x) { return linear(x, w, &bias, residual); },
        [&](const at::Tensor& x) { return at::linear(x, wd, bd) + residual.to(at::kDouble); }, 1e-5);
    EXPECT_LT(largest_difference(w.grad(), wd.grad()), 1e-5 * std::max(1.0, wd.grad().abs().max().item<double>()));
    EXPECT_LT(largest_difference(bias.grad(), bd.grad()), 1e-5 * std::max(1.0, bd.grad().abs().max().item<double>()));
  }
}

TEST_F(Ops, LinearRowsDoNotDependOnTheBatch) {
  const Weight w = weight(random({97, 300}));
  const at::Tensor x = random({211, 300});
  const at::Tensor whole = linear(x, w);
  for (const int64_t size : {1, 2, 5, 12, 13, 64}) {
    for (int64_t at = 0; at + size <= 211; at += 37)
      EXPECT_TRUE(same_bits(linear(x.narrow(0, at, size), w), whole.narrow(0, at, size)));
  }
}

TEST_F(Ops, WeightGradientsDoNotDependOnTheSplit) {
  const at::Tensor x = random({211, 100}), g = random({211, 45});
  std::vector<at::Tensor> grads;
  for (const int64_t size : {211, 1, 7, 64, 150}) {
    const Weight w = weight(at::ones({45, 100}));
    for (int64_t at = 0; at < 211; at += size) {
      const int64_t n = std::min<int64_t>(size, 211 - at);
      linear(x.narrow(0, at, n).clone().requires_grad_(true), w).backward(g.narrow(0, at, n));
    }
    grads.push_back(w.grad());
  }
  for (const auto& grad : grads) EXPECT_TRUE(same_bits(grad, grads.front()));
}

TEST_F(Ops, PackedWeightsFollowEveryWrite) {
  const at::Tensor flat = random({40 * 8});
  const Weight w(flat.narrow(0, 0, 40 * 8).view({40, 8}), {});
  const at::Tensor x = random({3, 8});
  linear(x, w);
  flat.mul_(2.0);  // through the flat buffer, as the optimizer writes
  EXPECT_LT(largest_difference(linear(x, w), at::linear(x, w.value())), 1e-5);
}

TEST_F(Ops, RmsNormMatchesFloat64) {
  for (const int64_t width : {1, 15, 96, 300}) {
    const Weight w = weight(random({width}));
    at::Tensor wd = w.value().to(at::kDouble).requires_grad_(true);
    expect_same(
        random({17, width}), [&](const at::Tensor& x) { return rms_norm(x, w, 1e-5); },
        [&](const at::Tensor& x) { return x * at::rsqrt(x.pow(2).mean(-1, true) + 1e-5) * wd; }, 1e-5);
    EXPECT_LT(largest_difference(w.grad(), wd.grad()), 2e-5);
  }
}

TEST_F(Ops, SwigluMatchesFloat64) {
  expect_same(
      random({9, 2 * 41}, 4.0), [](const at::Tensor& x) { return swiglu(x); },
      [](const at::Tensor& x) { return at::silu(x.narrow(1, 0, 41)) * x.narrow(1, 41, 41); }, 1e-5);
}

TEST_F(Ops, EmbeddingGathersAndSumsItsGradient) {
  const Weight w = weight(random({11, 20}));
  const at::Tensor ids = at::randint(11, {50}, at::kInt), g = random({50, 20});
  const at::Tensor y = embedding(ids, w);
  EXPECT_TRUE(same_bits(y.detach(), w.value().index_select(0, ids)));
  y.backward(g);
  EXPECT_LT(largest_difference(w.grad(), at::zeros({11, 20}, at::kDouble).index_add(0, ids, g.to(at::kDouble))), 1e-5);
}

// Attention
// -------------------------------------------------------------------------------------------------------------------------

Rope make_rope(int64_t positions, int64_t half) {
  const at::Tensor angle = at::arange(positions, at::kFloat).unsqueeze(1) *
                           at::pow(100.0, -at::arange(half, at::kFloat) / static_cast<double>(half)).unsqueeze(0);
  return {.table = {angle.cos().contiguous(), angle.sin().contiguous()}};
}

// Plain attention of one sequence in the precision of its inputs.
at::Tensor reference_attention(const at::Tensor& qkv, const AttentionGeometry& g, const Rope& rope) {
  const int64_t length = qkv.size(0), half = g.head_dim / 2, group = g.heads / g.kv_heads;
  const at::Tensor heads = qkv.view({length, g.heads + 2 * g.kv_heads, g.head_dim});
  const at::Tensor cos = rope.table.cos.narrow(0, 0, length).to(qkv.scalar_type()).unsqueeze(1),
                   sin = rope.table.sin.narrow(0, 0, length).to(qkv.scalar_type()).unsqueeze(1);
  const auto turn = [&](const at::Tensor& x) {
    const at::Tensor a = x.narrow(2, 0, half), b = x.narrow(2, half, half);
    return at::cat({a * cos - b * sin, b * cos + a * sin}, 2);
  };
  const at::Tensor q = turn(heads.narrow(1, 0, g.heads)),
                   k = turn(heads.narrow(1, g.heads, g.kv_heads)).repeat_interleave(group, 1),
                   v = heads.narrow(1, g.heads + g.kv_heads, g.kv_heads).repeat_interleave(group, 1);
  at::Tensor scores = at::einsum("ihd,jhd->hij", {q, k}) / std::sqrt(static_cast<double>(g.head_dim));
  scores = scores.masked_fill(at::ones({length, length}, at::kBool).triu(1), -std::numeric_limits<double>::infinity());
  return at::einsum("hij,jhd->ihd", {at::softmax(scores, -1), v}).reshape({length, g.heads * g.head_dim});
}

struct Packed {
  std::vector<int64_t> lengths;
  std::vector<std::vector<int32_t>> tables;
  std::vector<Segment> segments;
  int64_t rows = 0, blocks = 0;
  explicit Packed(std::vector<int64_t> l) : lengths(std::move(l)) {
    for (const int64_t length : lengths) {
      std::vector<int32_t> table(static_cast<size_t>((length + 15) / 16));
      std::iota(table.begin(), table.end(), static_cast<int32_t>(blocks));
      blocks += static_cast<int64_t>(table.size());
      tables.push_back(std::move(table));
      segments.push_back({rows, length, 0, nullptr});
      rows += length;
    }
    for (size_t i = 0; i < segments.size(); ++i) segments[i].blocks = tables[i].data();
  }
};

TEST_F(Ops, AttentionMatchesFloat64) {
  for (const AttentionGeometry g :
       {AttentionGeometry{4, 4, 24}, AttentionGeometry{6, 2, 8}, AttentionGeometry{2, 1, 64}}) {
    const Packed p({1, 15, 16, 17, 40});
    const int64_t width = (g.heads + 2 * g.kv_heads) * g.head_dim;
    const Rope rope = make_rope(64, g.head_dim / 2);
    const KvLayer cache = make_kv_layer(g, p.blocks);
    expect_same(
        random({p.rows, width}),
        [&](const at::Tensor& x) {
          return attention(x + 0.0, g, rope, cache, p.segments);
        },  // + 0: attention consumes its input
        [&](const at::Tensor& x) {
          std::vector<at::Tensor> parts;
          for (const Segment& s : p.segments)
            parts.push_back(reference_attention(x.narrow(0, s.first_row, s.length), g, rope));
          return at::cat(parts);
        },
        1e-5);
  }
}

TEST_F(Ops, AttentionRowsDoNotDependOnTheSplit) {
  const AttentionGeometry g{4, 2, 24};
  const Rope rope = make_rope(128, 12);
  const at::Tensor qkv = random({90, 8 * 24});
  std::vector<int32_t> table(6);
  std::iota(table.begin(), table.end(), 0);
  const at::Tensor whole = attention(qkv.clone(), g, rope, make_kv_layer(g, 6), {{0, 90, 0, table.data()}});
  std::vector<int32_t> shuffled = {9, 3, 7, 1, 0, 4};
  for (const int64_t step : {1, 7, 16, 33}) {
    const KvLayer cache = make_kv_layer(g, 10);
    for (int64_t t = 0; t < 90; t += step) {
      const int64_t n = std::min<int64_t>(step, 90 - t);
      EXPECT_TRUE(same_bits(attention(qkv.narrow(0, t, n).clone(), g, rope, cache, {{0, n, t, shuffled.data()}}),
                            whole.narrow(0, t, n)));
    }
  }
}

// Head
// ------------------------------------------------------------------------------------------------------------------------------

TEST_F(Ops, LogProbsMatchFloat64) {
  for (const double temperature : {1.0, 0.6}) {
    for (const bool filtered : {false, true}) {
      const int64_t vocab = 73, rows = 3000;  // more rows than one chunk
      const Weight head = weight(random({vocab, 20}));
      at::Tensor wd = head.value().to(at::kDouble).requires_grad_(true);
      const at::Tensor targets = at::randint(vocab, {rows}, at::kInt);
      // Keep the target, its successor and every id divisible by 3.
      std::vector<int32_t> ids;
      std::vector<int64_t> offsets = {0};
      at::Tensor mask = at::full({rows, vocab}, filtered ? -std::numeric_limits<double>::infinity() : 0.0, at::kDouble);
      for (int64_t r = 0; r < rows; ++r) {
        const int32_t target = targets[r].item<int32_t>();
        for (int32_t i = 0; i < vocab; ++i) {
          if (i != target && i != (target + 1) % vocab && i % 3 != 0) continue;
          ids.push_back(i);
          mask[r][i] = 0.0;
        }
        offsets.push_back(static_cast<int64_t>(ids.size()));
      }
      const TokenDistribution d{temperature, filtered ? ids.data() : nullptr, filtered ? offsets.data() : nullptr};
      at::Tensor entropy, reference_entropy;
      expect_same(
          random({rows, 20}),
          [&](const at::Tensor& h) {
            const LogProbs out = log_probs(h, head, targets, d);
            entropy = out.entropy;
            return out.log_probs;
          },
          [&](const at::Tensor& h) {
            const at::Tensor logp = at::log_softmax(at::linear(h, wd) / temperature + mask, -1);
            reference_entropy = -(logp.exp() * logp.clamp_min(-1e30)).sum(-1).detach();
            return logp.gather(1, targets.to(at::kLong).unsqueeze(1)).squeeze(1);
          },
          2e-5);
      EXPECT_LT(largest_difference(entropy, reference_entropy), 2e-5);
      EXPECT_LT(largest_difference(head.grad(), wd.grad()), 1e-4 * wd.grad().abs().max().item<double>());
    }
  }
}

TEST_F(Ops, ResultsDoNotDependOnThreads) {
  const int before = num_threads();
  std::vector<at::Tensor> results;
  for (const int threads : {1, 2, 3}) {
    set_num_threads(threads);
    at::manual_seed(5);
    const Weight w = weight(random({300, 64})), head = weight(random({50, 100}));
    const at::Tensor x = random({500, 64}).requires_grad_(true), targets = at::randint(50, {1500}, at::kInt);
    log_probs(linear(x, w).view({1500, 100}), head, targets, {}).log_probs.sum().backward();
    results.push_back(at::cat(
        {x.grad().flatten(), w.grad().flatten(), head.grad().flatten(), at::full({1}, sum_of_squares(x.detach()))}));
  }
  set_num_threads(before);
  for (const auto& r : results) EXPECT_TRUE(same_bits(r, results.front()));
}

// Instruction sets
// ------------------------------------------------------------------------------------------------------------------

std::vector<const CpuKernels*> tables() {
  std::vector<const CpuKernels*> all = {&kGenericKernels};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) all.push_back(&kAvx2Kernels);
  if (__builtin_cpu_supports("avx512f")) all.push_back(&kAvx512Kernels);
#endif
  return all;
}

TEST_F(Ops, InstructionSetsGiveTheSameBits) {
  if (tables().size() < 2) GTEST_SKIP() << "this processor has only the generic kernels";
  const at::Tensor a = random({37, 150}), b = random({10, 150, 16}), x = random({3, 100}, 3.0);
  std::vector<at::Tensor> results;
  for (const CpuKernels* k : tables()) {
    at::Tensor c = at::ones({37, 155}), e = at::empty({100}), y = at::empty({5, 50}), stats = at::empty({3});
    k->gemm({37, 155, 150, a.const_data_ptr<float>(), 150, 1, b.const_data_ptr<float>(), 16, 150 * 16,
             c.data_ptr<float>(), 155, true},
            0, 37, 0, 10);
    const float* row = x.const_data_ptr<float>();
    float* s = stats.data_ptr<float>();
    k->exp_row(row, e.data_ptr<float>(), 100, s, s + 1);
    s[2] = k->weighted_row(row, e.const_data_ptr<float>(), s[0], 100);
    k->rms_norm(row, row + 100, 1e-5F, y.data_ptr<float>(), 50);
    k->swiglu(row, row + 100, y.data_ptr<float>() + 50, 50);
    k->swiglu_backward(row, row + 100, row + 200, y.data_ptr<float>() + 100, y.data_ptr<float>() + 150, 50);
    k->rms_norm_backward(row, row + 100, row + 200, 1e-5F, y.data_ptr<float>() + 200, e.data_ptr<float>(), 50);
    results.push_back(at::cat({c.flatten(), e, y.flatten(), stats}));
  }
  for (const auto& r : results) EXPECT_TRUE(same_bits(r, results.front()));
}

TEST_F(Ops, ExponentialIsAccurate) {
  std::vector<float> z, e(20001);
  for (int i = 0; i <= 20000; ++i) z.push_back(-87.0F + 87.0F * static_cast<float>(i) / 20000.0F);
  float largest, total;
  cpu_kernels().exp_row(z.data(), e.data(), 20001, &largest, &total);
  for (size_t i = 0; i < z.size(); ++i) EXPECT_NEAR(e[i] / std::exp(static_cast<double>(z[i])), 1.0, 3e-7) << z[i];
  const float infinite[2] = {0.0F, -std::numeric_limits<float>::infinity()};
  cpu_kernels().exp_row(infinite, e.data(), 2, &largest, &total);
  EXPECT_EQ(e[1], 0.0F);
  const float broken[3] = {0.0F, std::nanf(""), 1.0F};
  for (const CpuKernels* k : tables()) {
    k->exp_row(broken, e.data(), 3, &largest, &total);
    EXPECT_TRUE(std::isnan(total)) << k->name;
  }
}

}  // namespace
}  // namespace hone::kernels
