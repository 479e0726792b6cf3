#include "tokenizer/chat_template/lexer_literals.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>

#include "hone/tokenizer/utf8.h"
#include "tokenizer/chat_template/unicode.h"

namespace hone::jinja {
namespace {

bool is_ascii_digit(char c) {
  return c >= '0' && c <= '9';
}

int digit_of(char c) {
  if (is_ascii_digit(c)) return c - '0';
  const char low = static_cast<char>(c | 0x20);
  return low >= 'a' && low <= 'z' ? low - 'a' + 10 : 99;
}

/// (\d+_)*\d+
size_t digits_size(std::string_view text) {
  size_t at = 0;
  while (at < text.size() && is_ascii_digit(text[at])) {
    ++at;
    if (at + 1 < text.size() && text[at] == '_' && is_ascii_digit(text[at + 1])) ++at;
  }
  return at;
}

/// (_?[digit])*
size_t grouped_size(std::string_view text, int base) {
  size_t at = 0;
  for (;;) {
    const size_t digit = at < text.size() && text[at] == '_' ? at + 1 : at;
    if (digit >= text.size() || digit_of(text[digit]) >= base) return at;
    at = digit + 1;
  }
}

std::string without_underscores(std::string_view literal) {
  std::string out;
  for (const char c : literal) {
    if (c != '_') out += c;
  }
  return out;
}

/// `count` hexadecimal digits, or nothing.
std::optional<char32_t> hex(std::string_view digits, size_t count) {
  if (digits.size() < count) return std::nullopt;
  char32_t value = 0;
  for (const char c : digits.substr(0, count)) {
    if (digit_of(c) >= 16) return std::nullopt;
    value = value * 16 + static_cast<char32_t>(digit_of(c));
  }
  return value;
}

/// Python resolves escapes after it has written what is not ASCII as escapes, so a backslash before such a character
/// protects that escape.
std::string protected_character(char32_t c) {
  const auto value = static_cast<uint32_t>(c);
  if (c < 0x100) return fmt::format("\\x{:02x}", value);
  return c < 0x10000 ? fmt::format("\\u{:04x}", value) : fmt::format("\\U{:08x}", value);
}

}  // namespace

size_t float_size(std::string_view text) {
  const size_t whole = digits_size(text);
  if (whole == 0) return 0;
  size_t end = whole;
  if (end < text.size() && text[end] == '.') {
    if (const size_t fraction = digits_size(text.substr(end + 1)); fraction != 0) end += 1 + fraction;
  }
  size_t exponent = end;
  if (exponent < text.size() && (text[exponent] == 'e' || text[exponent] == 'E')) {
    ++exponent;
    if (exponent < text.size() && (text[exponent] == '+' || text[exponent] == '-')) ++exponent;
    if (const size_t digits = digits_size(text.substr(exponent)); digits != 0) return exponent + digits;
  }
  return end > whole ? end : 0;
}

size_t integer_size(std::string_view text) {
  if (text.empty() || !is_ascii_digit(text[0])) return 0;
  if (text[0] == '0' && text.size() > 2) {
    const char mark = static_cast<char>(text[1] | 0x20);
    const int base = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 0;
    if (base != 0) {
      if (const size_t digits = grouped_size(text.substr(2), base); digits != 0) return 2 + digits;
    }
  }
  return 1 + grouped_size(text.substr(1), text[0] == '0' ? 1 : 10);
}

size_t name_size(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    size_t next = at;
    const char32_t c = next_code_point(text, next);
    if (!is_word(c) && !(c >= 0x300 && c <= 0x36F)) break;
    at = next;
  }
  return at;
}

double float_value(std::string_view literal) {
  return std::strtod(without_underscores(literal).c_str(), nullptr);
}

std::optional<int64_t> integer_value(std::string_view literal) {
  std::string digits = without_underscores(literal);
  int base = 10;
  if (digits.size() > 2 && digits[0] == '0' && !is_ascii_digit(digits[1])) {
    const char mark = static_cast<char>(digits[1] | 0x20);
    base = mark == 'x' ? 16 : mark == 'o' ? 8 : 2;
    digits.erase(0, 2);
  }
  int64_t value = 0;
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (result.ec != std::errc()) return std::nullopt;
  return value;
}

std::optional<std::string> unescape(std::string_view inside, std::string& problem) {
  static constexpr std::string_view kNames = "\\'\"abfnrtv", kValues = "\\'\"\a\b\f\n\r\t\v";
  std::string out;
  for (size_t at = 0; at < inside.size();) {
    if (inside[at] != '\\') {
      out += inside[at++];
      continue;
    }
    const size_t start = at + 1;
    at = start;
    const char32_t c = next_code_point(inside, at);
    if (const size_t known = c < 0x80 ? kNames.find(static_cast<char>(c)) : std::string_view::npos;
        known != std::string_view::npos) {
      out += kValues[known];
    } else if (c == '\n') {
    } else if (c >= '0' && c <= '7') {
      char32_t value = 0;
      for (at = start; at < inside.size() && at < start + 3 && inside[at] >= '0' && inside[at] <= '7'; ++at) {
        value = value * 8 + static_cast<char32_t>(inside[at] - '0');
      }
      append_utf8(out, value);
    } else if (c == 'x' || c == 'u' || c == 'U') {
      const size_t count = c == 'x' ? 2 : c == 'u' ? 4 : 8;
      const auto value = hex(inside.substr(at), count);
      if (!value || *value > 0x10FFFF || (*value >= 0xD800 && *value <= 0xDFFF)) {
        problem = fmt::format("\\{} without the {} hexadecimal digits of a character", static_cast<char>(c), count);
        return std::nullopt;
      }
      append_utf8(out, *value);
      at += count;
    } else if (c == 'N') {
      problem = "\\N is not supported";
      return std::nullopt;
    } else {
      out += c < 0x80 ? std::string{'\\', static_cast<char>(c)} : protected_character(c);
    }
  }
  return out;
}

}  // namespace hone::jinja
