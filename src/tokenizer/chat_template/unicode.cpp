#include "tokenizer/chat_template/unicode.h"

#include <unicode/locid.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>

#include "hone/tokenizer/utf8.h"

namespace hone::jinja {
namespace {

icu::UnicodeString from_utf8(std::string_view text) {
  return icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<int32_t>(text.size())));
}

std::string to_utf8(const icu::UnicodeString& text) {
  std::string out;
  text.toUTF8String(out);
  return out;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string map_ascii(std::string_view text, char from, char to, int shift) {
  std::string out(text);
  for (char& c : out) {
    if (c >= from && c <= to) c = static_cast<char>(c + shift);
  }
  return out;
}

bool is_cased(char32_t c) {
  return is_upper(c) || is_lower(c) || is_title(c);
}

constexpr char32_t kSigma = 0x3A3;

/// Whether no letter follows at `at`: a sigma before it is a final one.
bool ends_word(std::string_view text, size_t at) {
  return at >= text.size() || !is_cased(next_code_point(text, at));
}

/// Titlecase of one character, which can be several ("ﬁ" gives "Fi").
std::string title_of(std::string_view character) {
  if (is_ascii(character)) return to_upper(character);
  return to_utf8(from_utf8(character).toTitle(nullptr, icu::Locale::getRoot()));
}

}  // namespace

size_t count_code_points(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

size_t byte_of(std::string_view text, size_t index) {
  size_t at = 0;
  for (; at < text.size(); ++at) {
    if ((static_cast<unsigned char>(text[at]) & 0xC0) != 0x80 && index-- == 0) break;
  }
  return at;
}

bool is_space(char32_t c) {
  return is_white_space(c) || (c >= 0x1C && c <= 0x1F);
}

bool is_alpha(char32_t c) {
  return (U_MASK(u_charType(static_cast<UChar32>(c))) & U_GC_L_MASK) != 0;
}

bool is_decimal(char32_t c) {
  return u_charType(static_cast<UChar32>(c)) == U_DECIMAL_DIGIT_NUMBER;
}

bool is_digit(char32_t c) {
  const int32_t type = u_getIntPropertyValue(static_cast<UChar32>(c), UCHAR_NUMERIC_TYPE);
  return type == U_NT_DECIMAL || type == U_NT_DIGIT;
}

bool is_numeric(char32_t c) {
  return u_getIntPropertyValue(static_cast<UChar32>(c), UCHAR_NUMERIC_TYPE) != U_NT_NONE;
}

bool is_upper(char32_t c) {
  return u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_UPPERCASE) != 0;
}
bool is_lower(char32_t c) {
  return u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_LOWERCASE) != 0;
}
bool is_title(char32_t c) {
  return u_charType(static_cast<UChar32>(c)) == U_TITLECASE_LETTER;
}

bool is_printable(char32_t c) {
  constexpr uint32_t kOther = U_GC_C_MASK | U_GC_ZL_MASK | U_GC_ZP_MASK | U_GC_ZS_MASK;
  return c == ' ' || (U_MASK(u_charType(static_cast<UChar32>(c))) & kOther) == 0;
}

bool is_word(char32_t c) {
  return c == '_' || is_alpha(c) || is_numeric(c);
}

std::string to_upper(std::string_view text) {
  if (is_ascii(text)) return map_ascii(text, 'a', 'z', 'A' - 'a');
  return to_utf8(from_utf8(text).toUpper(icu::Locale::getRoot()));
}

std::string to_lower(std::string_view text) {
  if (is_ascii(text)) return map_ascii(text, 'A', 'Z', 'a' - 'A');
  return to_utf8(from_utf8(text).toLower(icu::Locale::getRoot()));
}

std::string fold_case(std::string_view text) {
  if (is_ascii(text)) return to_lower(text);
  return to_utf8(from_utf8(text).foldCase());
}

std::string swap_case(std::string_view text) {
  std::string out;
  bool after_cased = false;
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    const char32_t c = next_code_point(text, at);
    const std::string_view character = text.substr(start, at - start);
    if (c == kSigma) {
      out += after_cased && ends_word(text, at) ? "ς" : "σ";
    } else {
      out += is_upper(c) ? to_lower(character) : is_lower(c) ? to_upper(character) : std::string(character);
    }
    after_cased = is_cased(c);
  }
  return out;
}

std::string capitalize(std::string_view text) {
  if (text.empty()) return {};
  size_t first = 0;
  next_code_point(text, first);
  // Lowercase looks at the whole text: a final sigma differs from another one.
  const std::string lowered = to_lower(text);
  const std::string lowered_first = to_lower(text.substr(0, first));
  return title_of(text.substr(0, first)) + lowered.substr(std::min(lowered_first.size(), lowered.size()));
}

std::string to_title(std::string_view text) {
  std::string out;
  bool in_word = false;
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    const char32_t c = next_code_point(text, at);
    const std::string_view character = text.substr(start, at - start);
    if (!in_word) {
      out += title_of(character);
    } else if (c == kSigma) {
      out += ends_word(text, at) ? "ς" : "σ";
    } else {
      out += to_lower(character);
    }
    in_word = is_cased(c);
  }
  return out;
}

}  // namespace hone::jinja
