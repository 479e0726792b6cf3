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

/// Elements cut into one piece a rank, equal but for the end, at multiples of kPieceAlignment: what a vector loop does
/// to an element does not depend on the number of ranks then.
inline constexpr int64_t kPieceAlignment = 64;
int64_t piece_size(int64_t count, int64_t size);
/// Those of piece number `rank`; none where the others have taken all.
Share piece_of(int64_t count, int64_t rank, int64_t size);

}  // namespace hone::dist
