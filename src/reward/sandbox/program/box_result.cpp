// How a box ended, from what was seen of it.
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "reward/sandbox/program/box.h"

namespace hone::sandbox {
namespace {

const char* reason_of(RunStatus status) {
  switch (status) {
    case RunStatus::kCpuTime:
      return "more CPU time than allowed";
    case RunStatus::kWallTime:
      return "more time than allowed";
    case RunStatus::kMemory:
      return "more memory than allowed";
    case RunStatus::kOutput:
      return "more output than allowed";
    case RunStatus::kProcesses:
      return "more processes than allowed";
    case RunStatus::kFiles:
      return "more or larger files than allowed";
    case RunStatus::kDenied:
      return "a forbidden system call";
    case RunStatus::kStopped:
      return "stopped";
    default:
      return "";
  }
}

RunStatus status_of(int wait_status) {
  if (WIFEXITED(wait_status)) return WEXITSTATUS(wait_status) == 0 ? RunStatus::kOk : RunStatus::kRuntimeError;
  switch (WTERMSIG(wait_status)) {
    case SIGSYS:
      return RunStatus::kDenied;
    case SIGXFSZ:
      return RunStatus::kFiles;
    case SIGXCPU:
      return RunStatus::kCpuTime;
    default:
      return RunStatus::kRuntimeError;
  }
}

}  // namespace

void Box::explain(RunResult& result, int bubblewrap_status) const {
  const auto broken = [&](std::string reason) {
    result.status = RunStatus::kSandboxError;
    result.reason = std::move(reason);
  };
  if (cannot_start_) return broken(std::string("the program cannot be started: ") + strerror(*cannot_start_));
  if (init_ < 0) {
    if (stopped_ && *stopped_ != RunStatus::kSandboxError) return void(result.status = *stopped_);
    const std::string said = result.error.substr(0, std::min<size_t>(result.error.find('\n'), 300));
    return broken("bubblewrap made no box: " + (said.empty() ? "status " + std::to_string(bubblewrap_status) : said));
  }
  RunStatus status = stopped_.value_or(end_ ? status_of(end_->status) : RunStatus::kSandboxError);
  if (!stopped_ && end_) {
    if (WIFEXITED(end_->status)) result.exit_code = WEXITSTATUS(end_->status);
    if (WIFSIGNALED(end_->status)) result.signal = WTERMSIG(end_->status);
    if (result.cpu_seconds > program_.limits.cpu_seconds) status = RunStatus::kCpuTime;
    if (end_->disk_full) status = RunStatus::kFiles;
    if (end_->left_processes) status = RunStatus::kProcesses;
  }
  // What the kernel counted is the cause of what was seen. A refused process alone is no fault: the program may have
  // coped with it.
  if (status != RunStatus::kOk && status != RunStatus::kStopped && group_->refused_process())
    status = RunStatus::kProcesses;
  if (group_->ran_out_of_memory()) status = RunStatus::kMemory;
  if (status == RunStatus::kSandboxError) return broken("the first process of the box was lost");
  result.status = status;
  result.reason = reason_of(status);
  if (status == RunStatus::kProcesses && end_ && end_->left_processes) result.reason = "left processes behind";
  if (status != RunStatus::kRuntimeError) return;
  result.reason = result.signal != 0 ? std::string("killed by ") + strsignal(result.signal)
                                     : "exit code " + std::to_string(result.exit_code);
}

}  // namespace hone::sandbox
