// Which part of a job is a rank's: contiguous, in the order of ranks. Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <vector>

namespace hone::dist {

/// Items begin .. end - 1.
struct Share {
  int64_t begin = 0, end = 0;
};

/// Of `count` items: sizes differ by one at most.
Share share_of(int64_t count, int64_t rank, int64_t size);

/// Of items with sizes, item i lying in offsets[i] .. offsets[i+1]: sums differ by about one item at most.
Share share_of(const std::vector<int64_t>& offsets, int64_t rank, int64_t size);

}  // namespace hone::dist
