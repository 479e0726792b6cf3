// The supervisor as its caller sees it: a child process, started again when it is gone. Thread-safe.
#pragma once

#include <sys/types.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "hone/reward/sandbox.h"
#include "reward/sandbox/descriptor.h"

namespace hone {

class Sandbox::Supervisor {
 public:
  Supervisor(std::string bubblewrap, int64_t jobs);
  ~Supervisor();

  /// The answer to a request (messages.h); nothing when the supervisor died over it. Throws std::system_error when
  /// none can be started.
  std::optional<std::string> ask(const std::string& request);
  int pid();

 private:
  void start();
  void replace();  ///< a new process for one that does not answer
  void reap();

  const std::string bubblewrap_;
  const int64_t jobs_;
  std::mutex mutex_;  ///< guards the process and the socket
  sandbox::Descriptor control_;
  pid_t process_ = -1;
  pid_t owner_ = -1;  ///< a forked child of the caller has a copy of this object, but no supervisor
};

}  // namespace hone
