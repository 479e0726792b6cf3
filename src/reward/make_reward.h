// What every type of reward brings along: an overload of make_reward, and one of find_problem where its parameters can
// be wrong together. A reward that looks at one completion is a RewardFunction, one that looks at a group is a
// GroupReward. Pure functions, but that making one may start programs and throws Error kInput where it cannot.
#pragma once

#include <optional>
#include <string>

#include "hone/reward/reward.h"

namespace hone {

/// What the rewards of a stage take from outside their own sections.
struct Context {
  std::optional<int64_t> max_completion_length;
};

inline RewardResult right() {
  return {1.0, Verdict::kRight};
}
inline RewardResult wrong(std::string reason) {
  return {0.0, Verdict::kWrong, std::move(reason)};
}
inline RewardResult unusable(std::string reason) {
  return {std::nullopt, Verdict::kUnusable, std::move(reason)};
}
inline RewardResult graded(double value) {
  return {value};
}

// answer.cpp
RewardFunction make_reward(const AccuracyReward& config, const Context& context);
RewardFunction make_reward(const ExactMatchReward& config, const Context& context);
// code/reward.cpp
RewardFunction make_reward(const CodeReward& config, const Context& context);
// command.cpp
RewardFunction make_reward(const CommandReward& config, const Context& context);
std::optional<RewardProblem> find_problem(const CommandReward& config, const Context& context);
// countdown.cpp
RewardFunction make_reward(const CountdownReward& config, const Context& context);
// format.cpp
RewardFunction make_reward(const FormatReward& config, const Context& context);
RewardFunction make_reward(const TagCountReward& config, const Context& context);
RewardFunction make_reward(const CodeFormatReward& config, const Context& context);
RewardFunction make_reward(const ReasoningStepsReward& config, const Context& context);
// ifeval/ifeval.cpp
RewardFunction make_reward(const IfevalReward& config, const Context& context);
// judge_reward.cpp
RewardFunction make_reward(const JudgeReward& config, const Context& context);
// language.cpp
RewardFunction make_reward(const LanguageConsistencyReward& config, const Context& context);
// length.cpp
RewardFunction make_reward(const SoftOverlongReward& config, const Context& context);
std::optional<RewardProblem> find_problem(const SoftOverlongReward& config, const Context& context);
GroupReward make_reward(const CosineReward& config, const Context& context);
std::optional<RewardProblem> find_problem(const CosineReward& config, const Context& context);
GroupReward make_reward(const LengthReward& config, const Context& context);
GroupReward make_reward(const LengthTargetReward& config, const Context& context);
// math/reward.cpp
RewardFunction make_reward(const MathReward& config, const Context& context);
// model_reward.cpp
RewardFunction make_reward(const ModelReward& config, const Context& context);
// multiple_choice.cpp
RewardFunction make_reward(const MultipleChoiceReward& config, const Context& context);
// regex.cpp
RewardFunction make_reward(const RegexReward& config, const Context& context);
std::optional<RewardProblem> find_problem(const RegexReward& config, const Context& context);
// repetition.cpp
RewardFunction make_reward(const RepetitionReward& config, const Context& context);

/// For the types without an overload: values in range are right.
template <class Parameters>
std::optional<RewardProblem> find_problem(const Parameters&, const Context&) {
  return std::nullopt;
}

}  // namespace hone
