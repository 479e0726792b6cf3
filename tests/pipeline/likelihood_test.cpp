// The loss of fine-tuning against Hugging Face's log-probs, and against itself in every packing.
#include "pipeline/likelihood.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "hone/core/random.h"

namespace hone {
namespace {

std::string model_path(const std::string& name) {
  return std::string(HONE_SOURCE_DIR) + "/tests/fixtures/models/" + name;
}

// The mean cross-entropy over completion tokens, as transformers and TRL average it: over the tokens of the batch.
TEST(Likelihood, IsTheMeanOfTheReferencesLogProbs) {
  const nlohmann::json reference = nlohmann::json::parse(std::ifstream(model_path("llama") + "/reference.json"));
  const std::vector<int32_t> ids = reference["ids"];
  const std::vector<double> log_probs = reference["log_probs"];  // of ids[1], ids[2], ...
  const Model model = Model::load(model_path("llama"), /*trains=*/false);
  std::vector<Example> examples;
  double sum = 0, targets = 0;
  for (const int64_t first : {1, 7, 30}) {
    examples.push_back({ids, first});
    for (size_t t = static_cast<size_t>(first); t < ids.size(); ++t, ++targets) sum -= log_probs[t - 1];
  }
  EXPECT_NEAR(mean_negative_log_likelihood(model, examples, 4096), sum / targets, 1e-5);
}

std::vector<Example> random_examples() {
  RandomStream random(3, RandomPurpose::kTest);
  std::vector<Example> examples;
  for (int i = 0; i < 9; ++i) {
    Example example;
    for (uint64_t t = 0, n = 2 + random.next_below(20); t < n; ++t) {
      example.ids.push_back(static_cast<int32_t>(random.next_below(31)));
    }
    example.first_target = 1 + static_cast<int64_t>(random.next_below(example.ids.size() - 1));
    examples.push_back(example);
  }
  return examples;
}

TEST(Likelihood, PackingChangesNoBitOfTheGradient) {
  Model model = Model::load(model_path("llama"), /*trains=*/true);
  const auto examples = random_examples();
  std::vector<at::Tensor> gradients;
  std::vector<double> losses;
  for (const int64_t tokens : {1, 17, 40, 4096}) {
    model.zero_grad();
    Trainer trainer(model, {}, 1);
    losses.push_back(accumulate_likelihood(trainer, examples, tokens));
    gradients.push_back(model.flat_grad().clone());
  }
  for (size_t i = 1; i < gradients.size(); ++i) {
    EXPECT_EQ(
        std::memcmp(gradients[0].const_data_ptr<float>(), gradients[i].const_data_ptr<float>(), gradients[0].nbytes()),
        0);
    EXPECT_NEAR(losses[i], losses[0], 1e-6);
  }
  EXPECT_NEAR(mean_negative_log_likelihood(model, examples, 40), losses[0], 1e-6);
}

// Against TRL's trainer, which pads or packs (tests/fixtures/make_sft_loss.py); ours packs as many as the budget holds.
TEST(Likelihood, IsTheLossOfTrl) {
  const nlohmann::json trl =
      nlohmann::json::parse(std::ifstream(std::string(HONE_SOURCE_DIR) + "/tests/fixtures/sft_loss.json"));
  std::vector<Example> examples;
  size_t targets = 0;
  for (const auto& row : trl["examples"]) {
    examples.push_back({row["ids"].get<std::vector<int32_t>>(), row["first_target"].get<int64_t>()});
    targets += static_cast<size_t>(examples.back().targets());
  }
  for (const char* const kind : {"padded", "packed"}) {
    EXPECT_EQ(trl[kind]["targets"], targets);
    for (const int64_t tokens : {1, 40, 4096}) {
      Model model = Model::load(model_path("llama"), /*trains=*/true);
      Trainer trainer(model, {}, 1);
      EXPECT_NEAR(accumulate_likelihood(trainer, examples, tokens), trl[kind]["loss"].get<double>(), 1e-5) << tokens;
      EXPECT_NEAR(trainer.update().grad_norm, trl[kind]["grad_norm"].get<double>(), 1e-5);
    }
  }
}

TEST(Likelihood, WhatIsGivenIsNotLearnt) {
  Model model = Model::load(model_path("llama"), /*trains=*/true);
  auto examples = random_examples();
  // The last token is nobody's context: as a target it counts, and nothing else of the others' does.
  for (Example& example : examples) example.first_target = static_cast<int64_t>(example.ids.size()) - 1;
  const double loss = mean_negative_log_likelihood(model, examples, 4096);
  double sum = 0;
  for (const Example& example : examples) sum += mean_negative_log_likelihood(model, {&example, 1}, 4096);
  EXPECT_NEAR(loss, sum / static_cast<double>(examples.size()), 1e-6);
}

}  // namespace
}  // namespace hone
