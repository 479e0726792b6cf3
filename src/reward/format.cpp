// format, tag_count, code_format, reasoning_steps.
#include <re2/re2.h>

#include <algorithm>

#include "hone/data/reasoning_text.h"
#include "make_reward.h"

namespace hone {
namespace {

bool stands_once(std::string_view text, std::string_view tag) {
  const size_t first = text.find(tag);
  return first != std::string_view::npos && first == text.rfind(tag);
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

// Whether there is a block ```LANGUAGE ... ``` that is closed.
bool has_fenced_block(std::string_view text, std::string_view language) {
  constexpr std::string_view kFence = "```";
  for (size_t open = text.find(kFence); open != std::string_view::npos;) {
    const std::string_view inside = text.substr(open + kFence.size());
    const size_t close = inside.find(kFence);
    if (close == std::string_view::npos) return false;
    const std::string_view word = inside.substr(0, std::min(inside.find_first_of(" \t\r\n"), close));
    if (equal_ignoring_case(word, language)) return true;
    open = text.find(kFence, open + 2 * kFence.size() + close);
  }
  return false;
}

}  // namespace

RewardFunction make_reward(const FormatReward& config, const Context&) {
  return [config](const Prompt&, const Completion& completion) -> RewardResult {
    if (completion.finish_reason != FinishReason::kStop) return wrong("cut off");
    const TaggedText tags = read_tags(completion.text, config.think_opened_by_prompt);
    if (config.answer_tags && !tags.well_formed)
      return wrong("not one thinking and one answer block, and nothing else");
    if (!config.answer_tags && !tags.thinking_well_formed) return wrong("not one thinking block and a text after it");
    if (config.require_thinking && is_blank(tags.thinking)) return wrong("empty thinking");
    return right();
  };
}

RewardFunction make_reward(const TagCountReward& config, const Context&) {
  std::vector<std::string_view> tags = {"</think>", "<answer>", "</answer>"};
  if (!config.think_opened_by_prompt) tags.insert(tags.begin(), "<think>");
  return [tags](const Prompt&, const Completion& completion) -> RewardResult {
    const auto once = std::ranges::count_if(tags, [&](auto tag) { return stands_once(completion.text, tag); });
    return graded(static_cast<double>(once) / static_cast<double>(tags.size()));
  };
}

RewardFunction make_reward(const CodeFormatReward& config, const Context&) {
  return [config](const Prompt& prompt, const Completion& completion) -> RewardResult {
    const auto language = config.language ? config.language : prompt.record.text("language");
    if (!language || language->empty()) return unusable("the record names no language");
    const TaggedText tags = read_tags(completion.text, config.think_opened_by_prompt);
    if (!tags.well_formed) return wrong("not one thinking and one answer block, and nothing else");
    if (!has_fenced_block(*tags.answer, *language)) return wrong("no fenced block of " + *language + " in the answer");
    return right();
  };
}

RewardFunction make_reward(const ReasoningStepsReward& config, const Context&) {
  // The marks of open-r1, but that numbers count at the start of every line and not only of the first one.
  const auto mark = std::make_shared<const RE2>(R"((?m)Step \d+:|^\d+\.|\n-|\n\*|First,|Second,|Next,|Finally,)");
  return [mark, steps = config.steps](const Prompt&, const Completion& completion) -> RewardResult {
    re2::StringPiece rest(completion.text);
    int64_t found = 0;
    while (found < steps && RE2::FindAndConsume(&rest, *mark)) ++found;
    return graded(static_cast<double>(found) / static_cast<double>(steps));
  };
}

}  // namespace hone
