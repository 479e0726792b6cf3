// multiple_choice: options are letters. docs/rewards.md has the rule in full.
#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "answer_text.h"
#include "hone/data/reasoning_text.h"
#include "make_reward.h"
#include "normalize.h"

namespace hone {
namespace {

constexpr size_t kMostLetters = 26, kLongestAnswer = 4096;
using Options = std::set<char>;

// The texts of the options, compared without case and punctuation; empty where the record has none.
using Choices = std::vector<std::u32string>;
std::u32string plain(std::string_view text) {
  return normalize(text, {.ignore_case = true, .ignore_punctuation = true});
}
Choices read_choices(const Record& record) {
  Choices choices;
  for (const std::string& text : record.list("choices").value_or(std::vector<std::string>())) {
    choices.push_back(plain(text));
  }
  return choices;
}

std::optional<char> find_choice(const Choices& choices, std::string_view text) {
  const auto at = std::ranges::find(choices, plain(text));
  if (at == choices.end() || at->empty() || choices.size() > kMostLetters) return std::nullopt;
  return static_cast<char>('A' + (at - choices.begin()));
}

// Without LaTeX's and Markdown's marks around letters.
std::string without_marks(std::string_view text) {
  static const RE2 kMarks(R"(\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathit|mathsf|boxed)\b|\\[()\[\]]|[{}$*_])");
  std::string out(text);
  RE2::GlobalReplace(&out, kMarks, " ");
  return std::string(trim(out));
}

bool within(char letter, const Choices& choices) {
  const size_t count = choices.empty() ? kMostLetters : choices.size();
  return letter >= 'A' && static_cast<size_t>(letter - 'A') < count;
}

// The letters of a list, each once.
std::optional<Options> read_letters(std::string_view list, const Choices& choices) {
  Options options;
  for (const char c : list) {
    if (c < 'A' || c > 'Z') continue;
    if (!within(c, choices) || !options.insert(c).second) return std::nullopt;
  }
  return options;
}

// "B", "(B)", "b.", "option B", "B: Paris", "A, C", "A and C", "AC", or the text of an option; nothing else.
std::optional<Options> read_options(std::string_view raw, const Choices& choices) {
  if (raw.size() > kLongestAnswer) return std::nullopt;
  if (const auto choice = find_choice(choices, raw)) return Options{*choice};
  const std::string text = without_marks(raw);
  if (const auto choice = find_choice(choices, text)) return Options{*choice};

  static const RE2 kSeveral(
      R"((?:(?i:(?:option|choice|answer)s?):?\s+)?((?:\(?[A-Z]\)?(?:\s*(?:,|;|/|&|、|，|\band\b)\s*|\s*))+)\.?)");
  std::string letters;
  if (RE2::FullMatch(text, kSeveral, &letters)) return read_letters(letters, choices);

  static const RE2 kOne(
      R"((?i)(?:(?:option|choice|answer)s?:?\s+)?\(?([a-z])(?:\)?[.。]?|\s*(?:\)|[).:：、]\s*)(.+)))");
  std::string letter, rest;
  static const RE2 kJoint(R"((?i)^\s*(?:or\b|and\b|[,;/&、，或和]))");
  if (!RE2::FullMatch(text, kOne, &letter, &rest) || RE2::PartialMatch(rest, kJoint)) return std::nullopt;
  const char option = static_cast<char>(letter[0] & ~0x20);
  const auto named = find_choice(choices, rest);
  if (!within(option, choices) || (named && *named != option)) return std::nullopt;
  return Options{option};
}

// The gold: letters or texts of options; a number, which JSON writes without quotes, counts options from 0.
std::optional<Options> read_gold(const Record& record, const Choices& choices) {
  const std::string json = record.json("answer").value_or("");
  size_t index = 0;
  const auto [end, error] = std::from_chars(json.data(), json.data() + json.size(), index);
  if (error == std::errc() && end == json.data() + json.size()) {
    if (index >= choices.size() || index >= kMostLetters) return std::nullopt;
    return Options{static_cast<char>('A' + index)};
  }
  Options gold;
  for (const std::string& element : record.list("answer").value_or(std::vector<std::string>())) {
    const auto options = read_options(element, choices);
    if (!options) return std::nullopt;
    gold.insert(options->begin(), options->end());
  }
  return gold.empty() ? std::nullopt : std::optional(gold);
}

// Of a text in which nothing marks the answer: what its last "the answer is B" or "Answer: B" says.
std::optional<std::string> last_statement(std::string_view text) {
  static const RE2 kStatement(
      R"((?:(?i:\banswers?(?:\s+(?:is|are)\s*[:：]?|\s*[:：]))|答案\s*(?:是|为)?\s*[:：]?)\s*(?i:(?:option|choice)s?\s+)?)"
      R"((\(?[A-Z]\)?(?:\s*(?:,|/|、|，|&|\band\b|\bor\b|或)\s*\(?[A-Z]\b\)?)*)(?:[^A-Za-z0-9]|$))");
  const std::string clean = without_marks(text);
  re2::StringPiece rest(clean);
  std::string found;
  bool any = false;
  while (RE2::FindAndConsume(&rest, kStatement, &found)) any = true;
  return any ? std::optional(found) : std::nullopt;
}

}  // namespace

RewardFunction make_reward(const MultipleChoiceReward& config, const Context&) {
  return [source = config.source](const Prompt& prompt, const Completion& completion) -> RewardResult {
    const Choices choices = read_choices(prompt.record);
    const auto gold = read_gold(prompt.record, choices);
    if (!gold) return unusable("the record's answer names no option");
    const FoundAnswer answer = find_answer(completion.text, source);
    if (!answer.text) return wrong(std::string(answer.reason));
    auto chosen = read_options(*answer.text, choices);
    if (!chosen && !answer.marked) {
      const auto statement = last_statement(*answer.text);
      chosen = statement ? read_options(*statement, choices) : std::nullopt;
    }
    if (!chosen) return wrong("names no option");
    const std::string letters(chosen->begin(), chosen->end());
    return *chosen == *gold ? right(letters) : wrong("another option", letters);
  };
}

}  // namespace hone
