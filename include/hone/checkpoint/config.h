// The section `checkpoint`: when state is saved and how much is kept. A plain struct; see core/config.h.
#pragma once

#include "hone/core/config.h"

namespace hone {

struct CheckpointConfig {
  std::optional<int64_t> every = 5;
  int64_t keep = 2;
  // Transformers' names, with its rules.
  std::optional<std::string> metric_for_best_model;
  std::optional<bool> greater_is_better;
  bool load_best_model_at_end = false;
  std::optional<int64_t> early_stopping_patience;
  double early_stopping_threshold = 0.0;
  bool operator==(const CheckpointConfig&) const = default;
};

inline void describe(ConfigVisitor& v, CheckpointConfig& c) {
  v.field("every", c.every, at_least(1), "steps", "Saves after every so many steps; null for only at the end.");
  v.field("keep", c.keep, at_least(2), "checkpoints", "The newest checkpoints that are kept.");
  v.field(
      "metric_for_best_model", c.metric_for_best_model, any_value(), "",
      "Measure of the evaluations that says which model is best, such as accuracy or eval_loss; its checkpoint is kept "
      "as well. Null for none.");
  v.field("greater_is_better", c.greater_is_better, any_value(), "",
          "Whether more of it is better; null for yes, unless its name ends with loss.");
  v.field("load_best_model_at_end", c.load_best_model_at_end, any_value(), "",
          "The stage leaves its best model in place of its last.");
  v.field("early_stopping_patience", c.early_stopping_patience, at_least(1), "evaluations",
          "The stage ends after so many evaluations in a row that are no better; null for never.");
  v.field("early_stopping_threshold", c.early_stopping_threshold, at_least(0), "",
          "By how much an evaluation must exceed the best to count as better for early stopping.");
}

}  // namespace hone
