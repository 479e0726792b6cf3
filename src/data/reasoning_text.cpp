#include "hone/data/reasoning_text.h"

#include "hone/tokenizer/utf8.h"

namespace hone {
namespace {

constexpr auto kNone = std::string_view::npos;

struct Tag {
  explicit Tag(std::string_view text, std::string_view tag)
      : first(text.find(tag)), last(text.rfind(tag)), length(tag.size()) {}
  bool once() const { return first != kNone && first == last; }
  size_t first, last, length;
};

enum class Script { kNeutral, kLatin, kHan, kOther };

// Blocks of the Unicode standard, coarse where the letters of a block are all of one kind here.
Script script_of(char32_t c) {
  const auto in = [c](char32_t low, char32_t high) { return c >= low && c <= high; };
  if (in('a', 'z') || in('A', 'Z')) return Script::kLatin;
  if (c < 0xAA || c == kInvalidCodePoint) return Script::kNeutral;
  if (c == 0xAA || c == 0xBA || (in(0xC0, 0x24F) && c != 0xD7 && c != 0xF7)) return Script::kLatin;
  if (in(0x1E00, 0x1EFF) || in(0xFF21, 0xFF3A) || in(0xFF41, 0xFF5A)) return Script::kLatin;
  if (in(0x4E00, 0x9FFF) || in(0x3400, 0x4DBF) || in(0xF900, 0xFAFF) || in(0x20000, 0x3FFFF)) return Script::kHan;
  if (c == 0x3005 || c == 0x3007) return Script::kHan;  // the repetition mark and the digit zero
  const bool letters = in(0x400, 0x1DFF) || in(0x2C00, 0x2DFF) || in(0x3041, 0x318F) || in(0xA000, 0xABFF) ||
                       in(0xAC00, 0xD7FF) || in(0xFB1D, 0xFDFF) || in(0xFE70, 0xFEFE) || in(0xFF66, 0xFFDC) ||
                       in(0x10000, 0x1CFFF) || in(0x1E000, 0x1EFFF);
  return letters ? Script::kOther : Script::kNeutral;
}

// The end of the tag that starts at text[at], or `at`: "<", perhaps "/", letters, ">".
size_t skip_tag(std::string_view text, size_t at) {
  size_t i = at + 1;
  if (i < text.size() && text[i] == '/') ++i;
  const size_t name = i;
  while (i < text.size() && ((text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z'))) ++i;
  return i > name && i < text.size() && text[i] == '>' ? i + 1 : at;
}

}  // namespace

bool is_blank(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    if (!is_white_space(next_code_point(text, at))) return false;
  }
  return true;
}

std::string_view trim(std::string_view text) {
  size_t begin = text.size(), end = text.size();
  for (size_t at = 0; at < text.size();) {
    const size_t here = at;
    if (is_white_space(next_code_point(text, at))) continue;
    if (begin == text.size()) begin = here;
    end = at;
  }
  return text.substr(begin, end - begin);
}

TaggedText read_tags(std::string_view text, bool thinking_opened) {
  const Tag think(text, "<think>"), end(text, "</think>"), open(text, "<answer>"), close(text, "</answer>");
  const auto between = [text](size_t from, size_t to) { return text.substr(from, to - from); };

  TaggedText out;
  const bool begins_once = thinking_opened
                               ? think.first == kNone
                               : think.once() && think.first < end.first && is_blank(between(0, think.first));
  const bool thinks_once = begins_once && end.once();
  out.thinking_well_formed = thinks_once && !is_blank(text.substr(end.first + end.length));
  out.well_formed = thinks_once && open.once() && close.once() && end.first < open.first && open.first < close.first &&
                    is_blank(between(end.first + end.length, open.first)) &&
                    is_blank(text.substr(close.first + close.length));

  const size_t begin = think.first == kNone || thinking_opened ? 0 : think.first + think.length;
  out.thinking = between(begin, end.last != kNone && end.last >= begin ? end.last : text.size());

  if (end.first == kNone && thinking_opened) return out;
  const std::string_view rest = end.last == kNone ? text : text.substr(end.last + end.length);
  if (rest.find("<think>") != kNone) return out;
  out.rest = rest;
  const Tag rest_close(*out.rest, "</answer>");
  if (rest_close.last == kNone) return out;
  const Tag rest_open(out.rest->substr(0, rest_close.last), "<answer>");
  if (rest_open.last == kNone) return out;
  const size_t from = rest_open.last + rest_open.length;
  out.answer = out.rest->substr(from, rest_close.last - from);
  return out;
}

WordCounts count_words(std::string_view text) {
  WordCounts counts;
  Script run = Script::kNeutral;
  for (size_t at = 0; at < text.size();) {
    if (text[at] == '<') {
      const size_t behind = skip_tag(text, at);
      at = behind > at ? behind : at + 1;
      run = Script::kNeutral;
      continue;
    }
    const char32_t c = next_code_point(text, at);
    // A combining accent, a hyphen or an apostrophe does not end a word.
    if ((c >= 0x300 && c <= 0x36F) || c == '-' || c == '\'' || c == 0x2019) continue;
    const Script script = script_of(c);
    if (script == Script::kHan) ++counts.chinese;
    if (script == Script::kLatin && run != Script::kLatin) ++counts.english;
    if (script == Script::kOther && run != Script::kOther) ++counts.other;
    run = script;
  }
  return counts;
}

}  // namespace hone
