#include <algorithm>
#include <optional>

#include "hone/reward/math.h"
#include "reward/math/compare.h"
#include "reward/math/extract.h"
#include "reward/math/normalize.h"
#include "reward/math/parser.h"
#include "reward/math/prose.h"

namespace hone {
namespace {

using math::Expr;
using math::Kind;
using math::Reading;
using math::Work;

MathVerdict verdict(Verdict v, std::string reason) {
  return {.verdict = v, .reason = std::move(reason)};
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Without the signs of bold and code around the whole.
std::string_view without_markdown(std::string_view text) {
  text = math::trim(text);
  for (const std::string_view mark : {"***", "**", "*", "`"}) {
    if (text.size() > 2 * mark.size() && text.starts_with(mark) && text.ends_with(mark)) {
      return text.substr(mark.size(), text.size() - 2 * mark.size());
    }
  }
  return text;
}

/// An answer's text and what it may mean.
class Answer {
 public:
  /// Several texts are one list.
  Answer(const std::vector<std::string>& texts, Work& work) : texts_(texts), work_(work) {
    for (std::string& text : texts_) {
      const auto normal = text.size() <= math::kMaxAnswerBytes ? math::normalize(without_markdown(text)) : std::nullopt;
      if (!normal) {
        problem_ = text.size() > math::kMaxAnswerBytes ? "too long" : "not valid UTF-8";
        return;
      }
      text = *normal;
    }
    if (std::all_of(texts_.begin(), texts_.end(), [](const std::string& t) { return math::plain_words(t).empty(); }))
      problem_ = "empty";
  }

  const std::string& problem() const { return problem_; }
  bool usable() const { return problem_.empty(); }
  const std::vector<std::string>& texts() const { return texts_; }
  std::string words() const {
    std::string all;
    for (const std::string& text : texts_) all += (all.empty() ? "" : ", ") + math::plain_words(text);
    return all;
  }

  /// The most likely meaning; null where the text is no mathematics.
  Expr main() {
    if (!tried_) main_ = read(Reading{});
    tried_ = true;
    return main_;
  }

  /// Other meanings: "1,234" as two numbers, "2e-1" as a difference. `decimal` tells that "1,22" would be one number.
  std::vector<Expr> others(bool decimal) {
    std::vector<Expr> out;
    const auto take = [&](const Reading& reading) {
      if (Expr e = read(reading)) out.push_back(std::move(e));
    };
    if (texts_.size() != 1) return out;
    const std::string& text = texts_[0];
    bool thousands = false, exponent = false;
    for (size_t i = 1; i + 2 < text.size(); ++i) {
      thousands = thousands || (text[i] == ',' && is_digit(text[i - 1]) && is_digit(text[i + 1]));
      exponent = exponent || (text[i] == 'e' && is_digit(text[i - 1]) && (text[i + 1] == '-' || text[i + 1] == '+') &&
                              is_digit(text[i + 2]));
    }
    if (thousands) take({.thousands = false});
    if (exponent) take({.exponents = false});
    if (decimal && has_decimal_comma(text)) take({.thousands = false, .decimal_comma = true});
    return out;
  }

 private:
  /// One comma in one number, where it can hardly be a list: "1000,99", "0,5", but not "5,6" or "1,234".
  static bool has_decimal_comma(const std::string& text) {
    const size_t comma = text.find(',');
    if (comma == std::string::npos || comma == 0 || text.find(',', comma + 1) != std::string::npos) return false;
    size_t begin = comma, end = comma + 1;
    while (begin > 0 && is_digit(text[begin - 1])) --begin;
    while (end < text.size() && is_digit(text[end])) ++end;
    const size_t whole = comma - begin, fraction = end - comma - 1;
    if (whole == 0 || fraction == 0 || text.find_first_of("([") != std::string::npos) return false;
    if (begin > 0 && text[begin - 1] == '{') return false;
    if (whole == 1 && text[begin] == '0') return true;
    return fraction >= 2 && !(fraction == 3 && whole <= 3);
  }

  Expr read(const Reading& reading) {
    std::vector<Expr> items;
    for (const std::string& text : texts_) {
      try {
        items.push_back(math::parse(text, reading, work_));
      } catch (const Error&) {
        if (work_.exhausted()) throw;
        return nullptr;
      }
    }
    return items.size() == 1 ? items[0] : math::node(Kind::kList, std::move(items));
  }

  std::vector<std::string> texts_;
  Work& work_;
  std::string problem_;
  bool tried_ = false;
  Expr main_;
};

/// Variables of the second renamed to those of the first, in order of appearance.
Expr matched_variables(const Expr& gold, const Expr& pred, Work& work) {
  std::vector<std::string> from, to;
  math::collect_symbols(pred, from);
  math::collect_symbols(gold, to);
  if (from.size() != to.size()) return pred;
  std::vector<std::pair<std::string, std::string>> names;
  for (size_t i = 0; i < from.size(); ++i) names.emplace_back(from[i], to[i]);
  return math::rename(pred, names, work);
}

/// The letter before a choice's text: "(D) Alina", "C. 5 cm".
std::optional<char> label(std::string_view text) {
  text = math::trim(text);
  const bool open = text.starts_with('(');
  if (open) text.remove_prefix(1);
  if (text.size() < 3 || text[0] < 'A' || text[0] > 'J') return std::nullopt;
  const bool closed = open ? text[1] == ')' : text[1] == ')' || text[1] == '.' || text[1] == ':';
  return closed ? std::optional(text[0]) : std::nullopt;
}

bool is_choice(const Expr& e) {
  return e && math::is(e, Kind::kSymbol) && e->name.size() == 1 && e->name[0] >= 'A' && e->name[0] <= 'J';
}

bool same_answer(Answer& gold, Answer& pred, const MathOptions& options, Work& work) {
  if (gold.texts() == pred.texts()) return true;  // before any evaluation: the same monster is itself
  const math::CompareOptions compare{.decimals = static_cast<int>(options.decimals),
                                     .relation_for_set = options.relation_for_set,
                                     .variable_names_matter = options.variable_names_matter};
  const auto equal = [&](const Expr& g, const Expr& p) {
    return math::Comparer(compare, work).equal(g, compare.variable_names_matter ? p : matched_variables(g, p, work));
  };
  const Expr g = gold.main(), p = pred.main();
  if (g && p && equal(g, p)) return true;
  const bool text = (g && math::is(g, Kind::kText)) || (p && math::is(p, Kind::kText));
  if (text && gold.words() == pred.words()) return true;
  if (is_choice(g) && label(pred.texts()[0]) == g->name[0]) return true;
  if (is_choice(p) && label(gold.texts()[0]) == p->name[0]) return true;
  if (!g || !p) return !g && !p && gold.words() == pred.words();
  const auto decimal = [](const Expr& e) { return math::is(e, Kind::kNumber) && e->places > 0; };
  const auto golds = gold.others(decimal(p)), preds = pred.others(decimal(g));
  for (const Expr& other : golds) {
    if (equal(other, p)) return true;
  }
  for (const Expr& other : preds) {
    if (equal(g, other)) return true;
  }
  return false;
}

bool is_list(const Expr& e) {
  return e && (math::is(e, Kind::kList) || math::is(e, Kind::kSet) || math::contains(e, Kind::kPlusMinus));
}

std::string shortened(std::string_view text) {
  constexpr size_t kLongest = 200;
  text = math::trim(text);
  return text.size() <= kLongest ? std::string(text) : std::string(text.substr(0, kLongest)) + "...";
}

MathVerdict judge(Answer& gold, const std::vector<std::string>& found, const MathOptions& options, Work& work) {
  Answer pred(found, work);
  MathVerdict out = verdict(Verdict::kWrong, "another answer");
  if (!pred.usable()) {
    out.reason = "the answer is " + pred.problem();
  } else if (same_answer(gold, pred, options, work)) {
    out = verdict(Verdict::kRight, "");
  } else if (!pred.main()) {
    out.reason = "the answer cannot be read";
  }
  for (const std::string& text : found) out.answer += (out.answer.empty() ? "" : ", ") + shortened(text);
  return out;
}

/// The texts of a gold: its last boxes, what follows "####", or all of it.
std::vector<std::string> gold_texts(std::string_view gold, const MathOptions& options) {
  if (const auto boxes = math::last_boxes(gold, true); !boxes.inside.empty())
    return {boxes.inside.begin(), boxes.inside.end()};
  if (const size_t mark = gold.rfind("####"); mark != std::string_view::npos) gold = gold.substr(mark + 4);
  if (options.answer == MathAnswer::kText && math::is_prose(gold)) {
    if (auto answer = math::answer_in_prose(gold, true)) return {*answer};
  }
  return {std::string(gold)};
}

/// The texts of the answer in a completion; none, and why.
std::vector<std::string> answer_texts(std::string_view completion, const Expr& gold, const MathOptions& options,
                                      std::string& reason) {
  const math::Found region = math::after_thinking(completion, options.thinking_required);
  if (!region.text) {
    reason = region.reason;
    return {};
  }
  if (options.answer == MathAnswer::kBare) return {std::string(math::trim(*region.text))};
  const auto block = math::answer_block(*region.text);
  const std::string_view scope = block.value_or(*region.text);
  const auto boxes = math::last_boxes(scope, is_list(gold));
  if (!boxes.inside.empty()) return {boxes.inside.begin(), boxes.inside.end()};
  if (boxes.any) {
    reason = "the last box is not closed";
    return {};
  }
  if (block) return {std::string(*block)};
  reason = "no box and no answer block";
  if (options.answer != MathAnswer::kText) return {};
  if (is_choice(gold)) {
    if (const auto letter = math::choice_in_prose(scope)) return {std::string(1, *letter)};
  }
  if (!math::is_prose(scope) && scope.size() <= math::kMaxAnswerBytes) return {std::string(scope)};
  if (auto answer = math::answer_in_prose(scope, is_list(gold))) return {*answer};
  // Words alone may be an answer; numbers that stand in no readable place are none.
  if (scope.size() <= math::kMaxAnswerBytes && std::none_of(scope.begin(), scope.end(), is_digit))
    return {std::string(scope)};
  return {};
}

bool is_no_value(const Answer& gold) {
  const std::string words = gold.words();
  return words == "nan" || words == "null" || words == "undefined value";
}

/// Runs `body`, which may throw Error when an input costs too much.
template <class Body>
MathVerdict guarded(Body body) {
  try {
    return body();
  } catch (const Error& error) {
    return verdict(Verdict::kWrong, error.what());
  } catch (const std::exception& error) {  // a bug of ours must not end a training run; the tests look for the words
    return verdict(Verdict::kUnusable, std::string("internal error: ") + error.what());
  }
}

MathVerdict verify_texts(std::string_view completion, const std::vector<std::string>& golds,
                         const MathOptions& options) {
  return guarded([&] {
    Work work;
    Answer gold(golds, work);
    if (!gold.usable()) return verdict(Verdict::kUnusable, "the gold answer is " + gold.problem());
    if (is_no_value(gold)) return verdict(Verdict::kUnusable, "the gold answer is no value");
    const Expr meaning = gold.main();
    std::string reason;
    const auto found = answer_texts(completion, meaning, options, reason);
    if (found.empty()) return verdict(Verdict::kWrong, reason);
    return judge(gold, found, options, work);
  });
}

}  // namespace

MathVerdict verify_math(std::string_view completion, std::string_view gold, const MathOptions& options) {
  return verify_texts(completion, gold_texts(gold, options), options);
}

MathVerdict verify_math(std::string_view completion, const std::vector<std::string>& gold, const MathOptions& options) {
  if (gold.empty()) return verdict(Verdict::kUnusable, "the gold answer is empty");
  if (gold.size() == 1) return verify_math(completion, gold[0], options);
  return verify_texts(completion, gold, options);
}

MathVerdict compare_answers(std::string_view gold, std::string_view pred, const MathOptions& options) {
  MathOptions bare = options;
  bare.answer = MathAnswer::kBare;
  return guarded([&] {
    Work work;
    Answer g(gold_texts(gold, bare), work);
    if (!g.usable()) return verdict(Verdict::kUnusable, "the gold answer is " + g.problem());
    if (is_no_value(g)) return verdict(Verdict::kUnusable, "the gold answer is no value");
    return judge(g, gold_texts(pred, bare), bare, work);
  });
}

}  // namespace hone
