// One box: bubblewrap around the first process around the program, watched until nothing of it is left.
#pragma once

#include <poll.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hone/reward/sandbox.h"
#include "reward/sandbox/descriptor.h"
#include "reward/sandbox/program/control_group.h"
#include "reward/sandbox/program/init.h"

namespace hone::sandbox {

using Clock = std::chrono::steady_clock;

/// What all boxes of a supervisor share.
struct Host {
  std::string bubblewrap;
  GroupPlaces places;
  std::string filter;
  bool proc = true;   ///< a new /proc can be mounted
  bool trees = true;  ///< can_read_trees()
  int processors = 1;
  int64_t next_group = 0;  ///< for names
};

class Box {
 public:
  /// Starts the program; `input` becomes its descriptor 0. `slot` tells the boxes of one moment apart.
  Box(Host& host, const Program& program, int slot, Descriptor input);
  ~Box();
  Box(const Box&) = delete;
  Box& operator=(const Box&) = delete;

  /// What to wait for, and until when at the latest.
  void add_polls(std::vector<pollfd>& polls) const;
  Clock::time_point deadline() const { return deadline_; }
  /// Looks after everything; call it when one of the above has come.
  void step();
  /// Ends the box, with `status` unless it is ending for another reason.
  void stop(RunStatus status);

  bool finished() const { return result_.has_value(); }
  const RunResult& result() const { return *result_; }

 private:
  std::string arguments(std::vector<Descriptor>& files) const;
  [[noreturn]] void become_bubblewrap(int slot, int input, int output, int error, int job, int report,
                                      const std::string& arguments, const std::vector<Descriptor>& files);
  void read_reports();
  bool read_output(Descriptor& pipe, std::string& text);
  void watch();
  double cpu_seconds() const;
  void finish();
  void explain(RunResult& result, int bubblewrap_status) const;

  Host& host_;
  const Program& program_;
  std::unique_ptr<ControlGroup> group_;
  pid_t bubblewrap_ = -1, init_ = -1;
  Descriptor bubblewrap_handle_, init_handle_, report_, output_pipe_, error_pipe_;
  std::string output_, error_;
  std::optional<InitReport> end_;
  std::optional<int> cannot_start_;
  std::optional<RunStatus> stopped_;
  double cpu_before_ = 0, cpu_seen_ = 0;
  int64_t memory_seen_ = 0;
  Clock::time_point launched_, started_, ended_, deadline_;
  std::optional<RunResult> result_;
};

}  // namespace hone::sandbox
