#include "hone/kernels/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

namespace hone::kernels {
namespace {

constexpr int64_t kHeavy = 100'000;  // work of a piece that is worth a thread

class Parallel : public ::testing::Test {
 protected:
  ~Parallel() override { set_num_threads(before_); }
  const int before_ = num_threads();
};

TEST_F(Parallel, EveryPieceOnceForAnyThreadCount) {
  for (const int threads : {1, 2, 3, 8}) {
    set_num_threads(threads);
    for (const int64_t n : {0, 1, 2, 7, 64, 1001}) {
      std::vector<int> seen(static_cast<size_t>(n));
      parallel(n, kHeavy, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) ++seen[static_cast<size_t>(i)];
      });
      EXPECT_EQ(seen, std::vector<int>(static_cast<size_t>(n), 1)) << threads << " threads, " << n;
    }
  }
}

// Loops of changing sizes and bodies in close succession: a thread that comes late must not touch the next loop.
TEST_F(Parallel, LateThreadsTakeNothingOfTheNextLoop) {
  set_num_threads(4);
  for (int64_t round = 0; round < 20'000; ++round) {
    const int64_t n = 1 + round * 7 % 33;
    std::atomic<int64_t> sum{0};
    parallel(n, kHeavy, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) sum += i + round;
    });
    ASSERT_EQ(sum, n * (n - 1) / 2 + n * round);
  }
}

TEST_F(Parallel, AnExceptionComesOutAndTheNextLoopRuns) {
  set_num_threads(3);
  for (int round = 0; round < 100; ++round) {
    EXPECT_THROW(parallel(50, kHeavy,
                          [&](int64_t begin, int64_t) {
                            if (begin >= 20) throw std::runtime_error("no");
                          }),
                 std::runtime_error);
    std::atomic<int64_t> count{0};
    parallel(50, kHeavy, [&](int64_t begin, int64_t end) { count += end - begin; });
    EXPECT_EQ(count, 50);
  }
}

TEST_F(Parallel, ALoopInsideALoopRunsInItsThread) {
  set_num_threads(4);
  std::atomic<int64_t> count{0};
  parallel(16, kHeavy, [&](int64_t begin, int64_t end) {
    const auto thread = std::this_thread::get_id();
    for (int64_t i = begin; i < end; ++i) {
      parallel(10, kHeavy, [&](int64_t b, int64_t e) {
        EXPECT_EQ(std::this_thread::get_id(), thread);
        count += e - b;
      });
    }
  });
  EXPECT_EQ(count, 160);
}

}  // namespace
}  // namespace hone::kernels
