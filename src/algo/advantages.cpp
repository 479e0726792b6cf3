#include "hone/algo/advantages.h"

#include <algorithm>
#include <cmath>

#include "hone/algo/loss.h"
#include "hone/core/error.h"

namespace hone::algo {
namespace {

double mean_of(const std::vector<double>& values) {
  double total = 0;
  for (const double v : values) total += v;
  return total / static_cast<double>(values.size());
}

// Sample standard deviation (Bessel's correction); 0 for one value.
double std_of(const std::vector<double>& values) {
  if (values.size() < 2) return 0;
  const double mean = mean_of(values);
  double squares = 0;
  for (const double v : values) squares += (v - mean) * (v - mean);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

std::vector<double> rewards_of(const RolloutGroup& group) {
  std::vector<double> rewards;
  for (const Completion& c : group.completions) rewards.push_back(c.reward);
  return rewards;
}

}  // namespace

bool has_zero_variance(const RolloutGroup& group) {
  const auto [low, high] = std::minmax_element(group.completions.begin(), group.completions.end(),
                                               [](const Completion& a, const Completion& b) { return a.reward < b.reward; });
  return group.completions.empty() || high->reward - low->reward < 1e-9;
}

RewardStats compute_advantages(std::vector<RolloutGroup>& groups, ScaleRewards scale_rewards) {
  RewardStats stats;
  std::vector<double> all, stds;
  for (const RolloutGroup& group : groups) {
    const auto rewards = rewards_of(group);
    HONE_ASSERT(!rewards.empty());
    all.insert(all.end(), rewards.begin(), rewards.end());
    stds.push_back(std_of(rewards));
    stats.frac_reward_zero_std += has_zero_variance(group) ? 1.0 / static_cast<double>(groups.size()) : 0.0;
  }
  if (groups.empty()) return stats;
  stats.reward = mean_of(all);
  stats.reward_std = mean_of(stds);
  const double batch_std = std_of(all);
  for (size_t g = 0; g < groups.size(); ++g) {
    const double mean = mean_of(rewards_of(groups[g]));
    const double scale = scale_rewards == ScaleRewards::kNone    ? 1.0
                         : scale_rewards == ScaleRewards::kBatch ? batch_std + kStdEpsilon
                                                                 : stds[g] + kStdEpsilon;
    const bool equal = has_zero_variance(groups[g]);  // rounding of the mean is no signal
    for (Completion& c : groups[g].completions) c.advantage = equal ? 0.0 : (c.reward - mean) / scale;
  }
  return stats;
}

void subtract_kl_from_rewards(std::vector<RolloutGroup>& groups, double beta, KlEstimator estimator) {
  for (RolloutGroup& group : groups) {
    for (Completion& c : group.completions) {
      HONE_ASSERT(c.ref_log_probs.size() == c.ids.size(), "KL in the reward needs reference log-probs");
      double kl = 0;
      for (size_t t = 0; t < c.ids.size(); ++t) {
        kl += token_kl(static_cast<double>(c.behavior_log_probs[t]), static_cast<double>(c.ref_log_probs[t]), estimator);
      }
      c.reward -= beta * kl;
    }
  }
}

}  // namespace hone::algo
