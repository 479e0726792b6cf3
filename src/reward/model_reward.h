// The reward `reward_model`: a sequence classifier scores prompt and completion. docs/rewards_models.md holds the rule.
#pragma once

#include "hone/reward/reward.h"

namespace hone {

/// Loads the model; the function owns it. Calls wait for each other, those of other reward models too, and must not run
/// beside other work on the kernels. Throws Error kInput where the folder is not a reward model or the parameters do
/// not fit it; without a readable tokenizer every result is unusable.
RewardFunction model_reward(const ModelReward& config);

}  // namespace hone
