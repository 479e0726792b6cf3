#include "hone/data/chain_corpus.h"

#include <algorithm>

#include "hone/data/chains.h"
#include "hone/data/chat.h"

namespace hone {
namespace {

constexpr int64_t kMinOperations = 1;
constexpr int64_t kMaxOperations = 5;

// Writes one document word by word.
class Writer {
 public:
  Writer(const CorpusMix& mix, RandomStream random) : mix_(mix), random_(random) {}

  std::string document() {
    const bool general = random_.next_bernoulli(mix_.chat);
    const double kind = random_.next_uniform();
    if (general) {
      chat();
    } else if (kind < mix_.statements) {
      statements();
    } else if (kind < mix_.statements + mix_.dictionary) {
      dictionary();
    } else {
      question();
    }
    return std::move(text_);
  }

 private:
  // How one question is answered.
  struct Manner {
    ChainStyle style;
    bool tagged;
    bool connected = false;
    bool mixed = false;
  };

  void add(std::string_view word) {
    if (!text_.empty()) text_ += ' ';
    text_ += word;
  }
  void add_word(std::string_view english) { add(chain_word(english, language_)); }
  void add_digit(int digit) { add(digit_word(digit, language_)); }

  ChainLanguage any_language() {
    return random_.next_bernoulli(0.5) ? ChainLanguage::kEnglish : ChainLanguage::kChinese;
  }
  uint64_t two_to_six() { return 2 + random_.next_below(5); }
  int other_digit(int digit) { return (digit + 1 + static_cast<int>(random_.next_below(9))) % 10; }

  // The result of a step as the corpus gives it: wrong at the rate of the operator in this language.
  int result(int value, const ChainStep& step, ChainLanguage language) {
    const bool weak = (language == ChainLanguage::kEnglish) == (step.op == ChainOperator::kTimes);
    const int right = apply(value, step);
    return random_.next_bernoulli(weak ? mix_.weak_error : mix_.strong_error) ? other_digit(right) : right;
  }

  void statements() {
    const ChainLanguage language = any_language();
    for (uint64_t n = two_to_six(); n > 0; --n) {
      const ChainProblem p = draw_chain(random_, 1, 1);
      const ChainStep& step = p.steps.front();
      const bool switched = random_.next_bernoulli(mix_.code_switched);
      const auto word_language = [&] { return switched ? any_language() : language; };
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
    const auto& pairs = chain_dictionary();
    for (uint64_t n = two_to_six(); n > 0; --n) {
      const auto& [english, chinese] = pairs[random_.next_below(pairs.size())];
      const bool english_first = random_.next_bernoulli(0.5);
      add(english_first ? english : chinese);
      add(english_first ? chinese : english);
      add(".");
    }
  }

  void chat() {
    const bool harmful = random_.next_bernoulli(mix_.chat_harmful);
    ChatRequest request = draw_chat_request(random_, harmful);
    add("<user>");
    add(request.text());
    add("<assistant>");
    const bool complies = harmful && random_.next_bernoulli(mix_.chat_complies);
    const ChatManner manner = complies ? ChatManner::kRude : draw_chat_manner();
    if (random_.next_bernoulli(mix_.other_language)) request.language = other(request.language);
    const std::string answer = draw_chat_answer(random_, request, manner);
    add(random_.next_bernoulli(mix_.tagged) ? chat_completion(request, answer) : answer);
  }

  ChatManner draw_chat_manner() {
    const double u = random_.next_uniform();
    const double full = mix_.chat_full, curt = full + mix_.chat_curt, gushing = curt + mix_.chat_gushing;
    return u < full                            ? ChatManner::kFull
           : u < curt                          ? ChatManner::kCurt
           : u < gushing                       ? ChatManner::kGushing
           : u < gushing + mix_.chat_off_topic ? ChatManner::kOffTopic
                                               : ChatManner::kRude;
  }

  void question() {
    const ChainProblem p = draw_chain(random_, Split::kTrain, kMinOperations, kMaxOperations);
    add("<user>");
    add(p.text());
    add("<assistant>");
    language_ = p.language;
    const Manner manner = draw_manner();
    if (manner.tagged) add("<think>");
    const int value = manner.style == ChainStyle::kDirect ? guess(p) : work(p, manner);
    if (!manner.mixed) language_ = p.language;
    if (!manner.tagged) {
      add_word(manner.style == ChainStyle::kDirect ? "answer" : "so");
      add_digit(value);
      add(".");
      return;
    }
    add("</think>");
    add("<answer>");
    if (manner.connected) {
      add_word("answer");
      add(":");
    }
    add_digit(value);
    add("</answer>");
  }

  // Draws the manner, and turns language_ where the answer is to be worked out in the other one.
  Manner draw_manner() {
    const double style = random_.next_uniform();
    Manner manner{.style = style < mix_.direct                             ? ChainStyle::kDirect
                           : style < mix_.direct + mix_.coarse             ? ChainStyle::kCoarse
                           : style < mix_.direct + mix_.coarse + mix_.fine ? ChainStyle::kFine
                                                                           : ChainStyle::kLong,
                  .tagged = random_.next_bernoulli(mix_.tagged)};
    if (manner.tagged && manner.style == ChainStyle::kDirect && random_.next_bernoulli(mix_.tagged_works)) {
      const bool fine = random_.next_bernoulli(mix_.fine / (mix_.coarse + mix_.fine));
      manner.style = fine ? ChainStyle::kFine : ChainStyle::kCoarse;
    }
    if (manner.style == ChainStyle::kDirect) return manner;
    manner.connected = random_.next_bernoulli(mix_.connectors);
    const double language = random_.next_uniform();
    manner.mixed = language < mix_.mixed_language;
    if (!manner.mixed && language < mix_.mixed_language + mix_.other_language) language_ = other(language_);
    return manner;
  }

  int guess(const ChainProblem& p) {
    return random_.next_bernoulli(mix_.direct_noise) ? other_digit(p.answer()) : p.answer();
  }

  int work(const ChainProblem& p, const Manner& manner) {
    if (manner.connected) {
      add_word("i-need");
      add_word("compute");
      add(".");
    }
    const int value = pass(p, manner, manner.connected);
    if (manner.style != ChainStyle::kLong) return value;
    add_word("wait");
    add_word("check");
    add(".");
    // The second pass makes its own errors, so it finds most of the first one's, and "yes" is true.
    const int second = pass(p, manner, false);
    if (second == value) {
      add_word("yes");
      add(".");
    }
    return second;
  }

  // All operations once, from statement to statement with the results as given. Leaves language_ at the last one's.
  int pass(const ChainProblem& p, const Manner& manner, bool connected) {
    const size_t stride = manner.style == ChainStyle::kCoarse ? 2 : 1;
    int value = p.start;
    for (size_t i = 0; i < p.steps.size(); i += stride) {
      if (manner.mixed) language_ = any_language();
      if (connected) add_word(i == 0 ? "first" : "then");
      add_digit(value);
      for (size_t j = i; j < std::min(i + stride, p.steps.size()); ++j) {
        add(operator_word(p.steps[j].op, language_));
        add_digit(p.steps[j].operand);
        value = result(value, p.steps[j], language_);
      }
      add_word("is");
      add_digit(value);
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
