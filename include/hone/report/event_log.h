// The metrics as TensorBoard events, so that `tensorboard --logdir runs` shows a run while it goes on.
//
// A process writes one file, records framed as in TFRecord (length, CRC-32C of it, bytes, CRC-32C of them), each an
// Event message of TensorFlow's event.proto. A resumed run first cuts its predecessors' files back to the step it
// resumes from, so no reader meets a step twice; a TensorBoard that is open meanwhile is told by a session event to
// forget what it has read beyond. The events are a view: metrics.jsonl is the record, and only it survives a power cut
// for certain. An EventLog owns its file and belongs to one thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "hone/core/file.h"
#include "hone/report/metrics.h"

namespace hone {

class EventLog {
 public:
  /// Continues after `last_step` (0 starts anew) in `folder`, which it creates: one folder a stage, named by
  /// TensorBoard as a run.
  EventLog(const std::filesystem::path& folder, int64_t last_step);

  /// Adds one scalar a metric, under its name; what is not finite is left out. `step` must grow. `wall_time` in seconds
  /// since 1970.
  void append(int64_t step, const StepMetrics& metrics, double wall_time);
  /// The same, now.
  void append(int64_t step, const StepMetrics& metrics);

 private:
  FileWriter file_;
};

}  // namespace hone
