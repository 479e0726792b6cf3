#include "hone/reward/math.h"
#include "reward/make_reward.h"

namespace hone {

RewardFunction make_reward(const MathReward& config, const Context&) {
  return [config](const Prompt& prompt, const Completion& completion) -> RewardResult {
    const auto golds = prompt.record.list("answer").value_or(std::vector<std::string>{});
    MathVerdict verdict = verify_math(completion.text, golds, config);
    if (verdict.verdict == Verdict::kUnusable) return unusable(std::move(verdict.reason));
    return {verdict.right() ? 1.0 : 0.0, verdict.verdict, std::move(verdict.reason)};
  };
}

}  // namespace hone
