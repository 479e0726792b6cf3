// What the processes of a box use, read from /proc: where no cgroup counts it.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace hone::sandbox {

struct TreeUsage {
  double cpu_seconds = 0;    ///< with the children that were waited for
  int64_t memory_bytes = 0;  ///< resident; pages that processes share count once for each
};

/// Of `root` and everything below it. All processes of a box are below its first one, because orphans come to it.
TreeUsage tree_usage(pid_t root);
/// The same memory with shared pages divided among their holders; slower.
int64_t tree_memory(pid_t root);
/// Whether the kernel lists the children of a process, which the above needs.
bool can_read_trees();

}  // namespace hone::sandbox
