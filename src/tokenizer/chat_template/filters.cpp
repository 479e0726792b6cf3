#include "tokenizer/chat_template/filters.h"

#include <fmt/format.h>

#include <algorithm>

#include "tokenizer/chat_template/interpreter.h"

namespace hone::jinja {
namespace {

/// Filters of Jinja that no chat template needs; they are refused by name.
constexpr std::string_view kRefused[] = {"pprint", "random", "striptags", "urlize"};

Filter find_filter(std::string_view name) {
  for (const auto table : {text_filters(), list_filters(), sort_filters(), value_filters()}) {
    for (const auto& [known, filter] : table) {
      if (known == name) return filter;
    }
  }
  return nullptr;
}

Test find_test(std::string_view name) {
  for (const auto& [known, test] : tests()) {
    if (known == name) return test;
  }
  return nullptr;
}

bool is_refused(std::string_view name) {
  return std::find(std::begin(kRefused), std::end(kRefused), name) != std::end(kRefused);
}

/// What a filter may have to look through.
int64_t cost(const Value& value) {
  if (const Text* text = value.text()) return static_cast<int64_t>(text->bytes.size()) / kBytesPerStep;
  return value.iterator() == nullptr && value.loop() == nullptr ? try_length(value).value_or(0) : 0;
}

/// "a.b.0" in its parts; digits are indices.
Values path_parts(const Value& path) {
  const Text* text = path.text();
  if (text == nullptr) return {path};
  Values parts;
  size_t start = 0;
  for (;;) {
    const size_t dot = text->bytes.find('.', start);
    const std::string part = text->bytes.substr(start, dot - start);
    const bool digits = !part.empty() && part.size() < 18 && part.find_first_not_of("0123456789") == std::string::npos;
    parts.push_back(digits ? Value(int64_t{std::stoll(part)}) : make_text(part));
    if (dot == std::string::npos) return parts;
    start = dot + 1;
  }
}

}  // namespace

bool is_filter(std::string_view name) {
  return find_filter(name) != nullptr || is_refused(name);
}
bool is_test(std::string_view name) {
  return find_test(name) != nullptr;
}

Value follow(Interpreter& interpreter, Value item, const Value* path, const Value* otherwise) {
  if (path == nullptr || path->is_none()) return item;
  for (const Value& part : path_parts(*path)) {
    item = interpreter.item(item, part);
    if (otherwise != nullptr && !otherwise->is_none() && item.is_undefined()) item = *otherwise;
  }
  return item;
}

Value Interpreter::filter(const std::string& name, const Value& input, const CallArguments& arguments) {
  const Filter found = find_filter(name);
  if (found == nullptr) {
    fail(is_refused(name) ? fmt::format("the filter '{}' is not supported in chat templates", name)
                          : fmt::format("No filter named '{}'.", name));
  }
  budget_.charge(1 + cost(input));
  return found(*this, input, arguments);
}

bool Interpreter::test(const std::string& name, const Value& input, const CallArguments& arguments) {
  const Test found = find_test(name);
  if (found == nullptr) fail(fmt::format("No test named '{}'.", name));
  return found(*this, input, arguments);
}

}  // namespace hone::jinja
