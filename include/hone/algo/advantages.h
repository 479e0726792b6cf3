// Advantages without a critic: a completion is judged against the other completions of its prompt (DeepSeekMath, Shao
// et al. 2024, eq. 4; Dr. GRPO, Liu et al. 2025, without the division; RLOO, Ahmadian et al. 2024) or of the step
// (REINFORCE++, Hu 2025). Pure functions, double arithmetic in a fixed order; thread-safe on different groups.
#pragma once

#include <vector>

#include "hone/algo/config.h"
#include "hone/data/records.h"

namespace hone::algo {

struct TrainBatch;

/// Of the completions of a step (unusable ones have no reward and enter the share only); TRL's metrics of the same
/// names.
struct RewardStats {
  double reward = 0;                ///< mean
  double reward_std = 0;            ///< standard deviation over all completions, Bessel-corrected
  double frac_reward_zero_std = 0;  ///< share of completions whose group has no signal (TRL with scale_rewards: batch
                                    ///< says 0 or 1 here; hone counts groups always)
};

/// Whether the rewards of the group's usable completions differ (standard deviation above 1e-8): else every advantage
/// is 0. Dynamic sampling (Yu et al. 2025, DAPO) keeps the groups with signal.
bool has_signal(const RolloutGroup& group);

/// Whether a step with these rewards can teach anything: some group has signal or, where rewards are compared with the
/// whole step, they differ.
bool has_signal(const RewardStats& stats, const GrpoConfig& config);

RewardStats reward_stats(const std::vector<RolloutGroup>& groups);

/// Fills Completion::advantage from Completion::reward and gives the stats of those rewards:
///   grpo                          (reward - mean of group) / (std + 1e-4), where std, Bessel-corrected, is the group's
///                                 (scale_rewards: group) or that of all completions given (batch); none divides by 1
///   rloo                          reward - mean of the group's other completions
///   reinforce_plus_plus           (reward - m) / sqrt(v + 1e-8), with mean m and Bessel-corrected variance v over all
///                                 tokens of the completions given, each with its completion's reward, as in verl
///   reinforce_plus_plus_baseline  the same of reward - mean of group
/// For the first two exactly 0 throughout a group without signal, for the others where v is. A completion none of whose
/// reward parts is usable (at least one part exists and all are nothing) is left out of means and deviations, and its
/// advantage is 0. Throws kFailed on a reward that is not finite.
RewardStats compute_advantages(std::vector<RolloutGroup>& groups, const GrpoConfig& config);

/// For kl_in: reward, before compute_advantages: reward -= beta * sum over the completion's tokens of the KL estimate
/// between the policy that sampled it (rollout.old_log_probs) and the reference (rollout.ref_log_probs). `rollout` is
/// build_batch(groups) with its reference log-probs filled in. Measure signal and log the reward before this call:
/// afterwards equal rewards differ by their KL terms.
void subtract_kl(std::vector<RolloutGroup>& groups, const TrainBatch& rollout, const GrpoConfig& config);

}  // namespace hone::algo
