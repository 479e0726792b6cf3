#include "hone/eval/evaluate.h"

#include <algorithm>

#include "hone/reward/reward.h"

namespace hone {

EvalResult evaluate(RolloutEngine& engine, std::vector<Prompt> prompts, uint64_t seed) {
  std::vector<RewardConfig> measures(3);
  measures[0].parameters = AccuracyReward{};
  measures[1].parameters = FormatReward{};
  measures[2].parameters = LanguageConsistencyReward{};
  const RewardSet rewards(measures, /*max_completion_length=*/1);

  EvalResult result;
  // The stream of a stage that no run has, so that evaluating never repeats a training sample.
  result.groups = engine.generate(std::move(prompts), 1, {seed, ~uint64_t{0}, 0});
  rewards.score(result.groups);
  double n = 0, length = 0, cut = 0, parts[3] = {};
  for (const RolloutGroup& group : result.groups) {
    for (const Completion& c : group.completions) {
      ++n;
      length += static_cast<double>(c.ids.size());
      cut += c.finish_reason == FinishReason::kLength;
      for (size_t i = 0; i < 3; ++i) parts[i] += c.reward_parts[i].value_or(0.0);
    }
  }
  n = std::max(1.0, n);
  result.metrics = {{"accuracy", parts[0] / n},
                    {"format", parts[1] / n},
                    {"mean_length", length / n},
                    {"language_consistency", parts[2] / n},
                    {"clipped_ratio", cut / n}};
  return result;
}

}  // namespace hone
