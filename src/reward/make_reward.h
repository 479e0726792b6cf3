// What every type of reward brings along: an overload of make_reward, and one of find_problem where its parameters can
// be wrong together, and one of record_problem where more than an unusable judgement shows that a record is no good. A
// reward that looks at one completion is a RewardFunction, one that looks at a group is a GroupReward. Pure functions,
// but that making one may start programs and throws Error kInput where it cannot.
#pragma once

#include <optional>
#include <string>

#include "hone/reward/reward.h"

namespace hone {

/// What the rewards of a stage take from outside their own sections.
struct Context {
  std::optional<int64_t> max_completion_length;
};

inline RewardResult right(std::string answer = {}) {
  return {1.0, Verdict::kRight, {}, std::move(answer)};
}
inline RewardResult wrong(std::string reason, std::string answer = {}) {
  return {0.0, Verdict::kWrong, std::move(reason), std::move(answer)};
}
inline RewardResult unusable(std::string reason) {
  return {std::nullopt, Verdict::kUnusable, std::move(reason)};
}
inline RewardResult graded(double value) {
  return {value};
}

// answer.cpp
RewardFunction make_reward(const AccuracyReward& config, const Context& context);
RewardFunction make_reward(const ChatQualityReward& config, const Context& context);
RewardFunction make_reward(const ExactMatchReward& config, const Context& context);
bool same_answer(const ExactMatchReward& config, const std::string& a, const std::string& b);
// code/reward.cpp
RewardFunction make_reward(const CodeReward& config, const Context& context);
std::optional<std::string> record_problem(const CodeReward& config, const Prompt& prompt);
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
std::optional<std::string> record_problem(const MathReward& config, const Prompt& prompt);
bool same_answer(const MathReward& config, const std::string& a, const std::string& b);
// model_reward.cpp
RewardFunction make_reward(const ModelReward& config, const Context& context);
// multiple_choice.cpp
RewardFunction make_reward(const MultipleChoiceReward& config, const Context& context);
// regex.cpp
RewardFunction make_reward(const RegexReward& config, const Context& context);
std::optional<RewardProblem> find_problem(const RegexReward& config, const Context& context);
bool same_answer(const RegexReward& config, const std::string& a, const std::string& b);
// repetition.cpp
RewardFunction make_reward(const RepetitionReward& config, const Context& context);

/// For the types without an overload: values in range are right.
template <class Parameters>
std::optional<RewardProblem> find_problem(const Parameters&, const Context&) {
  return std::nullopt;
}

/// For the types without an overload, the same text.
template <class Parameters>
bool same_answer(const Parameters&, const std::string& a, const std::string& b) {
  return a == b;
}

/// Why no completion of this record can be judged; nothing where that takes a completion to tell.
template <class Parameters>
std::optional<std::string> record_problem(const Parameters&, const Prompt&) {
  return std::nullopt;
}

}  // namespace hone
