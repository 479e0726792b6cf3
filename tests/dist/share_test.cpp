#include "hone/dist/share.h"

#include <gtest/gtest.h>

#include "hone/core/random.h"

namespace hone::dist {
namespace {

TEST(Share, CoversAllOnceInOrder) {
  for (int64_t size = 1; size <= 5; ++size) {
    for (int64_t count = 0; count <= 12; ++count) {
      int64_t next = 0;
      for (int64_t rank = 0; rank < size; ++rank) {
        const Share share = share_of(count, rank, size);
        EXPECT_EQ(share.begin, next);
        EXPECT_GE(share.end - share.begin, count / size);
        EXPECT_LE(share.end - share.begin, count / size + 1);
        next = share.end;
      }
      EXPECT_EQ(next, count);
    }
  }
}

TEST(Share, OfItemsWithSizesIsEven) {
  RandomStream random(3, RandomPurpose::kTest);
  for (int round = 0; round < 200; ++round) {
    constexpr int64_t kLargest = 20;
    std::vector<int64_t> offsets = {0};
    for (uint64_t items = random.next_below(40); items > 0; --items) {
      offsets.push_back(offsets.back() + static_cast<int64_t>(random.next_below(kLargest + 1)));
    }
    const auto size = static_cast<int64_t>(random.next_below(5)) + 1;
    int64_t next = 0;
    for (int64_t rank = 0; rank < size; ++rank) {
      const Share share = share_of(offsets, rank, size);
      ASSERT_EQ(share.begin, next);
      ASSERT_GE(share.end, share.begin);
      next = share.end;
      const int64_t sum = offsets[static_cast<size_t>(share.end)] - offsets[static_cast<size_t>(share.begin)];
      EXPECT_LE(sum, offsets.back() / size + kLargest + 1);
    }
    EXPECT_EQ(next, static_cast<int64_t>(offsets.size()) - 1);
  }
}

}  // namespace
}  // namespace hone::dist
