#include "hone/data/chain_corpus.h"

#include "hone/core/error.h"

namespace hone {
namespace {

constexpr int kMinOperations = 1, kMaxOperations = 5;

// Writes one document word by word.
class Writer {
 public:
  Writer(const CorpusMix& mix, RandomStream random) : mix_(mix), random_(random) {}

  std::string document() {
    const double kind = random_.next_uniform();
    if (kind < mix_.statements) {
      statements();
    } else if (kind < mix_.statements + mix_.dictionary) {
      dictionary();
    } else {
      question();
    }
    return std::move(text_);
  }

 private:
  void add(std::string_view word) {
    if (!text_.empty()) text_ += ' ';
    text_ += word;
  }

  ChainLanguage any_language() {
    return random_.next_bernoulli(0.5) ? ChainLanguage::kEnglish : ChainLanguage::kChinese;
  }
  uint64_t some() { return 2 + random_.next_below(5); }

  int other_digit(int digit) { return (digit + 1 + static_cast<int>(random_.next_below(9))) % 10; }

  // The result of a step as the corpus gives it: wrong at the rate of the operator in this language.
  int result(int value, const ChainStep& step, ChainLanguage language) {
    const bool weak = (language == ChainLanguage::kEnglish) == (step.op == ChainOperator::kTimes);
    const int right = apply(value, step);
    return random_.next_bernoulli(weak ? mix_.weak_error : mix_.strong_error) ? other_digit(right) : right;
  }

  void statements() {
    const ChainLanguage language = any_language();
    for (uint64_t n = some(); n > 0; --n) {
      const ChainProblem p = draw_chain(random_, 1, 1);
      const bool switched = random_.next_bernoulli(mix_.code_switched);
      const auto word_language = [&] { return switched ? any_language() : language; };
      const ChainStep& step = p.steps.front();
      add(digit_word(p.start, word_language()));
      const ChainLanguage operator_language = word_language();
      add(operator_word(step.op, operator_language));
      add(digit_word(step.operand, word_language()));
      add(chain_word("is", word_language()));
      add(digit_word(result(p.start, step, operator_language), word_language()));
      add(".");
    }
  }

  void dictionary() {
    const auto& words = chain_vocabulary();
    // Digits come as ten English words and their ten Chinese ones, operators as three and three, the rest as ten and
    // ten.
    for (uint64_t n = some(); n > 0; --n) {
      const uint64_t pick = random_.next_below(23);
      const uint64_t first = pick < 10 ? 11 + pick : pick < 13 ? 31 + pick - 10 : 37 + pick - 13;
      const uint64_t distance = pick >= 10 && pick < 13 ? 3 : 10;
      const bool english_first = random_.next_bernoulli(0.5);
      add(words[first + (english_first ? 0 : distance)]);
      add(words[first + (english_first ? distance : 0)]);
      add(".");
    }
  }

  void question() {
    const ChainProblem p = draw_chain(random_, kMinOperations, kMaxOperations);
    add("<user>");
    add(p.text());
    add("<assistant>");
    const double style_draw = random_.next_uniform();
    ChainStyle style = style_draw < mix_.direct                             ? ChainStyle::kDirect
                       : style_draw < mix_.direct + mix_.coarse             ? ChainStyle::kCoarse
                       : style_draw < mix_.direct + mix_.coarse + mix_.fine ? ChainStyle::kFine
                                                                            : ChainStyle::kLong;
    const bool tagged = random_.next_bernoulli(mix_.tagged);
    if (tagged && style == ChainStyle::kDirect && random_.next_bernoulli(mix_.tagged_works)) {
      const double worked = mix_.coarse + mix_.fine;
      style = random_.next_bernoulli(mix_.fine / worked) ? ChainStyle::kFine : ChainStyle::kCoarse;
    }
    const double language_draw = random_.next_uniform();
    const bool mixed = language_draw < mix_.mixed_language;
    language_ = language_draw >= mix_.mixed_language && language_draw < mix_.mixed_language + mix_.other_language
                    ? other(p.language)
                    : p.language;
    if (tagged) add("<think>");
    const int value = style == ChainStyle::kDirect ? guess(p) : work(p, style, mixed);
    if (tagged) {
      for (const std::string_view word : {"</think>", "<answer>"}) add(word);
      add(digit_word(value, language_));
      add("</answer>");
    } else {
      add(chain_word(style == ChainStyle::kDirect ? "answer" : "so", language_));
      add(digit_word(value, language_));
      add(".");
    }
  }

  int guess(const ChainProblem& p) {
    return random_.next_bernoulli(mix_.direct_noise) ? other_digit(p.answer()) : p.answer();
  }

  int work(const ChainProblem& p, ChainStyle style, bool mixed) {
    const bool connected = random_.next_bernoulli(mix_.connectors);
    if (connected) {
      for (const char* word : {"i-need", "compute"}) add(chain_word(word, language_));
      add(".");
    }
    const size_t stride = style == ChainStyle::kCoarse ? 2 : 1;
    int value = pass(p, stride, mixed, connected);
    if (style == ChainStyle::kLong) {
      const int before = value;
      for (const char* word : {"wait", "check"}) add(chain_word(word, language_));
      add(".");
      value = pass(p, stride, mixed, false);
      if (value == before) {
        add(chain_word("yes", language_));
        add(".");
      }
    }
    return value;
  }

  // One pass over the problem, `stride` operations a statement; a wrong result is carried on. Leaves language_ at the
  // last statement's.
  int pass(const ChainProblem& p, size_t stride, bool mixed, bool connected) {
    int value = p.start;
    for (size_t i = 0; i < p.steps.size(); i += stride) {
      if (mixed) language_ = any_language();
      if (connected) add(chain_word(i == 0 ? "first" : "then", language_));
      add(digit_word(value, language_));
      for (size_t j = i; j < std::min(i + stride, p.steps.size()); ++j) {
        add(operator_word(p.steps[j].op, language_));
        add(digit_word(p.steps[j].operand, language_));
        value = result(value, p.steps[j], language_);
      }
      add(chain_word("is", language_));
      add(digit_word(value, language_));
      add(".");
    }
    return value;
  }

  const CorpusMix& mix_;
  RandomStream random_;
  std::string text_;
  ChainLanguage language_ = ChainLanguage::kEnglish;
};

}  // namespace

std::string corpus_document(const CorpusMix& mix, uint64_t seed, uint64_t index) {
  return Writer(mix, RandomStream(seed, RandomPurpose::kDocument, {index})).document();
}

}  // namespace hone
