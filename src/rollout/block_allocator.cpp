#include "hone/rollout/block_allocator.h"

#include "hone/core/error.h"

namespace hone {

BlockAllocator::BlockAllocator(int64_t blocks) : references_(static_cast<size_t>(blocks)) {
  for (int64_t block = blocks - 1; block >= 0; --block) free_.push_back(static_cast<int32_t>(block));
}

int32_t BlockAllocator::allocate() {
  HONE_ASSERT(!free_.empty());
  const int32_t block = free_.back();
  free_.pop_back();
  references_[static_cast<size_t>(block)] = 1;
  return block;
}

void BlockAllocator::share(int32_t block) {
  HONE_ASSERT(references_[static_cast<size_t>(block)] > 0);
  ++references_[static_cast<size_t>(block)];
}

void BlockAllocator::release(int32_t block) {
  int32_t& references = references_[static_cast<size_t>(block)];
  HONE_ASSERT(references > 0);
  if (--references == 0) free_.push_back(block);
}

}  // namespace hone
