// The losses of reward models against closed forms, differences of the loss itself, and themselves in every packing.
#include "pipeline/preference.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>

#include "hone/core/random.h"

namespace hone {
namespace {

std::string folder(const std::string& name) {
  return std::string(HONE_SOURCE_DIR) + "/tests/fixtures/models/" + name;
}

std::vector<int32_t> random_ids(RandomStream& random) {
  std::vector<int32_t> ids(2 + random.next_below(15));
  for (int32_t& id : ids) id = static_cast<int32_t>(random.next_below(16));
  return ids;
}

std::vector<Preference> examples(bool pairs) {
  RandomStream random(5, RandomPurpose::kTest);
  std::vector<Preference> out;
  for (int i = 0; i < 8; ++i) {
    Preference p{.first = random_ids(random), .second = {}, .label = i % 2};
    if (pairs) p.second = random_ids(random);
    out.push_back(p);
  }
  return out;
}

double score(const Model& model, const std::vector<int32_t>& ids) {
  const at::NoGradGuard no_grad;
  at::Tensor tensor = at::Tensor(model.flat()).new_zeros({static_cast<int64_t>(ids.size())}).to(at::kInt);
  std::copy(ids.begin(), ids.end(), tensor.data_ptr<int32_t>());
  return model.scores(tensor, {0, static_cast<int64_t>(ids.size())}).item<double>();
}

TEST(Preference, ALanguageModelBeginsUndecided) {
  const Model model = Model::load_scorer(folder("llama"), /*trains=*/true);
  for (const bool pairs : {true, false}) {
    const PreferenceStats stats = measure_preferences(model, examples(pairs), 4096);
    EXPECT_NEAR(stats.loss, std::log(2.0), 1e-6);
    EXPECT_EQ(stats.accuracy, 0.0);
  }
}

TEST(Preference, LossAndAccuracyAreThoseOfTheScores) {
  const Model model = Model::load_scorer(folder("llama_classifier"), /*trains=*/true);
  for (const bool pairs : {true, false}) {
    double loss = 0, right = 0, n = 0;
    for (const Preference& p : examples(pairs)) {
      const double margin =
          pairs ? score(model, p.first) - score(model, p.second) : (p.label == 1 ? 1 : -1) * score(model, p.first);
      loss += std::log1p(std::exp(-margin));
      right += margin > 0;
      ++n;
    }
    const PreferenceStats stats = measure_preferences(model, examples(pairs), 4096);
    EXPECT_NEAR(stats.loss, loss / n, 1e-6);
    EXPECT_DOUBLE_EQ(stats.accuracy, right / n);
  }
}

TEST(Preference, MicroBatchesChangeTheGradientByRoundingOnly) {
  Model model = Model::load_scorer(folder("llama_classifier"), /*trains=*/true);
  for (const bool pairs : {true, false}) {
    std::vector<at::Tensor> gradients;
    for (const int64_t tokens : {1, 20, 4096}) {
      model.zero_grad();
      Trainer trainer(model, {}, 1);
      accumulate_preferences(trainer, model, examples(pairs), tokens);
      gradients.push_back(model.flat_grad().clone());
    }
    const double size = gradients[0].abs().max().item<double>();
    EXPECT_GT(size, 0);
    for (const at::Tensor& g : gradients) EXPECT_LE((g - gradients[0]).abs().max().item<double>(), 1e-6 * size + 1e-8);
  }
}

// The loss along its own gradient: its slope is the gradient's square.
TEST(Preference, GradientIsTheSlopeOfTheLoss) {
  Model model = Model::load_scorer(folder("llama_classifier"), /*trains=*/true);
  Trainer trainer(model, {}, 1);
  const auto pairs = examples(true);
  accumulate_preferences(trainer, model, pairs, 4096);
  const at::Tensor gradient = model.flat_grad().clone(), start = model.flat().clone();
  const double square = gradient.to(at::kDouble).pow(2).sum().item<double>();
  const double step = 1e-2 / std::sqrt(square);
  const auto loss_at = [&](double along) {
    model.set_weights(start + gradient * along);
    return measure_preferences(model, pairs, 4096).loss;
  };
  EXPECT_NEAR((loss_at(step) - loss_at(-step)) / (2 * step) / square, 1.0, 0.02);
}

TEST(Preference, IsLearnt) {
  Model model = Model::load_scorer(folder("llama"), /*trains=*/true);
  OptimizerConfig config;
  config.lr = 3e-3;
  config.warmup_steps = 0;
  Trainer trainer(model, config, 60);
  const auto pairs = examples(true);
  for (int step = 0; step < 60; ++step) {
    accumulate_preferences(trainer, model, pairs, 4096);
    trainer.update();
  }
  const PreferenceStats stats = measure_preferences(model, pairs, 4096);
  EXPECT_EQ(stats.accuracy, 1.0);
  EXPECT_LT(stats.loss, 0.1);
}

}  // namespace
}  // namespace hone
