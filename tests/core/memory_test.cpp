#include "hone/core/memory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <vector>

namespace hone {
namespace {

int64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  int64_t all = 0, resident = 0;
  file >> all >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

TEST(Memory, FreedHeapGoesBackToTheSystem) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer has a heap of its own";
#endif
  std::vector<std::string> blocks;
  for (int i = 0; i < 8192; ++i) blocks.emplace_back(4096, 'x');
  const std::string last(4096, 'y');  // after them: the end of the heap does not shrink by itself
  const int64_t full = resident_bytes();
  blocks.clear();
  release_idle_memory();
  EXPECT_LT(resident_bytes(), full - (int64_t{16} << 20));
  EXPECT_EQ(last.back(), 'y');
}

TEST(Memory, ProgramsRunOnWithoutTheirText) {
  for (int i = 0; i < 3; ++i) {
    release_idle_memory();
    EXPECT_EQ(std::to_string(i * 7), std::vector<std::string>({"0", "7", "14"})[static_cast<size_t>(i)]);
  }
}

}  // namespace
}  // namespace hone
