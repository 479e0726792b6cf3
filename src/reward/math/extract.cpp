#include "reward/math/extract.h"

#include <algorithm>

#include "hone/tokenizer/utf8.h"
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

/// The small Latin letter that a character shows or imitates.
char shown_letter(char32_t c) {
  if (c >= 'a' && c <= 'z') return static_cast<char>(c);
  if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
  if (c >= 0xFF41 && c <= 0xFF5A) return static_cast<char>(c - 0xFF41 + 'a');
  if (c >= 0xFF21 && c <= 0xFF3A) return static_cast<char>(c - 0xFF21 + 'a');
  switch (c) {
    case 0x0456:  // Cyrillic i, Greek iota, dotless i, small capital i
    case 0x03B9:
    case 0x0131:
    case 0x026A:
      return 'i';
    case 0x04BB:  // Cyrillic shha
    case 0x043D:
      return 'h';
    case 0x0442:
    case 0x03C4:
      return 't';
    case 0x043A:
    case 0x03BA:
      return 'k';
    case 0x043F:
    case 0x0578:
      return 'n';
    default:
      return '\0';
  }
}

bool is_opening_mark(char32_t c) {
  return c == '<' || c == 0xFF1C || c == 0x2039 || c == 0x27E8 || c == 0x3008 || c == 0x300A;
}
bool is_closing_mark(char32_t c) {
  return c == '>' || c == 0xFF1E || c == 0x203A || c == 0x27E9 || c == 0x3009 || c == 0x300B;
}
bool is_invisible(char32_t c) {
  return is_white_space(c) || (c >= 0x200B && c <= 0x200F) || c == 0xFEFF || c == 0x2060 || c == 0x00AD;
}

/// A think tag, open or close, in any disguise, at the sign `at`.
bool resembles_think_tag(std::string_view text, size_t at) {
  if (!is_opening_mark(next_code_point(text, at))) return false;
  constexpr std::string_view kName = "think";
  size_t letters = 0;
  for (int steps = 0; at < text.size() && steps < 24; ++steps) {
    const char32_t c = next_code_point(text, at);
    if (letters == kName.size() && is_closing_mark(c)) return true;
    if (is_invisible(c) || (letters == 0 && (c == '/' || c == 0xFF0F || c == '\\'))) continue;
    if (letters < kName.size() && shown_letter(c) == kName[letters]) {
      ++letters;
    } else {
      return false;
    }
  }
  return false;
}

bool has_think_tag(std::string_view text) {
  for (size_t at = 0; at < text.size(); ++at) {
    const auto c = static_cast<unsigned char>(text[at]);
    const bool may_open = c == '<' || c == 0xEF || c == 0xE2 || c == 0xE3;
    if (may_open && resembles_think_tag(text, at)) return true;
  }
  return false;
}

/// The index of the brace that closes the one at `open`.
size_t closing_brace(std::string_view text, size_t open) {
  int depth = 0;
  for (size_t i = open; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '{') {
      ++depth;
    } else if (text[i] == '}' && --depth == 0) {
      return i;
    }
  }
  return std::string_view::npos;
}

struct Box {
  size_t begin, end;  ///< with the command and the braces
  std::string_view inside;
};

/// "\boxed 5": a number, a command with its braces, or one sign.
Box unbraced_box(std::string_view text, size_t begin, size_t at) {
  size_t end = at;
  if (end < text.size() && (text[end] == '-' || text[end] == '+')) ++end;
  if (end < text.size() && is_digit(text[end])) {
    while (end < text.size() && (is_digit(text[end]) || ((text[end] == '.' || text[end] == ',' || text[end] == '/') &&
                                                         end + 1 < text.size() && is_digit(text[end + 1]))))
      ++end;
  } else if (end < text.size() && text[end] == '\\') {
    ++end;
    while (end < text.size() && is_letter(text[end])) ++end;
    while (end < text.size() && text[end] == '{') {
      const size_t close = closing_brace(text, end);
      if (close == std::string_view::npos) break;
      end = close + 1;
    }
  } else if (end < text.size() && is_letter(text[end])) {
    ++end;
  }
  return {begin, end, text.substr(at, end - at)};
}

/// The last box that begins before `before`; `closed` tells whether it ends.
std::optional<Box> box_before(std::string_view text, size_t before, bool& closed) {
  size_t begin = std::string_view::npos;
  size_t name = 0;
  for (size_t i = before; i-- > 0;) {
    if (text[i] != '\\') continue;
    const std::string_view rest = text.substr(i);
    name = rest.starts_with("\\boxed") ? 6 : rest.starts_with("\\fbox") ? 5 : 0;
    if (name == 0 || (rest.size() > name && is_letter(rest[name]))) continue;
    begin = i;
    break;
  }
  if (begin == std::string_view::npos) return std::nullopt;
  size_t at = begin + name;
  while (at < text.size() && (text[at] == ' ' || text[at] == '\n' || text[at] == '\t' || text[at] == '\r')) ++at;
  closed = true;
  if (at >= text.size() || text[at] != '{') return unbraced_box(text, begin, at);
  const size_t close = closing_brace(text, at);
  closed = close != std::string_view::npos;
  if (!closed) return Box{begin, text.size(), {}};
  return Box{begin, close + 1, text.substr(at + 1, close - at - 1)};
}

}  // namespace

Found after_thinking(std::string_view completion, bool thinking_required) {
  constexpr std::string_view kClose = "</think>";
  // Nobody writes 4 MB of answer; what stands further left is thought.
  const bool cut = completion.size() > kMaxTextBytes;
  if (cut) completion.remove_prefix(completion.size() - kMaxTextBytes);
  size_t close = std::string_view::npos;
  for (size_t i = completion.size(); i-- > 0;) {
    if (completion[i] == '<' && completion.substr(i).starts_with(kClose)) {
      close = i;
      break;
    }
  }
  if (close == std::string_view::npos) {
    if (cut) return {std::nullopt, "too long a completion"};
    if (thinking_required) return {std::nullopt, "the thinking does not end"};
    if (has_think_tag(completion)) return {std::nullopt, "the thinking does not end"};
    return {completion};
  }
  const std::string_view rest = completion.substr(close + kClose.size());
  if (rest.find("<think>") != std::string_view::npos)
    return {std::nullopt, "the thinking begins again and does not end"};
  return {rest};
}

std::optional<std::string_view> answer_block(std::string_view text) {
  constexpr std::string_view kOpen = "<answer>", kEnd = "</answer>";
  const size_t end = text.rfind(kEnd);
  if (end == std::string_view::npos) return std::nullopt;
  const size_t open = text.substr(0, end).rfind(kOpen);
  if (open == std::string_view::npos) return std::nullopt;
  return text.substr(open + kOpen.size(), end - open - kOpen.size());
}

bool only_separators(std::string_view gap) {
  if (gap.size() > 64) return false;
  static constexpr std::string_view kSeparators[] = {"\\quad",
                                                     "\\qquad",
                                                     "\\text",
                                                     "\\mbox",
                                                     "\\;",
                                                     "\\,",
                                                     "\\:",
                                                     "\\!",
                                                     "\\ ",
                                                     "\\(",
                                                     "\\)",
                                                     "\\[",
                                                     "\\]",
                                                     "\\\\",
                                                     "$",
                                                     ",",
                                                     ";",
                                                     "{",
                                                     "}",
                                                     "&",
                                                     " ",
                                                     "\n",
                                                     "\t",
                                                     "\r",
                                                     "*",
                                                     "~",
                                                     "and",
                                                     "or",
                                                     "\\land",
                                                     "\\lor",
                                                     "\xE3\x80\x81",
                                                     "\xEF\xBC\x8C",
                                                     "\xE5\x92\x8C",
                                                     "\xE6\x88\x96",
                                                     "."};
  while (!gap.empty()) {
    const auto* found = std::find_if(std::begin(kSeparators), std::end(kSeparators),
                                     [&](std::string_view s) { return gap.starts_with(s); });
    if (found == std::end(kSeparators)) return false;
    gap.remove_prefix(found->size());
  }
  return true;
}

Boxes last_boxes(std::string_view text, bool adjacent) {
  Boxes out;
  bool closed = false;
  auto box = box_before(text, text.size(), closed);
  if (!box) return out;
  out.any = true;
  if (!closed) return out;
  out.inside.push_back(box->inside);
  while (adjacent && out.inside.size() < 64) {
    const auto earlier = box_before(text, box->begin, closed);
    if (!earlier || !closed || earlier->end > box->begin) break;
    if (!only_separators(text.substr(earlier->end, box->begin - earlier->end))) break;
    out.inside.insert(out.inside.begin(), earlier->inside);
    box = earlier;
  }
  return out;
}

}  // namespace hone::math
