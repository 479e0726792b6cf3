// Draws one token from one row of logits. Stateless and thread-safe: the randomness is a number that the caller
// supplies.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hone/rollout/config.h"

namespace hone {

struct SampledToken {
  int32_t id = 0;
  float log_prob = 0;         ///< under the distribution it was drawn from (greedy: under softmax(logits))
  std::vector<int32_t> kept;  ///< ids that the filters left, ascending; empty when no filter was on
};

/// Inverse-CDF draw with `uniform` in [0, 1) from softmax(logits[V] / temperature), after top-k, top-p (nucleus,
/// Holtzman et al. 2020) and min-p, applied in this order as Hugging Face does; temperature 0 takes the largest logit.
/// `banned` ids cannot be drawn.
SampledToken sample_token(const float* logits, int64_t vocab, const SamplingConfig& config,
                          std::span<const int32_t> banned, double uniform);

}  // namespace hone
