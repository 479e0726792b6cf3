// One rank as a process of the launcher, in a process group of its own together with what it starts. The kernel kills
// it when the launcher dies. One thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace hone::dist {

struct RankStart {
  int64_t rank = 0;
  std::vector<std::string> arguments;
  std::map<std::string, std::string> variables;  ///< beside those of the launcher
  bool shows_output = false;                     ///< writes to the launcher's stdout and stderr itself
  sigset_t signal_mask{};                        ///< which signals it blocks
};

class RankProcess {
 public:
  explicit RankProcess(const RankStart& start);
  /// Kills what is left.
  ~RankProcess();
  RankProcess(const RankProcess&) = delete;
  RankProcess& operator=(const RankProcess&) = delete;

  int64_t rank() const { return rank_; }
  pid_t pid() const { return pid_; }
  bool running() const { return !exit_code_; }
  /// 128 + n where signal n ended it; nothing while it runs.
  std::optional<int> exit_code() const { return exit_code_; }
  /// "was killed by signal 9 (Killed)".
  const std::string& end() const { return end_; }
  /// How long somebody has had it stopped (SIGSTOP), in seconds.
  double stopped_seconds() const;

  /// Looks whether it has ended, and shows what it has written, line by line with its rank before it.
  void update();
  void send(int signal) const;
  /// SIGKILL to it and all it has started.
  void kill_group() const;
  /// Readable when it has written something; -1 where it shows its output itself.
  int output() const { return output_; }

 private:
  void show_output();

  int64_t rank_;
  pid_t pid_ = -1;
  int output_ = -1;
  std::string line_;  ///< the beginning of one
  std::optional<int> exit_code_;
  std::string end_;
  std::optional<std::chrono::steady_clock::time_point> stopped_;
};

}  // namespace hone::dist
