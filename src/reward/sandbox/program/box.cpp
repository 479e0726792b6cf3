#include "reward/sandbox/program/box.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "reward/sandbox/program/process_tree.h"

namespace hone::sandbox {
namespace {

using std::chrono::duration;
using std::chrono::duration_cast;
using std::chrono::milliseconds;

// Unused by any account; each box of one moment gets its own, so that nothing counted by user is shared.
constexpr uid_t kFirstUser = 0x70000000;
constexpr uid_t kNobody = 65534;
// Building a box takes milliseconds; on a machine under heavy load, more.
constexpr auto kStartLimit = std::chrono::seconds(30);
// What bubblewrap, the first process and its copy use of the memory of the group.
constexpr int64_t kOwnMemory = 8LL << 20;
constexpr double kShortestWatch = 0.005, kMemoryWatch = 0.02, kLongestWatch = 0.25;

Clock::duration seconds(double s) {
  return duration_cast<Clock::duration>(duration<double>(s));
}

double since(Clock::time_point start, Clock::time_point end) {
  return duration<double>(end - start).count();
}

void make_non_blocking(const Descriptor& d) {
  checked(fcntl(d.get(), F_SETFL, O_NONBLOCK), "fcntl");
}

Descriptor open_process(pid_t pid) {
  return Descriptor(checked(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)), "pidfd_open"));
}

void keep_open(int descriptor) {
  fcntl(descriptor, F_SETFD, 0);
}

/// In the child, as root: a user without any rights on this machine.
void give_up_root(int slot) {
  if (geteuid() != 0) return;
  setgroups(0, nullptr);
  const uid_t user = kFirstUser + static_cast<uid_t>(slot);
  if (setresgid(user, user, user) == 0 && setresuid(user, user, user) == 0) return;
  // In a container that maps few ids.
  if (setresgid(kNobody, kNobody, kNobody) != 0 || setresuid(kNobody, kNobody, kNobody) != 0) _exit(125);
}

void raise_oom_score() {
  const int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (file >= 0) (void)!write(file, "1000", 4);  // before the trainer, if the kernel ever has to choose
  close(file);
}

}  // namespace

Box::Box(Host& host, const Program& program, int slot, Descriptor input)
    : host_(host), program_(program), launched_(Clock::now()), deadline_(launched_ + kStartLimit) {
  int64_t own = kOwnMemory;
  for (const BoxFile& file : program.files) own += static_cast<int64_t>(file.bytes.size());
  group_ = std::make_unique<ControlGroup>(
      host.places, std::to_string(getpid()) + "-" + std::to_string(host.next_group++), program.limits, own);
  auto [report_here, report_there] = make_socket_pair(SOCK_SEQPACKET);
  auto [output_here, output_there] = make_pipe();
  auto [error_here, error_there] = make_pipe();
  const int on = 1;  // the kernel adds the sender's process id, as seen from here
  checked(setsockopt(report_here.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on), "setsockopt");
  for (const Descriptor* d : {&report_here, &output_here, &error_here}) make_non_blocking(*d);
  const InitJob job{.command = program.command,
                    .limits = program.limits,
                    .limit_address_space = host.places.memory.empty(),
                    .limit_processes = host.places.processes.empty(),
                    .filter = host.filter};
  const Descriptor job_file = memory_file(encode(job));
  std::vector<Descriptor> files;
  const std::string command = arguments(files);
  bubblewrap_ = checked(fork(), "fork");
  if (bubblewrap_ == 0) {
    become_bubblewrap(slot, input.get(), output_there.get(), error_there.get(), job_file.get(), report_there.get(),
                      command, files);
  }
  bubblewrap_handle_ = open_process(bubblewrap_);
  report_ = std::move(report_here);
  output_pipe_ = std::move(output_here);
  error_pipe_ = std::move(error_here);
}

Box::~Box() {
  while (!finished()) {
    stop(RunStatus::kStopped);
    std::vector<pollfd> polls;
    add_polls(polls);
    poll(polls.data(), polls.size(), 50);
    step();
  }
}

/// The arguments of bubblewrap, each ended by a zero byte; `files` takes what they refer to.
std::string Box::arguments(std::vector<Descriptor>& files) const {
  std::string text;
  const auto add = [&text](std::initializer_list<std::string> words) {
    for (const std::string& word : words) text.append(word).push_back('\0');
  };
  const auto add_file = [&](Descriptor file, const std::string& path, const char* permissions) {
    add({"--perms", permissions, "--ro-bind-data", std::to_string(file.get()), path});
    files.push_back(std::move(file));
  };
  add({"--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"});
  add({"--uid", "1000", "--gid", "1000", "--hostname", "box", "--die-with-parent", "--as-pid-1"});
  add({"--cap-add", "CAP_SYS_ADMIN"});  // until the first process has bounded /tmp; within the box only
  add({"--perms", "1777", "--size", std::to_string(program_.limits.disk_bytes), "--tmpfs", "/tmp"});
  for (const std::string& path : program_.visible) {
    char target[4096];
    const ssize_t length = readlink(path.c_str(), target, sizeof target - 1);
    if (length > 0) {
      add({"--symlink", std::string(target, static_cast<size_t>(length)), path});
    } else {
      add({"--ro-bind", path, path});
    }
  }
  for (const char* device : {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"}) {
    add({"--dev-bind", device, device});
  }
  if (host_.proc) {
    add({"--proc", "/proc", "--symlink", "/proc/self/fd", "/dev/fd", "--symlink", "/proc/self/fd/0", "/dev/stdin"});
    add({"--symlink", "/proc/self/fd/1", "/dev/stdout", "--symlink", "/proc/self/fd/2", "/dev/stderr"});
  }
  add({"--symlink", "/tmp", "/dev/shm"});  // one writable place, so that one bound holds
  add_file(memory_file("box:x:1000:1000::/tmp:/bin/false\n"), "/etc/passwd", "0444");
  add_file(Descriptor(checked(open("/proc/self/exe", O_RDONLY | O_CLOEXEC), "open own program")), kInitPath, "0555");
  for (const BoxFile& file : program_.files)
    add_file(memory_file(file.bytes), file.path, file.executable ? "0555" : "0444");
  add({"--chdir", "/tmp", "--remount-ro", "/"});
  return text;
}

void Box::become_bubblewrap(int slot, int input, int output, int error, int job, int report,
                            const std::string& arguments, const std::vector<Descriptor>& files) {
  setsid();
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  try {
    group_->join();
    raise_oom_score();
    const Descriptor argument_file = memory_file(arguments);
    // 3 and 4 are taken in the supervisor, so none of the sources is lost on the way.
    const std::pair<int, int> places[] = {
        {input, 0}, {output, 1}, {error, 2}, {job, kJobDescriptor}, {report, kReportDescriptor}};
    for (const auto& [from, to] : places) checked(dup2(from, to), "dup2");
    keep_open(argument_file.get());
    for (const Descriptor& file : files) keep_open(file.get());
    give_up_root(slot);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const std::string list = std::to_string(argument_file.get());
    const char* const command[] = {"bwrap", "--args", list.c_str(), "--", kInitPath, "init", nullptr};
    char* const environment[] = {nullptr};
    execve(host_.bubblewrap.c_str(), const_cast<char**>(command), environment);
  } catch (const std::exception&) {
  }
  const char* const reason = strerror(errno);
  (void)!write(2, reason, strlen(reason));
  _exit(124);
}

void Box::add_polls(std::vector<pollfd>& polls) const {
  for (const Descriptor* d : {&bubblewrap_handle_, &report_, &output_pipe_, &error_pipe_}) {
    if (*d) polls.push_back({d->get(), POLLIN, 0});
  }
}

void Box::step() {
  if (finished()) return;
  read_reports();
  const bool within = read_output(output_pipe_, output_) && read_output(error_pipe_, error_);
  if (!within) stop(RunStatus::kOutput);
  siginfo_t info{};
  if (waitid(P_PIDFD, static_cast<id_t>(bubblewrap_handle_.get()), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
      info.si_pid != 0) {
    return finish();
  }
  if (Clock::now() >= deadline_) watch();
}

void Box::read_reports() {
  while (report_) {
    InitReport packet;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))];
    iovec part{&packet, sizeof packet};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t n = recvmsg(report_.get(), &message, MSG_CMSG_CLOEXEC);
    if (n < 0) return;
    if (n != sizeof packet) return report_.reset();
    if (packet.kind == InitReport::kCannotStart) cannot_start_ = packet.status;
    if (packet.kind == InitReport::kEnded) {
      end_ = packet;
      ended_ = Clock::now();
    }
    const cmsghdr* sender = CMSG_FIRSTHDR(&message);
    if (packet.kind != InitReport::kStarted || sender == nullptr) continue;
    ucred identity{};
    std::memcpy(&identity, CMSG_DATA(sender), sizeof identity);
    init_ = identity.pid;
    init_handle_ = Descriptor(static_cast<int>(syscall(SYS_pidfd_open, init_, 0)));
    started_ = Clock::now();
    cpu_before_ = group_->cpu_seconds();
    deadline_ = started_;
    if (stopped_) stop(*stopped_);
  }
}

/// False when the program wrote more than it may.
bool Box::read_output(Descriptor& pipe, std::string& text) {
  char buffer[65536];
  while (pipe) {
    const ssize_t n = read(pipe.get(), buffer, sizeof buffer);
    if (n < 0) break;
    if (n == 0) {
      pipe.reset();
      break;
    }
    text.append(buffer, static_cast<size_t>(n));
    const auto room = static_cast<size_t>(program_.limits.output_bytes);
    if (output_.size() + error_.size() > room) {
      text.resize(text.size() - std::min(text.size(), output_.size() + error_.size() - room));
      return false;
    }
  }
  return true;
}

double Box::cpu_seconds() const {
  if (!host_.places.cpu.empty()) return group_->cpu_seconds() - cpu_before_;
  return host_.trees && init_ > 0 ? tree_usage(init_).cpu_seconds : 0;
}

/// Measures, stops what is over a limit, and says when to look again.
void Box::watch() {
  const auto now = Clock::now();
  if (stopped_ || init_ < 0) {
    if (init_ < 0 && now >= launched_ + kStartLimit) {
      stop(RunStatus::kSandboxError);
      syscall(SYS_pidfd_send_signal, bubblewrap_handle_.get(), SIGKILL, nullptr, 0);
    }
    deadline_ = now + seconds(kLongestWatch);
    return;
  }
  const RunLimits& limits = program_.limits;
  const double wall = since(started_, now);
  cpu_seen_ = std::max(cpu_seen_, cpu_seconds());
  if (cpu_seen_ > limits.cpu_seconds) return stop(RunStatus::kCpuTime);
  if (wall > limits.wall_seconds) return stop(RunStatus::kWallTime);
  if (group_->ran_out_of_memory()) return stop(RunStatus::kMemory);
  double pause =
      std::min({(limits.cpu_seconds - cpu_seen_) / host_.processors, limits.wall_seconds - wall, kLongestWatch});
  if (host_.places.memory.empty() && host_.trees) {
    memory_seen_ = std::max(memory_seen_, tree_usage(init_).memory_bytes);
    if (memory_seen_ > limits.memory_bytes && tree_memory(init_) > limits.memory_bytes) return stop(RunStatus::kMemory);
    pause = std::min(pause, kMemoryWatch);
  }
  deadline_ = now + seconds(std::max(pause, kShortestWatch));
}

void Box::stop(RunStatus status) {
  if (!stopped_) stopped_ = status;
  deadline_ = Clock::now() + seconds(kLongestWatch);
  // The end of the first process is the end of all; bubblewrap then reports and goes by itself. A box that is still
  // being built is stopped as soon as that process is there: half-built, it could leave something behind.
  if (init_handle_) syscall(SYS_pidfd_send_signal, init_handle_.get(), SIGKILL, nullptr, 0);
}

void Box::finish() {
  rusage usage{};
  int status = 0;
  wait4(bubblewrap_, &status, 0, &usage);
  bubblewrap_ = -1;
  bubblewrap_handle_.reset();
  read_reports();
  const auto now = Clock::now();
  if (!read_output(output_pipe_, output_) || !read_output(error_pipe_, error_)) stopped_ = RunStatus::kOutput;
  RunResult result;
  result.wall_seconds = init_ < 0 ? 0 : since(started_, end_ ? ended_ : now);
  if (!host_.places.cpu.empty() && init_ > 0) cpu_seen_ = std::max(cpu_seen_, cpu_seconds());
  if (end_) cpu_seen_ = std::max(cpu_seen_, static_cast<double>(end_->cpu_microseconds) * 1e-6);
  const auto reaped = static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                      static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
  if (!end_) cpu_seen_ = std::max(cpu_seen_, reaped);
  result.cpu_seconds = cpu_seen_;
  result.peak_memory_bytes =
      std::max({group_->peak_memory(), memory_seen_, end_ ? end_->largest_process_bytes : int64_t{0}});
  result.output = std::move(output_);
  result.error = std::move(error_);
  explain(result, status);
  group_.reset();
  result_ = std::move(result);
}

}  // namespace hone::sandbox
