// The section `eval`: evaluation on held-out problems before, during and after a stage. A plain struct; see
// core/config.h.
#pragma once

#include "hone/core/config.h"
#include "hone/data/config.h"

namespace hone {

struct EvalConfig {
  int64_t problems = 256;
  std::optional<int64_t> every;
  std::optional<std::string> path;
  std::optional<std::string> source;
  std::optional<Benchmark> format;
  FieldsConfig fields;
  int64_t num_generations = 1;
  double temperature = 0.0;
  double top_p = 1.0;
  std::optional<int64_t> max_completion_length;
  Split split = Split::kTest;
  bool operator==(const EvalConfig&) const = default;
};

inline void describe(ConfigVisitor& v, EvalConfig& c) {
  v.field("problems", c.problems, at_least(0), "problems",
          "Held-out problems before and after the stage, or all of a file that has fewer; 0 for no evaluation.");
  v.field("path", c.path, any_value(), "",
          "File of held-out problems, as in data.path; null for builtin:chains where data.path is that.");
  v.field("source", c.source, any_value(), "", "Where the file comes from, as in data.source.");
  describe_format(v, c.format);
  v.section("fields", c.fields, "As data.fields, for the file of held-out problems.");
  v.field("num_generations", c.num_generations, between(1, kMaxCount), "completions",
          "Completions a problem; above 1 there are also pass@k and cons@k.");
  v.field("every", c.every, at_least(1), "steps", "Evaluates also after every so many steps; null for no more.");
  v.field("temperature", c.temperature, between(0, 100), "", "Temperature of the evaluation; 0 is greedy.");
  v.field("top_p", c.top_p, above_up_to(0, 1), "", "Of the evaluation; the paper's is 0.95 at temperature 0.6.");
  v.field("max_completion_length", c.max_completion_length, at_least(1), "tokens",
          "Length limit of the evaluation; null for that of sampling.");
  v.field("split", c.split, any_value(), "", "Part of the data that is evaluated on.");
}

}  // namespace hone
