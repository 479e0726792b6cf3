// Which rank of how many this process is, as its launcher says: `hone launch` and torchrun by RANK and WORLD_SIZE,
// mpirun and srun by variables of their own. Plain values; the function is thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace hone::dist {

struct LaunchEnvironment {
  int64_t rank = 0, size = 1;
  int64_t local_rank = 0;       ///< among the ranks of this machine
  std::string address;          ///< MASTER_ADDR: where the ranks meet; empty in a world of one
  int64_t port = 0;             ///< MASTER_PORT
  bool launcher_hosts = false;  ///< the launcher holds the meeting point; else rank 0 does
  int64_t restarts = 0;         ///< how often the launcher has started the ranks again
};

/// The value of an environment variable.
using GetVariable = std::function<std::optional<std::string>(const std::string& name)>;
std::optional<std::string> environment_variable(const std::string& name);

/// A world of one where no launcher's variables are set. Throws Error kInput where they contradict each other.
LaunchEnvironment launch_environment(const GetVariable& get = environment_variable);

}  // namespace hone::dist
