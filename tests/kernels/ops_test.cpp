// Every operation against LibTorch in float64 (values and gradients), and the property that the engine stands on: a
// row's bits depend on that row alone.
#include "hone/kernels/ops.h"
#include "hone/kernels/parallel.h"

#include <numeric>

#include "kernels/comparison.h"

namespace hone::kernels {
namespace {

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

// Frozen weights, in fp32 and in bf16, against the rows that they came from.
TEST_F(Ops, FrozenWeightsGiveTheSameBits) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16, at::kHalf}) {
    for (const int64_t out : {1, 16, 45, 200}) {
      const at::Tensor stored = random({out, 33}).to(type);
      Weight frozen = Weight::frozen(out, 33, type == at::kBFloat16 ? type : at::kFloat);
      for (int64_t row = 0; row < out; row += 7)  // in pieces that do not fit the panels
        EXPECT_TRUE(pack(stored.narrow(0, row, std::min<int64_t>(7, out - row)), frozen.packed(), row));
      const Weight rows(stored.to(at::kFloat), {});
      EXPECT_EQ(frozen.rows(), out);
      for (const int64_t count : {1, 3, 5, 12, 29}) {
        const at::Tensor x = random({count, 33});
        EXPECT_TRUE(same_bits(linear(x, frozen), linear(x, rows)));
      }
      const at::Tensor ids = at::randint(out, {9}, at::kInt);
      EXPECT_TRUE(same_bits(embedding(ids, frozen), embedding(ids, rows)));
    }
  }
}

TEST_F(Ops, PackingFindsWhatIsNotFinite) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16, at::kHalf}) {
    for (const double bad : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
      at::Tensor rows = random({20, 5});
      rows[17][3] = bad;
      EXPECT_FALSE(pack(rows.to(type), Weight::frozen(20, 5).packed(), 0));
      EXPECT_FALSE(widen(rows.to(type), at::empty({20, 5})));
    }
  }
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
  const int64_t length = qkv.size(0), pairs = rope.table.cos.size(1), group = g.heads / g.kv_heads;
  const RopeTable& table = rope.for_length(length);
  const at::Tensor cos = table.cos.narrow(0, 0, length).to(qkv.scalar_type()).unsqueeze(1),
                   sin = table.sin.narrow(0, 0, length).to(qkv.scalar_type()).unsqueeze(1);
  const auto turn = [&](const at::Tensor& x) {
    const int64_t still = g.head_dim - 2 * pairs;
    const at::Tensor turning = x.narrow(2, still, 2 * pairs);
    const at::Tensor a = g.interleaved ? turning.slice(2, 0, 2 * pairs, 2) : turning.narrow(2, 0, pairs),
                     b = g.interleaved ? turning.slice(2, 1, 2 * pairs, 2) : turning.narrow(2, pairs, pairs);
    return at::cat({x.narrow(2, 0, still), a * cos - b * sin, b * cos + a * sin}, 2);
  };
  const auto parts = qkv.split_with_sizes({g.heads * g.head_dim, g.kv_heads * g.head_dim, g.kv_heads * g.value_dim}, 1);
  const at::Tensor q = turn(parts[0].view({length, g.heads, g.head_dim})),
                   k = turn(parts[1].view({length, g.kv_heads, g.head_dim})).repeat_interleave(group, 1),
                   v = parts[2].view({length, g.kv_heads, g.value_dim}).repeat_interleave(group, 1);
  at::Tensor scores = at::einsum("ihd,jhd->hij", {q, k}) * g.scale;
  at::Tensor hidden = at::ones({length, length}, at::kBool).triu(1);
  if (g.window < length) hidden = hidden.logical_or(at::ones({length, length}, at::kBool).tril(-g.window));
  scores = scores.masked_fill(hidden, -std::numeric_limits<double>::infinity());
  return at::einsum("hij,jhd->ihd", {at::softmax(scores, -1), v}).reshape({length, g.heads * g.value_dim});
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

std::vector<AttentionGeometry> geometries() {
  AttentionGeometry window{4, 2, 8};
  window.window = 5;
  AttentionGeometry wide_window{2, 1, 24};
  wide_window.window = 20;
  AttentionGeometry latent{3, 3, 10};
  latent.value_dim = 5, latent.interleaved = true, latent.scale = 0.7;
  AttentionGeometry wide_values{4, 2, 6};
  wide_values.value_dim = 21, wide_values.window = 17;
  return {{4, 4, 24}, {6, 2, 8}, {2, 1, 64}, window, wide_window, latent, wide_values};
}

// As many pairs turn as fit, two fewer where keys and values differ (a part of the head that stays).
Rope rope_for(const AttentionGeometry& g, int64_t positions) {
  Rope rope = make_rope(positions, g.head_dim / 2 - (g.head_dim == g.value_dim ? 0 : 2));
  rope.long_table = {rope.table.sin, rope.table.cos};
  rope.long_after = 16;
  return rope;
}

TEST_F(Ops, AttentionMatchesFloat64) {
  for (const AttentionGeometry& g : geometries()) {
    const Packed p({1, 15, 16, 17, 40});
    const Rope rope = rope_for(g, 64);
    const KvLayer cache = make_kv_layer(g, p.blocks);
    expect_same(
        random({p.rows, g.width()}),
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
  for (const AttentionGeometry& g : geometries()) {
    const Rope rope = make_rope(128, g.head_dim / 2);
    const at::Tensor qkv = random({90, g.width()});
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
}

TEST_F(Ops, LatentHeadsMatchFloat64) {
  AttentionGeometry g{3, 3, 10};
  g.value_dim = 5;
  const int64_t rows = 7, shared = 4, q = 30, kv = 3 * (6 + 5);
  expect_same(
      random({rows, q + kv + shared}),
      [&](const at::Tensor& x) {
        const auto parts = x.split_with_sizes({q, kv, shared}, 1);
        return latent_heads(parts[0].contiguous(), parts[1].contiguous(), parts[2].contiguous(), g);
      },
      [&](const at::Tensor& x) {
        const auto parts = x.split_with_sizes({q, kv, shared}, 1);
        const at::Tensor heads = parts[1].reshape({rows, 3, 11});
        const at::Tensor key =
            at::cat({heads.narrow(2, 0, 6), parts[2].unsqueeze(1).expand({rows, 3, shared})}, 2).reshape({rows, 30});
        return at::cat({parts[0], key, heads.narrow(2, 6, 5).reshape({rows, 15})}, 1);
      },
      1e-6);
}

// Head
// ------------------------------------------------------------------------------------------------------------------------------

TEST_F(Ops, LogProbsMatchFloat64) {
  struct Setting {
    double temperature;
    bool filtered;
    double bonus;  // weight of the entropy in what is differentiated
  };
  for (const auto& [temperature, filtered, bonus] : {Setting{1.0, false, 0},
                                                     {1.0, true, 0},
                                                     {0.6, false, 0},
                                                     {0.6, true, 0},
                                                     {1.0, false, 3},
                                                     {0.6, false, -2},
                                                     {0.6, true, 3}}) {
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
          entropy = out.entropy.detach();
          return bonus == 0 ? out.log_probs : out.log_probs + out.entropy * bonus;
        },
        [&](const at::Tensor& h) {
          const at::Tensor logp = at::log_softmax(at::linear(h, wd) / temperature + mask, -1);
          reference_entropy = -(logp.exp() * logp.clamp_min(-1e30)).sum(-1);
          return logp.gather(1, targets.to(at::kLong).unsqueeze(1)).squeeze(1) + reference_entropy * bonus;
        },
        2e-5);
    EXPECT_LT(largest_difference(entropy, reference_entropy.detach()), 2e-5);
    EXPECT_LT(largest_difference(head.grad(), wd.grad()), 1e-4 * wd.grad().abs().max().item<double>());
  }
}

// Rows of one call and of a call each: temperatures, and a filter for some rows only.
TEST_F(Ops, EveryRowMayHaveItsOwnDistribution) {
  const int64_t rows = 6, vocab = 30;
  const double temperatures[] = {0.7, 1.0, 0.1, 2.5, 1.3, 0.9};
  const Weight head = weight(random({vocab, 20}));
  const at::Tensor hidden = random({rows, 20}), targets = at::arange(3, 3 + rows, at::kInt);
  std::vector<int32_t> ids;
  std::vector<int64_t> offsets = {0};
  for (int32_t r = 0; r < rows; ++r) {
    if (r % 2 == 0) ids.insert(ids.end(), {2, 3 + r, 20});
    offsets.push_back(static_cast<int64_t>(ids.size()));
  }
  const TokenDistribution all{.kept_ids = ids.data(), .kept_offsets = offsets.data(), .temperatures = temperatures};
  const at::Tensor together = hidden.detach().clone().requires_grad_(true);
  const LogProbs out = log_probs(together, head, targets, all);
  (out.log_probs + out.entropy * 0.5).sum().backward();
  for (int64_t r = 0; r < rows; ++r) {
    const bool filtered = r % 2 == 0;
    const TokenDistribution one{temperatures[r], filtered ? ids.data() : nullptr,
                                filtered ? offsets.data() + r : nullptr};
    const at::Tensor alone = hidden.narrow(0, r, 1).detach().clone().requires_grad_(true);
    const LogProbs expected = log_probs(alone, head, targets.narrow(0, r, 1), one);
    (expected.log_probs + expected.entropy * 0.5).sum().backward();
    EXPECT_TRUE(same_bits(out.log_probs.narrow(0, r, 1).detach(), expected.log_probs.detach())) << r;
    EXPECT_TRUE(same_bits(out.entropy.narrow(0, r, 1).detach(), expected.entropy.detach())) << r;
    EXPECT_LT(largest_difference(together.grad().narrow(0, r, 1), alone.grad()), 1e-6) << r;
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

}  // namespace
}  // namespace hone::kernels
