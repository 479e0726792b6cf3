#include "reward/sandbox/program/process_tree.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace hone::sandbox {
namespace {

namespace fs = std::filesystem;

std::string folder_of(pid_t pid) {
  return "/proc/" + std::to_string(pid);
}

std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> children;
  std::error_code gone;
  for (const auto& thread : fs::directory_iterator(folder_of(pid) + "/task", gone)) {
    std::ifstream in(thread.path() / "children");
    for (pid_t child = 0; in >> child;) children.push_back(child);
  }
  return children;
}

/// `root` and all below it. Bounded: a tree that changes while it is read could otherwise go round.
std::vector<pid_t> tree(pid_t root) {
  std::vector<pid_t> all{root};
  for (size_t i = 0; i < all.size() && all.size() < 10'000; ++i) {
    for (const pid_t child : children_of(all[i])) all.push_back(child);
  }
  return all;
}

}  // namespace

TreeUsage tree_usage(pid_t root) {
  TreeUsage usage;
  static const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  static const int64_t page = sysconf(_SC_PAGESIZE);
  for (const pid_t pid : tree(root)) {
    std::ifstream in(folder_of(pid) + "/stat");
    std::string line;
    std::getline(in, line, '\0');  // nothing when the process ends meanwhile; an iterator over the buffer would throw
    const size_t name_end = line.rfind(')');  // the name before it may hold anything
    if (name_end == std::string::npos) continue;
    std::istringstream fields(line.substr(name_end + 2));
    std::string skipped;
    for (int i = 3; i < 14; ++i) fields >> skipped;
    int64_t own = 0, own_system = 0, waited = 0, waited_system = 0, pages = 0;
    fields >> own >> own_system >> waited >> waited_system;
    for (int i = 18; i < 24; ++i) fields >> skipped;
    fields >> pages;
    usage.cpu_seconds += static_cast<double>(own + own_system + waited + waited_system) / ticks;
    usage.memory_bytes += pages * page;
  }
  return usage;
}

int64_t tree_memory(pid_t root) {
  int64_t bytes = 0;
  for (const pid_t pid : tree(root)) {
    std::ifstream in(folder_of(pid) + "/smaps_rollup");
    for (std::string line; std::getline(in, line);) {
      if (line.rfind("Pss:", 0) == 0) bytes += std::strtoll(line.c_str() + 4, nullptr, 10) * 1024;
    }
  }
  return bytes;
}

bool can_read_trees() {
  return access("/proc/thread-self/children", R_OK) == 0;
}

}  // namespace hone::sandbox
