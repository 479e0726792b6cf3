// One line a step for the person who watches: where the run is, how it is doing, when it will end. On a terminal the
// line is redrawn in place, elsewhere each step is a line of plain text. Writes to the given stream only, owns no file;
// one thread.
#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>

#include "hone/report/metrics.h"

namespace hone {

/// What a stream can show.
struct Terminal {
  bool in_place = false;  ///< a line can be redrawn
  bool color = false;     ///< only together with in_place
  int columns = 80;

  /// Of an open stream as it is now. A stream that is no terminal, or TERM=dumb, gets plain lines; NO_COLOR
  /// (no-color.org) is obeyed.
  static Terminal of(std::FILE* stream);
};

/// How far a stage is.
struct StepProgress {
  std::string_view stage;
  int64_t step = 0, steps = 0;  ///< done, and in all
  double seconds_left = -1;     ///< negative: not known yet
};

/// "r1_zero 12/40  reward 1.25  accuracy 0.41  ...  9,120 tokens/s  1:02 left", without a line break. On a terminal it
/// has a bar and at most columns - 1 columns: what does not fit is left out, the least important first.
std::string progress_line(const StepProgress& progress, const StepMetrics& metrics, const Terminal& terminal);

class Progress {
 public:
  /// A stage that has done `step` of `steps` when it starts or resumes.
  Progress(std::string stage, int64_t step, int64_t steps, std::FILE* stream = stderr);
  /// Leaves the last line standing.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Shows `step` as done.
  void show(int64_t step, const StepMetrics& metrics);
  /// Prints a line of its own, above the progress line.
  void note(std::string_view line);

 private:
  double seconds_left(int64_t step);

  std::string stage_;
  int64_t steps_;
  std::FILE* stream_;
  std::string line_;             ///< standing on the terminal, to be redrawn
  int64_t last_step_;            ///< where the clock was read last
  double last_time_;             ///< seconds, of a clock that never jumps
  double seconds_per_step_ = 0;  ///< a mean in which older steps count less; 0: none yet
};

}  // namespace hone
