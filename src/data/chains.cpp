#include "hone/data/chains.h"

#include <algorithm>
#include <array>

#include "hone/core/error.h"
#include "hone/core/file.h"
#include "hone/data/chat.h"
#include "hone/data/reasoning_text.h"
#include "hone/tokenizer/tokenizer.h"
#include "words.h"

namespace hone {
namespace {

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

// The world's own form of the template: its tokenizer knows no other words.
constexpr std::string_view kTemplate = "<user> {{prompt}} <assistant>\n";

constexpr uint64_t kTestSeed = 0;   // held-out problems do not depend on the run
constexpr uint32_t kTestShare = 8;  // one problem in so many is held out

bool means(std::string_view word, std::string_view english) {
  return word == english || word == chain_word(english, ChainLanguage::kChinese);
}

std::optional<std::pair<ChainOperator, ChainLanguage>> read_operator(std::string_view word) {
  for (size_t i = 0; i < kOperators.size(); ++i) {
    const auto op = static_cast<ChainOperator>(i);
    if (word == kOperators[i].first) return std::pair(op, ChainLanguage::kEnglish);
    if (word == kOperators[i].second) return std::pair(op, ChainLanguage::kChinese);
  }
  return std::nullopt;
}

int value_after(int start, const std::vector<ChainStep>& steps) {
  for (const ChainStep& step : steps) start = apply(start, step);
  return start;
}

// Reads `value (operator value)+ is value` at words[at] and moves `at` past it.
std::optional<ChainStatement> read_statement(const std::vector<std::string_view>& words, size_t& at) {
  size_t i = at;
  const auto take_value = [&](int& value) {
    const auto digit = i < words.size() ? digit_value(words[i]) : std::nullopt;
    if (digit) value = *digit, ++i;
    return digit.has_value();
  };
  ChainStatement statement;
  if (!take_value(statement.start)) return std::nullopt;
  while (i < words.size()) {
    const auto op = read_operator(words[i]);
    if (!op) break;
    ++i;
    statement.language = op->second;
    statement.steps.push_back({op->first, 0});
    if (!take_value(statement.steps.back().operand)) return std::nullopt;
  }
  if (statement.steps.empty() || i >= words.size() || !means(words[i], "is")) return std::nullopt;
  ++i;
  if (!take_value(statement.result)) return std::nullopt;
  at = i;
  return statement;
}

bool held_out(const ChainProblem& problem) {
  uint64_t code = 2 + static_cast<uint64_t>(problem.language);
  code = code * 10 + static_cast<uint64_t>(problem.start);
  for (const ChainStep& step : problem.steps) {
    code = code * 30 + static_cast<uint64_t>(step.op) * 10 + static_cast<uint64_t>(step.operand);
  }
  return RandomStream(0, RandomPurpose::kProblem, {code}).words(0)[0] % kTestShare == 0;
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
  return value_after(start, steps);
}

std::string ChainProblem::text() const {
  std::string out = fmt::format("{} {}", chain_word("compute", language), digit_word(start, language));
  for (const ChainStep& step : steps) {
    out += fmt::format(" {} {}", operator_word(step.op, language), digit_word(step.operand, language));
  }
  return out + " ?";
}

std::string_view digit_word(int digit, ChainLanguage language) {
  return in(language, kDigits.at(static_cast<size_t>(digit)));
}

std::string_view operator_word(ChainOperator op, ChainLanguage language) {
  return in(language, kOperators.at(static_cast<size_t>(op)));
}

std::string_view chain_word(std::string_view english, ChainLanguage language) {
  const auto* const at =
      std::find_if(kWords.begin(), kWords.end(), [english](const Pair& p) { return p.first == english; });
  HONE_ASSERT(at != kWords.end(), "'{}' is no word of the world", english);
  return in(language, *at);
}

std::optional<int> digit_value(std::string_view word) {
  if (word.size() == 1 && word[0] >= '0' && word[0] <= '9') return word[0] - '0';
  for (size_t i = 0; i < kDigits.size(); ++i) {
    if (word == kDigits[i].first || word == kDigits[i].second) return static_cast<int>(i);
  }
  return std::nullopt;
}

const std::vector<Pair>& chain_dictionary() {
  static const std::vector<Pair> all = [] {
    std::vector<Pair> pairs(kDigits.begin(), kDigits.end());
    pairs.insert(pairs.end(), kOperators.begin(), kOperators.end());
    pairs.insert(pairs.end(), kWords.begin(), kWords.end());
    return pairs;
  }();
  return all;
}

const std::vector<std::string>& chain_vocabulary() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> tokens = {"<pad>",    "<eos>",     "<user>", "<assistant>", "<think>", "</think>",
                                       "<answer>", "</answer>", ":",      ".",           "?"};
    const auto add = [&tokens](const auto& pairs) {
      for (const Pair& p : pairs) tokens.emplace_back(p.first);
      for (const Pair& p : pairs) tokens.emplace_back(p.second);
    };
    add(kDigits);
    add(kOperators);
    add(kWords);
    add(chat_dictionary());
    return tokens;
  }();
  return all;
}

void write_chain_files(const std::string& folder) {
  write_word_tokenizer(folder, chain_vocabulary(), "<eos>", "<pad>");
  create_folders(folder + "/templates");
  write_atomic(folder + "/templates/r1_zero.txt", kTemplate);
}

ChainProblem draw_chain(RandomStream& random, int64_t min_operations, int64_t max_operations) {
  HONE_ASSERT(min_operations >= 1 && min_operations <= max_operations);
  ChainProblem p;
  p.language = random.next_bernoulli(0.5) ? ChainLanguage::kEnglish : ChainLanguage::kChinese;
  const auto more = random.next_below(static_cast<uint64_t>(max_operations - min_operations + 1));
  p.start = static_cast<int>(random.next_below(10));
  for (uint64_t i = 0; i < static_cast<uint64_t>(min_operations) + more; ++i) {
    const auto op = static_cast<ChainOperator>(random.next_below(3));
    const int smallest = op == ChainOperator::kTimes ? 2 : 1;
    p.steps.push_back({op, smallest + static_cast<int>(random.next_below(static_cast<uint64_t>(10 - smallest)))});
  }
  return p;
}

ChainProblem draw_chain(RandomStream& random, Split split, int64_t min_operations, int64_t max_operations) {
  for (;;) {
    ChainProblem p = draw_chain(random, min_operations, max_operations);
    if (held_out(p) == (split == Split::kTest)) return p;
  }
}

ChainPrompts::ChainPrompts(DataConfig config, uint64_t seed)
    : config_(std::move(config)), seed_(config_.split == Split::kTest ? kTestSeed : seed) {
  HONE_CHECK(config_.path == kBuiltinChains, .what = "unknown data set", .place = "data.path", .got = config_.path,
             .expected = std::string(kBuiltinChains));
  HONE_CHECK(config_.min_operations >= 1 && config_.min_operations <= config_.max_operations,
             .what = "empty range of operations", .place = "data.min_operations",
             .got = fmt::format("{} to {}", config_.min_operations, config_.max_operations));
}

ChainProblem ChainPrompts::problem(int64_t index) const {
  RandomStream random(seed_, RandomPurpose::kProblem,
                      {static_cast<uint64_t>(config_.split), static_cast<uint64_t>(index)});
  return draw_chain(random, config_.split, config_.min_operations, config_.max_operations);
}

Prompt ChainPrompts::prompt(int64_t index) const {
  const ChainProblem p = problem(index);
  Prompt prompt;
  prompt.index = index;
  prompt.id = fmt::format("chains/{}/{}", enum_name(config_.split), index);
  prompt.text = p.text();
  prompt.record = Record::parse(fmt::format(R"({{"id":"{}","prompt":"{}","answer":"{}","language":"{}"}})", prompt.id,
                                            prompt.text, digit_word(p.answer(), p.language), to_string(p.language)),
                                prompt.id);
  return prompt;
}

std::optional<ChainProblem> read_problem(std::string_view text) {
  const auto words = words_of(text);
  if (words.size() < 3 || words.back() != "?" || !means(words[0], "compute")) return std::nullopt;
  ChainProblem problem;
  problem.language = words[0] == "compute" ? ChainLanguage::kEnglish : ChainLanguage::kChinese;
  const auto start = digit_value(words[1]);
  if (!start) return std::nullopt;
  problem.start = *start;
  for (size_t at = 2; at + 1 < words.size(); at += 2) {
    const auto op = read_operator(words[at]);
    const auto operand = digit_value(words[at + 1]);
    if (!op || !operand) return std::nullopt;
    problem.steps.push_back({op->first, *operand});
  }
  return problem.text() == text ? std::optional(problem) : std::nullopt;
}

std::optional<int> read_answer(std::string_view answer) {
  std::optional<int> value;
  for (const std::string_view word : words_of(answer)) {
    const auto digit = digit_value(word);
    if (!digit) continue;
    if (value) return std::nullopt;
    value = digit;
  }
  return value;
}

bool ChainStatement::correct() const {
  return value_after(start, steps) == result;
}

ChainReading read_chain(std::string_view completion) {
  const TaggedText tags = read_tags(completion);
  ChainReading reading;
  reading.tagged = tags.well_formed;
  if (tags.answer) reading.answer = read_answer(*tags.answer);
  bool checked = false, coarse = false;
  const auto words = words_of(tags.thinking);
  for (size_t at = 0; at < words.size();) {
    if (auto statement = read_statement(words, at)) {
      coarse = coarse || statement->steps.size() > 1;
      reading.statements.push_back(std::move(*statement));
      continue;
    }
    checked = checked || means(words[at], "wait");
    const bool announced = means(words[at], "so") || means(words[at], "answer");
    if (!tags.answer && announced && at + 1 < words.size()) reading.answer = digit_value(words[at + 1]);
    ++at;
  }
  reading.style = reading.statements.empty() ? ChainStyle::kDirect
                  : checked                  ? ChainStyle::kLong
                  : coarse                   ? ChainStyle::kCoarse
                                             : ChainStyle::kFine;
  return reading;
}

}  // namespace hone
