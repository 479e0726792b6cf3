// str.format() and str.format_map(), with attributes and elements looked up as the sandbox does.
#include <fmt/format.h>

#include "tokenizer/chat_template/interpreter.h"
#include "tokenizer/chat_template/methods.h"
#include "tokenizer/chat_template/text_format.h"

namespace hone::jinja {
namespace {

bool is_digits(std::string_view text) {
  return !text.empty() && text.size() < 10 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

class BraceFormatter {
 public:
  /// `mapping` is what format_map names fields by, or null.
  BraceFormatter(const CallArguments& arguments, const Value* mapping, Interpreter& interpreter)
      : arguments_(arguments), mapping_(mapping), interpreter_(interpreter) {}

  std::string run(std::string_view format, int depth) {
    if (depth < 0) fail("Max string recursion exceeded");
    std::string out;
    for (size_t at = 0; at < format.size(); ++at) {
      const char c = format[at];
      if ((c == '{' || c == '}') && at + 1 < format.size() && format[at + 1] == c) {
        out += c;
        ++at;
      } else if (c == '}') {
        fail("Single '}' encountered in format string");
      } else if (c == '{') {
        const size_t end = field_end(format, at + 1);
        out += field(format.substr(at + 1, end - at - 1), depth);
        at = end;
      } else {
        out += c;
      }
      if (out.size() > kMaxTextBytes) break;
    }
    interpreter_.budget().check_text(out.size());
    return out;
  }

 private:
  /// Where the brace that closes the field from `at` stands.
  static size_t field_end(std::string_view format, size_t at) {
    int open = 1;
    bool in_brackets = false;
    for (; at < format.size(); ++at) {
      if (format[at] == '[') in_brackets = true;
      if (format[at] == ']') in_brackets = false;
      if (in_brackets) continue;
      open += format[at] == '{' ? 1 : format[at] == '}' ? -1 : 0;
      if (open == 0) return at;
    }
    fail(at == 0 ? "Single '{' encountered in format string" : "expected '}' before end of string");
  }

  std::string field(std::string_view text, int depth) {
    // The name ends at a conversion or a specification, but not within brackets.
    size_t end = 0;
    for (bool in_brackets = false; end < text.size(); ++end) {
      if (text[end] == '[') in_brackets = true;
      if (text[end] == ']') in_brackets = false;
      if (!in_brackets && (text[end] == '!' || text[end] == ':')) break;
    }
    const std::string_view name = text.substr(0, end);
    char conversion = 0;
    if (end < text.size() && text[end] == '!') {
      if (end + 1 >= text.size()) fail("end of string while looking for conversion specifier");
      conversion = text[end + 1];
      end += 2;
      if (end < text.size() && text[end] != ':') fail("expected ':' after conversion specifier");
    }
    Value value = lookup(name);
    const std::string spec = end < text.size() ? run(text.substr(end + 1), depth - 1) : "";
    Budget& budget = interpreter_.budget();
    if (conversion == 's') {
      value = make_text(to_text(value, budget));
    } else if (conversion == 'r') {
      value = make_text(to_repr(value, budget));
    } else if (conversion == 'a') {
      value = make_text(value.is_text() ? text_repr(value.text()->bytes, /*ascii=*/true) : to_repr(value, budget));
    } else if (conversion != 0) {
      fail(fmt::format("Unknown conversion specifier {}", conversion));
    }
    return format_value(value, spec, budget);
  }

  Value argument(const std::string& name) {
    if (name.empty()) {
      if (next_ < 0) fail("cannot switch from manual field specification to automatic field numbering");
      return positional(static_cast<size_t>(next_++));
    }
    if (is_digits(name)) {
      if (next_ > 0) fail("cannot switch from manual field specification to automatic field numbering");
      next_ = -1;
      return positional(static_cast<size_t>(std::stoul(name)));
    }
    if (mapping_ != nullptr) {
      const Value* const value = mapping_->dict() == nullptr ? nullptr : mapping_->dict()->find_text(name);
      if (value != nullptr) return *value;
    }
    for (const auto& [known, value] : arguments_.named) {
      if (known == name) return value;
    }
    fail(fmt::format("KeyError: {}", text_repr(name)));
  }

  Value positional(size_t i) const {
    if (mapping_ != nullptr || i >= arguments_.positional.size()) {
      fail(fmt::format("Replacement index {} out of range for positional args tuple", i));
    }
    return arguments_.positional[i];
  }

  Value lookup(std::string_view name) {
    const size_t first = std::min(name.find_first_of(".["), name.size());
    Value value = argument(std::string(name.substr(0, first)));
    for (size_t at = first; at < name.size();) {
      if (name[at] == '.') {
        const size_t end = std::min(name.find_first_of(".[", at + 1), name.size());
        if (end == at + 1) fail("Empty attribute in format string");
        value = interpreter_.attribute(value, name.substr(at + 1, end - at - 1));
        at = end;
      } else if (name[at] == '[') {
        const size_t end = name.find(']', at);
        if (end == std::string_view::npos) fail("Missing ']' in format string");
        const std::string key(name.substr(at + 1, end - at - 1));
        if (key.empty()) fail("Empty attribute in format string");
        value = interpreter_.item(value, is_digits(key) ? Value(int64_t{std::stoll(key)}) : make_text(key));
        at = end + 1;
      } else {
        fail("Only '.' or '[' may follow ']' in format field specifier");
      }
    }
    return value;
  }

  const CallArguments& arguments_;
  const Value* mapping_;
  Interpreter& interpreter_;
  int64_t next_ = 0;  ///< the number of the next {}; -1 once fields are numbered by hand
};

constexpr int kNestedFields = 2;

}  // namespace

Value format_braces(const Text& format, const CallArguments& arguments, Interpreter& interpreter) {
  return make_text(BraceFormatter(arguments, nullptr, interpreter).run(format.bytes, kNestedFields), format.markup);
}

Value format_map(const Text& format, const CallArguments& arguments, Interpreter& interpreter) {
  if (!arguments.named.empty()) fail("format_map() takes no keyword arguments");
  const Bound bound("format_map", arguments, {"mapping"}, 1);
  const CallArguments none;
  return make_text(BraceFormatter(none, bound.get(0), interpreter).run(format.bytes, kNestedFields), format.markup);
}

}  // namespace hone::jinja
