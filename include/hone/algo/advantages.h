// Rewards to advantages, relative to the group (DeepSeekMath, arXiv 2402.03300, section 4.1.2). Pure functions in double, summed in a
// fixed order.
#pragma once

#include <vector>

#include "hone/algo/config.h"
#include "hone/data/records.h"

namespace hone::algo {

/// Added to the standard deviation, as TRL does: it bounds the advantages of a group whose rewards differ by almost nothing.
constexpr double kStdEpsilon = 1e-4;

struct RewardStats {
  double reward = 0;                ///< mean over all completions
  double reward_std = 0;            ///< mean over groups of the group's standard deviation
  double frac_reward_zero_std = 0;  ///< share of groups whose rewards are all equal
};

/// Whether all rewards of a group are equal: nothing can be learned from it.
bool has_zero_variance(const RolloutGroup& group);

/// Fills Completion::advantage = (reward - group mean) / (std + kStdEpsilon) with the sample standard deviation of the group
/// (scale_rewards group), of the whole batch (batch), or without division (none; Dr. GRPO, arXiv 2503.20783).
RewardStats compute_advantages(std::vector<RolloutGroup>& groups, ScaleRewards scale_rewards);

/// Moves the KL penalty into the rewards: reward -= beta * sum over tokens of the estimator, before the advantages. Every completion
/// needs ref_log_probs.
void subtract_kl_from_rewards(std::vector<RolloutGroup>& groups, double beta, KlEstimator estimator);

}  // namespace hone::algo
