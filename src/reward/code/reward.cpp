#include <algorithm>
#include <memory>
#include <stdexcept>

#include "hone/reward/code.h"
#include "reward/code/task.h"
#include "reward/make_reward.h"

namespace hone {

RewardFunction make_reward(const CodeReward& config, const Context&) {
  const auto judge = std::make_shared<const CodeJudge>(config);
  return [judge, partial = config.partial_credit](const Prompt& prompt, const Completion& completion) -> RewardResult {
    const CodeVerdict verdict = judge->judge(prompt.record, completion.text);
    if (verdict.status == CodeStatus::kOk) return right();
    const std::string reason = fmt::format("{}: {}", to_string(verdict.status), verdict.reason);
    if (verdict.status == CodeStatus::kSandboxError) return unusable(reason);
    RewardResult result = wrong(reason);
    if (partial) {
      result.value = static_cast<double>(verdict.passed) / static_cast<double>(std::max<int64_t>(verdict.total, 1));
    }
    return result;
  };
}

std::optional<std::string> record_problem(const CodeReward&, const Prompt& prompt) {
  try {
    code::read_task(prompt.record);
    return std::nullopt;
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
}

}  // namespace hone
