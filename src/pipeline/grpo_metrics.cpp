#include "pipeline/grpo_metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "hone/reward/reward.h"

namespace hone {
namespace {

using Json = nlohmann::ordered_json;

// Mean and Bessel-corrected deviation of the values that are there.
struct Spread {
  double n = 0, sum = 0, squares = 0;
  void add(double value) { ++n, sum += value, squares += value * value; }
  double mean() const { return n > 0 ? sum / n : std::numeric_limits<double>::quiet_NaN(); }
  double std() const { return n > 1 ? std::sqrt(std::max(0.0, squares - sum * sum / n) / (n - 1)) : 0.0; }
};

template <class Each>
void for_each_completion(const std::vector<RolloutGroup>& groups, Each each) {
  for (const RolloutGroup& group : groups) {
    for (const Completion& completion : group.completions) each(group, completion);
  }
}

// Rewarded or not: the paper's language mixing shows here.
double mean_language_consistency(const std::vector<RolloutGroup>& groups) {
  RewardConfig measure;
  measure.parameters = LanguageConsistencyReward{};
  const RewardSet rewards({measure}, /*max_completion_length=*/1);
  Spread spread;
  for_each_completion(groups, [&](const RolloutGroup& group, const Completion& completion) {
    if (const auto value = rewards.judge(group.prompt, completion)[0].value) spread.add(*value);
  });
  return spread.mean();
}

double share(int64_t part, int64_t whole) {
  return static_cast<double>(part) / static_cast<double>(std::max<int64_t>(1, whole));
}

}  // namespace

LengthStats length_stats(const std::vector<RolloutGroup>& groups) {
  LengthStats stats;
  for_each_completion(groups, [&](const RolloutGroup&, const Completion& completion) {
    const auto length = static_cast<int64_t>(completion.ids.size());
    ++stats.completions;
    stats.tokens += length;
    stats.longest = std::max(stats.longest, length);
    stats.cut_off += completion.finish_reason == FinishReason::kLength;
  });
  return stats;
}

StepMetrics grpo_metrics(const std::vector<RolloutGroup>& groups, const std::vector<RewardConfig>& rewards,
                         const algo::RewardStats& stats, const StepTotals& t) {
  const LengthStats lengths = length_stats(groups);
  const auto updates = static_cast<double>(std::max<int64_t>(1, t.updates));
  const auto loss_tokens = static_cast<double>(std::max<int64_t>(1, t.loss.tokens));

  StepMetrics m = {{"loss", t.loss.loss / updates}, {"reward", stats.reward}, {"reward_std", stats.reward_std}};
  for (size_t i = 0; i < rewards.size(); ++i) {
    Spread spread;
    int64_t meant = 0, unusable = 0;
    for_each_completion(groups, [&](const RolloutGroup& group, const Completion& completion) {
      if (!is_for(rewards[i].sources, group.prompt.source)) return;
      const auto& value = completion.reward_parts[i];
      ++meant;
      unusable += !value;
      if (value) spread.add(*value);
    });
    const std::string name = "rewards/" + rewards[i].label();
    m.emplace_back(name + "/mean", spread.mean());
    m.emplace_back(name + "/std", spread.std());
    m.emplace_back(name + "/unusable", share(unusable, meant));
  }
  const StepMetrics rest = {
      {"frac_reward_zero_std", share(t.groups_without_signal, t.groups_sampled)},
      {"completions/mean_length", share(lengths.tokens, lengths.completions)},
      {"completions/max_length", static_cast<double>(lengths.longest)},
      {"completions/clipped_ratio", share(lengths.cut_off, lengths.completions)},
      {"language_consistency", mean_language_consistency(groups)},
      {"entropy", t.loss.entropy / loss_tokens},
      {"kl", t.loss.kl / loss_tokens},
      {"clip_ratio/low_mean", share(t.loss.clip_low, t.loss.ratios)},
      {"clip_ratio/high_mean", share(t.loss.clip_high, t.loss.ratios)},
      {"grad_norm", t.grad_norm / updates},
      {"learning_rate", t.learning_rate},
      {"num_tokens", static_cast<double>(t.num_tokens)},
      {"step_time", t.step},
      {"time/gen", t.gen},
      {"time/reward", t.reward},
      {"time/old_log_prob", t.old_log_prob},
      {"time/ref", t.ref},
      {"time/adv", t.adv},
      {"time/update", t.update},
      {"time/eval", t.eval},
      {"tokens_per_second", static_cast<double>(lengths.tokens) / std::max(1e-9, t.step)},
      {"rollout/logprob_diff_max", t.log_prob_difference},
      {"rollout/preemptions", static_cast<double>(t.preemptions)},
      {"skipped_updates", static_cast<double>(t.skipped_updates)},
  };
  m.insert(m.end(), rest.begin(), rest.end());
  if (t.frac_groups_kept) m.emplace_back("frac_groups_kept", *t.frac_groups_kept);
  if (t.entropy_coef) m.emplace_back("entropy_coef", *t.entropy_coef);
  return m;
}

std::string sample_line(int64_t step, const RolloutGroup& group, const Completion& completion,
                        const std::vector<std::string>& reward_names, const std::string& fate) {
  Json parts = Json::object();
  for (size_t i = 0; i < reward_names.size(); ++i) {
    const auto& value = completion.reward_parts[i];
    parts[reward_names[i]] = value ? Json(*value) : Json();
  }
  Json line = {{"step", step},
               {"id", group.prompt.id},
               {"prompt", group.prompt.text},
               {"completion", completion.text},
               {"finish_reason", to_string(completion.finish_reason)},
               {"tokens", completion.ids.size()},
               {"reward", completion.reward},
               {"rewards", parts}};
  if (fate.empty()) {
    line["advantage"] = completion.advantage;
  } else {
    line["fate"] = fate;
  }
  return line.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace hone
