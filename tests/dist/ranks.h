// Ranks as real processes that meet over the loopback network.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/faults.h"
#include "dist/store.h"
#include "hone/dist/process_group.h"

namespace hone::test {

/// What `body` returned in each rank, or "error: ...", or nothing where the rank was killed. The test is where they
/// meet. `started` fewer ranks than `size` leaves the others missing. Ranks are forks: the test has not computed
/// before.
inline std::vector<std::string> run_ranks(int64_t size, const std::function<std::string(dist::ProcessGroup&)>& body,
                                          std::chrono::seconds timeout = std::chrono::seconds(60),
                                          int64_t started = -1) {
  const TempFolder folder;
  // All ranks are forked before the store's thread begins: what it locks in the C library would stay locked in a fork.
  int port_pipe[2];
  if (::pipe(port_pipe) != 0) throw std::runtime_error("pipe failed");
  std::vector<pid_t> children;
  for (int64_t rank = 0; rank < (started < 0 ? size : started); ++rank) {
    const pid_t child = ::fork();
    if (child < 0) throw std::runtime_error("fork failed");
    if (child > 0) {
      children.push_back(child);
      continue;
    }
    int64_t port = 0;
    ::close(port_pipe[1]);
    if (::read(port_pipe[0], &port, sizeof port) != sizeof port) ::_exit(1);
    std::ofstream out(folder / std::to_string(rank));
    try {
      dist::LaunchEnvironment environment;
      environment.rank = environment.local_rank = rank;
      environment.size = size;
      environment.address = "127.0.0.1";
      environment.port = port;
      environment.launcher_hosts = true;
      dist::ProcessGroup ranks(environment, timeout);
      out << body(ranks) << std::flush;
    } catch (const std::exception& error) {
      out << "error: " << error.what() << std::flush;
    }
    ::_exit(0);
  }
  int64_t port = 0;
  const auto store = dist::host_store("127.0.0.1", port);
  for (size_t rank = 0; rank < children.size(); ++rank) {
    if (::write(port_pipe[1], &port, sizeof port) != sizeof port) throw std::runtime_error("write failed");
  }
  std::vector<std::string> results;
  for (size_t rank = 0; rank < children.size(); ++rank) {
    ::waitpid(children[rank], nullptr, 0);
    std::ostringstream text;
    text << std::ifstream(folder / std::to_string(rank)).rdbuf();
    results.push_back(text.str());
  }
  ::close(port_pipe[0]);
  ::close(port_pipe[1]);
  return results;
}

}  // namespace hone::test
