// The GRPO family of losses on log-probs of sampled tokens: clipped surrogate and KL to a reference model. Pure
// functions on tensors of any floating type; own nothing; thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <limits>
#include <vector>

#include "hone/algo/config.h"

namespace hone::algo {

/// Log-ratios are limited to this from above (ratio 4.9e8), so that no exponential overflows: a token beyond has a
/// finite loss and no gradient through that term. NaN passes through: loss and gradient are NaN.
inline constexpr double kMaxLogRatio = 20.0;

/// [R] each, of one floating type and device.
struct LossInputs {
  at::Tensor log_probs;      ///< of the policy being trained; the gradient flows here
  at::Tensor old_log_probs;  ///< of the policy that sampled, as the trainer computes them
  at::Tensor ref_log_probs;  ///< needed when the loss has a KL term; only for LossStats::kl otherwise; may be undefined
  at::Tensor advantages;
  at::Tensor weights;  ///< share of each token in the loss, see build_minibatches()
  at::Tensor entropy;  ///< of the policy, with its gradient where entropy_coef is not 0; may be undefined where it is
  at::Tensor behavior_log_probs{};     ///< of the sampler; only for importance_sampling_cap
  std::vector<int64_t> row_offsets{};  ///< TrainBatch's, each sequence with rows; only for ratios of whole sequences
};

/// Sums over tokens, so that micro-batches add up; accumulated in double in the order of the rows, whatever the number
/// of threads. For TRL's means divide kl and entropy by `tokens`, and the clipped ones by `ratios`: clip_ratio/low_mean
/// = clip_low / ratios, high_mean = clip_high / ratios, region_mean = (clip_low + clip_high) / ratios.
struct LossStats {
  int64_t tokens = 0;
  int64_t ratios = 0;     ///< one for each token, or for each sequence
  double loss = 0;        ///< sum of weight * token loss: the value of the loss, not to be divided
  int64_t clip_low = 0;   ///< ratios < 1 - epsilon with advantage < 0; none with cispo
  int64_t clip_high = 0;  ///< ratios > 1 + epsilon_high with advantage > 0
  double kl = 0;          ///< estimates of KL(policy || reference)
  double entropy = 0;
  double ratio_min = std::numeric_limits<double>::infinity();
  double ratio_max = 0;
  double log_ratio_abs_max = 0;  ///< max |log_prob - old_log_prob|; exactly 0 on-policy when sampler and trainer agree

  LossStats& operator+=(const LossStats& other);
};

struct LossTerms {
  at::Tensor loss;  ///< scalar with autograd: sum of weight * token loss
  LossStats stats;
};

/// Token loss -min(ratio A, clip(ratio, 1 - epsilon, 1 + epsilon_high) A) + beta KL; the KL term only with kl_in: loss
/// and beta > 0. With importance_sampling_level
///   token     ratio = exp(log_prob - old_log_prob) (PPO eq. 7, DeepSeekMath eq. 3, DAPO eq. 8)
///   sequence  ratio = exp(mean over the completion's tokens of log_prob - old_log_prob), one for all of them and with
///   a
///             gradient to each (GSPO, Zheng et al. 2025, eq. 5-7)
/// With delta, the minimum is over min(ratio, delta) A: no more than -delta A for A < 0 (dual clip, Ye et al. 2020).
/// loss_type cispo has -min(ratio, 1 + epsilon_high) A log_prob instead, its first factor without gradient (MiniMax-M1,
/// 2025, eq. 4 and 5, with no lower bound). importance_sampling_cap multiplies all but the KL term by
/// min(exp(old_log_prob - behavior_log_prob), cap) (truncated importance sampling, Ionides 2008). The
/// entropy bonus is - entropy_coef H, as in verl.
LossTerms policy_loss(const LossInputs& inputs, const GrpoConfig& config);

/// Estimates [R] of KL(policy || reference) at sampled tokens (Schulman 2020), with d = log_prob - ref_log_prob:
///   k1  d                 unbiased in the reward; as a loss its gradient is 0 on average
///   k2  d^2 / 2           as a loss its gradient is that of the KL at each token's prefix
///   k3  exp(-d) + d - 1   never negative; GRPO's
at::Tensor kl_per_token(const at::Tensor& log_probs, const at::Tensor& ref_log_probs, KlEstimator estimator);

}  // namespace hone::algo
