#include "hone/reward/math.h"

#include <fmt/format.h>

#include "reward/make_reward.h"

namespace hone {

RewardFunction make_reward(const MathReward& config, const Context&) {
  return [config](const Prompt& prompt, const Completion& completion) -> RewardResult {
    const auto golds = prompt.record.list("answer").value_or(std::vector<std::string>{});
    MathVerdict verdict = verify_math(completion.text, golds, config);
    if (verdict.verdict == Verdict::kUnusable) return unusable(std::move(verdict.reason));
    return {verdict.right() ? 1.0 : 0.0, verdict.verdict, std::move(verdict.reason), std::move(verdict.answer)};
  };
}

// Both ways round, as the gold's form decides what may be left out.
bool same_answer(const MathReward& config, const std::string& a, const std::string& b) {
  return a == b || compare_answers(a, b, config).right() || compare_answers(b, a, config).right();
}

std::optional<std::string> record_problem(const MathReward& config, const Prompt& prompt) {
  const auto golds = prompt.record.list("answer");
  if (!golds || golds->empty()) return "the record has no answer";
  for (const std::string& gold : *golds) {
    const MathVerdict verdict = compare_answers(gold, gold, config);
    if (!verdict.right()) return fmt::format("the answer '{}' does not equal itself: {}", gold, verdict.reason);
  }
  return std::nullopt;
}

}  // namespace hone
