// How good a model is on held-out problems, by fixed measures whatever it is trained on. Pure but for the engine it
// borrows.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "hone/data/records.h"
#include "hone/rollout/engine.h"

namespace hone {

struct EvalResult {
  std::vector<std::pair<std::string, double>>
      metrics;                       ///< accuracy, format, mean_length, language_consistency, clipped_ratio
  std::vector<RolloutGroup> groups;  ///< every problem with its completion, scored
};

/// One completion a prompt.
EvalResult evaluate(RolloutEngine& engine, std::vector<Prompt> prompts, const SamplingConfig& sampling, uint64_t seed);

}  // namespace hone
