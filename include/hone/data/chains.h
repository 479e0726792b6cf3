// builtin:chains, the task of the built-in world: left-to-right arithmetic modulo 10 in number words, in English and
// Chinese.
//
// `compute seven plus six times nine minus three ?` is ((7 + 6) * 9 - 3) mod 10. Answering at once is near chance from
// three operations on; one statement an operation (`seven plus six is three .`) is easy. Everything here is a pure
// function. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hone/core/random.h"
#include "hone/data/records.h"

namespace hone {

enum class ChainLanguage { kEnglish, kChinese };
inline ChainLanguage other(ChainLanguage l) {
  return l == ChainLanguage::kEnglish ? ChainLanguage::kChinese : ChainLanguage::kEnglish;
}
/// "en" or "zh".
std::string_view to_string(ChainLanguage language);

enum class ChainOperator { kPlus, kMinus, kTimes };

struct ChainStep {
  ChainOperator op;
  int operand;  ///< 1..9, 2..9 for times
};

struct ChainProblem {
  int start = 0;  ///< 0..9
  std::vector<ChainStep> steps;
  ChainLanguage language = ChainLanguage::kEnglish;

  int answer() const;
  /// "compute seven plus six ?" or "计算 七 加 六 ?".
  std::string text() const;
};

int apply(int value, const ChainStep& step);

/// Words of the world, by language.
std::string_view digit_word(int digit, ChainLanguage language);
std::string_view operator_word(ChainOperator op, ChainLanguage language);
/// The word for an English key of the world ("is", "so", "answer", "compute", "wait", "check", "first", "then",
/// "i-need", "yes").
std::string_view chain_word(std::string_view english, ChainLanguage language);
/// The value of a digit word of either language.
std::optional<int> digit_value(std::string_view word);
/// Every token of the world, ids in order: specials, punctuation, digits, operators, words.
const std::vector<std::string>& chain_vocabulary();

enum class ChainSplit { kTrain, kTest };

/// A problem with min..max operations drawn from `random`, in either language.
ChainProblem draw_chain(RandomStream& random, int min_operations, int max_operations);
/// Problem `index` of a split: a pure function of its arguments. The splits share no problem: a hash of the text
/// decides.
ChainProblem chain_problem(uint64_t seed, ChainSplit split, uint64_t index, int min_operations, int max_operations);
/// The problem as a prompt: text, id ("chains/train/17") and the fields `prompt`, `answer` and `language`; ids are left
/// empty.
Prompt chain_prompt(const ChainProblem& problem, ChainSplit split, int64_t index);

/// One statement of a worked answer, `value op operand [op operand ...] is result .`, with the language of its
/// operators.
struct ChainStatement {
  std::vector<ChainStep> steps;
  int start = 0;
  int result = 0;
  ChainLanguage language = ChainLanguage::kEnglish;
  bool correct() const;
};

enum class ChainStyle { kDirect, kCoarse, kFine, kLong };

/// What a completion in the world's language says.
struct ChainReading {
  bool tagged = false;  ///< <think> ... </think> <answer> x </answer>
  std::optional<int> answer;
  ChainStyle style = ChainStyle::kDirect;
  std::vector<ChainStatement> statements;
};
ChainReading read_chain(std::string_view completion);

}  // namespace hone
