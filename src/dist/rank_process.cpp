#include "dist/rank_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>

#include "hone/core/error.h"

namespace hone::dist {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void throw_errno(const char* what) {
  throw_failed({.what = fmt::format("{}: {}", what, std::strerror(errno)), .place = "launch"});
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (std::string& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

// The launcher's environment with these variables.
std::vector<std::string> make_environment(const std::map<std::string, std::string>& variables) {
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!variables.contains(text.substr(0, text.find('=')))) out.push_back(text);
  }
  for (const auto& [name, value] : variables) out.push_back(name + "=" + value);
  return out;
}

// Between fork and exec: only calls that are safe there.
[[noreturn]] void become_rank(char** argv, char** environment, const RankStart& start, int output, pid_t launcher) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != launcher) ::_exit(1);  // it has died meanwhile
  const int nothing = ::open("/dev/null", O_RDONLY);
  ::dup2(nothing, STDIN_FILENO);
  if (output >= 0) ::dup2(output, STDOUT_FILENO), ::dup2(output, STDERR_FILENO);
  ::sigprocmask(SIG_SETMASK, &start.signal_mask, nullptr);
  ::execve("/proc/self/exe", argv, environment);
  ::_exit(127);
}

}  // namespace

RankProcess::RankProcess(const RankStart& start) : rank_(start.rank) {
  std::vector<std::string> words = start.arguments, environment = make_environment(start.variables);
  words.insert(words.begin(), "hone");
  std::vector<char*> argv = pointers(words), variables = pointers(environment);
  std::array<int, 2> pipe = {-1, -1};
  if (!start.shows_output && ::pipe2(pipe.data(), O_CLOEXEC) != 0) throw_errno("no pipe for a rank");
  const pid_t launcher = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) become_rank(argv.data(), variables.data(), start, pipe[1], launcher);
  const int error = errno;
  if (pipe[1] >= 0) ::close(pipe[1]);
  output_ = pipe[0];
  if (output_ >= 0) ::fcntl(output_, F_SETFL, O_NONBLOCK);
  if (pid_ < 0) {
    if (output_ >= 0) ::close(output_);
    errno = error;
    throw_errno("a rank cannot be started");
  }
  ::setpgid(pid_, pid_);  // here too: whoever comes first
}

RankProcess::~RankProcess() {
  if (running()) {
    kill_group();
    ::waitpid(pid_, nullptr, 0);
  }
  if (output_ >= 0) ::close(output_);
}

double RankProcess::stopped_seconds() const {
  return stopped_ ? std::chrono::duration<double>(Clock::now() - *stopped_).count() : 0.0;
}

void RankProcess::update() {
  if (!running()) return;
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WSTOPPED | WCONTINUED | WNOHANG | WNOWAIT) != 0) {
    throw_errno("waitid");
  }
  const bool ended =
      info.si_pid != 0 && (info.si_code == CLD_EXITED || info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED);
  if (ended) kill_group();  // its number is still taken, so this reaches its own children and nobody else
  show_output();
  if (info.si_pid == 0) return;
  int status = 0;
  ::waitpid(pid_, &status, WNOHANG | WUNTRACED | WCONTINUED);
  if (WIFEXITED(status)) {
    exit_code_ = WEXITSTATUS(status);
    end_ = fmt::format("ended with exit code {}", *exit_code_);
  } else if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    exit_code_ = 128 + signal;
    end_ = fmt::format("was killed by signal {} ({})", signal, ::strsignal(signal));
  } else {
    stopped_ = WIFSTOPPED(status) ? std::optional(Clock::now()) : std::nullopt;
  }
  if (!running() && !line_.empty()) fmt::print(stderr, "[rank {}] {}\n", rank_, line_);
}

void RankProcess::show_output() {
  if (output_ < 0) return;
  std::array<char, 4096> buffer{};
  for (ssize_t n = 0; (n = ::read(output_, buffer.data(), buffer.size())) > 0;) {
    line_.append(buffer.data(), static_cast<size_t>(n));
    for (size_t end = 0; (end = line_.find('\n')) != std::string::npos; line_.erase(0, end + 1)) {
      fmt::print(stderr, "[rank {}] {}\n", rank_, std::string_view(line_).substr(0, end));
    }
  }
}

void RankProcess::send(int signal) const {
  HONE_ASSERT(pid_ > 1);
  if (running()) ::kill(pid_, signal);
}

void RankProcess::kill_group() const {
  HONE_ASSERT(pid_ > 1);
  if (running()) ::killpg(pid_, SIGKILL);
}

}  // namespace hone::dist
