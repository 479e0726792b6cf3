// The ranks of a run: processes that do the same steps, each on its share of the work.
//
// Over c10d's Gloo backend, in one order of additions, so that a result depends on the number of ranks and on nothing
// else. A world of one is a group too: its operations return at once and touch no network. Owns the connections. Every
// rank calls the same operations in the same order, from one thread. A rank that is lost or late ends the others with
// Error kFailed, which says what this rank and the others were doing.
#pragma once

#include <ATen/core/Tensor.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hone/dist/launch_environment.h"

namespace hone::dist {

/// An operation that goes on while this rank computes. Its tensors are neither written to nor, where they are results,
/// read before wait(). It keeps them alive.
class Transfer {
 public:
  Transfer() = default;  ///< nothing to wait for
  explicit Transfer(std::function<void()> finish) : finish_(std::move(finish)) {}
  /// Throws Error kFailed as the operations of ProcessGroup do. Once.
  void wait() {
    if (const auto finish = std::exchange(finish_, nullptr)) finish();
  }

 private:
  std::function<void()> finish_;
};

class ProcessGroup {
 public:
  /// A world of one.
  ProcessGroup();
  /// Waits for all ranks to join. `timeout` is how long an operation waits for the slowest rank. Throws Error kFailed
  /// that names the ranks that did not come.
  ProcessGroup(const LaunchEnvironment& environment, std::chrono::seconds timeout);
  ~ProcessGroup();
  ProcessGroup(const ProcessGroup&) = delete;
  ProcessGroup& operator=(const ProcessGroup&) = delete;

  int64_t rank() const { return rank_; }
  int64_t size() const { return size_; }
  /// Rank 0: it writes files and speaks to the person.
  bool is_main() const { return rank_ == 0; }

  /// What this rank does from now on ("step 3: sampling"), for the others' and the launcher's messages.
  void enter(const std::string& phase);

  /// Starts to add given [size n] float32 of all ranks element by element, ((0 + 1) + (2 + 3)) + ..., of which this
  /// rank gets part number rank() in sum [n].
  Transfer start_reduce_scatter(const at::Tensor& given, const at::Tensor& sum);
  /// Starts to collect mine [n] of every rank into all [size n], by rank.
  Transfer start_all_gather(const at::Tensor& mine, const at::Tensor& all);
  /// What each rank gave, by rank.
  std::vector<std::string> all_gather(const std::string& bytes);
  /// What rank 0 gave.
  std::string broadcast(const std::string& bytes);
  int64_t all_max(int64_t value);
  double all_sum(double value);  ///< added in the order of ranks
  void barrier();

 private:
  struct Network;
  template <class Collective>
  void collect(const char* name, Collective collective);
  [[noreturn]] void fail(const char* name, const std::string& reason);

  int64_t rank_ = 0, size_ = 1;
  std::string phase_ = "start";
  std::unique_ptr<Network> network_;  ///< nothing in a world of one
};

/// A world of one for what is not given another.
ProcessGroup& one_rank();

/// The key in the launcher's store that holds the phase of a rank.
std::string phase_key(int64_t restarts, int64_t rank);

}  // namespace hone::dist
