#include "reward/sandbox/supervisor_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>

#include "reward/embedded.h"
#include "reward/sandbox/messages.h"

namespace hone {
namespace {

using sandbox::Descriptor;

bool send_request(const Descriptor& control, const Descriptor& request, const Descriptor& answer) {
  char kind = 0;
  iovec part{&kind, 1};
  alignas(cmsghdr) char buffer[CMSG_SPACE(2 * sizeof(int))]{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = buffer;
  message.msg_controllen = sizeof buffer;
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(2 * sizeof(int));
  const int descriptors[] = {request.get(), answer.get()};
  std::memcpy(CMSG_DATA(header), descriptors, sizeof descriptors);
  ssize_t sent = 0;
  do {
    sent = sendmsg(control.get(), &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent == 1;
}

std::optional<std::string> read_answer(const Descriptor& socket) {
  std::string bytes;
  char buffer[65536];
  while (true) {
    const ssize_t n = recv(socket.get(), buffer, sizeof buffer, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::nullopt;
    if (n == 0) break;
    bytes.append(buffer, static_cast<size_t>(n));
  }
  if (bytes.empty()) return std::nullopt;
  return bytes;
}

}  // namespace

Sandbox::Supervisor::Supervisor(std::string bubblewrap, int64_t jobs)
    : bubblewrap_(std::move(bubblewrap)), jobs_(jobs) {
  start();
}

Sandbox::Supervisor::~Supervisor() {
  if (getpid() != owner_) return;
  shutdown(control_.get(), SHUT_RDWR);  // it ends all boxes and goes, also when a forked child holds the socket, too
  reap();
}

void Sandbox::Supervisor::start() {
  auto [here, there] = sandbox::make_socket_pair(SOCK_SEQPACKET);
  const Descriptor program = sandbox::memory_file(embedded::sandbox_program(), /*executable=*/true);
  // Executed instead of merely forked: it starts without the memory and threads of this process, whatever runs here.
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (const int standard : {0, 1, 2}) posix_spawn_file_actions_addopen(&actions, standard, "/dev/null", O_RDWR, 0);
  posix_spawn_file_actions_adddup2(&actions, there.get(), sandbox::kControlDescriptor);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  // A session of its own: the interrupt key of a terminal is for the caller, whose end is noticed anyway.
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  const std::string path = "/proc/self/fd/" + std::to_string(program.get()), jobs = std::to_string(jobs_);
  const char* const arguments[] = {"hone-sandbox", "supervise", bubblewrap_.c_str(), jobs.c_str(), nullptr};
  char* const environment[] = {nullptr};
  const int error =
      posix_spawn(&process_, path.c_str(), &actions, &attributes, const_cast<char**>(arguments), environment);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    process_ = -1;
    throw std::system_error(error, std::generic_category(), "start the sandbox supervisor");
  }
  control_ = std::move(here);
  owner_ = getpid();
}

void Sandbox::Supervisor::replace() {
  control_.reset();
  if (process_ > 0) kill(process_, SIGKILL);
  reap();
  start();
}

void Sandbox::Supervisor::reap() {
  if (process_ > 0) {
    while (waitpid(process_, nullptr, 0) < 0 && errno == EINTR) continue;
  }
  process_ = -1;
}

std::optional<std::string> Sandbox::Supervisor::ask(const std::string& request) {
  Descriptor answer;
  pid_t asked = -1;
  {
    const Descriptor file = sandbox::memory_file(request);
    const std::lock_guard lock(mutex_);
    for (int attempt = 0; attempt < 2; ++attempt) {
      auto [here, there] = sandbox::make_socket_pair(SOCK_STREAM);
      if (process_ > 0 && send_request(control_, file, there)) {
        answer = std::move(here);
        asked = process_;
        break;
      }
      replace();
    }
  }
  if (!answer) return std::nullopt;
  auto bytes = read_answer(answer);
  if (!bytes) {
    // A dying process closes its sockets one after another: until it is gone, its control socket may still take the
    // next request, which nobody would read.
    const std::lock_guard lock(mutex_);
    if (process_ == asked) replace();
  }
  return bytes;
}

int Sandbox::Supervisor::pid() {
  const std::lock_guard lock(mutex_);
  return process_;
}

}  // namespace hone
