#include "reward/math/prose.h"

#include <algorithm>
#include <array>
#include <vector>

#include "reward/math/commands.h"
#include "reward/math/extract.h"
#include "reward/math/limits.h"
#include "reward/math/normalize.h"

namespace hone::math {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

struct Item {
  size_t begin, end;  ///< with the delimiters
  std::string_view text;
};

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::vector<Item> run() {
    while (at_ < text_.size()) {
      if (!delimited(0, "\\[", "\\]", true) && !delimited(1, "\\(", "\\)", false) && !delimited(2, "$$", "$$", true) &&
          !delimited(3, "$", "$", false) && !number()) {
        ++at_;
      }
    }
    return std::move(items_);
  }

 private:
  char before() const { return at_ > 0 ? text_[at_ - 1] : ' '; }
  char at(size_t i) const { return i < text_.size() ? text_[i] : '\0'; }

  /// The next mark of the kind at `start` or later; each is looked for once.
  size_t next_close(size_t kind, std::string_view close, size_t start) {
    size_t& known = closes_[kind];
    while (known != std::string_view::npos && known < start) {
      known = text_.find(close, start);
      while (known != std::string_view::npos && known > 0 && text_[known - 1] == '\\')
        known = text_.find(close, known + 1);
    }
    return known;
  }

  /// A formula between marks; the inner kinds stay on one line. A formula of one line that is broken over several is
  /// not read, nor are the numbers in it.
  bool delimited(size_t kind, std::string_view open, std::string_view close, bool many_lines) {
    if (!text_.substr(at_).starts_with(open) || (before() == '\\' && open[0] == '$')) return false;
    const size_t start = at_ + open.size();
    const size_t end = next_close(kind, close, start);
    if (end == std::string_view::npos || end - start > kMaxAnswerBytes) return false;
    const std::string_view inside = text_.substr(start, end - start);
    const bool broken = !many_lines && inside.find('\n') != std::string_view::npos;
    if (broken && inside.size() > 512) return false;
    if (trim(inside).empty() || ((open == "$" || broken) && is_prose(inside))) return false;  // two prices, say
    if (!broken) items_.push_back({at_, end + close.size(), inside});
    at_ = end + close.size();
    return true;
  }

  size_t digits(size_t i) const {
    while (is_digit(at(i))) ++i;
    return i;
  }

  /// Past one number that begins at `i`, or `i`.
  size_t one_number(size_t i) const {
    size_t end = digits(i);
    if (end == i && at(i) != '.') return i;
    while (true) {
      const bool separator = at(end) == ',' || at(end) == '.' || (at(end) == ' ' && end - i <= 3);
      if (!separator || !is_digit(at(end + 1))) break;
      const size_t next = digits(end + 1);
      if (at(end) == ' ' && next - end != 4) break;
      end = next;
    }
    return end == i + 1 && at(i) == '.' ? i : end;
  }

  /// Numbers joined by signs: 2/3, 0.25 + 3, 10^4.
  bool number() {
    const bool starts = is_digit(at(at_)) || (at(at_) == '.' && is_digit(at(at_ + 1)));
    if (!starts || is_letter(before()) || is_digit(before()) || before() == '.' || before() == '_') return false;
    size_t begin = at_;
    if (begin > 0 && text_[begin - 1] == '-' &&
        (begin < 2 || (!is_digit(text_[begin - 2]) && !is_letter(text_[begin - 2]) && text_[begin - 2] != ')')))
      --begin;
    size_t end = one_number(at_);
    if (end == at_) return false;
    while (true) {
      size_t next = end;
      while (at(next) == ' ') ++next;
      if (at(next) == '\0' || std::string_view("+-*/^").find(at(next)) == std::string_view::npos) break;
      ++next;
      while (at(next) == ' ') ++next;
      const size_t after = one_number(next);
      if (after == next) break;
      end = after;
    }
    if (at(end) == '%') ++end;
    items_.push_back({begin, end, text_.substr(begin, end - begin)});
    at_ = end;
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
  std::array<size_t, 4> closes_{};  ///< see next_close
  std::vector<Item> items_;
};

/// Where an announcement of the answer ends, in order.
std::vector<size_t> announcements(std::string_view text) {
  static constexpr std::string_view kPhrases[] = {"answer is",
                                                  "answer:",
                                                  "answer :",
                                                  "answer should be",
                                                  "answer to be",
                                                  "answer =",
                                                  "####",
                                                  "\xE7\xAD\x94\xE6\xA1\x88\xE6\x98\xAF",
                                                  "\xE7\xAD\x94\xE6\xA1\x88\xE4\xB8\xBA",
                                                  "\xE7\xAD\x94\xE6\xA1\x88\xEF\xBC\x9A",
                                                  "\xE7\xAD\x94\xE6\xA1\x88:"};
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return c < 0x80 ? static_cast<char>(std::tolower(c)) : static_cast<char>(c); });
  std::vector<size_t> ends;
  for (const std::string_view phrase : kPhrases) {
    for (size_t found = lower.find(phrase); found != std::string::npos; found = lower.find(phrase, found + 1))
      ends.push_back(found + phrase.size());
  }
  std::sort(ends.begin(), ends.end());
  return ends;
}

/// Between an announcement and the answer only signs and filler words may stand.
bool directly_after(std::string_view gap) {
  if (gap.size() > 48) return false;
  static constexpr std::string_view kFillers[] = {"approximately", "simply", "therefore", "equal to",
                                                  "about",         "now",    "then",      "just"};
  std::string words = plain_words(gap);
  for (const std::string_view filler : kFillers) {
    if (const size_t at = words.find(filler); at != std::string::npos) words.erase(at, filler.size());
  }
  return std::none_of(words.begin(), words.end(),
                      [](char c) { return is_letter(c) || is_digit(c) || static_cast<unsigned char>(c) >= 0x80; });
}

std::string_view tail(std::string_view text) {
  return text.size() > kMaxProseBytes ? text.substr(text.size() - kMaxProseBytes) : text;
}

}  // namespace

bool is_prose(std::string_view text) {
  int words = 0;
  for (size_t i = 0; i < text.size();) {
    size_t end = i;
    if (text[i] == '\\' || text[i] == '_') {
      while (end < text.size() && text[end] == '\\') ++end;
      if (text[i] == '_') ++end;
      while (end < text.size() && is_letter(text[end])) ++end;
      const std::string_view command = text.substr(i, end - i);
      const bool text_inside = command == "_" || command.find("text") != std::string_view::npos ||
                               command.ends_with("mbox") || command.ends_with("mathrm") ||
                               command.ends_with("operatorname") || command.ends_with("begin") ||
                               command.ends_with("end");
      if (text_inside && end < text.size() && text[end] == '{') end = std::min(text.find('}', end), text.size());
      i = std::max(end, i + 1);
      continue;
    }
    bool small = false, foreign = false;
    for (; end < text.size() && (is_letter(text[end]) || static_cast<unsigned char>(text[end]) >= 0x80); ++end) {
      small = small || (text[end] >= 'a' && text[end] <= 'z');
      foreign = foreign || static_cast<unsigned char>(text[end]) >= 0xE3;
    }
    const std::string_view word = text.substr(i, end - i);
    if (foreign || (small && word.size() >= 4 && !find_plain_name(word))) return true;
    if (small && word.size() >= 2 && !find_plain_name(word) && !is_unit_word(word) && ++words >= 2) return true;
    i = std::max(end, i + 1);
  }
  return false;
}

std::optional<std::string> answer_in_prose(std::string_view whole, bool list) {
  const std::string_view text = tail(whole);
  const std::vector<Item> items = Scanner(text).run();
  if (items.empty()) return std::nullopt;
  std::optional<size_t> chosen;
  size_t next = 0;
  for (const size_t end : announcements(text)) {  // both in order
    while (next < items.size() && items[next].begin < end) ++next;
    if (next == items.size()) break;
    if (directly_after(text.substr(end, items[next].begin - end))) chosen = next;
  }
  const size_t last = chosen.value_or(items.size() - 1);
  size_t first = last;
  while (list && first > 0 && last - first < kMaxElements &&
         only_separators(text.substr(items[first - 1].end, items[first].begin - items[first - 1].end))) {
    --first;
  }
  std::string answer(items[first].text);
  for (size_t i = first + 1; i <= last; ++i) answer.append(" , ").append(items[i].text);
  return answer;
}

std::optional<char> choice_in_prose(std::string_view whole) {
  const std::string_view text = tail(whole);
  const auto alone = [&](size_t i) {
    const char c = text[i];
    if (c < 'A' || c > 'J') return false;
    const char left = i > 0 ? text[i - 1] : ' ', right = i + 1 < text.size() ? text[i + 1] : ' ';
    if (is_letter(left) || is_letter(right) || left == '\'' || right == '\'' || is_digit(left) || is_digit(right))
      return false;
    if (c != 'A' && c != 'I') return true;
    return !(right == ' ' && i + 2 < text.size() && text[i + 2] >= 'a' && text[i + 2] <= 'z');  // the words "A", "I"
  };
  // "B. Because ...": a letter that opens the text is the answer; else the last one.
  const size_t first = text.find_first_not_of(" (*\n");
  if (first != std::string_view::npos && alone(first) && first + 1 < text.size() &&
      !std::isspace(static_cast<unsigned char>(text[first + 1])))
    return text[first];
  for (size_t i = text.size(); i-- > 0;) {
    if (alone(i)) return text[i];
  }
  return std::nullopt;
}

}  // namespace hone::math
