// The methods of str.
#include <fmt/format.h>

#include <algorithm>

#include "hone/tokenizer/utf8.h"
#include "tokenizer/chat_template/interpreter.h"
#include "tokenizer/chat_template/methods.h"
#include "tokenizer/chat_template/text_tools.h"
#include "tokenizer/chat_template/unicode.h"

namespace hone::jinja {
namespace {

/// Arguments of a method that takes them by place only.
Bound by_place(std::string_view name, const CallArguments& arguments,
               std::initializer_list<std::string_view> parameters, size_t required = 0) {
  if (!arguments.named.empty()) fail(fmt::format("str.{}() takes no keyword arguments", name));
  return Bound(name, arguments, parameters, required);
}

std::optional<std::string_view> optional_text(const Bound& bound, size_t i) {
  if (bound.get(i) == nullptr || bound.get(i)->is_none()) return std::nullopt;
  return bound.text(i).bytes;
}

Value same_kind(const Text& self, std::string text) {
  return make_text(std::move(text), self.markup);
}

Value list_of(const Text& self, std::vector<std::string> parts, Budget& budget) {
  budget.charge(static_cast<int64_t>(parts.size()));
  Values items;
  for (std::string& part : parts) items.push_back(same_kind(self, std::move(part)));
  return make_list(std::move(items));
}

template <std::string (*kMap)(std::string_view)>
Value mapped(const Text& self, const CallArguments& arguments, Interpreter&) {
  by_place("method", arguments, {});
  return same_kind(self, kMap(self.bytes));
}

template <bool kLeft, bool kRight>
Value strip_method(const Text& self, const CallArguments& arguments, Interpreter& interpreter) {
  const Bound bound = by_place("strip", arguments, {"chars"});
  const auto chars = optional_text(bound, 0);
  if (chars) interpreter.budget().charge_text(self.bytes.size() * (1 + chars->size() / 16));
  return same_kind(self, std::string(strip(self.bytes, chars, kLeft, kRight)));
}

template <bool kFromRight>
Value split_method(const Text& self, const CallArguments& arguments, Interpreter& interpreter) {
  const Bound bound("split", arguments, {"sep", "maxsplit"});
  const auto separator = optional_text(bound, 0);
  return list_of(self, split(self.bytes, separator, bound.integer(1, -1), kFromRight, interpreter.budget()),
                 interpreter.budget());
}

Value split_lines_method(const Text& self, const CallArguments& arguments, Interpreter& interpreter) {
  const Bound bound("splitlines", arguments, {"keepends"});
  return list_of(self, split_lines(self.bytes, bound.truth(0, false)), interpreter.budget());
}

template <bool kLast>
Value partition(const Text& self, const CallArguments& arguments, Interpreter& interpreter) {
  const Bound bound = by_place("partition", arguments, {"sep"}, 1);
  const std::string& separator = bound.text(0).bytes;
  if (separator.empty()) fail("empty separator");
  const size_t at =
      kLast ? find_last_part(self.bytes, separator, interpreter.budget()) : find_part(self.bytes, separator);
  if (at == std::string::npos) {
    const Value whole = same_kind(self, self.bytes), none = same_kind(self, "");
    return kLast ? make_tuple({none, none, whole}) : make_tuple({whole, none, none});
  }
  return make_tuple({same_kind(self, self.bytes.substr(0, at)), same_kind(self, separator),
                     same_kind(self, self.bytes.substr(at + separator.size()))});
}

/// The part of a text between the arguments `first` and `first` + 1, which count code points. Nothing where it starts
/// behind the end.
struct Window {
  std::string_view text;
  int64_t start;
};
std::optional<Window> window(const Text& self, const Bound& bound, size_t first) {
  const auto size = static_cast<int64_t>(self.length);
  const auto given = [&](size_t i, int64_t otherwise) {
    const int64_t index = bound.get(i) == nullptr || bound.get(i)->is_none() ? otherwise : bound.integer(i, 0);
    return std::max<int64_t>(index < 0 ? index + size : index, 0);
  };
  const int64_t start = given(first, 0), end = std::min(given(first + 1, size), size);
  if (start > size || start > end) return std::nullopt;
  const size_t from = byte_of(self.bytes, static_cast<size_t>(start));
  const size_t to = byte_of(self.bytes, static_cast<size_t>(end));
  return Window{std::string_view(self.bytes).substr(from, to - from), start};
}

template <bool kLast, bool kMust>
Value find_method(const Text& self, const CallArguments& arguments, Interpreter& interpreter) {
  const Bound bound = by_place("find", arguments, {"sub", "start", "end"}, 1);
  const std::string& part = bound.text(0).bytes;
  if (const auto within = window(self, bound, 1)) {
    const size_t at = kLast ? find_last_part(within->text, part, interpreter.budget()) : find_part(within->text, part);
    if (at != std::string_view::npos) {
      return within->start + static_cast<int64_t>(count_code_points(within->text.substr(0, at)));
    }
  }
  if (kMust) fail("substring not found");
  return int64_t{-1};
}

Value count_method(const Text& self, const CallArguments& arguments, Interpreter&) {
  const Bound bound = by_place("count", arguments, {"sub", "start", "end"}, 1);
  const std::string& part = bound.text(0).bytes;
  const auto within = window(self, bound, 1);
  return within ? count_parts(within->text, part) : int64_t{0};
}

template <bool kEnd>
Value starts_method(const Text& self, const CallArguments& arguments, Interpreter&) {
  constexpr std::string_view kName = kEnd ? "endswith" : "startswith";
  const Bound bound = by_place(kName, arguments, {"prefix", "start", "end"}, 1);
  const auto within = window(self, bound, 1);
  const auto fits = [&](const Value& part) {
    if (!part.is_text()) {
      fail(fmt::format("{} first arg must be str or a tuple of str, not {}", kName, type_name(part)));
    }
    const std::string& bytes = part.text()->bytes;
    return within && (kEnd ? within->text.ends_with(bytes) : within->text.starts_with(bytes));
  };
  const Sequence* const several = bound.get(0)->sequence();
  if (several == nullptr || !several->tuple) return fits(*bound.get(0));
  return std::any_of(several->items.begin(), several->items.end(), fits);
}

Value replace_method(const Text& self, const CallArguments& arguments, Interpreter& interpreter) {
  const Bound bound = by_place("replace", arguments, {"old", "new", "count"}, 2);
  return same_kind(
      self, replace(self.bytes, bound.text(0).bytes, bound.text(1).bytes, bound.integer(2, -1), interpreter.budget()));
}

template <bool kSuffix>
Value remove_method(const Text& self, const CallArguments& arguments, Interpreter&) {
  const Bound bound = by_place("removeprefix", arguments, {"prefix"}, 1);
  const std::string& part = bound.text(0).bytes;
  std::string_view text = self.bytes;
  if (kSuffix ? text.ends_with(part) : text.starts_with(part)) {
    text = kSuffix ? text.substr(0, text.size() - part.size()) : text.substr(part.size());
  }
  return same_kind(self, std::string(text));
}

Value join_method(const Text& self, const CallArguments& arguments, Interpreter& interpreter) {
  const Bound bound = by_place("join", arguments, {"iterable"}, 1);
  if (!is_iterable(*bound.get(0))) fail("can only join an iterable");
  std::string out;
  int64_t i = 0;
  for (const Value& item : to_items(*bound.get(0), interpreter.budget())) {
    if (!item.is_text()) fail(fmt::format("sequence item {}: expected str instance, {} found", i, type_name(item)));
    if (i++ > 0) out += self.bytes;
    out += item.text()->bytes;
    if (out.size() > kMaxTextBytes) break;
  }
  interpreter.budget().check_text(out.size());
  return same_kind(self, std::move(out));
}

template <Side kSide>
Value pad_method(const Text& self, const CallArguments& arguments, Interpreter& interpreter) {
  const Bound bound = by_place("ljust", arguments, {"width", "fillchar"}, 1);
  const std::string fill = bound.get(1) == nullptr ? " " : bound.text(1).bytes;
  if (count_code_points(fill) != 1) fail("The fill character must be exactly one character long");
  return same_kind(self, pad(self, to_integer(*bound.get(0)), fill, kSide, interpreter.budget()));
}

Value zero_fill(const Text& self, const CallArguments& arguments, Interpreter& interpreter) {
  const Bound bound = by_place("zfill", arguments, {"width"}, 1);
  const int64_t missing = to_integer(*bound.get(0)) - static_cast<int64_t>(self.length);
  const size_t sign = self.bytes.starts_with('-') || self.bytes.starts_with('+') ? 1 : 0;
  return same_kind(self,
                   self.bytes.substr(0, sign) + repeated("0", missing, interpreter.budget()) + self.bytes.substr(sign));
}

Value expand_tabs(const Text& self, const CallArguments& arguments, Interpreter& interpreter) {
  const int64_t size = Bound("expandtabs", arguments, {"tabsize"}).integer(0, 8);
  std::string out;
  int64_t column = 0;
  for (size_t at = 0; at < self.bytes.size();) {
    const size_t start = at;
    const char32_t c = next_code_point(self.bytes, at);
    if (c == '\t') {
      const int64_t spaces = size > 0 ? size - column % size : 0;
      out += repeated(" ", spaces, interpreter.budget());
      if (out.size() > kMaxTextBytes) break;
      column += spaces;
    } else {
      out += self.bytes.substr(start, at - start);
      column = c == '\n' || c == '\r' ? 0 : column + 1;
    }
  }
  interpreter.budget().check_text(out.size());
  return same_kind(self, std::move(out));
}

/// All characters are of a kind, and there is one.
template <bool (*kIs)(char32_t)>
Value all_are(const Text& self, const CallArguments& arguments, Interpreter&) {
  by_place("method", arguments, {});
  for (size_t at = 0; at < self.bytes.size();) {
    if (!kIs(next_code_point(self.bytes, at))) return false;
  }
  return !self.bytes.empty();
}

bool is_alnum(char32_t c) {
  return is_alpha(c) || is_decimal(c) || is_digit(c) || is_numeric(c);
}
bool is_ascii(char32_t c) {
  return c < 0x80;
}

Value is_ascii_method(const Text& self, const CallArguments& arguments, Interpreter& interpreter) {
  return self.bytes.empty() ? Value(true) : all_are<is_ascii>(self, arguments, interpreter);
}

Value is_printable_method(const Text& self, const CallArguments& arguments, Interpreter& interpreter) {
  return self.bytes.empty() ? Value(true) : all_are<is_printable>(self, arguments, interpreter);
}

Value is_identifier(const Text& self, const CallArguments& arguments, Interpreter& interpreter) {
  size_t at = 0;
  const bool starts = !self.bytes.empty() && !is_numeric(next_code_point(self.bytes, at));
  return starts ? all_are<is_word>(self, arguments, interpreter) : Value(false);
}

/// islower() and isupper(): a cased character, and none of the other case.
template <bool kUpper>
Value has_case(const Text& self, const CallArguments& arguments, Interpreter&) {
  by_place("method", arguments, {});
  bool cased = false;
  for (size_t at = 0; at < self.bytes.size();) {
    const char32_t c = next_code_point(self.bytes, at);
    if (is_title(c) || (kUpper ? is_lower(c) : is_upper(c))) return false;
    cased = cased || (kUpper ? is_upper(c) : is_lower(c));
  }
  return cased;
}

Value is_title_method(const Text& self, const CallArguments& arguments, Interpreter&) {
  by_place("istitle", arguments, {});
  bool cased = false, in_word = false;
  for (size_t at = 0; at < self.bytes.size();) {
    const char32_t c = next_code_point(self.bytes, at);
    const bool starts = is_upper(c) || is_title(c);
    if ((starts && in_word) || (is_lower(c) && !in_word)) return false;
    in_word = starts || is_lower(c);
    cased = cased || in_word;
  }
  return cased;
}

constexpr std::pair<std::string_view, TextMethod> kMethods[] = {
    {"capitalize", mapped<capitalize>},
    {"casefold", mapped<fold_case>},
    {"center", pad_method<Side::kCenter>},
    {"count", count_method},
    {"endswith", starts_method<true>},
    {"expandtabs", expand_tabs},
    {"find", find_method<false, false>},
    {"format", format_braces},
    {"format_map", format_map},
    {"index", find_method<false, true>},
    {"isalnum", all_are<is_alnum>},
    {"isalpha", all_are<is_alpha>},
    {"isascii", is_ascii_method},
    {"isdecimal", all_are<is_decimal>},
    {"isdigit", all_are<is_digit>},
    {"isidentifier", is_identifier},
    {"islower", has_case<false>},
    {"isnumeric", all_are<is_numeric>},
    {"isprintable", is_printable_method},
    {"isspace", all_are<is_space>},
    {"istitle", is_title_method},
    {"isupper", has_case<true>},
    {"join", join_method},
    {"ljust", pad_method<Side::kLeft>},
    {"lower", mapped<to_lower>},
    {"lstrip", strip_method<true, false>},
    {"partition", partition<false>},
    {"removeprefix", remove_method<false>},
    {"removesuffix", remove_method<true>},
    {"replace", replace_method},
    {"rfind", find_method<true, false>},
    {"rindex", find_method<true, true>},
    {"rjust", pad_method<Side::kRight>},
    {"rpartition", partition<true>},
    {"rsplit", split_method<true>},
    {"rstrip", strip_method<false, true>},
    {"split", split_method<false>},
    {"splitlines", split_lines_method},
    {"startswith", starts_method<false>},
    {"strip", strip_method<true, true>},
    {"swapcase", mapped<swap_case>},
    {"title", mapped<to_title>},
    {"upper", mapped<to_upper>},
    {"zfill", zero_fill},
};

}  // namespace

TextMethod find_text_method(std::string_view name) {
  for (const auto& [known, method] : kMethods) {
    if (known == name) return method;
  }
  return nullptr;
}

}  // namespace hone::jinja
