// regex: by RE2, which takes linear time for any pattern and text.
#include <re2/re2.h>

#include <algorithm>

#include "hone/data/reasoning_text.h"
#include "make_reward.h"
#include "normalize.h"

namespace hone {
namespace {

using Pattern = std::shared_ptr<const RE2>;

Pattern compile(const std::string& pattern) {
  return std::make_shared<const RE2>(pattern, RE2::Quiet);
}

// The part that is searched; nothing where the thinking never ends.
std::optional<std::string_view> searched(const std::string& text, const RegexReward& config) {
  if (config.part == RegexPart::kAll) return text;
  const TaggedText tags = read_tags(text, config.think_opened_by_prompt);
  return config.part == RegexPart::kThinking ? tags.thinking : tags.rest;
}

bool matches(std::string_view text, const RE2& pattern, bool full) {
  return full ? RE2::FullMatch(trim(text), pattern) : RE2::PartialMatch(text, pattern);
}

// What a group holds in the last match, or why there is none. Each match is linear, but that many of them are not: the
// number is bounded so that no text costs more than about kMostWork bytes read.
constexpr size_t kMostWork = size_t{1} << 28, kFewestMatches = 100;
struct LastGroup {
  std::optional<std::string_view> text;
  std::string reason = "no match";
};
LastGroup last_group(std::string_view text, const RE2& pattern, size_t group, bool full) {
  if (full) text = trim(text);
  const auto anchor = full ? RE2::ANCHOR_BOTH : RE2::UNANCHORED;
  std::vector<re2::StringPiece> groups(group + 1);
  size_t matches_left = std::max(kFewestMatches, kMostWork / (text.size() + 1));
  LastGroup last;
  for (size_t at = 0; at <= text.size();) {
    if (!pattern.Match(text, at, text.size(), anchor, groups.data(), static_cast<int>(groups.size()))) break;
    if (matches_left-- == 0) return {.text = {}, .reason = "too many matches"};
    const bool took_part = groups[group].data() != nullptr;
    last.text = took_part ? std::optional<std::string_view>(groups[group]) : std::nullopt;
    last.reason = "the group took no part in the last match";
    const auto end = static_cast<size_t>(groups[0].data() - text.data()) + groups[0].size();
    at = groups[0].empty() || full ? end + 1 : end;
  }
  return last;
}

RewardResult compare_group(const Record& record, std::string_view text, const RE2& pattern, const RegexReward& config) {
  const auto golds = record.list("answer");
  if (!golds || golds->empty()) return unusable("the record has no answer");
  const LastGroup found = last_group(text, pattern, static_cast<size_t>(*config.answer_group), config.full);
  if (!found.text) return wrong(found.reason);
  const std::u32string value = normalize(*found.text, {});
  const bool equal = std::ranges::any_of(*golds, [&](const auto& gold) { return normalize(gold, {}) == value; });
  return equal ? right(std::string(*found.text)) : wrong("another text", std::string(*found.text));
}

RewardResult match_record(const Record& record, std::string_view text, bool full) {
  const auto patterns = record.list("answer");
  if (!patterns || patterns->empty()) return unusable("the record has no answer, which is the pattern");
  for (const std::string& answer : *patterns) {
    const Pattern pattern = compile(answer);
    if (!pattern->ok()) return unusable("the record's answer is no pattern: " + pattern->error());
    if (matches(text, *pattern, full)) return right();
  }
  return wrong("no match");
}

}  // namespace

std::optional<RewardProblem> find_problem(const RegexReward& config, const Context&) {
  if (!config.pattern) {
    if (!config.answer_group) return std::nullopt;
    return RewardProblem{"answer_group", {.what = "a group without a pattern"}};
  }
  const Pattern pattern = compile(*config.pattern);
  if (!pattern->ok()) return RewardProblem{"pattern", {.what = pattern->error(), .got = "'" + *config.pattern + "'"}};
  if (config.answer_group.value_or(0) <= pattern->NumberOfCapturingGroups()) return std::nullopt;
  return RewardProblem{"answer_group",
                       {.what = fmt::format("the pattern has {} groups", pattern->NumberOfCapturingGroups())}};
}

bool same_answer(const RegexReward&, const std::string& a, const std::string& b) {
  return normalize(a, {}) == normalize(b, {});
}

RewardFunction make_reward(const RegexReward& config, const Context&) {
  const Pattern pattern = config.pattern ? compile(*config.pattern) : nullptr;
  return [config, pattern](const Prompt& prompt, const Completion& completion) -> RewardResult {
    const auto text = searched(completion.text, config);
    if (!text) return wrong("the thinking never ends");
    if (!pattern) return match_record(prompt.record, *text, config.full);
    if (config.answer_group) return compare_group(prompt.record, *text, *pattern, config);
    return matches(*text, *pattern, config.full) ? right() : wrong("no match");
  };
}

}  // namespace hone
