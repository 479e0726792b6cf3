// Texts made of values: Python's repr, JSON, the operator % and str.format.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tokenizer/chat_template/value.h"

namespace hone::jinja {

std::string escape_html(std::string_view text);

/// repr() of a str.
std::string text_repr(std::string_view text, bool ascii = false);

struct JsonStyle {
  bool ascii = false;
  std::optional<std::string> indent;
  std::string item_separator = ", ", key_separator = ": ";
  bool sort_keys = false;
};
/// json.dumps().
std::string to_json(const Value& value, const JsonStyle& style, Budget& budget);

/// The values of a JSON text; Failure for what they cannot hold.
Value from_json(std::string_view json, Budget& budget);

/// format % values.
std::string percent_format(std::string_view format, const Value& values, Budget& budget);

/// format(value, spec).
std::string format_value(const Value& value, std::string_view spec, Budget& budget);

}  // namespace hone::jinja
