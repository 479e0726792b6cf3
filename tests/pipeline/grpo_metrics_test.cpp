// The metrics of a step against numbers computed by hand.
#include "pipeline/grpo_metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace hone {
namespace {

Completion completion(size_t tokens, FinishReason reason, std::vector<std::optional<double>> parts,
                      const std::string& text) {
  Completion c;
  c.ids.assign(tokens, 7);
  c.finish_reason = reason;
  c.reward_parts = std::move(parts);
  c.text = text;
  return c;
}

RewardConfig reward(const std::string& name, std::vector<std::string> sources = {}) {
  return {.name = name, .sources = std::move(sources), .parameters = AccuracyReward{}};
}

std::vector<RolloutGroup> two_groups() {
  Prompt prompt;
  prompt.id = "a";
  prompt.text = "how?";
  prompt.record = Record::parse(R"({"language": "en"})", "here");
  std::vector<RolloutGroup> groups(2, RolloutGroup{prompt, {}, 0});
  groups[0].completions = {completion(4, FinishReason::kStop, {1.0, 0.0, {}}, "<think> one two </think>"),
                           completion(8, FinishReason::kLength, {0.0, {}, {}}, "<think> one 二 </think>")};
  groups[1].completions = {completion(6, FinishReason::kStop, {1.0, 0.5, {}}, "<think> 一 二 </think>"),
                           completion(2, FinishReason::kStop, {1.0, 1.0, {}}, "<think> three </think>")};
  return groups;
}

TEST(GrpoMetrics, ByHand) {
  StepTotals totals;
  totals.updates = 2;
  totals.loss.loss = 0.5;
  totals.loss.tokens = totals.loss.ratios = 40;
  totals.loss.entropy = 20;
  totals.loss.kl = 4;
  totals.loss.clip_low = 1;
  totals.loss.clip_high = 3;
  totals.grad_norm = 3;
  totals.groups_sampled = 5;
  totals.groups_without_signal = 2;
  totals.step = 2;
  const algo::RewardStats rewards{.reward = 1.25, .reward_std = 0.5, .frac_reward_zero_std = 0};
  const StepMetrics m = grpo_metrics(
      two_groups(), {reward("accuracy"), reward("style"), reward("other", {"elsewhere"})}, rewards, totals);
  const std::pair<const char*, double> expected[] = {
      {"loss", 0.25},
      {"reward", 1.25},
      {"reward_std", 0.5},
      {"rewards/accuracy/mean", 0.75},
      {"rewards/accuracy/std", 0.5},
      {"rewards/style/mean", 0.5},  // of the three that could be judged
      {"rewards/style/std", 0.5},
      {"rewards/style/unusable", 0.25},
      {"rewards/other/unusable", 0},  // it is for none of these prompts
      {"frac_reward_zero_std", 0.4},
      {"completions/mean_length", 5},
      {"completions/max_length", 8},
      {"completions/clipped_ratio", 0.25},
      {"language_consistency", (1 + 0.5 + 0 + 1) / 4.0},
      {"entropy", 0.5},
      {"kl", 0.1},
      {"clip_ratio/low_mean", 0.025},
      {"clip_ratio/high_mean", 0.075},
      {"grad_norm", 1.5},
      {"tokens_per_second", 10},
  };
  for (const auto& [name, value] : expected) {
    const auto found = find_metric(m, name);
    ASSERT_TRUE(found) << name;
    EXPECT_NEAR(*found, value, 1e-12) << name;
  }
}

TEST(GrpoMetrics, AStepWithoutCompletionsHasNoNaNButInWhatDoesNotExist) {
  const StepMetrics m = grpo_metrics({}, {reward("accuracy")}, {}, {});
  for (const auto& [name, value] : m) {
    EXPECT_EQ(std::isnan(value), name == "rewards/accuracy/mean" || name == "language_consistency") << name;
  }
}

TEST(GrpoMetrics, ASampleIsOneLineOfJson) {
  const auto groups = two_groups();
  const std::string line = sample_line(3, groups[0], groups[0].completions[1], {"accuracy", "style"});
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json["step"], 3);
  EXPECT_EQ(json["id"], "a");
  EXPECT_EQ(json["tokens"], 8);
  EXPECT_EQ(json["finish_reason"], "length");
  EXPECT_EQ(json["rewards"]["accuracy"], 0.0);
  EXPECT_TRUE(json["rewards"]["style"].is_null());
}

}  // namespace
}  // namespace hone
