// The maths verifier: whether a completion's answer is the gold answer.
//
// A verdict costs a bounded number of steps whatever the input is; nothing is thrown, nothing is random, no clock is
// read. docs/rewards_math.md holds the rule in full. Pure functions; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hone/reward/reward.h"

namespace hone {

using MathOptions = MathReward;

struct MathVerdict {
  /// kUnusable where the gold cannot be read.
  Verdict verdict = Verdict::kWrong;
  std::string reason{};  ///< why, for people; empty when right
  std::string answer{};  ///< the answer as found in the completion, shortened
  bool right() const { return verdict == Verdict::kRight; }
};

/// Finds the answer in `completion` and compares it with `gold`: LaTeX, a number or words, with or without $ ... $; or
/// a solution whose last box, or the text after "####", is the answer.
MathVerdict verify_math(std::string_view completion, std::string_view gold, const MathOptions& options = {});
/// A gold of several values is a list; the order counts only where names (x = 1, y = 2) make it count.
MathVerdict verify_math(std::string_view completion, const std::vector<std::string>& gold,
                        const MathOptions& options = {});

/// Compares two bare answers. Not symmetric: the gold's form decides what may be left out ("x = 5" against "5").
MathVerdict compare_answers(std::string_view gold, std::string_view pred, const MathOptions& options = {});

}  // namespace hone
