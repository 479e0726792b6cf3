#include "line_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>
#include <thread>

extern char** environ;

namespace hone {
namespace {

using Clock = std::chrono::steady_clock;
constexpr size_t kLongestLine = 1 << 20;
constexpr std::chrono::milliseconds kGrace{500};  // from the end of its input to the kill

// Writing to a program that is gone raises SIGPIPE, which must not end us; what the rest of the process does with the
// signal is not ours to change.
class NoBrokenPipeSignal {
 public:
  NoBrokenPipeSignal() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~NoBrokenPipeSignal() {
    const timespec now{};
    if (!was_pending_) ::sigtimedwait(&pipe_, nullptr, &now);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  NoBrokenPipeSignal(const NoBrokenPipeSignal&) = delete;
  NoBrokenPipeSignal& operator=(const NoBrokenPipeSignal&) = delete;

 private:
  sigset_t pipe_{}, before_{};
  bool was_pending_ = false;
};

class SpawnSettings {
 public:
  SpawnSettings(int input, int output) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_adddup2(&actions_, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attributes_);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setpgroup(&attributes_, 0);  // a group of its own, which can be ended as a whole
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  int spawn(pid_t& pid, char* const* argv) const {
    return ::posix_spawnp(&pid, argv[0], &actions_, &attributes_, argv, environ);
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

void close_quietly(int& descriptor) {
  if (descriptor >= 0) ::close(descriptor);
  descriptor = -1;
}

int milliseconds_until(Clock::time_point end) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, 3'600'000));
}

}  // namespace

LineProcess::LineProcess(const std::vector<std::string>& argv) {
  int input[2] = {-1, -1}, output[2] = {-1, -1};
  if (::pipe2(input, O_CLOEXEC) != 0 || ::pipe2(output, O_CLOEXEC) != 0) {
    start_failure_ = fmt::format("cannot start the program: {}", std::strerror(errno));
    close_quietly(input[0]);
    close_quietly(input[1]);
    return;
  }
  std::vector<std::string> words = argv;
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const int error = SpawnSettings(input[0], output[1]).spawn(pid_, pointers.data());
  close_quietly(input[0]);
  close_quietly(output[1]);
  to_ = input[1];
  from_ = output[0];
  if (error != 0) {
    pid_ = -1;
    start_failure_ = fmt::format("cannot start {}: {}", argv[0], std::strerror(error));
    return;
  }
  ::fcntl(to_, F_SETFL, O_NONBLOCK);
  ::fcntl(from_, F_SETFL, O_NONBLOCK);
}

LineProcess::~LineProcess() {
  close_quietly(to_);
  close_quietly(from_);
  if (pid_ < 0) return;
  const auto end = Clock::now() + kGrace;
  while (::waitpid(pid_, nullptr, WNOHANG) == 0) {
    if (Clock::now() > end) {
      ::kill(-pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ::kill(-pid_, SIGKILL);  // what it left behind
}

bool LineProcess::read_some() {
  std::array<char, 65536> buffer;
  const ssize_t n = ::read(from_, buffer.data(), buffer.size());
  if (n > 0) received_.append(buffer.data(), static_cast<size_t>(n));
  return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

bool LineProcess::in_step() {
  if (pid_ >= 0) read_some();
  return received_.empty();
}

std::string LineProcess::how_it_ended() {
  int status = 0;
  for (const auto end = Clock::now() + kGrace; ::waitpid(pid_, &status, WNOHANG) == 0;) {
    if (Clock::now() > end) return "the program closed its standard input or output";
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ::kill(-pid_, SIGKILL);
  pid_ = -1;
  return WIFSIGNALED(status) ? fmt::format("the program was ended by signal {}", WTERMSIG(status))
                             : fmt::format("the program ended with exit code {}", WEXITSTATUS(status));
}

LineAnswer LineProcess::ask(std::string line, std::chrono::duration<double> timeout) {
  if (pid_ < 0) return {.line = {}, .reason = start_failure_};
  const NoBrokenPipeSignal guard;
  const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(timeout);
  line += '\n';
  std::string_view unsent = line;
  for (;;) {
    const size_t at = received_.find('\n');
    if (at != std::string::npos) {
      // An answer before the end of the question leaves bytes that the next one would be taken for.
      if (!unsent.empty()) return {.line = {}, .reason = "the program answered before it had read the question"};
      LineAnswer answer{.line = received_.substr(0, at)};
      received_.erase(0, at + 1);
      return answer;
    }
    if (received_.size() > kLongestLine) return {.line = {}, .reason = "the answer is longer than 1 MiB"};
    if (Clock::now() >= end) {
      ::kill(-pid_, SIGKILL);
      return {.line = {}, .reason = fmt::format("no answer within {} s", timeout.count())};
    }
    pollfd waiting[] = {{from_, POLLIN, 0}, {unsent.empty() ? -1 : to_, POLLOUT, 0}};
    // Interrupted or too late, it leaves no events.
    if (::poll(waiting, 2, milliseconds_until(end)) <= 0) continue;
    if (waiting[1].revents != 0) {
      const ssize_t n = ::write(to_, unsent.data(), unsent.size());
      if (n > 0) unsent.remove_prefix(static_cast<size_t>(n));
      if (n < 0 && errno == EPIPE) return {.line = {}, .reason = how_it_ended(), .ended = true};
    }
    if (waiting[0].revents != 0 && !read_some()) return {.line = {}, .reason = how_it_ended(), .ended = true};
  }
}

}  // namespace hone
