#include "reward/sandbox/program/supervisor.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <deque>
#include <list>
#include <optional>
#include <set>

#include "reward/sandbox/messages.h"
#include "reward/sandbox/program/box.h"
#include "reward/sandbox/program/filter.h"
#include "reward/sandbox/program/process_tree.h"
#include "reward/sandbox/wire.h"

namespace hone::sandbox {
namespace {

/// A request that came in: its file, and where the answer goes.
struct Waiting {
  Descriptor request, answer;
};

/// A running request.
struct Running {
  Request request;
  Descriptor answer;
  std::list<Box> boxes;
  std::vector<int> slots;
};

/// Hands a whole answer over. The caller reads until the end, so this waits for no one who is alive.
void send_all(const Descriptor& socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0 && errno == EINTR) continue;
    if (n <= 0) return;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

RunResult broken(const std::string& reason) {
  RunResult result;
  result.reason = reason;
  return result;
}

class Supervisor {
 public:
  Supervisor(const std::string& bubblewrap, int jobs) : jobs_(static_cast<size_t>(std::max(jobs, 1))) {
    host_.bubblewrap = bubblewrap;
    host_.places = GroupPlaces::find();
    host_.filter = make_filter();
    host_.trees = can_read_trees();
    host_.processors = std::max(1, static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)));
    remove_stale_groups(host_.places);
    caller_ = Descriptor(static_cast<int>(syscall(SYS_pidfd_open, getppid(), 0)));
    host_.proc = can_make_box();  // containers often forbid a new /proc, and most programs do without
  }

  void run() {
    while (true) {
      std::vector<pollfd> polls{{kControlDescriptor, POLLIN, 0}};
      if (caller_) polls.push_back({caller_.get(), POLLIN, 0});
      auto deadline = Clock::now() + std::chrono::hours(1);
      for (const Running& running : running_) {
        for (const Box& box : running.boxes) {
          if (box.finished()) continue;
          box.add_polls(polls);
          deadline = std::min(deadline, box.deadline());
        }
      }
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
      poll(polls.data(), polls.size(), static_cast<int>(std::max<int64_t>(left, 0)));
      if (polls[0].revents != 0 && !take_requests()) return;
      if (caller_ && polls[1].revents != 0) return;
      for (auto at = running_.begin(); at != running_.end();) at = step(*at) ? running_.erase(at) : std::next(at);
      while (!waiting_.empty() && running_.size() < jobs_) {
        Waiting next = std::move(waiting_.front());
        waiting_.pop_front();
        start(std::move(next));
      }
    }
  }

 private:
  bool can_make_box() {
    Program nothing;
    nothing.command = {kInitPath};  // ends with 2, as it is not told what to do
    Box box(host_, nothing, /*slot=*/0, reopen(memory_file("")));
    while (!box.finished()) {
      std::vector<pollfd> polls;
      box.add_polls(polls);
      poll(polls.data(), polls.size(), 10);
      box.step();
    }
    return box.result().exit_code == 2;
  }

  /// False when the caller has closed the control socket.
  bool take_requests() {
    while (true) {
      char kind;
      alignas(cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))];
      iovec part{&kind, 1};
      msghdr message{};
      message.msg_iov = &part;
      message.msg_iovlen = 1;
      message.msg_control = control;
      message.msg_controllen = sizeof control;
      const ssize_t n = recvmsg(kControlDescriptor, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
      if (n == 0) return false;
      if (n < 0) return errno == EAGAIN || errno == EINTR;
      const cmsghdr* header = CMSG_FIRSTHDR(&message);
      if (header == nullptr || header->cmsg_len != CMSG_LEN(2 * sizeof(int))) continue;
      int descriptors[2];
      std::memcpy(descriptors, CMSG_DATA(header), sizeof descriptors);
      waiting_.push_back({Descriptor(descriptors[0]), Descriptor(descriptors[1])});
    }
  }

  void start(Waiting&& waiting) {
    Running& running = running_.emplace_back();
    running.answer = std::move(waiting.answer);
    try {
      running.request = decode_request(read_whole(waiting.request));
      if (running.request.kind == RequestKind::kDescribe) {
        send_all(running.answer, Writer().texts(describe()).bytes());
      } else {
        start_boxes(running);
        return;
      }
    } catch (const std::exception& error) {
      const size_t n = std::max<size_t>(running.request.programs.size(), 1);
      send_all(running.answer, encode(std::vector<RunResult>(n, broken(error.what()))));
    }
    release(running);
    running_.pop_back();
  }

  void start_boxes(Running& running) {
    std::vector<Descriptor> inputs;
    if (running.request.programs.size() == 2) {
      auto [first, second] = make_socket_pair(SOCK_STREAM);
      inputs.push_back(std::move(first));
      inputs.push_back(std::move(second));
    } else {
      inputs.push_back(reopen(memory_file(running.request.programs.at(0).input)));
    }
    for (size_t i = 0; i < inputs.size(); ++i) {
      int slot = 0;
      while (slots_.count(slot) > 0) ++slot;
      slots_.insert(slot);
      running.slots.push_back(slot);
      running.boxes.emplace_back(host_, running.request.programs[i], slot, std::move(inputs[i]));
    }
  }

  /// True when the request is done and answered.
  bool step(Running& running) {
    bool all = true;
    for (Box& box : running.boxes) {
      box.step();
      all = all && box.finished();
    }
    if (running.boxes.front().finished() && !running.boxes.back().finished()) {
      running.boxes.back().stop(RunStatus::kStopped);
    }
    if (!all) return false;
    std::vector<RunResult> results;
    for (const Box& box : running.boxes) results.push_back(box.result());
    send_all(running.answer, encode(results));
    release(running);
    return true;
  }

  void release(Running& running) {
    running.boxes.clear();
    for (const int slot : running.slots) slots_.erase(slot);
  }

  std::vector<std::string> describe() const {
    return {host_.places.describe(),
            geteuid() == 0 ? "users: each box has one of its own, without rights on this machine"
                           : "users: the boxes run as this user, in user namespaces of their own",
            host_.trees ? "processes: /proc lists children"
                        : "processes: /proc does not list children (CPU time and "
                          "memory of a whole box need cgroups here)",
            host_.proc ? "/proc: a new one in each box" : "/proc: may not be mounted here; the boxes have none"};
  }

  Host host_;
  size_t jobs_;
  Descriptor caller_;
  std::deque<Waiting> waiting_;
  std::list<Running> running_;
  std::set<int> slots_;
};

}  // namespace

int run_supervisor(const std::string& bubblewrap, int jobs) {
  close_range(kControlDescriptor + 1, ~0U, 0);
  // Keeps 4 taken: boxes find their report there, and nothing else may be made at that number.
  const Descriptor null(open("/dev/null", O_RDWR | O_CLOEXEC));
  fcntl(kControlDescriptor, F_SETFD, FD_CLOEXEC);
  prctl(PR_SET_NAME, "hone-sandbox");
  signal(SIGPIPE, SIG_IGN);
  rlimit descriptors{};
  getrlimit(RLIMIT_NOFILE, &descriptors);
  descriptors.rlim_cur = descriptors.rlim_max;
  setrlimit(RLIMIT_NOFILE, &descriptors);
  try {
    Supervisor(bubblewrap, jobs).run();
    return 0;
  } catch (const std::exception& error) {
    return 1;
  }
}

}  // namespace hone::sandbox
