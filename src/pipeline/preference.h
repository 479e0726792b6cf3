// What a reward model learns: scores that put chosen completions above rejected ones, or tell good from bad.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hone/train/trainer.h"

namespace hone {

/// Two sequences of which the first is better, or one (`second` is empty) that is good or bad.
struct Preference {
  std::vector<int32_t> first, second;
  int64_t label = 1;  ///< of a single one
  int64_t tokens() const { return static_cast<int64_t>(first.size() + second.size()); }
};

struct PreferenceStats {
  double loss = 0;      ///< mean over preferences, in nats
  double accuracy = 0;  ///< share where the first scores higher, or where the sign of the score is the label's
};

/// Mean of -log sigmoid(score(first) - score(second)) (Bradley-Terry; Ouyang et al. 2022, arXiv 2203.02155, equation
/// 1), of single ones the binary cross-entropy of sigmoid(score); its gradient is added in `trainer`, whose model is
/// `model`. Up to rounding the same for every `micro_batch_tokens` and number of ranks: all have the preferences, and
/// each does its share.
PreferenceStats accumulate_preferences(Trainer& trainer, const Model& model, std::span<const Preference> preferences,
                                       int64_t micro_batch_tokens);
/// The same without a gradient.
PreferenceStats measure_preferences(const Model& model, std::span<const Preference> preferences,
                                    int64_t micro_batch_tokens, dist::ProcessGroup& ranks = dist::one_rank());

}  // namespace hone
