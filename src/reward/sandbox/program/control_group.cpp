#include "reward/sandbox/program/control_group.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>

#include "reward/sandbox/descriptor.h"

namespace hone::sandbox {
namespace {

namespace fs = std::filesystem;
constexpr char kPrefix[] = "hone-sandbox-";

std::string read_text(const std::string& path) {
  std::ifstream in(path);
  std::string text;
  std::getline(in, text, '\0');  // an error of reading is the end, where an iterator over the buffer would throw
  return text;
}

bool write_text(const std::string& path, const std::string& text) {
  const int file = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool done = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(file);
  return done;
}

int64_t read_number(const std::string& path) {
  return std::strtoll(read_text(path).c_str(), nullptr, 10);
}

/// The value after `key` in a file of "key value" lines.
int64_t read_value(const std::string& path, const std::string& key) {
  std::istringstream in(read_text(path));
  std::string name;
  for (int64_t value = 0; in >> name >> value;) {
    if (name == key) return value;
  }
  return 0;
}

bool has_word(const std::string& list, const std::string& word, char separator) {
  std::istringstream in(list);
  for (std::string part; std::getline(in, part, separator);) {
    if (part == word) return true;
  }
  return false;
}

/// The group of this process in the hierarchy of `controller` ("" for version 2), as a folder.
std::string own_folder(const std::string& controller) {
  std::string own;
  std::istringstream groups(read_text("/proc/self/cgroup"));
  for (std::string line; std::getline(groups, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    const std::string names = line.substr(first + 1, second - first - 1);
    if (controller.empty() ? names.empty() : has_word(names, controller, ',')) own = line.substr(second + 1);
  }
  if (own.empty()) return "";
  std::istringstream mounts(read_text("/proc/self/mountinfo"));
  for (std::string line; std::getline(mounts, line);) {
    const size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    std::istringstream left(line.substr(0, dash)), right(line.substr(dash + 3));
    std::string id, parent, device, root, point, type, source, options;
    left >> id >> parent >> device >> root >> point;
    right >> type >> source >> options;
    if (type != (controller.empty() ? "cgroup2" : "cgroup")) continue;
    if (!controller.empty() && !has_word(options, controller, ',')) continue;
    if (root != "/" && own.rfind(root, 0) == 0) own = own.substr(root.size());
    return own == "/" || own.empty() ? point : point + own;
  }
  return "";
}

/// Whether a group can be made in `folder`, has the file `needed`, and takes a process.
bool works(const std::string& folder, const std::string& needed) {
  if (folder.empty()) return false;
  const std::string trial = folder + "/" + kPrefix + std::to_string(getpid()) + "-trial";
  if (mkdir(trial.c_str(), 0755) != 0 && errno != EEXIST) return false;
  bool good = access((trial + "/" + needed).c_str(), W_OK) == 0;
  if (good) {
    const pid_t child = fork();
    if (child == 0) _exit(write_text(trial + "/cgroup.procs", "0") ? 0 : 1);
    int status = 1;
    good = child > 0 && waitpid(child, &status, 0) == child && status == 0;
  }
  rmdir(trial.c_str());
  return good;
}

GroupPlaces find_unified() {
  const std::string own = own_folder("");
  if (own.empty()) return {};
  // A group with processes cannot hand controllers down, so the place is often beside it instead of below it.
  for (const std::string& folder : {own, fs::path(own).parent_path().string()}) {
    if (access((folder + "/cgroup.procs").c_str(), F_OK) != 0) continue;
    write_text(folder + "/cgroup.subtree_control", "+memory +pids");
    GroupPlaces places;
    places.unified = true;
    if (works(folder, "memory.max")) places.memory = folder;
    if (works(folder, "pids.max")) places.processes = folder;
    if (!places.memory.empty() || !places.processes.empty()) return places.cpu = folder, places;
  }
  return {};
}

std::string make_group(const std::string& place, const std::string& name) {
  if (place.empty()) return "";
  std::string folder = place + "/" + name;
  checked(mkdir(folder.c_str(), 0755), "make a control group");
  return folder;
}

void set_bound(const std::string& path, int64_t bound) {
  if (!write_text(path, std::to_string(bound))) throw std::runtime_error("cannot write " + path);
}

}  // namespace

GroupPlaces GroupPlaces::find() {
  GroupPlaces places;
  const std::string memory = own_folder("memory"), processes = own_folder("pids"), cpu = own_folder("cpuacct");
  if (works(memory, "memory.limit_in_bytes")) places.memory = memory;
  if (works(processes, "pids.max")) places.processes = processes;
  if (works(cpu, "cpuacct.usage")) places.cpu = cpu;
  return places.memory.empty() && places.processes.empty() ? find_unified() : places;
}

std::string GroupPlaces::describe() const {
  std::string names;
  for (const auto& [place, name] : {std::pair{memory, "memory"}, {processes, "processes"}, {cpu, "CPU time"}}) {
    if (!place.empty()) names += (names.empty() ? "" : ", ") + std::string(name);
  }
  if (names.empty())
    return "cgroups: none may be made here; rlimits and a watch on the box's processes bound it instead";
  return std::string("cgroups (version ") + (unified ? "2" : "1") + "): " + names;
}

ControlGroup::ControlGroup(const GroupPlaces& places, const std::string& name, const RunLimits& limits,
                           int64_t own_bytes)
    : unified_(places.unified),
      memory_(make_group(places.memory, kPrefix + name)),
      processes_(make_group(places.processes, kPrefix + name)),
      cpu_(make_group(places.cpu, kPrefix + name)) {
  const int64_t bytes = limits.memory_bytes + own_bytes;
  if (!memory_.empty()) {
    set_bound(memory_ + (unified_ ? "/memory.max" : "/memory.limit_in_bytes"), bytes);
    // Absent where the kernel does not count swap.
    const std::string swap = memory_ + (unified_ ? "/memory.swap.max" : "/memory.memsw.limit_in_bytes");
    if (access(swap.c_str(), W_OK) == 0) set_bound(swap, unified_ ? 0 : bytes);
  }
  // Two of the processes are ours: bubblewrap and the first one of the box.
  if (!processes_.empty()) set_bound(processes_ + "/pids.max", limits.processes + 2);
}

ControlGroup::~ControlGroup() {
  for (const std::string& folder : std::set{memory_, processes_, cpu_}) {
    // The last process leaves its groups shortly after it was reaped.
    for (int i = 0; i < 50 && !folder.empty() && rmdir(folder.c_str()) != 0 && errno == EBUSY; ++i) {
      const timespec moment{0, 200'000};
      nanosleep(&moment, nullptr);
    }
  }
}

void ControlGroup::join() const {
  for (const std::string& folder : std::set{memory_, processes_, cpu_}) {
    if (!folder.empty() && !write_text(folder + "/cgroup.procs", "0")) _exit(126);
  }
}

double ControlGroup::cpu_seconds() const {
  if (cpu_.empty()) return 0;
  if (unified_) return static_cast<double>(read_value(cpu_ + "/cpu.stat", "usage_usec")) * 1e-6;
  return static_cast<double>(read_number(cpu_ + "/cpuacct.usage")) * 1e-9;
}

int64_t ControlGroup::peak_memory() const {
  if (memory_.empty()) return 0;
  return read_number(memory_ + (unified_ ? "/memory.peak" : "/memory.max_usage_in_bytes"));
}

bool ControlGroup::ran_out_of_memory() const {
  if (memory_.empty()) return false;
  return read_value(memory_ + (unified_ ? "/memory.events" : "/memory.oom_control"), "oom_kill") > 0;
}

bool ControlGroup::refused_process() const {
  return !processes_.empty() && read_value(processes_ + "/pids.events", "max") > 0;
}

void remove_stale_groups(const GroupPlaces& places) {
  for (const std::string& place : std::set{places.memory, places.processes, places.cpu}) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(place, ignored)) {
      const std::string name = entry.path().filename().string();
      if (name.rfind(kPrefix, 0) != 0) continue;
      const int pid = std::atoi(name.c_str() + sizeof kPrefix - 1);
      if (pid > 0 && kill(pid, 0) != 0 && errno == ESRCH) rmdir(entry.path().c_str());
    }
  }
}

}  // namespace hone::sandbox
