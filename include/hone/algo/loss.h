// The clipped policy-gradient loss of GRPO and its relatives, on per-token log-probs. Pure functions; any floating dtype.
#pragma once

#include <ATen/core/Tensor.h>

#include "hone/algo/config.h"

namespace hone::algo {

/// KL(policy || reference) at one token from log p and log p_ref (Schulman 2020): k1 = log p - log p_ref, k2 = k1^2 / 2,
/// k3 = exp(-k1) + k1 - 1.
double token_kl(double log_prob, double ref_log_prob, KlEstimator estimator);

/// Inputs of one micro-batch, all [R]; only log_probs carries a gradient.
struct LossInputs {
  at::Tensor log_probs;
  at::Tensor old_log_probs;
  at::Tensor ref_log_probs;  ///< undefined: no KL term
  at::Tensor advantages;
  at::Tensor weights;  ///< each token's share of the loss
};

/// Sums over tokens that add up over micro-batches; divide by `tokens` for means.
struct LossStats {
  double tokens = 0;        ///< tokens with a weight
  double clipped_low = 0;   ///< ratio < 1 - epsilon with a negative advantage: the clip binds
  double clipped_high = 0;  ///< ratio > 1 + epsilon_high with a positive advantage
  double kl = 0;            ///< the estimator, summed
  LossStats& operator+=(const LossStats& other);
};

struct PolicyLoss {
  at::Tensor value;  ///< scalar: sum of weight * (-min(r A, clip(r, 1 - epsilon, 1 + epsilon_high) A) + beta * KL), r = p / p_old
  LossStats stats;
};
/// DeepSeekMath (arXiv 2402.03300) Eq. 3 with DAPO's separate bounds (arXiv 2503.14476 Eq. 8). The KL term joins where ref_log_probs are
/// given and kl_in is loss.
PolicyLoss policy_loss(const LossInputs& in, const GrpoConfig& config);

}  // namespace hone::algo
