// Filters that make texts.
#include <fmt/format.h>

#include <algorithm>

#include "hone/tokenizer/utf8.h"
#include "tokenizer/chat_template/filters.h"
#include "tokenizer/chat_template/interpreter.h"
#include "tokenizer/chat_template/number.h"
#include "tokenizer/chat_template/text_format.h"
#include "tokenizer/chat_template/text_tools.h"
#include "tokenizer/chat_template/text_wrap.h"
#include "tokenizer/chat_template/unicode.h"

namespace hone::jinja {
namespace {

/// str(value), except that Markup stays what it is.
Value soft_text(Interpreter& interpreter, const Value& value) {
  return value.is_text() ? value : make_text(interpreter.text_of(value));
}

/// The input where only a text will do.
const Text& must_be_text(const Value& value) {
  if (const auto* u = value.get<Undefined>()) fail(*u->message);
  if (!value.is_text()) fail(fmt::format("expected a str, got '{}'", type_name(value)));
  return *value.text();
}

template <std::string (*kMap)(std::string_view)>
Value mapped(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("filter", arguments, {});
  const Value text = soft_text(interpreter, input);
  return make_text(kMap(text.text()->bytes), text.text()->markup);
}

bool parts_words(char32_t c) {
  return is_space(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
}

/// Jinja's title: the first character of what stands between spaces, hyphens and opening brackets.
std::string title_words(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    const bool apart = parts_words(next_code_point(text, at));
    const size_t first = at;
    while (at < text.size()) {
      size_t next = at;
      if (parts_words(next_code_point(text, next)) != apart) break;
      at = next;
    }
    out += apart ? std::string(text.substr(start, at - start))
                 : to_upper(text.substr(start, first - start)) + to_lower(text.substr(first, at - first));
  }
  return out;
}

Value center(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("center", arguments, {"width"});
  const Value text = soft_text(interpreter, input);
  return make_text(pad(*text.text(), bound.integer(0, 80), " ", Side::kCenter, interpreter.budget()));
}

Value trim(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("trim", arguments, {"chars"});
  const Value text = soft_text(interpreter, input);
  std::optional<std::string_view> chars;
  if (bound.get(0) != nullptr && !bound.get(0)->is_none()) chars = bound.text(0).bytes;
  if (chars) interpreter.budget().charge_text(text.text()->bytes.size() * (1 + chars->size() / 16));
  return make_text(std::string(strip(text.text()->bytes, chars, true, true)), text.text()->markup);
}

Value replace_filter(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("replace", arguments, {"old", "new", "count"}, 2);
  const bool all = bound.get(2) == nullptr || bound.get(2)->is_none();
  return make_text(replace(interpreter.text_of(input), interpreter.text_of(*bound.get(0)),
                           interpreter.text_of(*bound.get(1)), all ? -1 : bound.integer(2, -1), interpreter.budget()));
}

Value join(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("join", arguments, {"d", "attribute"});
  const std::string separator = interpreter.text_of(bound.value(0, make_text("")));
  std::string out;
  Next next = iterate(input, interpreter.budget());
  bool first = true;
  for (Value item; next(item); first = false) {
    if (!first) out += separator;
    out += interpreter.text_of(follow(interpreter, std::move(item), bound.get(1)));
    if (out.size() > kMaxTextBytes) break;
  }
  interpreter.budget().check_text(out.size());
  return make_text(std::move(out));
}

Value indent(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("indent", arguments, {"width", "first", "blank"});
  const Value width = bound.value(0, int64_t{4});
  const std::string indention =
      width.is_text() ? width.text()->bytes : repeated(" ", to_integer(width), interpreter.budget());
  const auto lines = split_lines(must_be_text(input).bytes + "\n", /*keep_ends=*/false);
  interpreter.budget().check_text(input.text()->bytes.size() + lines.size() * (indention.size() + 1));
  std::string out = bound.truth(1, false) ? indention : "";
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out += "\n";
    if (i > 0 && (bound.truth(2, false) || !lines[i].empty())) out += indention;
    out += lines[i];
  }
  return make_text(std::move(out), input.text()->markup);
}

Value truncate_text(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("truncate", arguments, {"length", "killwords", "end", "leeway"});
  const int64_t size = bound.integer(0, 255);
  const std::string end = bound.get(2) == nullptr ? "..." : bound.text(2).bytes;
  const bool default_leeway = bound.get(3) == nullptr || bound.get(3)->is_none();
  const int64_t leeway = default_leeway ? 5 : bound.integer(3, 5);
  const auto end_size = static_cast<int64_t>(count_code_points(end));
  if (size < end_size) fail(fmt::format("expected length >= {}, got {}", end_size, size));
  if (leeway < 0) fail(fmt::format("expected leeway >= 0, got {}", leeway));
  if (length(input) <= size + leeway) return input;
  const Text& text = must_be_text(input);
  std::string kept = text.bytes.substr(0, byte_of(text.bytes, static_cast<size_t>(size - end_size)));
  if (!bound.truth(1, false)) kept = split(kept, " ", 1, /*from_right=*/true, interpreter.budget()).front();
  return make_text(kept + end, text.markup);
}

Value word_wrap(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("wordwrap", arguments, {"width", "break_long_words", "wrapstring", "break_on_hyphens"});
  const bool own = bound.get(2) == nullptr || bound.get(2)->is_none();
  const std::string between = own ? "\n" : bound.text(2).bytes;
  const int64_t width = bound.integer(0, 79);
  std::string out;
  bool first = true;
  for (const std::string& line : split_lines(must_be_text(input).bytes, /*keep_ends=*/false)) {
    if (!first) out += between;
    first = false;
    bool first_part = true;
    for (const std::string& part : wrap_line(line, width, bound.truth(1, true), bound.truth(3, true))) {
      if (!first_part) out += between;
      first_part = false;
      out += part;
      if (out.size() > kMaxTextBytes) interpreter.budget().check_text(out.size());
    }
  }
  interpreter.budget().check_text(out.size());
  return make_text(std::move(out));
}

Value word_count(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("wordcount", arguments, {});
  const std::string text = interpreter.text_of(input);
  int64_t count = 0;
  bool in_word = false;
  for (size_t at = 0; at < text.size();) {
    const bool word = is_word(next_code_point(text, at));
    count += word && !in_word ? 1 : 0;
    in_word = word;
  }
  return count;
}

Value string_filter(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("string", arguments, {});
  return soft_text(interpreter, input);
}

Value escape(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("escape", arguments, {});
  if (input.is_text() && input.text()->markup) return input;
  return make_text(escape_html(interpreter.text_of(input)), /*markup=*/true);
}

Value force_escape(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("forceescape", arguments, {});
  return make_text(escape_html(interpreter.text_of(input)), /*markup=*/true);
}

Value safe(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("safe", arguments, {});
  return make_text(interpreter.text_of(input), /*markup=*/true);
}

Value format_filter(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  if (!arguments.positional.empty() && !arguments.named.empty()) {
    fail("can't handle positional and keyword arguments at the same time");
  }
  Value values = make_tuple(arguments.positional);
  if (!arguments.named.empty()) {
    DictBuilder dict(interpreter.budget());
    for (const auto& [name, value] : arguments.named) dict.put(make_text(name), value);
    values = dict.finish();
  }
  const Value text = soft_text(interpreter, input);
  return make_text(percent_format(text.text()->bytes, values, interpreter.budget()), text.text()->markup);
}

Value to_json_filter(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("tojson", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.ascii = bound.truth(0, false);
  style.sort_keys = bound.truth(3, false);
  if (const Value* indent_by = bound.get(1); indent_by != nullptr && !indent_by->is_none()) {
    style.indent =
        indent_by->is_text() ? indent_by->text()->bytes : repeated(" ", to_integer(*indent_by), interpreter.budget());
    style.item_separator = ",";
  }
  if (const Value* separators = bound.get(2); separators != nullptr && !separators->is_none()) {
    const Values pair = to_items(*separators, interpreter.budget());
    if (pair.size() != 2 || !pair[0].is_text() || !pair[1].is_text()) fail("separators must be two texts");
    style.item_separator = pair[0].text()->bytes;
    style.key_separator = pair[1].text()->bytes;
  }
  return make_text(to_json(input, style, interpreter.budget()));
}

std::string quote_url(std::string_view text, bool query) {
  std::string out;
  for (const char c : text) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                       std::string_view("_.-~").find(c) != std::string_view::npos || (c == '/' && !query);
    if (plain) {
      out += c;
    } else if (c == ' ' && query) {
      out += '+';
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

Value url_encode(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("urlencode", arguments, {});
  if (input.is_text() || !is_iterable(input)) return make_text(quote_url(interpreter.text_of(input), /*query=*/false));
  const View::Part kItems = View::Part::kItems;
  const auto* dict = input.get<std::shared_ptr<const Dict>>();
  const Value pairs = dict != nullptr ? Value(std::make_shared<const View>(View{*dict, kItems})) : input;
  std::string out;
  for (const Value& pair : to_items(pairs, interpreter.budget())) {
    const Values items = is_iterable(pair) ? to_items(pair, interpreter.budget()) : Values{};
    if (items.size() != 2) fail("urlencode needs pairs");
    if (!out.empty()) out += '&';
    out += quote_url(interpreter.text_of(items[0]), true) + "=" + quote_url(interpreter.text_of(items[1]), true);
    interpreter.budget().check_text(out.size() / 64);
  }
  return make_text(std::move(out));
}

Value xml_attributes(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("xmlattr", arguments, {"autospace"});
  if (input.dict() == nullptr) fail(fmt::format("'{}' object has no attribute 'items'", type_name(input)));
  std::string out;
  for (const auto& [key, value] : input.dict()->items) {
    if (value.is_none() || value.is_undefined()) continue;
    const Text& name = must_be_text(key);
    if (name.bytes.find_first_of(" \t\n\r\f\v/>=") != std::string::npos) {
      fail(fmt::format("Invalid character in attribute name: {}", text_repr(name.bytes)));
    }
    if (!out.empty()) out += ' ';
    out += fmt::format("{}=\"{}\"", escape_html(name.bytes), escape_html(interpreter.text_of(value)));
  }
  return make_text(!out.empty() && bound.truth(0, true) ? " " + out : out);
}

Value file_size(Interpreter&, const Value& input, const CallArguments& arguments) {
  const Bound bound("filesizeformat", arguments, {"binary"});
  const auto parsed = input.is_text() ? parse_float(input.text()->bytes) : input.number();
  if (!parsed) fail("could not convert to float");
  const bool binary = bound.truth(0, false);
  const double base = binary ? 1024 : 1000, bytes = *parsed;
  if (bytes == 1) return make_text("1 Byte");
  if (bytes < base) return make_text(fmt::format("{} Bytes", truncate(bytes)));
  constexpr std::string_view kPrefixes = "kMGTPEZY";
  double unit = base;
  for (size_t i = 0;; ++i) {
    unit *= base;
    if (bytes >= unit && i + 1 < kPrefixes.size()) continue;
    const char prefix = binary && i == 0 ? 'K' : kPrefixes[i];
    return make_text(fmt::format("{:.1f} {}{}", base * bytes / unit, prefix, binary ? "iB" : "B"));
  }
}

constexpr std::pair<std::string_view, Filter> kFilters[] = {
    {"capitalize", mapped<capitalize>},
    {"center", center},
    {"e", escape},
    {"escape", escape},
    {"filesizeformat", file_size},
    {"forceescape", force_escape},
    {"format", format_filter},
    {"indent", indent},
    {"join", join},
    {"lower", mapped<to_lower>},
    {"replace", replace_filter},
    {"safe", safe},
    {"string", string_filter},
    {"title", mapped<title_words>},
    {"tojson", to_json_filter},
    {"trim", trim},
    {"truncate", truncate_text},
    {"upper", mapped<to_upper>},
    {"urlencode", url_encode},
    {"wordcount", word_count},
    {"wordwrap", word_wrap},
    {"xmlattr", xml_attributes},
};

}  // namespace

std::span<const std::pair<std::string_view, Filter>> text_filters() {
  return kFilters;
}

}  // namespace hone::jinja
