#include "hone/dist/launcher.h"

#include <poll.h>
#include <sched.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>

#include "dist/rank_process.h"
#include "dist/store.h"
#include "hone/core/error.h"
#include "hone/core/log.h"
#include "hone/dist/process_group.h"

namespace hone::dist {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

// The others see that a rank is lost and end by themselves, having said so and noted it in the run's state.
constexpr seconds kGrace{3};
// Whoever stops a rank stops the run; a person who looks at it for a moment does not.
constexpr double kMostStoppedSeconds = 3;
constexpr milliseconds kTick{500};
constexpr int64_t kDefaultPort = 29500;

// Signals as something to wait for; ranks get the mask from before.
class Signals {
 public:
  Signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGUSR1}) sigaddset(&set, signal);
    ::sigprocmask(SIG_BLOCK, &set, &before_);
    descriptor_ = ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (descriptor_ < 0) throw_failed({.what = "no signalfd", .place = "launch"});
  }
  ~Signals() {
    ::close(descriptor_);
    ::sigprocmask(SIG_SETMASK, &before_, nullptr);
  }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  int descriptor() const { return descriptor_; }
  const sigset_t& mask_of_ranks() const { return before_; }
  /// The signals that came, SIGCHLD left out.
  std::vector<int> take() const {
    std::vector<int> out;
    signalfd_siginfo info{};
    while (::read(descriptor_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      if (info.ssi_signo != SIGCHLD) out.push_back(static_cast<int>(info.ssi_signo));
    }
    return out;
  }

 private:
  int descriptor_ = -1;
  sigset_t before_{};
};

// Cores for each rank, unless the environment says how many.
std::string threads_of_rank(int64_t ranks) {
  if (const auto set = environment_variable("OMP_NUM_THREADS")) return *set;
  cpu_set_t cores;
  const int64_t count = ::sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
  return std::to_string(std::max<int64_t>(1, count / ranks));
}

struct Failure {
  std::string message;
  int exit_code = 1;
};

// All ranks of this machine from their start to their end.
class Attempt {
 public:
  Attempt(const LaunchRequest& request, const Signals& signals, c10d::Store* store, int64_t restarts)
      : signals_(signals), store_(store), restarts_(restarts) {
    const std::string threads = threads_of_rank(request.ranks_per_node);
    for (int64_t local = 0; local < request.ranks_per_node; ++local) {
      const int64_t rank = request.node * request.ranks_per_node + local;
      ranks_.push_back(std::make_unique<RankProcess>(
          RankStart{.rank = rank,
                    .arguments = request.arguments,
                    .variables = {{"RANK", std::to_string(rank)},
                                  {"WORLD_SIZE", std::to_string(request.nodes * request.ranks_per_node)},
                                  {"LOCAL_RANK", std::to_string(local)},
                                  {"LOCAL_WORLD_SIZE", std::to_string(request.ranks_per_node)},
                                  {"GROUP_RANK", std::to_string(request.node)},
                                  {"MASTER_ADDR", request.address},
                                  {"MASTER_PORT", std::to_string(request.port)},
                                  {"TORCHELASTIC_USE_AGENT_STORE", "True"},
                                  {"TORCHELASTIC_RESTART_COUNT", std::to_string(restarts)},
                                  {"OMP_NUM_THREADS", threads}},
                    .shows_output = rank == 0,
                    .signal_mask = signals.mask_of_ranks()}));
    }
  }

  /// Waits until all have ended.
  void run() {
    while (std::ranges::any_of(ranks_, [](const auto& r) { return r->running(); })) {
      wait_for_something();
      for (const int signal : signals_.take()) pass_on(signal);
      for (const auto& rank : ranks_) {
        const bool ran = rank->running();
        rank->update();
        if (ran && !rank->running()) note_end(*rank);
        if (rank->running() && rank->stopped_seconds() > kMostStoppedSeconds)
          fail(*rank, "is stopped and answers nothing", 1);
      }
      if (failure_ && Clock::now() > deadline_) {
        for (const auto& rank : ranks_) rank->kill_group();
      }
    }
  }

  const std::optional<Failure>& failure() const { return failure_; }
  /// The signal that ended it as asked, or 0.
  int stopped_by() const { return stopped_by_; }
  bool asked_to_stop() const { return stop_ != 0; }

 private:
  void wait_for_something() const {
    std::vector<pollfd> files = {{signals_.descriptor(), POLLIN, 0}};
    for (const auto& rank : ranks_) {
      if (rank->running() && rank->output() >= 0) files.push_back({rank->output(), POLLIN, 0});
    }
    ::poll(files.data(), files.size(), static_cast<int>(kTick.count()));
  }

  void pass_on(int signal) {
    if (signal == SIGHUP) signal = SIGTERM;  // the terminal is gone: save and stop
    if (signal != SIGUSR1) stop_ = signal;
    for (const auto& rank : ranks_) rank->send(signal);
  }

  void note_end(const RankProcess& rank) {
    const int code = *rank.exit_code();
    if (code == 0) return;
    if (stop_ != 0 && code == 128 + stop_) {
      stopped_by_ = stop_;
    } else {
      fail(rank, rank.end(), code);
    }
  }

  // The first rank counts: the others fail because of it.
  void fail(const RankProcess& rank, const std::string& how, int exit_code) {
    if (failure_) return;
    failure_ = {fmt::format("rank {} (process {}) {}; it did last: {}", rank.rank(), rank.pid(), how, phase(rank)),
                exit_code};
    log_info("launch: " + failure_->message);
    deadline_ = Clock::now() + kGrace;
  }

  std::string phase(const RankProcess& rank) const {
    if (store_ == nullptr) return "(node 0 knows)";
    const std::string key = phase_key(restarts_, rank.rank());
    return store_->check({key}) ? store_->get_to_str(key) : "start";
  }

  const Signals& signals_;
  c10d::Store* store_;
  const int64_t restarts_;
  std::vector<std::unique_ptr<RankProcess>> ranks_;
  int stop_ = 0, stopped_by_ = 0;
  std::optional<Failure> failure_;
  Clock::time_point deadline_;
};

void check(const LaunchRequest& request) {
  HONE_CHECK(request.node < request.nodes, .what = "--node-rank", .got = std::to_string(request.node),
             .expected = fmt::format("less than --nnodes {}", request.nodes));
  HONE_CHECK(request.nodes == 1 || request.max_restarts == 0, .what = "--max-restarts works on one node only so far",
             .got = fmt::format("--nnodes {}", request.nodes),
             .hint = "start the job again: a run goes on from its last checkpoint");
}

// What ran in vain would run in vain again: a bad config, or a guard that stopped it.
bool may_help_again(const Failure& failure) {
  return failure.exit_code != static_cast<int>(ErrorKind::kInput) &&
         failure.exit_code != static_cast<int>(ErrorKind::kGuard);
}

}  // namespace

int launch(const LaunchRequest& asked) {
  check(asked);
  LaunchRequest request = asked;
  const Signals signals;  // before the store starts a thread, which inherits the mask
  c10::intrusive_ptr<c10d::Store> store;
  if (request.nodes > 1 && request.port == 0) request.port = kDefaultPort;
  if (request.node == 0) store = host_store(request.address, request.port);
  for (int64_t restarts = 0;; ++restarts) {
    Attempt attempt(request, signals, store.get(), restarts);
    attempt.run();
    if (!attempt.failure()) return attempt.stopped_by() != 0 ? 128 + attempt.stopped_by() : 0;
    const Failure& failure = *attempt.failure();
    if (restarts == request.max_restarts || attempt.asked_to_stop() || !may_help_again(failure))
      return failure.exit_code;
    log_info(fmt::format("launch: starts all ranks again, {} of {} times", restarts + 1, request.max_restarts));
  }
}

}  // namespace hone::dist
