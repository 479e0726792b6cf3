// What the tests of the maths verifier share: the tables, short forms of a verdict, the CPU time that something takes.
#pragma once

#include <gtest/gtest.h>
#include <time.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "hone/reward/math.h"

namespace hone::test {

using nlohmann::json;

/// The rows of a JSON Lines file.
inline std::vector<json> rows(const std::filesystem::path& path) {
  std::vector<json> out;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (!line.empty()) out.push_back(json::parse(line));
  }
  EXPECT_FALSE(out.empty()) << path;
  return out;
}

inline std::filesystem::path fixture(const std::string& name) {
  return std::filesystem::path(HONE_SOURCE_DIR) / "tests/fixtures" / name;
}

/// The folder of the shared data sets; it need not exist.
inline std::filesystem::path shared_data() {
  const char* const folder = std::getenv("HONE_SHARED_DATA");
  return folder != nullptr ? std::filesystem::path(folder) : std::filesystem::path(HONE_SOURCE_DIR) / "../shared/data";
}

inline bool bare_right(std::string_view gold, std::string_view pred, const MathOptions& options = {}) {
  return compare_answers(gold, pred, options).right();
}
inline bool boxed_right(std::string_view gold, std::string_view pred) {
  return verify_math("\\boxed{" + std::string(pred) + "}", gold).right();
}

/// Milliseconds of this thread on a processor: other processes do not count.
inline double cpu_ms() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) * 1e-6;
}

inline constexpr double kMaxVerdictMs = 50;

}  // namespace hone::test

/// Skips the test where the shared data are not there.
#define HONE_NEED_SHARED_DATA()                                                                        \
  do {                                                                                                 \
    if (!std::filesystem::exists(::hone::test::shared_data()))                                         \
      GTEST_SKIP() << "no shared data at " << ::hone::test::shared_data() << "; set HONE_SHARED_DATA"; \
  } while (false)
