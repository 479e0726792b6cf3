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
#include <utility>
#include <vector>

#include "hone/core/random.h"
#include "hone/data/config.h"
#include "hone/data/records.h"

namespace hone {

enum class ChainLanguage { kEnglish, kChinese };
inline ChainLanguage other(ChainLanguage language) {
  return language == ChainLanguage::kEnglish ? ChainLanguage::kChinese : ChainLanguage::kEnglish;
}
/// "en" or "zh".
std::string_view to_string(ChainLanguage language);

enum class ChainOperator { kPlus, kMinus, kTimes };

struct ChainStep {
  ChainOperator op;
  int operand;  ///< 1..9, 2..9 for times
};

/// The digit after the step.
int apply(int value, const ChainStep& step);

struct ChainProblem {
  int start = 0;  ///< 0..9
  std::vector<ChainStep> steps;
  ChainLanguage language = ChainLanguage::kEnglish;

  int answer() const;
  /// "compute seven plus six ?" or "计算 七 加 六 ?".
  std::string text() const;
};

// The words of the world.

std::string_view digit_word(int digit, ChainLanguage language);
std::string_view operator_word(ChainOperator op, ChainLanguage language);
/// The word for a key in English: is, so, answer, compute, wait, check, first, then, i-need, yes.
std::string_view chain_word(std::string_view english, ChainLanguage language);
/// The value of a digit word of either language, or of a digit.
std::optional<int> digit_value(std::string_view word);
/// All pairs of words that mean the same: digits, operators, other words.
const std::vector<std::pair<std::string_view, std::string_view>>& chain_dictionary();
/// Every token of the world, ids in order: specials, punctuation, digits, operators, words, those of its general part
/// (chat.h).
const std::vector<std::string>& chain_vocabulary();
/// Writes the tokenizer of the world and its form of the template `r1_zero` into a model folder.
void write_chain_files(const std::string& folder);

// Problems.

/// A problem with min..max operations, in either language.
ChainProblem draw_chain(RandomStream& random, int64_t min_operations, int64_t max_operations);
/// The same, of one split. The splits share no problem: a hash of the problem decides, one in eight is for testing.
ChainProblem draw_chain(RandomStream& random, Split split, int64_t min_operations, int64_t max_operations);

/// The data set builtin:chains, without an end.
class ChainPrompts {
 public:
  /// The training problems depend on `seed`; the test problems are the same for all runs. Throws Error kInput when
  /// `config.path` is not builtin:chains or the range of operations is empty.
  ChainPrompts(DataConfig config, uint64_t seed);

  /// A pure function of (seed, split, range of operations, index).
  ChainProblem problem(int64_t index) const;
  /// problem(index) as text, with id ("chains/train/17") and the fields id, prompt, answer and language; without ids.
  Prompt prompt(int64_t index) const;

 private:
  DataConfig config_;
  uint64_t seed_;
};

/// Reads ChainProblem::text() back; nothing for any other text.
std::optional<ChainProblem> read_problem(std::string_view text);

// Answers.

/// The value that an answer gives: the only digit among its words; nothing when it has none or several.
std::optional<int> read_answer(std::string_view answer);

/// One statement of a worked answer, `value op operand [op operand ...] is result .`.
struct ChainStatement {
  int start = 0;
  std::vector<ChainStep> steps;
  int result = 0;
  ChainLanguage language = ChainLanguage::kEnglish;  ///< of the last operator's word

  /// Right given its own start, whatever stood before.
  bool correct() const;
};

/// How a completion reaches its answer: at once, with some statements of several operations, with one operation a
/// statement, or the same with a second look (`wait`).
enum class ChainStyle { kDirect, kCoarse, kFine, kLong };
inline constexpr std::string_view kChainStyleNames[] = {"direct", "coarse", "fine", "long"};

/// What a completion in the world's language says, well-formed or not.
struct ChainReading {
  bool tagged = false;        ///< <think> ... </think> <answer> ... </answer> and nothing else
  std::optional<int> answer;  ///< in its tags, or untagged after the last `so` or `answer`
  ChainStyle style = ChainStyle::kDirect;
  std::vector<ChainStatement> statements;
};
ChainReading read_chain(std::string_view completion);

}  // namespace hone
