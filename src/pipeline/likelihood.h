// Next-token prediction: what pretraining and supervised fine-tuning share.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hone/train/trainer.h"

namespace hone {

/// A sequence of its own: no attention across examples, no padding.
struct Example {
  std::vector<int32_t> ids;
  int64_t first_target = 1;  ///< >= 1: tokens from here on are learnt, those before are given
  int64_t targets() const { return static_cast<int64_t>(ids.size()) - first_target; }
};

/// Mean negative log-likelihood of all targets of `examples`, in nats, and its gradient, added in `trainer`. The mean
/// is over tokens, not examples, and is the same, bit for bit, for every `micro_batch_tokens`. The trainer's ranks all
/// have the examples, and each does its share.
double accumulate_likelihood(Trainer& trainer, std::span<const Example> examples, int64_t micro_batch_tokens);
/// The same without a gradient.
double mean_negative_log_likelihood(const Model& model, std::span<const Example> examples, int64_t micro_batch_tokens,
                                    dist::ProcessGroup& ranks = dist::one_rank());

}  // namespace hone
