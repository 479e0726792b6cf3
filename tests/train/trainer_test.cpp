// AdamW against a scalar loop in double, schedules against closed forms, and the properties of an update.
#include "hone/train/trainer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace hone {
namespace {

ModelConfig tiny() {
  ModelConfig c;
  c.vocab_size = 13, c.hidden_size = 16, c.intermediate_size = 24, c.num_hidden_layers = 1;
  c.num_attention_heads = 2, c.num_key_value_heads = 1, c.head_dim = 8, c.max_position_embeddings = 32;
  c.tie_word_embeddings = true;
  return c;
}

ScoreBatch batch_of(std::vector<int32_t> ids) {
  const auto n = static_cast<int64_t>(ids.size());
  return {.ids = at::tensor(ids, at::kInt),
          .offsets = {0, n},
          .rows = at::arange(n - 1),
          .targets = at::tensor(ids, at::kInt).narrow(0, 1, n - 1).contiguous(),
          .distribution = {}};
}

at::Tensor cross_entropy(const kernels::LogProbs& out) {
  return -out.log_probs.mean();
}

TEST(LearningRate, FollowsItsClosedForm) {
  OptimizerConfig c;
  c.lr = 2.0, c.warmup_steps = 4, c.min_lr_ratio = 0.1;
  EXPECT_DOUBLE_EQ(learning_rate(c, 0, 14), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate(c, 3, 14), 2.0);
  EXPECT_DOUBLE_EQ(learning_rate(c, 9, 14), 2.0);
  c.lr_scheduler_type = LrScheduler::kLinear;
  EXPECT_DOUBLE_EQ(learning_rate(c, 4, 14), 2.0);
  EXPECT_DOUBLE_EQ(learning_rate(c, 13, 14), 0.2);
  EXPECT_NEAR(learning_rate(c, 7, 14), 2.0 * (0.1 + 0.9 * (1.0 - 3.0 / 9.0)), 1e-12);
  c.lr_scheduler_type = LrScheduler::kCosine;
  EXPECT_DOUBLE_EQ(learning_rate(c, 13, 14), 0.2);
  EXPECT_NEAR(learning_rate(c, 7, 14), 2.0 * (0.1 + 0.45 * (1.0 + std::cos(std::numbers::pi / 3.0))), 1e-12);
}

TEST(Trainer, MatchesAScalarAdamW) {
  for (const std::optional<double> clip : {std::optional<double>(0.05), std::optional<double>()}) {
    Model model(tiny(), true);
    model.init_weights(1);
    OptimizerConfig c;
    c.lr = 0.01, c.weight_decay = 0.1, c.max_grad_norm = clip;
    Trainer trainer(model, c, 10);
    at::Tensor w = model.flat().to(at::kDouble).clone(), m = at::zeros_like(w), v = at::zeros_like(w);
    for (int t = 1; t <= 3; ++t) {
      trainer.accumulate(batch_of({1, 5, 2, 9, 9, 3, 12, 0}), cross_entropy);
      model.finish_gradients();
      at::Tensor g = model.flat_grad().to(at::kDouble).clone();
      model.zero_grad();
      trainer.accumulate(batch_of({1, 5, 2, 9, 9, 3, 12, 0}), cross_entropy);
      const UpdateStats stats = trainer.update();
      const double norm = g.norm().item<double>();
      EXPECT_NEAR(stats.grad_norm, norm, 1e-5 * norm);
      if (clip && norm > *clip) g = g * (*clip / norm);
      m = 0.9 * m + 0.1 * g;
      v = 0.95 * v + 0.05 * g * g;
      at::Tensor decay = at::zeros_like(w);
      decay.narrow(0, 0, model.decayed()).fill_(0.1);
      w = w - 0.01 * decay * w - 0.01 * (m / (1 - std::pow(0.9, t))) / ((v / (1 - std::pow(0.95, t))).sqrt() + 1e-8);
      // A gradient near zero turns a rounding error into a step of its own; those few entries are compared loosely.
      EXPECT_LT((model.flat().to(at::kDouble) - w).abs().mean().item<double>(), 2e-6);
      w = model.flat().to(at::kDouble).clone();
    }
  }
}

TEST(Trainer, AnUpdateReachesTheNextForwardPass) {
  Model model(tiny(), true);
  model.init_weights(1);
  OptimizerConfig c;
  c.lr = 0.05;
  Trainer trainer(model, c, 30);
  const ScoreBatch batch = batch_of({1, 5, 2, 9, 4, 3, 12, 0});
  const double before = trainer.accumulate(batch, cross_entropy);
  trainer.update();
  double after = before;
  for (int i = 0; i < 29; ++i) {
    after = trainer.accumulate(batch, cross_entropy);
    trainer.update();
  }
  EXPECT_LT(after, 0.2 * before);  // memorises one sequence: packed weights follow the optimizer
}

TEST(Trainer, SkipsAnUpdateThatIsNotFinite) {
  Model model(tiny(), true);
  model.init_weights(1);
  Trainer trainer(model, {}, 10);
  const at::Tensor weights = model.flat().clone();
  trainer.accumulate(batch_of({1, 2, 3}),
                     [](const kernels::LogProbs& out) { return out.log_probs.sum() * std::nan(""); });
  EXPECT_TRUE(trainer.update().skipped);
  EXPECT_TRUE(at::equal(weights, model.flat()));
  for (const auto& [name, tensor] : trainer.state().tensors) {
    if (name.starts_with("exp_avg")) {
      EXPECT_EQ(tensor.abs().sum().item<double>(), 0.0) << name;
    }
  }
  trainer.accumulate(batch_of({1, 2, 3}), cross_entropy);
  EXPECT_FALSE(trainer.update().skipped);
}

TEST(Trainer, ResumesToTheSameBits) {
  OptimizerConfig c;
  c.lr = 0.01, c.lr_scheduler_type = LrScheduler::kCosine;
  const auto step = [](Trainer& t, int32_t i) {
    t.accumulate(batch_of({1, i, 2, 9, i, 3}), cross_entropy);
    t.update();
  };
  Model whole(tiny(), true);
  whole.init_weights(1);
  Trainer one(whole, c, 6);
  for (int32_t i = 0; i < 3; ++i) step(one, i);
  std::vector<std::pair<std::string, at::Tensor>> saved;
  for (const auto& [name, tensor] : one.state().tensors) saved.emplace_back(name, tensor.clone());
  for (int32_t i = 3; i < 6; ++i) step(one, i);

  Model resumed(tiny(), true);
  Trainer two(resumed, c, 6);
  two.load_state(3, [&](const std::string& name, int64_t begin, const at::Tensor& to) {
    const auto found = std::find_if(saved.begin(), saved.end(), [&](const auto& s) { return s.first == name; });
    at::Tensor(to).copy_(found->second.narrow(0, begin, to.numel()));
  });
  for (int32_t i = 3; i < 6; ++i) step(two, i);
  EXPECT_TRUE(at::equal(whole.flat(), resumed.flat()));
}

}  // namespace
}  // namespace hone
