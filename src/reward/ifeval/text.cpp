#include "text.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>

#include "hone/tokenizer/utf8.h"

namespace hone::ifeval {
namespace {

UChar32 code(char32_t c) {
  return static_cast<UChar32>(c);
}

}  // namespace

Text decode(std::string_view utf8) {
  Text out;
  out.reserve(utf8.size());
  for (size_t at = 0; at < utf8.size();) {
    const char32_t c = next_code_point(utf8, at);
    out += c == kInvalidCodePoint ? U'\uFFFD' : c;
  }
  return out;
}

std::string encode(TextView text) {
  std::string out;
  for (const char32_t c : text) {
    uint8_t bytes[U8_MAX_LENGTH];
    int32_t length = 0;
    U8_APPEND_UNSAFE(bytes, length, code(c));
    out.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length));
  }
  return out;
}

bool is_space(char32_t c) {
  return is_white_space(c) || (c >= 0x1C && c <= 0x1F);
}
bool is_word(char32_t c) {
  return c == '_' || (U_GET_GC_MASK(code(c)) & (U_GC_L_MASK | U_GC_N_MASK)) != 0;
}
bool is_digit(char32_t c) {
  return u_isdigit(code(c));
}
bool is_letter(char32_t c) {
  return (U_GET_GC_MASK(code(c)) & U_GC_L_MASK) != 0;
}
bool is_upper(char32_t c) {
  return u_isUUppercase(code(c));
}
bool is_lower(char32_t c) {
  return u_isULowercase(code(c));
}

bool is_upper_text(TextView text) {
  return std::ranges::any_of(text, is_upper) &&
         std::ranges::none_of(text, [](char32_t c) { return is_lower(c) || u_istitle(code(c)); });
}
bool is_lower_text(TextView text) {
  return std::ranges::any_of(text, is_lower) &&
         std::ranges::none_of(text, [](char32_t c) { return is_upper(c) || u_istitle(code(c)); });
}
Text to_lower(TextView text) {
  Text out(text);
  for (char32_t& c : out) c = static_cast<char32_t>(u_tolower(code(c)));
  return out;
}
Text fold(TextView text) {
  Text out(text);
  for (char32_t& c : out) c = static_cast<char32_t>(u_foldCase(code(c), U_FOLD_CASE_DEFAULT));
  return out;
}

TextView strip(TextView text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}
TextView strip(TextView text, TextView characters) {
  const size_t begin = text.find_first_not_of(characters);
  if (begin == TextView::npos) return {};
  return text.substr(begin, text.find_last_not_of(characters) + 1 - begin);
}
bool is_blank(TextView text) {
  return std::ranges::all_of(text, is_space);
}

std::vector<TextView> split(TextView text, TextView separator) {
  std::vector<TextView> parts;
  for (;;) {
    const size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == TextView::npos) return parts;
    text.remove_prefix(at + separator.size());
  }
}

Text remove(TextView text, char32_t c) {
  Text out;
  std::ranges::copy_if(text, std::back_inserter(out), [c](char32_t other) { return other != c; });
  return out;
}

// Knuth, Morris and Pratt: border[n] is the length of the longest proper prefix of the first n characters of the needle
// that also ends them.
std::vector<size_t> find_all(TextView text, TextView needle) {
  std::vector<size_t> found;
  if (needle.empty() || needle.size() > text.size()) return found;
  std::vector<size_t> border(needle.size() + 1, 0);
  const auto advance = [&](size_t matched, char32_t c) {
    while (matched > 0 && (matched == needle.size() || needle[matched] != c)) matched = border[matched];
    return needle[matched] == c ? matched + 1 : 0;
  };
  for (size_t n = 1, matched = 0; n < needle.size(); ++n) border[n + 1] = matched = advance(matched, needle[n]);
  for (size_t at = 0, matched = 0; at < text.size(); ++at) {
    matched = advance(matched, text[at]);
    if (matched == needle.size()) found.push_back(at + 1 - needle.size());
  }
  return found;
}

int64_t count_words(TextView text) {
  int64_t words = 0;
  bool inside = false;
  for (const char32_t c : text) {
    const bool word = is_word(c);
    words += word && !inside;
    inside = word;
  }
  return words;
}

}  // namespace hone::ifeval
