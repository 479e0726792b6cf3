#include "pipeline/best_model.h"

#include <fmt/ranges.h>

#include <cmath>

#include "hone/core/error.h"

namespace hone {
namespace {

double measure(const EvalRecord& record, const std::string& name) {
  std::vector<std::string> names;
  for (const auto& [known, value] : record.metrics) {
    if (known == name || known == "eval_" + name) return value;  // transformers reads `loss` as eval_loss
    names.push_back(known);
  }
  throw_input({.what = "the evaluations have no such measure",
               .place = "checkpoint.metric_for_best_model",
               .got = "'" + name + "'",
               .expected = fmt::format("one of {}", fmt::join(names, ", "))});
}

}  // namespace

BestModel best_model(const std::vector<EvalRecord>& evals, const CheckpointConfig& config) {
  BestModel best;
  if (!config.metric_for_best_model) return best;
  const std::string& name = *config.metric_for_best_model;
  const double sign = config.greater_is_better.value_or(!name.ends_with("loss")) ? 1 : -1;
  for (const EvalRecord& record : evals) {
    const double value = measure(record, name);
    if (record.step == 0) continue;
    const double gain = best.step ? sign * (value - best.value) : HUGE_VAL;
    const bool known = std::isfinite(value);
    best.without_improvement = known && gain > config.early_stopping_threshold ? 0 : best.without_improvement + 1;
    if (known && gain > 0) best.step = record.step, best.value = value;
  }
  return best;
}

}  // namespace hone
