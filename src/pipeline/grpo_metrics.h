// What a GRPO step measured, as metrics and as lines of samples.jsonl. Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hone/algo/advantages.h"
#include "hone/algo/loss.h"
#include "hone/data/records.h"
#include "hone/report/metrics.h"
#include "hone/reward/config.h"

namespace hone {

/// Filled while the step goes on. Times in seconds.
struct StepTotals {
  algo::LossStats loss;  ///< of all updates
  double grad_norm = 0;  ///< sum over updates
  double learning_rate = 0;
  int64_t updates = 0, skipped_updates = 0;
  int64_t groups_sampled = 0, groups_without_signal = 0;  ///< those that dynamic sampling dropped included
  int64_t num_tokens = 0;                                 ///< since the run began
  double log_prob_difference = 0;  ///< largest |training - sampling| log-prob before the first update
  int64_t preemptions = 0;
  std::optional<double> frac_groups_kept;  ///< by dynamic sampling, where that is on
  std::optional<double> entropy_coef;      ///< where the loss has an entropy term
  double gen = 0, reward = 0, old_log_prob = 0, ref = 0, adv = 0, update = 0, eval = 0, step = 0;
};

/// Lengths of the completions of a step.
struct LengthStats {
  int64_t completions = 0, tokens = 0, longest = 0, cut_off = 0;
};
LengthStats length_stats(const std::vector<RolloutGroup>& groups);

/// In TRL's names, of all groups that were sampled, those that dynamic sampling dropped included. `stats` are
/// those before any KL term entered the rewards.
StepMetrics grpo_metrics(const std::vector<RolloutGroup>& groups, const std::vector<RewardConfig>& rewards,
                         const algo::RewardStats& stats, const StepTotals& totals);

/// One completion as JSON: prompt, text, rewards, and its advantage or, of rejection sampling, its fate.
std::string sample_line(int64_t step, const RolloutGroup& group, const Completion& completion,
                        const std::vector<std::string>& reward_names, const std::string& fate = {});

}  // namespace hone
