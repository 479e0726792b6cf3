#include "hone/algo/advantages.h"

#include <algorithm>
#include <cmath>

#include "hone/algo/batch.h"
#include "hone/algo/loss.h"
#include "hone/core/error.h"

namespace hone::algo {
namespace {

constexpr double kStdGuard = 1e-4;       // as TRL: keeps nearly equal rewards from becoming large advantages
constexpr double kVarianceGuard = 1e-8;  // as verl
constexpr double kNoStd = 1e-8;          // as TRL: a smaller deviation is rounding

bool usable(const Completion& completion) {
  const auto& parts = completion.reward_parts;
  return parts.empty() || std::any_of(parts.begin(), parts.end(), [](const auto& part) { return part.has_value(); });
}

void append_rewards(const RolloutGroup& group, std::vector<double>& rewards) {
  for (const Completion& completion : group.completions) {
    if (!usable(completion)) continue;
    if (!std::isfinite(completion.reward))
      throw_failed({.what = "reward is not finite",
                    .place = fmt::format("prompt '{}'", group.prompt.id),
                    .got = fmt::format("{}", completion.reward)});
    rewards.push_back(completion.reward);
  }
}

struct Moments {
  double mean = 0, std = 0;  // std Bessel-corrected, 0 for fewer than two values
  double n = 0;
};

Moments moments(const std::vector<double>& values) {
  if (values.empty()) return {};
  const auto n = static_cast<double>(values.size());
  double sum = 0, squares = 0;
  for (const double value : values) sum += value;
  const double mean = sum / n;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {mean, n > 1 ? std::sqrt(squares / (n - 1)) : 0, n};
}

double scale(const Moments& group, const RewardStats& step, const GrpoConfig& config) {
  // r - mean of the others = (r - mean of all) n / (n - 1)
  if (config.advantage_estimator == AdvantageEstimator::kRloo) return (group.n - 1) / group.n;
  if (config.advantage_estimator != AdvantageEstimator::kGrpo || config.scale_rewards == ScaleRewards::kNone) return 1;
  return (config.scale_rewards == ScaleRewards::kGroup ? group.std : step.reward_std) + kStdGuard;
}

template <class Each>
void for_each_usable(std::vector<RolloutGroup>& groups, Each each) {
  for (RolloutGroup& group : groups) {
    for (Completion& completion : group.completions) {
      if (usable(completion)) each(completion, static_cast<double>(completion.ids.size()));
    }
  }
}

// Mean 0 and variance 1 over the tokens of the step, as verl's masked_whiten().
void whiten(std::vector<RolloutGroup>& groups) {
  double tokens = 0, sum = 0, squares = 0;
  for_each_usable(groups, [&](const Completion& c, double n) { tokens += n, sum += n * c.advantage; });
  const double mean = sum / std::max(1.0, tokens);
  for_each_usable(groups, [&](const Completion& c, double n) { squares += n * std::pow(c.advantage - mean, 2); });
  const double variance = squares / std::max(1.0, tokens - 1);
  const double factor = variance > kNoStd * kNoStd ? 1 / std::sqrt(variance + kVarianceGuard) : 0;
  for_each_usable(groups, [&](Completion& c, double) { c.advantage = (c.advantage - mean) * factor; });
}

Moments group_moments(const RolloutGroup& group) {
  std::vector<double> rewards;
  append_rewards(group, rewards);
  return moments(rewards);
}

}  // namespace

bool has_signal(const RolloutGroup& group) {
  return group_moments(group).std > kNoStd;
}

bool has_signal(const RewardStats& stats, const GrpoConfig& config) {
  if (config.advantage_estimator == AdvantageEstimator::kReinforcePlusPlus) return stats.reward_std > kNoStd;
  return stats.frac_reward_zero_std < 1;
}

RewardStats reward_stats(const std::vector<RolloutGroup>& groups) {
  std::vector<double> rewards;
  size_t completions = 0, without_signal = 0;
  for (const RolloutGroup& group : groups) {
    append_rewards(group, rewards);
    completions += group.completions.size();
    if (!has_signal(group)) without_signal += group.completions.size();
  }
  const Moments all = moments(rewards);
  const double share = completions == 0 ? 0 : static_cast<double>(without_signal) / static_cast<double>(completions);
  return {all.mean, all.std, share};
}

RewardStats compute_advantages(std::vector<RolloutGroup>& groups, const GrpoConfig& config) {
  const RewardStats stats = reward_stats(groups);
  const bool by_group = config.advantage_estimator != AdvantageEstimator::kReinforcePlusPlus;
  for (RolloutGroup& group : groups) {
    const Moments own = group_moments(group);
    const double divisor = scale(own, stats, config);
    for (Completion& completion : group.completions) {
      completion.advantage = 0;
      if (!usable(completion)) continue;
      if (!by_group) completion.advantage = completion.reward;
      if (by_group && own.std > kNoStd) completion.advantage = (completion.reward - own.mean) / divisor;
    }
  }
  if (!by_group || config.advantage_estimator == AdvantageEstimator::kReinforcePlusPlusBaseline) whiten(groups);
  return stats;
}

void subtract_kl(std::vector<RolloutGroup>& groups, const TrainBatch& rollout, const GrpoConfig& config) {
  if (!config.uses_reference()) return;
  HONE_ASSERT(rollout.ref_log_probs.defined(), "the reference has not scored the rollout");
  const at::Tensor kl =
      kl_per_token(rollout.old_log_probs.to(at::kDouble), rollout.ref_log_probs.to(at::kDouble), config.kl_estimator)
          .to(at::kCPU)
          .contiguous();
  const double* values = kl.const_data_ptr<double>();
  for (size_t s = 0; s < rollout.sources.size(); ++s) {
    double sum = 0;
    for (int64_t row = rollout.row_offsets[s]; row < rollout.row_offsets[s + 1]; ++row) sum += values[row];
    const TrainBatch::Source& source = rollout.sources[s];
    groups.at(static_cast<size_t>(source.group)).completions.at(static_cast<size_t>(source.completion)).reward -=
        *config.beta * sum;
  }
}

}  // namespace hone::algo
