// The section `eval`: evaluation on held-out problems before, during and after a stage. A plain struct; see
// core/config.h.
#pragma once

#include "hone/core/config.h"
#include "hone/data/config.h"

namespace hone {

struct EvalConfig {
  int64_t problems = 256;
  std::optional<int64_t> every;
  double temperature = 0.0;
  std::optional<int64_t> max_completion_length;
  Split split = Split::kTest;
  bool operator==(const EvalConfig&) const = default;
};

inline void describe(ConfigVisitor& v, EvalConfig& c) {
  v.field("problems", c.problems, at_least(0), "problems", "Held-out problems before and after the stage; 0 for none.");
  v.field("every", c.every, at_least(1), "steps", "Evaluates also after every so many steps; null for no more.");
  v.field("temperature", c.temperature, between(0, 100), "", "Temperature of the evaluation; 0 is greedy.");
  v.field("max_completion_length", c.max_completion_length, at_least(1), "tokens",
          "Length limit of the evaluation; null for that of sampling.");
  v.field("split", c.split, any_value(), "", "Part of the data that is evaluated on.");
}

}  // namespace hone
