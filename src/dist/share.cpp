#include "hone/dist/share.h"

#include <algorithm>

#include "hone/core/error.h"

namespace hone::dist {

Share share_of(int64_t count, int64_t rank, int64_t size) {
  HONE_ASSERT(0 <= rank && rank < size && count >= 0);
  const auto begin_of = [&](int64_t r) { return count / size * r + std::min(r, count % size); };
  return {begin_of(rank), begin_of(rank + 1)};
}

Share share_of(const std::vector<int64_t>& offsets, int64_t rank, int64_t size) {
  HONE_ASSERT(0 <= rank && rank < size && !offsets.empty());
  const double whole = static_cast<double>(offsets.back() - offsets.front());
  // The item boundary nearest to the rank's part of the whole.
  const auto begin_of = [&](int64_t r) {
    if (r == size) return static_cast<int64_t>(offsets.size()) - 1;
    const double wanted =
        static_cast<double>(offsets.front()) + whole * static_cast<double>(r) / static_cast<double>(size);
    const auto distance = [&](int64_t offset) { return std::abs(static_cast<double>(offset) - wanted); };
    auto at = std::lower_bound(offsets.begin(), offsets.end(), wanted,
                               [](int64_t offset, double value) { return static_cast<double>(offset) < value; });
    if (at == offsets.end() || (at != offsets.begin() && distance(*(at - 1)) <= distance(*at))) --at;
    return static_cast<int64_t>(at - offsets.begin());
  };
  return {rank == 0 ? 0 : begin_of(rank), begin_of(rank + 1)};
}

int64_t piece_size(int64_t count, int64_t size) {
  HONE_ASSERT(count >= 0 && size > 0);
  const int64_t even = (count + size - 1) / size;
  return (even + kPieceAlignment - 1) / kPieceAlignment * kPieceAlignment;
}

Share piece_of(int64_t count, int64_t rank, int64_t size) {
  const int64_t piece = piece_size(count, size);
  return {std::min(count, rank * piece), std::min(count, (rank + 1) * piece)};
}

}  // namespace hone::dist
