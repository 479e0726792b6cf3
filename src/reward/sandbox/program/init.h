// The first process of a box: finishes what bubblewrap cannot (number of files, rlimits, seccomp), starts the program,
// reaps, and reports. When it ends, the kernel kills whatever else is in the box.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hone/reward/sandbox.h"

namespace hone::sandbox {

/// Where the first process finds its job and says what happened.
inline constexpr int kJobDescriptor = 3, kReportDescriptor = 4;
/// The path of this program in the box.
inline constexpr char kInitPath[] = "/run/init";

struct InitJob {
  std::vector<std::string> command;
  RunLimits limits;
  bool limit_address_space = false;  ///< no cgroup counts the memory
  bool limit_processes = false;      ///< no cgroup counts the processes
  std::string filter;                ///< the seccomp program
};
std::string encode(const InitJob& job);

/// One packet of the report socket.
struct InitReport {
  enum Kind : int32_t { kStarted, kCannotStart, kEnded };
  int32_t kind = kStarted;
  int32_t status = 0;            ///< of kEnded: as wait() gives it; of kCannotStart: the errno
  int64_t cpu_microseconds = 0;  ///< of everything that was reaped
  int64_t largest_process_bytes = 0;
  int32_t left_processes = 0;  ///< some were alive after the program had ended
  int32_t disk_full = 0;       ///< no space or no file was left
};

/// Does not return before the program has ended.
int run_init();

}  // namespace hone::sandbox
