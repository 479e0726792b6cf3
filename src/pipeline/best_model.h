// Which of a stage's models is best by its evaluations, and whether going on still helps: metric_for_best_model and
// early stopping as in transformers. A pure function of the evaluations, so that a run that goes on after a kill needs
// no further state; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "hone/checkpoint/config.h"
#include "hone/report/evals.h"

namespace hone {

struct BestModel {
  std::optional<int64_t> step;      ///< after which it was measured; the model that a stage starts from does not count
  double value = 0;                 ///< of the metric
  int64_t without_improvement = 0;  ///< evaluations in a row
};

/// The first of the best ones. Throws Error kInput, naming the measures that there are, where an evaluation lacks
/// config.metric_for_best_model; nothing is best where that is null or was never a number.
BestModel best_model(const std::vector<EvalRecord>& evals, const CheckpointConfig& config);

}  // namespace hone
