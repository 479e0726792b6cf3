// The reward `judge`: a chat model behind an OpenAI-compatible endpoint grades a completion. docs/rewards_models.md
// holds the rule.
#pragma once

#include "hone/reward/reward.h"

namespace hone {

/// The function may be called from several threads at once, and each call waits for its own request. Throws Error
/// kInput where the parameters contradict each other, the key is not in the environment or the cache cannot be read.
RewardFunction judge_reward(const JudgeReward& config);

}  // namespace hone
