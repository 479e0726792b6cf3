#include "hone/core/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <vector>

namespace hone {
namespace {

TEST(ParallelFor, CallsEachOnce) {
  for (const size_t threads : {0, 1, 3, 50}) {
    for (const size_t count : {0, 1, 2, 1000}) {
      std::vector<std::atomic<int>> calls(count);
      parallel_for(count, threads, [&](size_t i) { ++calls[i]; });
      for (const auto& n : calls) ASSERT_EQ(n, 1);
    }
  }
}

// Each call waits for all others, so they can only end side by side.
TEST(ParallelFor, RunsSideBySide) {
  std::mutex mutex;
  std::condition_variable all_here;
  int here = 0;
  parallel_for(4, 4, [&](size_t) {
    std::unique_lock lock(mutex);
    ++here;
    all_here.notify_all();
    all_here.wait(lock, [&] { return here == 4; });
  });
  EXPECT_EQ(here, 4);
}

TEST(ParallelFor, ThrowsOn) {
  for (const size_t threads : {1, 4}) {
    std::atomic<int> calls = 0;
    EXPECT_THROW(parallel_for(100000, threads,
                              [&](size_t i) {
                                ++calls;
                                if (i == 10) throw std::runtime_error("ten");
                              }),
                 std::runtime_error);
    EXPECT_GE(calls, 11);
    EXPECT_LT(calls, 100000);
  }
}

}  // namespace
}  // namespace hone
