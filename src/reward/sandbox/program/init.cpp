#include "reward/sandbox/program/init.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <ctime>

#include "reward/sandbox/descriptor.h"
#include "reward/sandbox/wire.h"

namespace hone::sandbox {
namespace {

// What a program with unused address space (thread stacks, arenas, libraries) reserves without touching it.
constexpr int64_t kUntouchedAddressSpace = 1LL << 30;
// Helpers that end by themselves when the program is gone (the resource tracker of multiprocessing) get this long.
constexpr int kLeaveMilliseconds = 100;

void report(const InitReport& report) {
  (void)!send(kReportDescriptor, &report, sizeof report, MSG_NOSIGNAL);
}

InitJob decode_job(std::string_view bytes) {
  Reader reader(bytes);
  InitJob job;
  job.command = reader.texts();
  job.limits.cpu_seconds = reader.number<double>();
  for (int64_t* bound : {&job.limits.memory_bytes, &job.limits.processes, &job.limits.file_bytes,
                         &job.limits.disk_bytes, &job.limits.files, &job.limits.descriptors, &job.limits.stack_bytes}) {
    *bound = reader.number<int64_t>();
  }
  job.limit_address_space = reader.number<bool>();
  job.limit_processes = reader.number<bool>();
  job.filter = reader.text();
  return job;
}

void limit_files(const RunLimits& limits) {
  const std::string options =
      "size=" + std::to_string(limits.disk_bytes) + ",nr_inodes=" + std::to_string(limits.files + 1);  // and the root
  checked(mount("tmpfs", "/tmp", nullptr, MS_REMOUNT | MS_NOSUID | MS_NODEV, options.c_str()), "remount /tmp");
}

void drop_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2]{};
  checked(static_cast<int>(syscall(SYS_capset, &header, none)), "capset");
  // The program runs as the same user: it must not read or trace this process.
  checked(prctl(PR_SET_DUMPABLE, 0), "prctl");
}

void limit(__rlimit_resource resource, int64_t soft, int64_t hard) {
  const rlimit bounds{static_cast<rlim_t>(soft), static_cast<rlim_t>(hard)};
  checked(setrlimit(resource, &bounds), "setrlimit");
}
void limit(__rlimit_resource resource, int64_t bound) {
  limit(resource, bound, bound);
}

void limit_resources(const InitJob& job) {
  const RunLimits& limits = job.limits;
  const auto seconds =
      static_cast<int64_t>(std::ceil(limits.cpu_seconds)) + 1;  // the supervisor is exact, this is sure
  limit(RLIMIT_CPU, seconds);
  limit(RLIMIT_FSIZE, limits.file_bytes);
  limit(RLIMIT_NOFILE, limits.descriptors);
  // This process counts. Where a cgroup bounds them it shall be the one to refuse, because it keeps count of that.
  limit(RLIMIT_NPROC, limits.processes + 1 + (job.limit_processes ? 0 : 16));
  limit(RLIMIT_STACK, limits.stack_bytes);
  limit(RLIMIT_MEMLOCK, 0);
  limit(RLIMIT_MSGQUEUE, 0);
  limit(RLIMIT_SIGPENDING, 1024);
  // 0 would still feed a core_pattern that is a pipe (systemd-coredump); 1 stops both kinds.
  limit(RLIMIT_CORE, 1);
  if (job.limit_address_space) limit(RLIMIT_AS, limits.memory_bytes + kUntouchedAddressSpace);
}

void install_filter(std::string& filter) {
  sock_fprog program{static_cast<unsigned short>(filter.size() / sizeof(sock_filter)),
                     reinterpret_cast<sock_filter*>(filter.data())};
  checked(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl");
  checked(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), "seccomp");
}

/// In the child: becomes the program.
[[noreturn]] void become(InitJob& job) {
  try {
    setsid();
    for (int signal = 1; signal < NSIG; ++signal) std::signal(signal, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    umask(022);
    personality(ADDR_NO_RANDOMIZE);  // the same bytes in, the same number out
    std::vector<char*> arguments;
    for (std::string& argument : job.command) arguments.push_back(argument.data());
    arguments.push_back(nullptr);
    static char home[] = "HOME=/tmp", path[] = "PATH=/usr/bin:/bin", language[] = "LANG=C.UTF-8", user[] = "USER=box",
                seed[] = "PYTHONHASHSEED=0", cache[] = "PYTHONDONTWRITEBYTECODE=1";
    char* environment[] = {home, path, language, user, seed, cache, nullptr};
    close_range(kReportDescriptor, ~0U, CLOSE_RANGE_CLOEXEC);
    close(kJobDescriptor);
    limit_resources(job);
    install_filter(job.filter);
    execve(arguments[0], arguments.data(), environment);
    report({.kind = InitReport::kCannotStart, .status = errno});
  } catch (const std::exception&) {
    report({.kind = InitReport::kCannotStart, .status = errno});
  }
  _exit(127);
}

/// Waits for `program`, then a little for what it left behind.
InitReport wait_for(pid_t program) {
  InitReport result{.kind = InitReport::kEnded};
  int status = 0;
  for (pid_t pid = 0; pid != program;) {
    pid = waitpid(-1, &status, __WALL);
    if (pid < 0 && errno != EINTR) break;
  }
  result.status = status;
  result.left_processes = 1;
  for (int waited = 0; waited <= kLeaveMilliseconds; ++waited) {
    pid_t pid = 0;
    while ((pid = waitpid(-1, &status, __WALL | WNOHANG)) > 0) continue;
    if (pid < 0 && errno == ECHILD) {
      result.left_processes = 0;
      break;
    }
    const timespec millisecond{0, 1'000'000};
    nanosleep(&millisecond, nullptr);
  }
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  result.cpu_microseconds =
      (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1'000'000LL + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
  result.largest_process_bytes = usage.ru_maxrss * 1024LL;
  struct statfs disk {};
  if (statfs("/tmp", &disk) == 0) result.disk_full = disk.f_bavail == 0 || disk.f_ffree == 0;
  return result;
}

}  // namespace

std::string encode(const InitJob& job) {
  const RunLimits& limits = job.limits;
  Writer writer;
  writer.texts(job.command).number(limits.cpu_seconds);
  for (const int64_t bound : {limits.memory_bytes, limits.processes, limits.file_bytes, limits.disk_bytes, limits.files,
                              limits.descriptors, limits.stack_bytes}) {
    writer.number(bound);
  }
  return writer.number(job.limit_address_space).number(job.limit_processes).text(job.filter).bytes();
}

int run_init() {
  try {
    checked(prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl");
    InitJob job = decode_job(read_whole(Descriptor(kJobDescriptor)));
    close_range(kReportDescriptor + 1, ~0U, 0);
    limit_files(job.limits);
    drop_capabilities();
    report({.kind = InitReport::kStarted});
    const pid_t program = checked(fork(), "fork");
    if (program == 0) become(job);
    for (const int standard : {0, 1, 2}) close(standard);
    report(wait_for(program));
    return 0;
  } catch (const std::exception&) {
    report({.kind = InitReport::kCannotStart, .status = errno});
    return 1;
  }
}

}  // namespace hone::sandbox
