// The sandbox: runs programs that nobody trusts, and says how they ended.
//
// Each program gets a box of its own (bubblewrap: new user, pid, mount, network, IPC and UTS namespaces, a read-only
// root, one small tmpfs; on top seccomp, rlimits, and cgroups where this user may make them). A supervisor, a program
// of its own that is executed and not forked out of this one, holds the boxes: it shares no memory with the caller,
// dies with it, and is started again should it be killed. Nothing of a box outlives the call that asked for it.
//
// A Sandbox owns its supervisor. All its functions may be called from several threads at once; at most `jobs` boxes (or
// linked pairs) run at a time, further calls wait for their turn.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hone {

/// Bounds of one box. They hold for all its processes together, where nothing else is said.
struct RunLimits {
  double cpu_seconds = 2;
  double wall_seconds = 5;
  int64_t memory_bytes = 256LL << 20;
  int64_t processes = 16;            ///< processes and threads
  int64_t file_bytes = 16LL << 20;   ///< one file
  int64_t disk_bytes = 32LL << 20;   ///< everything in /tmp, which is memory
  int64_t files = 256;               ///< entries below /tmp
  int64_t output_bytes = 1LL << 20;  ///< standard output and error together
  int64_t descriptors = 32;          ///< one process
  int64_t stack_bytes = 64LL << 20;  ///< one thread
  bool operator==(const RunLimits&) const = default;
};

/// How a run ended. The comparison of its output is the caller's.
enum class RunStatus {
  kOk,            ///< exit code 0 within all limits
  kRuntimeError,  ///< another exit code, or a signal of its own making
  kCpuTime,
  kWallTime,
  kMemory,
  kOutput,
  kProcesses,     ///< wanted more processes than allowed, or left some behind
  kFiles,         ///< file size, space or number
  kDenied,        ///< ended by a system call that no program needs
  kStopped,       ///< ended together with the other box of a pair
  kSandboxError,  ///< nothing can be said about the program
};

/// A file of the box, read-only.
struct BoxFile {
  std::string path;  ///< absolute, in the box
  std::string bytes;
  bool executable = false;
};

struct Program {
  std::vector<std::string> command;  ///< absolute path and arguments, as seen in the box
  std::vector<std::string> visible;  ///< files and folders of this machine that the box sees, read-only
  std::vector<BoxFile> files;
  std::string input;  ///< standard input; unused in a pair
  RunLimits limits;
};

struct RunResult {
  RunStatus status = RunStatus::kSandboxError;
  std::string reason{};  ///< for people: "killed by signal 11"
  int exit_code = -1;    ///< -1 when there is none
  int signal = 0;
  double cpu_seconds = 0, wall_seconds = 0;
  int64_t peak_memory_bytes = 0;  ///< of the largest process, or of the box where a cgroup counts it
  std::string output{}, error{};  ///< whole unless the status is kOutput
};

struct SandboxOptions {
  std::optional<int64_t> jobs;       ///< boxes at a time; nothing: one a processor
  std::filesystem::path bubblewrap;  ///< empty: looked for in PATH
};

class Sandbox {
 public:
  /// Starts the supervisor and runs one empty program. Throws Error kInput, saying what to install or to switch on,
  /// where programs cannot be isolated.
  explicit Sandbox(const SandboxOptions& options = {});
  /// Ends every run.
  ~Sandbox();
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  RunResult run(const Program& program) const;
  /// Runs two programs side by side; descriptor 0 of both is their end of one stream socket, the only thing they share.
  /// When the first ends, the second is ended.
  std::pair<RunResult, RunResult> run_linked(const Program& first, const Program& second) const;

  /// What the boxes are bounded with on this machine, one line each.
  const std::vector<std::string>& facts() const { return facts_; }
  int64_t jobs() const { return jobs_; }
  /// The process id of the supervisor, for tests.
  int supervisor() const;

 private:
  class Supervisor;
  std::unique_ptr<Supervisor> supervisor_;
  std::vector<std::string> facts_;
  int64_t jobs_;
};

/// For `hone doctor`: what of the sandbox works here, what is missing, what to install. Never throws.
std::vector<std::string> sandbox_report();

}  // namespace hone
