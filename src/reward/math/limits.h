// What one verdict may cost. Every bound is a number of things, never a clock: a busy machine must not turn a right
// answer into a wrong one.
#pragma once

#include <cstddef>
#include <cstdint>

#include "hone/core/error.h"

namespace hone::math {

inline constexpr size_t kMaxTextBytes = size_t{4} << 20;  ///< of the end of a completion that is searched
inline constexpr size_t kMaxProseBytes = size_t{32}
                                         << 10;  ///< of the end of a text that is searched for an unmarked answer
inline constexpr size_t kMaxAnswerBytes = 8192;
inline constexpr int kMaxTokens = 4096;
inline constexpr int kMaxDepth = 320;         ///< calls of the parser; a pair of braces takes up to five
inline constexpr int kMaxLeaning = 200;       ///< divisions and the like in one answer
inline constexpr size_t kMaxDigits = 2500;    ///< of one literal
inline constexpr size_t kMaxBits = 8192;      ///< of an exact numerator or denominator
inline constexpr int64_t kMaxUnits = 150000;  ///< of Work for one verdict
inline constexpr size_t kMaxElements = 256;   ///< of a list, a set or a matrix

/// Counts work down; about ten nanoseconds a unit. Throws Error when nothing is left.
class Work {
 public:
  explicit Work(int64_t units = kMaxUnits) : left_(units) {}

  void spend(int64_t units = 1) {
    left_ -= units;
    if (left_ < 0) throw Error(ErrorKind::kFailed, "too much work");
  }
  bool exhausted() const { return left_ < 0; }

 private:
  int64_t left_;
};

}  // namespace hone::math
