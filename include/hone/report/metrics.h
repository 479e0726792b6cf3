// What a step measured, and the log that keeps it: metrics.jsonl, one JSON object a step. The names and their order are
// those of the documentation, whatever order they were measured in. A MetricsLog owns its file and belongs to one
// thread; the functions are thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hone/core/file.h"

namespace hone {

/// Names and values of one step. NaN stands for a value that does not exist, as the language of a step without words.
using StepMetrics = std::vector<std::pair<std::string, double>>;

/// The value called `name`, when it was measured and is finite.
std::optional<double> find_metric(const StepMetrics& metrics, std::string_view name);

/// The metrics in the documented order; names that it does not know come last, in the order given.
StepMetrics in_log_order(StepMetrics metrics);

/// The names that verl gives to the same measures, for dashboards that have curves of both; others stay as they are.
StepMetrics in_verl_names(StepMetrics metrics);

/// Measures of an evaluation as "eval/NAME", beside the metrics of training.
StepMetrics in_eval_group(StepMetrics measures);

/// {"step":12,"loss":0.25,...} in log order, without a line break. A number is the shortest text that reads back to the
/// same double; what is not finite is null.
std::string metrics_line(int64_t step, const StepMetrics& metrics);

class MetricsLog {
 public:
  /// Continues a log of `size` bytes, cutting off what a killed run wrote after its last checkpoint; 0 starts anew.
  /// Throws when the file is shorter.
  MetricsLog(std::filesystem::path path, uint64_t size) : file_(std::move(path), size) {}

  void append(int64_t step, const StepMetrics& metrics) { file_.append(metrics_line(step, metrics)); }
  /// After it, all lines survive a power cut. Call it before a checkpoint records size().
  void sync() { file_.sync(); }
  uint64_t size() const { return file_.size(); }

 private:
  AppendFile file_;
};

}  // namespace hone
