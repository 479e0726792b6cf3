#include "config_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <nlohmann/json.hpp>

namespace hone {
namespace {

std::string number_text(double value) {
  if (std::abs(value) < 1e15 && value == std::floor(value)) return fmt::format("{}", static_cast<int64_t>(value));
  return fmt::format("{}", value);
}

// A float with a point, so that readers of YAML 1.1 also take it for a number.
std::string float_text(double value) {
  std::string text = fmt::format("{}", value);
  if (text.find('.') == std::string::npos) text.insert(std::min(text.find('e'), text.size()), ".0");
  return text;
}

// JSON's escapes are YAML's; YAML also wants one for U+007F.
std::string escaped_text(const std::string& text) {
  std::string escaped = nlohmann::json(text).dump();
  for (size_t at = 0; (at = escaped.find('\x7F', at)) != std::string::npos; at += 6) escaped.replace(at, 1, "\\u007F");
  return escaped;
}

// Bare where no reader of YAML could take it for anything but text.
std::string quoted_text(const std::string& text) {
  static constexpr std::string_view kNotText[] = {"true", "false", "null", "yes", "no", "on",
                                                  "off",  "y",     "n",    "nan", "inf"};
  std::string lower = text;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  const auto plain = [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-' || c == '.' || c == '/'; };
  const bool starts_plain = !text.empty() && (std::isalpha(static_cast<unsigned char>(text[0])) || text[0] == '/');
  const size_t colon = text.find(':');
  const bool colon_inside = colon == std::string::npos || colon + 1 < text.size();
  const bool all_plain = std::all_of(text.begin(), text.end(), [&](unsigned char c) { return plain(c) || c == ':'; });
  if (starts_plain && all_plain && colon_inside && text.back() != ':' && !std::ranges::count(kNotText, lower))
    return text;
  return escaped_text(text);
}

struct Naming {
  std::string operator()(bool*) const { return "true | false"; }
  std::string operator()(int64_t*) const { return "integer"; }
  std::string operator()(double*) const { return "number"; }
  std::string operator()(std::string*) const { return "text"; }
  std::string operator()(std::vector<std::string>*) const { return "list of text"; }
  std::string operator()(const Choice& choice) const { return fmt::format("{}", fmt::join(choice.names, " | ")); }
};

struct Expecting {
  std::string operator()(bool*) const { return "true or false"; }
  std::string operator()(int64_t*) const { return "an integer"; }
  std::string operator()(double*) const { return "a number"; }
  std::string operator()(std::string*) const { return "text"; }
  std::string operator()(std::vector<std::string>*) const { return "a list of texts"; }
  std::string operator()(const Choice& choice) const {
    return fmt::format("{}{}", choice.names.size() > 1 ? "one of " : "", fmt::join(choice.names, ", "));
  }
};

struct Writing {
  std::string operator()(const bool* value) const { return *value ? "true" : "false"; }
  std::string operator()(const int64_t* value) const { return std::to_string(*value); }
  std::string operator()(const double* value) const { return float_text(*value); }
  std::string operator()(const std::string* value) const { return quoted_text(*value); }
  std::string operator()(const std::vector<std::string>* value) const {
    std::string list;
    for (const std::string& text : *value) list += (list.empty() ? "" : ", ") + escaped_text(text);
    return "[" + list + "]";
  }
  std::string operator()(const Choice& choice) const { return quoted_text(std::string(choice.names[*choice.index])); }
};

}  // namespace

std::string range_text(const Range& range) {
  const bool low = std::isfinite(range.min), high = std::isfinite(range.max);
  if (low && high) {
    return fmt::format("{}{}, {}]", range.min_excluded ? "(" : "[", number_text(range.min), number_text(range.max));
  }
  if (low) return fmt::format("{} {}", range.min_excluded ? ">" : ">=", number_text(range.min));
  return high ? "<= " + number_text(range.max) : "";
}

std::string type_text(const Slot& slot, bool optional) {
  return std::visit(Naming{}, slot) + (optional ? " | null" : "");
}

std::string expected_text(const Field& field, const Slot& slot, bool optional) {
  const std::string range = range_text(field.range);
  std::string text = std::visit(Expecting{}, slot);
  if (!range.empty()) text += (range[0] == '[' || range[0] == '(' ? " in " : " ") + range;
  return text + (optional ? " or null" : "");
}

std::string value_text(const Slot& slot, const bool* present) {
  return present != nullptr && !*present ? "null" : std::visit(Writing{}, slot);
}

}  // namespace hone
