// Starts the ranks of this machine as processes and stays with them: passes signals on, says which rank failed and what
// it was doing, ends the others, and starts all again where it may. Owns the processes: none outlives the launcher.
// One call in a process, from its main thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hone::dist {

struct LaunchRequest {
  std::vector<std::string> arguments;  ///< of this program: "run", CONFIG, ...
  int64_t ranks_per_node = 1;
  int64_t nodes = 1, node = 0;
  std::string address = "127.0.0.1";  ///< of node 0, where all meet
  int64_t port = 0;                   ///< 0: a free one, on one node
  int64_t max_restarts = 0;
};

/// The exit code: that of the rank that failed first (128 + n where signal n ended it), else 0. Throws Error kInput for
/// a request that makes no sense, kFailed where no process can be started.
int launch(const LaunchRequest& request);

}  // namespace hone::dist
