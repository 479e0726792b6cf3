// The reward `ifeval`: how many of a record's verifiable instructions a completion follows. Pure; thread-safe.
#pragma once

#include "hone/reward/reward.h"

namespace hone::ifeval {

RewardResult judge(const IfevalReward& config, const Prompt& prompt, const Completion& completion);

}  // namespace hone::ifeval
