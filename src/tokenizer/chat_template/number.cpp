#include "tokenizer/chat_template/number.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "hone/tokenizer/utf8.h"
#include "tokenizer/chat_template/unicode.h"

namespace hone::jinja {
namespace {

/// Without the white space around it and the underscores between its digits; nothing where one stands elsewhere.
std::optional<std::string> plain_digits(std::string_view text) {
  while (!text.empty()) {
    size_t at = 0;
    if (!is_space(next_code_point(text, at))) break;
    text.remove_prefix(at);
  }
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, at);
    if (is_space(c)) {
      while (at < text.size()) {
        if (!is_space(next_code_point(text, at))) return std::nullopt;
      }
      break;
    }
    const auto is_alnum = [](char b) { return std::isalnum(static_cast<unsigned char>(b)) != 0; };
    if (c == '_') {
      const bool between = !out.empty() && is_alnum(out.back()) && at < text.size() && is_alnum(text[at]);
      if (!between) return std::nullopt;
    } else if (c >= 0x80 && is_decimal(c)) {
      return std::nullopt;  // digits of other scripts
    } else {
      append_utf8(out, c);
    }
  }
  return out;
}

}  // namespace

std::string float_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::array<char, 64> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific);
  const std::string_view text(buffer.data(), static_cast<size_t>(end.ptr - buffer.data()));
  const size_t e = text.find('e');
  const int exponent = std::atoi(std::string(text.substr(e + 1)).c_str());
  const bool negative = text[0] == '-';
  std::string digits;
  for (const char c : text.substr(0, e)) {
    if (c >= '0' && c <= '9') digits += c;
  }
  std::string out;
  if (exponent < -4 || exponent >= 16) {
    out = digits.substr(0, 1) + (digits.size() > 1 ? "." + digits.substr(1) : "");
    out += fmt::format("e{}{:02}", exponent < 0 ? '-' : '+', std::abs(exponent));
  } else if (exponent < 0) {
    out = "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  } else {
    const auto whole = static_cast<size_t>(exponent) + 1;
    if (digits.size() < whole) digits.append(whole - digits.size(), '0');
    out = digits.substr(0, whole) + "." + (digits.size() > whole ? digits.substr(whole) : "0");
  }
  return negative ? "-" + out : out;
}

std::optional<int64_t> parse_integer(std::string_view text, int64_t base) {
  auto digits = plain_digits(text);
  if (!digits || base < 0 || base == 1 || base > 36) return std::nullopt;
  std::string_view rest = *digits;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest.size() > 1 && rest[0] == '0') {
    const char mark = static_cast<char>(std::tolower(static_cast<unsigned char>(rest[1])));
    const int64_t marked = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 0;
    if (marked != 0 && (base == 0 || base == marked)) {
      base = marked;
      rest.remove_prefix(2);
    } else if (base == 0 && rest.find_first_not_of('0') != std::string_view::npos) {
      return std::nullopt;
    }
  }
  if (base == 0) base = 10;
  if (rest.empty() || rest[0] == '-' || rest[0] == '+') return std::nullopt;
  const std::string signed_text = (negative ? "-" : "") + std::string(rest);
  int64_t value = 0;
  const char* const end = signed_text.data() + signed_text.size();
  const auto result = std::from_chars(signed_text.data(), end, value, static_cast<int>(base));
  if (result.ptr != end) return std::nullopt;
  if (result.ec == std::errc::result_out_of_range) fail("an integer beyond 64 bits");
  return value;
}

std::optional<double> parse_float(std::string_view text) {
  const auto digits = plain_digits(text);
  if (!digits || digits->empty()) return std::nullopt;
  // strtod reads more than Python does: hexadecimal, nan(...).
  for (const char c : *digits) {
    if (c == 'x' || c == 'X' || c == '(' || c == 'p' || c == 'P') return std::nullopt;
  }
  char* end = nullptr;
  const double value = std::strtod(digits->c_str(), &end);
  if (end != digits->c_str() + digits->size() || std::isspace(static_cast<unsigned char>((*digits)[0])) != 0) {
    return std::nullopt;
  }
  return value;
}

int64_t truncate(double value) {
  if (std::isnan(value)) fail("cannot convert float NaN to integer");
  if (std::isinf(value)) fail("cannot convert float infinity to integer");
  if (std::fabs(value) >= 0x1p63) fail("an integer beyond 64 bits");
  return static_cast<int64_t>(value);
}

double round_to(double value, int64_t digits) {
  if (!std::isfinite(value) || digits > 323) return value;
  if (digits < -308) return std::copysign(0.0, value);
  if (digits >= 0) return std::strtod(fmt::format("{:.{}f}", value, digits).c_str(), nullptr);
  // The decimal digits of the exact value, rounded at a place before the point.
  const double scale = std::pow(10.0, static_cast<double>(-digits));
  const double quotient = value / scale;
  double rounded = std::round(quotient);
  if (std::fabs(quotient - rounded) == 0.5) rounded = 2.0 * std::round(quotient / 2.0);
  return rounded * scale;
}

int64_t round_to(int64_t value, int64_t digits) {
  if (digits >= 0) return value;
  if (digits < -18) return 0;
  int64_t scale = 1;
  for (int64_t i = 0; i < -digits; ++i) scale *= 10;
  const int64_t rest = value % scale;
  int64_t low = value - rest;
  const int64_t twice = 2 * std::abs(rest);
  if (twice > scale || (twice == scale && (low / scale) % 2 != 0)) low += rest < 0 ? -scale : scale;
  return low;
}

}  // namespace hone::jinja
