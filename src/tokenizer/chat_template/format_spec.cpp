#include "tokenizer/chat_template/format_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "hone/tokenizer/utf8.h"
#include "tokenizer/chat_template/number.h"
#include "tokenizer/chat_template/text_format.h"
#include "tokenizer/chat_template/text_tools.h"
#include "tokenizer/chat_template/unicode.h"

namespace hone::jinja {
namespace {

constexpr int64_t kMostDigits = 10'000;

/// "1234567.5" with a sign between every `size` digits before the point.
std::string grouped(const std::string& digits, char sign, size_t size) {
  const size_t whole = std::min(digits.find_first_not_of("0123456789abcdefABCDEF"), digits.size());
  std::string out;
  for (size_t i = 0; i < whole; ++i) {
    if (i > 0 && (whole - i) % size == 0) out += sign;
    out += digits[i];
  }
  return out + digits.substr(whole);
}

FieldSpec parse_spec(std::string_view text) {
  FieldSpec spec;
  const auto is_align = [](char c) { return c == '<' || c == '>' || c == '^' || c == '='; };
  const size_t first = text.empty() ? 0 : byte_of(text, 1);
  if (first < text.size() && is_align(text[first])) {
    spec.fill = text.substr(0, first);
    spec.align = text[first];
    text.remove_prefix(first + 1);
  } else if (!text.empty() && is_align(text[0])) {
    spec.align = text[0];
    text.remove_prefix(1);
  }
  const auto take = [&](std::string_view of) -> char {
    if (text.empty() || of.find(text[0]) == std::string_view::npos) return 0;
    const char c = text[0];
    text.remove_prefix(1);
    return c;
  };
  const auto number = [&]() -> std::optional<int64_t> {
    if (text.empty() || text[0] < '0' || text[0] > '9') return std::nullopt;
    int64_t value = 0;
    while (const char digit = take("0123456789")) {
      value = value * 10 + (digit - '0');
      if (value > static_cast<int64_t>(kMaxTextBytes)) fail("Too many decimal digits in format string");
    }
    return value;
  };
  if (const char sign = take("-+ ")) spec.sign = sign;
  spec.alternative = take("#") != 0;
  if (take("0") != 0) {
    spec.zero = true;
    if (spec.align == 0) {
      spec.align = '=';
      spec.fill = "0";
    }
  }
  spec.width = number().value_or(0);
  spec.grouping = take(",_");
  if (take(".") != 0) {
    spec.precision = number();
    if (!spec.precision) fail("Format specifier missing precision");
  }
  if (text.size() > 1) fail("Invalid format specifier");
  if (!text.empty()) spec.type = text[0];
  return spec;
}

[[noreturn]] void unknown_code(char type, const Value& value) {
  fail(fmt::format("Unknown format code '{}' for object of type '{}'", type, type_name(value)));
}

std::string format_text(const Value& value, FieldSpec spec, Budget& budget) {
  const Text& text = *value.text();
  if (spec.type != 0 && spec.type != 's') unknown_code(spec.type, value);
  if (spec.sign != '-') fail("Sign not allowed in string format specifier");
  if (spec.alternative) fail("Alternate form (#) not allowed in string format specifier");
  if (spec.grouping != 0) fail(fmt::format("Cannot specify '{}' with 's'.", spec.grouping));
  if (spec.align == '=' && spec.zero) spec.align = '<';
  if (spec.align == '=') fail("'=' alignment not allowed in string format specifier");
  std::string shown = text.bytes;
  if (spec.precision) shown = shown.substr(0, byte_of(shown, static_cast<size_t>(*spec.precision)));
  return place_text(shown, spec, '<', budget);
}

std::string format_float(double value, const FieldSpec& spec, Budget& budget) {
  const bool negative = std::signbit(value) && !std::isnan(value);
  const double magnitude = std::fabs(value);
  std::string digits;
  if (spec.type == 0 && !spec.precision) {
    digits = float_repr(magnitude);
  } else if (spec.type == 0) {
    digits = float_digits(magnitude, 'g', std::max<int64_t>(*spec.precision, 1), spec.alternative, budget);
    // Unlike g, at least one digit stands behind the point.
    if (digits.find_first_of(".en") == std::string::npos) digits += ".0";
  } else {
    const char type = spec.type == 'n' ? 'g' : spec.type;
    digits = float_digits(type == '%' ? magnitude * 100 : magnitude, type == '%' ? 'f' : type,
                          spec.precision.value_or(6), spec.alternative, budget);
    if (type == '%') digits += '%';
  }
  return place_number(negative, "", std::move(digits), spec, budget);
}

std::string format_integer(const Value& value, FieldSpec spec, Budget& budget) {
  const int64_t number = *value.integer();
  const bool negative = number < 0;
  const uint64_t magnitude = negative ? ~static_cast<uint64_t>(number) + 1 : static_cast<uint64_t>(number);
  if (spec.type == 'c') {
    if (number < 0 || number > 0x10FFFF) fail("%c arg not in range(0x110000)");
    std::string character;
    append_utf8(character, static_cast<char32_t>(number));
    return place_text(character, spec, '<', budget);
  }
  if (spec.precision) fail("Precision not allowed in integer format specifier");
  std::string prefix;
  if (spec.alternative && spec.type != 'd' && spec.type != 0 && spec.type != 'n') prefix = std::string("0") + spec.type;
  return place_number(negative, std::move(prefix), integer_digits(magnitude, spec.type), spec, budget);
}

}  // namespace

std::string float_digits(double magnitude, char type, int64_t precision, bool alternative, Budget& budget) {
  if (std::isnan(magnitude)) return type >= 'a' ? "nan" : "NAN";
  if (std::isinf(magnitude)) return type >= 'a' ? "inf" : "INF";
  if (precision > kMostDigits) fail("precision too big");
  const std::string format = fmt::format("%{}.*{}", alternative ? "#" : "", type);
  std::string out(static_cast<size_t>(precision) + 400, '\0');
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  const int size = std::snprintf(out.data(), out.size(), format.c_str(), static_cast<int>(precision), magnitude);
#pragma GCC diagnostic pop
  out.resize(static_cast<size_t>(size));
  budget.charge_text(out.size());
  return out;
}

std::string integer_digits(uint64_t magnitude, char type) {
  switch (type) {
    case 'b':
      return fmt::format("{:b}", magnitude);
    case 'o':
      return fmt::format("{:o}", magnitude);
    case 'x':
      return fmt::format("{:x}", magnitude);
    case 'X':
      return fmt::format("{:X}", magnitude);
    default:
      return fmt::to_string(magnitude);
  }
}

std::string place_number(bool negative, std::string prefix, std::string digits, const FieldSpec& spec, Budget& budget) {
  std::string front = negative ? "-" : spec.sign == '-' ? "" : std::string(1, spec.sign);
  front += prefix;
  if (spec.grouping != 0) {
    const bool bits = spec.type == 'b' || spec.type == 'o' || spec.type == 'x' || spec.type == 'X';
    const size_t group = bits ? 4 : 3;
    if (spec.fill == "0" && spec.align == '=') {
      // The zeros in front are grouped as well.
      const auto room = std::max<int64_t>(spec.width - static_cast<int64_t>(front.size()), 0);
      const size_t point = std::min(digits.find_first_not_of("0123456789abcdefABCDEF"), digits.size());
      const auto tail = static_cast<int64_t>(digits.size() - point);
      const auto per = static_cast<int64_t>(group) + 1;
      const int64_t wanted = std::max<int64_t>(room - tail, 1);
      const int64_t zeros = wanted - wanted / per - static_cast<int64_t>(point);
      digits = repeated("0", zeros, budget) + digits;
    }
    digits = grouped(digits, spec.grouping, group);
  }
  const int64_t missing = spec.width - static_cast<int64_t>(front.size() + digits.size());
  if (spec.align == '=' && missing > 0) return front + repeated(spec.fill, missing, budget) + digits;
  return place_text(front + digits, spec, '>', budget);
}

std::string place_text(const std::string& text, const FieldSpec& spec, char default_align, Budget& budget) {
  const char align = spec.align == 0 ? default_align : spec.align;
  const int64_t missing = spec.width - static_cast<int64_t>(count_code_points(text));
  if (missing <= 0) return text;
  const int64_t left = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
  return repeated(spec.fill, left, budget) + text + repeated(spec.fill, missing - left, budget);
}

std::string format_value(const Value& value, std::string_view spec_text, Budget& budget) {
  if (spec_text.empty()) return to_text(value, budget);
  if (!value.is_text() && !value.number()) {
    fail(fmt::format("unsupported format string passed to {}.__format__", type_name(value)));
  }
  const FieldSpec spec = parse_spec(spec_text);
  if (value.is_text()) return format_text(value, spec, budget);
  const bool as_float = spec.type != 0 && std::string_view("eEfFgG%").find(spec.type) != std::string_view::npos;
  if (const auto* d = value.get<double>()) {
    if (!as_float && spec.type != 0 && spec.type != 'n') unknown_code(spec.type, value);
    return format_float(*d, spec, budget);
  }
  if (as_float) return format_float(*value.number(), spec, budget);
  if (spec.type != 0 && std::string_view("bcdoxXn").find(spec.type) == std::string_view::npos) {
    unknown_code(spec.type, value);
  }
  return format_integer(value, spec, budget);
}

}  // namespace hone::jinja
