// The filters and tests of Jinja, by name. interpreter.h calls them.
#pragma once

#include <span>
#include <string_view>
#include <utility>

#include "tokenizer/chat_template/call.h"
#include "tokenizer/chat_template/value.h"

namespace hone::jinja {

class Interpreter;

using Filter = Value (*)(Interpreter& interpreter, const Value& input, const CallArguments& arguments);
using Test = bool (*)(Interpreter& interpreter, const Value& input, const CallArguments& arguments);

bool is_filter(std::string_view name);
bool is_test(std::string_view name);

/// The tables that filters.cpp puts together.
std::span<const std::pair<std::string_view, Filter>> text_filters();
std::span<const std::pair<std::string_view, Filter>> list_filters();
std::span<const std::pair<std::string_view, Filter>> sort_filters();
std::span<const std::pair<std::string_view, Filter>> value_filters();
std::span<const std::pair<std::string_view, Test>> tests();

/// The element that the text or integer `path` ("a.b.0") leads to; `item` itself for null or none.
Value follow(Interpreter& interpreter, Value item, const Value* path, const Value* otherwise = nullptr);

}  // namespace hone::jinja
