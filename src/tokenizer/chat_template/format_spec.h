// Numbers and texts in fields, as the operator % and str.format put them. Pure but for what they charge; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tokenizer/chat_template/value.h"

namespace hone::jinja {

struct FieldSpec {
  std::string fill = " ";
  char align = 0;   ///< '<', '>', '^', '=' (between sign and digits); 0 for the type's own
  char sign = '-';  ///< '-', '+' or ' '
  bool alternative = false;
  bool zero = false;
  int64_t width = 0;
  char grouping = 0;  ///< ',' or '_' between groups of digits
  std::optional<int64_t> precision;
  char type = 0;
};

/// The digits without sign of a float by one of the types e f g % and their capitals.
std::string float_digits(double magnitude, char type, int64_t precision, bool alternative, Budget& budget);
/// The digits without sign and prefix of an integer by b o x X d.
std::string integer_digits(uint64_t magnitude, char type);
/// sign + prefix + digits, brought to the width of the field.
std::string place_number(bool negative, std::string prefix, std::string digits, const FieldSpec& spec, Budget& budget);
std::string place_text(const std::string& text, const FieldSpec& spec, char default_align, Budget& budget);

}  // namespace hone::jinja
