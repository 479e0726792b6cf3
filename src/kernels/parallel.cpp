#include "hone/kernels/parallel.h"

#include <ATen/Parallel.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace hone::kernels {
namespace {

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

thread_local bool in_loop = false;

class Pool {
 public:
  ~Pool() {
    stop_ = true;
    wake();
    for (std::thread& worker : workers_) worker.join();
  }

  void run(int64_t n, int64_t chunk, int threads, ParallelBody body, const void* context) {
    while (static_cast<int>(workers_.size()) < threads - 1) {
      workers_.emplace_back([this, index = static_cast<int>(workers_.size())] { work(index); });
    }
    const int64_t chunks = (n + chunk - 1) / chunk;
    // Closed first: a thread that still reads the fields of the loop before must not claim with those of this one.
    claims_ = loop_ << kIndexBits | kClosed;
    body_ = body;
    context_ = context;
    n_ = n;
    chunk_ = chunk;
    helpers_ = threads - 1;
    done_ = 0;
    loop_ = (loop_ + 1) & kIndexMask;
    claims_ = loop_ << kIndexBits;
    wake();
    take_chunks(loop_);
    for (int64_t spun = 0; done_ < chunks; ++spun) {
      spun < kPatience ? pause() : static_cast<void>(sched_yield());
    }
    if (failed_) {
      failed_ = false;
      std::rethrow_exception(std::exchange(error_, nullptr));
    }
  }

 private:
  // `claims_` holds the number of the loop and, below it, its next chunk: a claim succeeds only in the loop that the
  // claimer has read, so a thread that comes late takes nothing of the next one by mistake.
  static constexpr int kIndexBits = 32;
  static constexpr uint64_t kIndexMask = (uint64_t{1} << kIndexBits) - 1;
  static constexpr uint64_t kClosed = kIndexMask;
  static constexpr int64_t kSpins = 2000;  // some 50 microseconds; a sleeping thread needs about as long to wake
  // Some 2.5 milliseconds: who yields to another program gets its core back only after that one's time slice.
  static constexpr int64_t kPatience = 100'000;

  void take_chunks(uint64_t loop) {
    const ParallelBody body = body_;
    const void* const context = context_;
    const int64_t n = n_, chunk = chunk_;
    for (uint64_t claim = claims_; claim >> kIndexBits == loop;) {
      const uint64_t index = claim & kIndexMask;
      const int64_t begin = static_cast<int64_t>(index) * chunk;
      if (index == kClosed || begin >= n) return;
      if (!claims_.compare_exchange_weak(claim, claim + 1)) continue;
      call(body, context, begin, std::min(n, begin + chunk));
      ++done_;
      ++claim;
    }
  }

  void call(ParallelBody body, const void* context, int64_t begin, int64_t end) {
    in_loop = true;
    try {
      body(context, begin, end);
    } catch (...) {
      const std::lock_guard lock(error_mutex_);
      if (!failed_.exchange(true)) error_ = std::current_exception();
    }
    in_loop = false;
  }

  void work(int index) {
    uint64_t seen = 0;
    while (!stop_) {
      const uint64_t loop = wait_for_loop(seen);
      if (loop == seen) continue;
      seen = loop;
      if (index < helpers_) take_chunks(loop);
    }
  }

  // Spins for a while, then sleeps until a loop starts. May return `seen`.
  uint64_t wait_for_loop(uint64_t seen) {
    const auto loop = [this] { return claims_.load() >> kIndexBits; };
    for (int64_t spun = 0; spun < kSpins; ++spun) {
      if (loop() != seen) return loop();
      pause();
    }
    const uint32_t ticket = wakes_.load();
    ++sleeping_;
    if (loop() == seen && !stop_) wakes_.wait(ticket);
    --sleeping_;
    return loop();
  }

  void wake() {
    if (sleeping_.load() == 0 && !stop_) return;
    ++wakes_;
    wakes_.notify_all();
  }

  std::vector<std::thread> workers_;
  std::atomic<uint64_t> claims_{0};
  std::atomic<ParallelBody> body_{nullptr};
  std::atomic<const void*> context_{nullptr};
  std::atomic<int64_t> n_{0}, chunk_{1}, done_{0};
  std::atomic<int> helpers_{0}, sleeping_{0};
  std::atomic<uint32_t> wakes_{0};
  std::atomic<bool> stop_{false}, failed_{false};
  std::mutex error_mutex_;
  std::exception_ptr error_;
  uint64_t loop_ = 0;
};

int& thread_count() {
  static int count = [] {
    const int threads = at::get_num_threads();
    at::set_num_threads(1);
    return threads;
  }();
  return count;
}

}  // namespace

int num_threads() {
  return thread_count();
}

void set_num_threads(int threads) {
  thread_count() = threads;
}

void run_parallel(int64_t n, int64_t grain, ParallelBody body, const void* context) {
  constexpr int64_t kChunksEach = 4;  // small enough to even out, large enough to be worth a claim
  if (n <= 0) return;
  const int threads = thread_count();
  const int64_t chunk = std::max(grain, (n + kChunksEach * threads - 1) / (kChunksEach * threads));
  if (threads == 1 || chunk >= n || in_loop) return body(context, 0, n);
  static Pool pool;
  pool.run(n, chunk, threads, body, context);
}

}  // namespace hone::kernels
