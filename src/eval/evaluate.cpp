#include "hone/eval/evaluate.h"

#include "hone/reward/reward.h"

namespace hone {

EvalResult evaluate(RolloutEngine& engine, std::vector<Prompt> prompts, const SamplingConfig& sampling, uint64_t seed) {
  std::vector<RewardConfig> measures(3);
  measures[0].parameters = AccuracyReward{};
  measures[1].parameters = FormatReward{};
  measures[2].parameters = LanguageConsistencyReward{};
  const RewardSet rewards(measures, /*max_completion_length=*/1);

  EvalResult result;
  // The stream of a stage that no run has, so that evaluating never repeats a training sample.
  result.groups = engine.generate(std::move(prompts), 1, sampling, {seed, ~uint64_t{0}, 0});
  rewards.score(result.groups);
  double completions = 0, length = 0, cut_off = 0, sums[3] = {}, judged[3] = {};
  for (const RolloutGroup& group : result.groups) {
    for (const Completion& c : group.completions) {
      ++completions;
      length += static_cast<double>(c.ids.size());
      cut_off += c.finish_reason == FinishReason::kLength;
      for (size_t i = 0; i < 3; ++i) {
        if (c.reward_parts[i]) sums[i] += *c.reward_parts[i], ++judged[i];
      }
    }
  }
  // 0 / 0, NaN, stands for a measure that no completion has.
  result.metrics = {{"accuracy", sums[0] / judged[0]},
                    {"format", sums[1] / judged[1]},
                    {"mean_length", length / completions},
                    {"language_consistency", sums[2] / judged[2]},
                    {"clipped_ratio", cut_off / completions}};
  return result;
}

}  // namespace hone
