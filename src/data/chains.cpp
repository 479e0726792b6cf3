#include "hone/data/chains.h"

#include <algorithm>
#include <array>
#include <map>

#include "hone/core/error.h"

namespace hone {
namespace {

struct Pair {
  std::string_view english, chinese;
  std::string_view in(ChainLanguage l) const { return l == ChainLanguage::kEnglish ? english : chinese; }
};

constexpr std::array<Pair, 10> kDigits = {{{"zero", "零"},
                                           {"one", "一"},
                                           {"two", "二"},
                                           {"three", "三"},
                                           {"four", "四"},
                                           {"five", "五"},
                                           {"six", "六"},
                                           {"seven", "七"},
                                           {"eight", "八"},
                                           {"nine", "九"}}};
constexpr std::array<Pair, 3> kOperators = {{{"plus", "加"}, {"minus", "减"}, {"times", "乘"}}};
constexpr std::array<Pair, 10> kWords = {{{"is", "得"},
                                          {"so", "所以"},
                                          {"answer", "答案"},
                                          {"compute", "计算"},
                                          {"wait", "等等"},
                                          {"check", "检查"},
                                          {"first", "首先"},
                                          {"then", "然后"},
                                          {"i-need", "我需要"},
                                          {"yes", "对"}}};

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = text.find_first_not_of(" \n\t", at);
    if (begin == std::string_view::npos) break;
    at = std::min(text.size(), text.find_first_of(" \n\t", begin));
    words.push_back(text.substr(begin, at - begin));
  }
  return words;
}

std::optional<ChainOperator> operator_of(std::string_view word) {
  for (size_t i = 0; i < kOperators.size(); ++i) {
    if (word == kOperators[i].english || word == kOperators[i].chinese) return static_cast<ChainOperator>(i);
  }
  return std::nullopt;
}

bool is_word(std::string_view word, std::string_view english) {
  return word == english || word == chain_word(english, ChainLanguage::kChinese);
}

// Reads `value (op operand)+ is result` at words[at]; moves `at` past it.
std::optional<ChainStatement> read_statement(const std::vector<std::string_view>& words, size_t& at) {
  size_t i = at;
  const auto value = [&](int& out) {
    const auto digit = i < words.size() ? digit_value(words[i]) : std::nullopt;
    if (digit) out = *digit, ++i;
    return digit.has_value();
  };
  ChainStatement s;
  if (!value(s.start)) return std::nullopt;
  while (i < words.size() && operator_of(words[i])) {
    s.language = words[i] == operator_word(*operator_of(words[i]), ChainLanguage::kEnglish) ? ChainLanguage::kEnglish
                                                                                            : ChainLanguage::kChinese;
    ChainStep step{*operator_of(words[i++]), 0};
    if (!value(step.operand)) return std::nullopt;
    s.steps.push_back(step);
  }
  if (s.steps.empty() || i >= words.size() || !is_word(words[i++], "is") || !value(s.result)) return std::nullopt;
  at = i;
  return s;
}

}  // namespace

std::string_view to_string(ChainLanguage language) {
  return language == ChainLanguage::kEnglish ? "en" : "zh";
}

int apply(int value, const ChainStep& step) {
  switch (step.op) {
    case ChainOperator::kPlus:
      return (value + step.operand) % 10;
    case ChainOperator::kMinus:
      return (value + 10 - step.operand) % 10;
    case ChainOperator::kTimes:
      return value * step.operand % 10;
  }
  HONE_ASSERT(false);
}

int ChainProblem::answer() const {
  int value = start;
  for (const ChainStep& step : steps) value = apply(value, step);
  return value;
}

std::string ChainProblem::text() const {
  std::string out(chain_word("compute", language));
  out += fmt::format(" {}", digit_word(start, language));
  for (const ChainStep& step : steps)
    out += fmt::format(" {} {}", operator_word(step.op, language), digit_word(step.operand, language));
  return out + " ?";
}

std::string_view digit_word(int digit, ChainLanguage language) {
  return kDigits.at(static_cast<size_t>(digit)).in(language);
}

std::string_view operator_word(ChainOperator op, ChainLanguage language) {
  return kOperators[static_cast<size_t>(op)].in(language);
}

std::string_view chain_word(std::string_view english, ChainLanguage language) {
  const auto* const at =
      std::find_if(kWords.begin(), kWords.end(), [&](const Pair& p) { return p.english == english; });
  HONE_ASSERT(at != kWords.end(), "'{}' is no word of the world", english);
  return at->in(language);
}

std::optional<int> digit_value(std::string_view word) {
  for (int d = 0; d < 10; ++d) {
    if (word == digit_word(d, ChainLanguage::kEnglish) || word == digit_word(d, ChainLanguage::kChinese)) return d;
  }
  return std::nullopt;
}

const std::vector<std::string>& chain_vocabulary() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> v = {"<pad>",    "<eos>",     "<user>", "<assistant>", "<think>", "</think>",
                                  "<answer>", "</answer>", ":",      ".",           "?"};
    const auto add = [&v](const auto& pairs) {
      for (const Pair& p : pairs) v.emplace_back(p.english);
      for (const Pair& p : pairs) v.emplace_back(p.chinese);
    };
    add(kDigits);
    add(kOperators);
    add(kWords);
    return v;
  }();
  return all;
}

ChainProblem draw_chain(RandomStream& random, int min_operations, int max_operations) {
  ChainProblem p;
  p.language = random.next_bernoulli(0.5) ? ChainLanguage::kEnglish : ChainLanguage::kChinese;
  const auto n = static_cast<uint64_t>(min_operations) +
                 random.next_below(static_cast<uint64_t>(max_operations - min_operations + 1));
  p.start = static_cast<int>(random.next_below(10));
  for (uint64_t i = 0; i < n; ++i) {
    const auto op = static_cast<ChainOperator>(random.next_below(3));
    const int low = op == ChainOperator::kTimes ? 2 : 1;
    p.steps.push_back({op, low + static_cast<int>(random.next_below(static_cast<uint64_t>(10 - low)))});
  }
  return p;
}

ChainProblem chain_problem(uint64_t seed, ChainSplit split, uint64_t index, int min_operations, int max_operations) {
  RandomStream random(seed, RandomPurpose::kProblem, {static_cast<uint64_t>(split), index});
  for (;;) {
    ChainProblem p = draw_chain(random, min_operations, max_operations);
    // One problem in eight belongs to the test split, decided by the problem alone.
    uint64_t code = static_cast<uint64_t>(p.start) * 2 + static_cast<uint64_t>(p.language) + 100;
    for (const ChainStep& s : p.steps)
      code = code * 30 + static_cast<uint64_t>(s.op) * 10 + static_cast<uint64_t>(s.operand);
    const bool test = RandomStream(0, RandomPurpose::kProblem, {code}).words(0)[0] % 8 == 0;
    if (test == (split == ChainSplit::kTest)) return p;
  }
}

Prompt chain_prompt(const ChainProblem& problem, ChainSplit split, int64_t index) {
  Prompt prompt;
  prompt.index = index;
  prompt.id = fmt::format("chains/{}/{}", split == ChainSplit::kTrain ? "train" : "test", index);
  prompt.text = problem.text();
  prompt.record =
      Record::parse(fmt::format(R"({{"id":"{}","prompt":"{}","answer":"{}","language":"{}"}})", prompt.id, prompt.text,
                                digit_word(problem.answer(), problem.language), to_string(problem.language)),
                    prompt.id);
  return prompt;
}

bool ChainStatement::correct() const {
  int value = start;
  for (const ChainStep& step : steps) value = apply(value, step);
  return value == result;
}

ChainReading read_chain(std::string_view completion) {
  const auto words = words_of(completion);
  ChainReading r;
  bool checked = false, coarse = false;
  const auto find = [&](std::string_view tag) { return std::find(words.begin(), words.end(), tag) - words.begin(); };
  const auto size = static_cast<int64_t>(words.size());
  const int64_t think = find("<think>"), end = find("</think>"), open = find("<answer>"), close = find("</answer>");
  r.tagged = think == 0 && end < open && open + 2 == close && close + 1 == size;
  if (r.tagged) r.answer = digit_value(words[static_cast<size_t>(open + 1)]);
  for (size_t at = 0; at < words.size();) {
    if (const auto statement = read_statement(words, at)) {
      coarse = coarse || statement->steps.size() > 1;
      r.statements.push_back(*statement);
      continue;
    }
    checked = checked || is_word(words[at], "wait");
    if (!r.tagged && (is_word(words[at], "so") || is_word(words[at], "answer")) && at + 1 < words.size())
      r.answer = digit_value(words[at + 1]);
    ++at;
  }
  r.style = r.statements.empty() ? ChainStyle::kDirect
            : checked            ? ChainStyle::kLong
            : coarse             ? ChainStyle::kCoarse
                                 : ChainStyle::kFine;
  return r;
}

}  // namespace hone
