// Rewards: what a completion is worth.
//
// A reward is a pure function of a prompt's record and a completion: the same bytes give the same number, for any
// bytes, and it may be called from several threads. It says `unusable` where it could not judge (no gold answer, say);
// that part is then left out, never counted as 0. A new type is a struct in reward/config.h and an overload of
// `make_reward` in src/reward/reward.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hone/data/records.h"
#include "hone/reward/config.h"

namespace hone {

enum class Verdict { kNone, kRight, kWrong, kUnusable };
/// "none" (a graded reward), "right", "wrong", "unusable".
std::string_view to_string(Verdict verdict);

struct RewardResult {
  std::optional<double> value;  ///< nothing when unusable
  Verdict verdict = Verdict::kNone;
  std::string reason{};  ///< why, for people: "no answer block"
  bool operator==(const RewardResult&) const = default;
};

using RewardFunction = std::function<RewardResult(const Prompt& prompt, const Completion& completion)>;

/// The rewards of a stage, in the order of the config.
class RewardSet {
 public:
  /// `max_completion_length` in tokens is the length limit where a reward has none of its own. Throws Error kInput for
  /// two rewards of one name and for parameters that contradict each other.
  RewardSet(const std::vector<RewardConfig>& configs, int64_t max_completion_length);

  /// One result per reward.
  std::vector<RewardResult> judge(const Prompt& prompt, const Completion& completion) const;
  /// Fills Completion::reward_parts and Completion::reward, the weighted sum of the usable parts.
  void score(std::vector<RolloutGroup>& groups) const;

  /// The names in metrics: rewards/NAME/mean.
  const std::vector<std::string>& names() const { return names_; }

 private:
  std::vector<std::string> names_;
  std::vector<double> weights_;
  std::vector<RewardFunction> functions_;
};

/// The share of the words of the thinking (of the whole text where there are no tags) that are in `language`; nothing
/// when there are no words. docs/rewards_language.md has the rule.
std::optional<double> language_share(std::string_view completion, RewardLanguage language);

}  // namespace hone
