// Hands out the blocks of a KV cache. A block may belong to several sequences (a prompt shared by its group); it is
// free again when the last of them lets go. Not thread-safe.
#pragma once

#include <cstdint>
#include <vector>

namespace hone {

class BlockAllocator {
 public:
  explicit BlockAllocator(int64_t blocks);

  int64_t available() const { return static_cast<int64_t>(free_.size()); }
  int64_t capacity() const { return static_cast<int64_t>(references_.size()); }
  /// A block with one reference: the one freed last, whose memory is warm. At least one must be available.
  int32_t allocate();
  void share(int32_t block);
  void release(int32_t block);

 private:
  std::vector<int32_t> free_;
  std::vector<int32_t> references_;
};

}  // namespace hone
