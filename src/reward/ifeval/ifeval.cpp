#include "ifeval.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "instructions.h"
#include "reward/make_reward.h"

namespace hone::ifeval {
namespace {

// No rollout comes near; they bound the time that hostile data can cost.
constexpr size_t kLongestCompletion = 2'000'000;
constexpr size_t kLongestRecord = 1'000'000;

// What is judged: the text behind the thinking, without the tags around an answer. Nothing when the thinking never
// ends.
std::optional<std::string_view> response_of(std::string_view text) {
  constexpr std::string_view kOpen = "<think>", kEnd = "</think>", kAnswer = "<answer>", kAnswerEnd = "</answer>";
  if (const size_t end = text.rfind(kEnd); end != std::string_view::npos) {
    text.remove_prefix(end + kEnd.size());
  } else if (text.find(kOpen) != std::string_view::npos) {
    return std::nullopt;
  }
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpace), last = text.find_last_not_of(kSpace);
  if (begin == std::string_view::npos) return text;
  const std::string_view inner = text.substr(begin, last + 1 - begin);
  if (inner.size() < kAnswer.size() + kAnswerEnd.size() || !inner.starts_with(kAnswer) ||
      !inner.ends_with(kAnswerEnd)) {
    return text;
  }
  return inner.substr(kAnswer.size(), inner.size() - kAnswer.size() - kAnswerEnd.size());
}

// The loose reading forgives an introduction, a closing line and the asterisks of Markdown: any variant may follow.
std::vector<Text> variants_of(Text response, IfevalMode mode) {
  std::vector<Text> variants = {std::move(response)};
  if (mode == IfevalMode::kLoose) {
    const TextView text = variants[0];
    const size_t first = text.find('\n'), last = text.rfind('\n');
    const bool lines = first != TextView::npos;
    const TextView behind_first = lines ? text.substr(first + 1) : TextView();
    const TextView before_last = lines ? text.substr(0, last) : TextView();
    const TextView between = lines && first < last ? text.substr(first + 1, last - first - 1) : TextView();
    std::vector<Text> cut = {Text(strip(behind_first)), Text(strip(before_last)), Text(strip(between))};
    std::ranges::move(cut, std::back_inserter(variants));
    for (size_t i = 0; i < 4; ++i) variants.push_back(remove(variants[i], U'*'));
  }
  std::erase_if(variants, [](const Text& variant) { return is_blank(variant); });
  return variants;
}

}  // namespace

RewardResult judge(const IfevalReward& config, const Prompt& prompt, const Completion& completion) {
  const std::string record = prompt.record.dump();
  const Instructions instructions = record.size() <= kLongestRecord ? read_instructions(nlohmann::json::parse(record))
                                                                    : Instructions{{}, "the record is too long"};
  if (!instructions.problem.empty()) return {std::nullopt, Verdict::kUnusable, instructions.problem};

  const auto result = [&](size_t followed, std::string reason) -> RewardResult {
    const size_t all = instructions.all.size();
    const double share = static_cast<double>(followed) / static_cast<double>(all);
    if (config.value == IfevalValue::kShare) return {share, Verdict::kNone, std::move(reason)};
    return {followed == all ? 1.0 : 0.0, followed == all ? Verdict::kRight : Verdict::kWrong, std::move(reason)};
  };
  const auto response = response_of(completion.text);
  if (!response) return result(0, "the thinking never ends");
  if (response->size() > kLongestCompletion) return result(0, "too long to be judged");
  const std::vector<Text> variants = variants_of(decode(*response), config.mode);
  if (variants.empty()) return result(0, "an empty response");

  size_t followed = 0;
  std::string first_failed;
  for (const Instruction& instruction : instructions.all) {
    const bool follows = std::ranges::any_of(variants, instruction.follows);
    followed += follows;
    if (!follows && first_failed.empty()) first_failed = fmt::format("not followed: {}", instruction.id);
  }
  return result(followed, first_failed);
}

}  // namespace hone::ifeval

namespace hone {

RewardFunction make_reward(const IfevalReward& config, const Context&) {
  return [config](const Prompt& prompt, const Completion& completion) {
    return ifeval::judge(config, prompt, completion);
  };
}

}  // namespace hone
