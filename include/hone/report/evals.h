// Evaluations in a stage's eval.jsonl, and what a person sees of them at the end: how the model was before and after,
// and one problem answered by both. Plain data and pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hone/report/metrics.h"

namespace hone {

/// One evaluation, with its first problem and the model's answer to it where there are problems.
struct EvalRecord {
  int64_t step = 0;     ///< after which it was made
  StepMetrics metrics;  ///< accuracy, format, mean_length, ...
  std::string prompt, completion;
};

/// {"step":40,"accuracy":0.9,...,"sample":{"prompt":"..","completion":".."}} without a line break. Bytes that are not
/// UTF-8 become U+FFFD.
std::string eval_line(const EvalRecord& record);
/// Reads a whole eval.jsonl. A last line without its line break is one that is still being written, and is left out.
/// Throws Error kInput naming `place` and the line when a line is not such an object.
std::vector<EvalRecord> parse_evals(std::string_view text, const std::string& place);

/// A table with a line for each metric of `before` that `after` has too: before, after, change.
std::string before_after_table(const EvalRecord& before, const EvalRecord& after);
/// A table with a line for each metric and a column for each of `names`; the metric NAME_error is shown with NAME.
std::string comparison_table(const std::vector<std::string>& names, const std::vector<StepMetrics>& columns);
/// The first problem of `before` with both answers. Control characters, which could steer the terminal, are replaced;
/// long texts are cut.
std::string before_after_sample(const EvalRecord& before, const EvalRecord& after);

}  // namespace hone
