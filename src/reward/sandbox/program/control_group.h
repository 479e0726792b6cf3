// Control groups, version 1 and 2: the sure bound on memory and processes of a box where this user may make them.
#pragma once

#include <string>
#include <vector>

#include "hone/reward/sandbox.h"

namespace hone::sandbox {

/// Where groups of one box can be made: a folder for each controller; several controllers may share one.
struct GroupPlaces {
  std::string memory, processes, cpu;  ///< empty: not available
  bool unified = false;                ///< version 2

  /// Looks below the group of this process and beside it, and tries.
  static GroupPlaces find();
  std::string describe() const;
};

class ControlGroup {
 public:
  ControlGroup(const GroupPlaces& places, const std::string& name, const RunLimits& limits, int64_t own_bytes);
  ~ControlGroup();
  ControlGroup(const ControlGroup&) = delete;
  ControlGroup& operator=(const ControlGroup&) = delete;

  void join() const;               ///< puts the calling process in
  double cpu_seconds() const;      ///< used so far; 0 when not counted
  int64_t peak_memory() const;     ///< 0 when not counted
  bool ran_out_of_memory() const;  ///< the kernel killed one of its processes
  bool refused_process() const;

 private:
  bool unified_;
  std::string memory_, processes_, cpu_;
};

/// Removes the groups that a dead supervisor left.
void remove_stale_groups(const GroupPlaces& places);

}  // namespace hone::sandbox
