// The methods of Python's types that templates may call.
#pragma once

#include <optional>
#include <string_view>

#include "tokenizer/chat_template/call.h"
#include "tokenizer/chat_template/value.h"

namespace hone::jinja {

class Interpreter;

/// The attribute of a value as Python has it, not its elements. What the immutable sandbox keeps from templates is an
/// undefined value that says so; Failure for what Python has and we have not.
std::optional<Value> python_attribute(const Value& object, std::string_view name);

Value call_method(const Method& method, const CallArguments& arguments, Interpreter& interpreter);

using TextMethod = Value (*)(const Text& self, const CallArguments& arguments, Interpreter& interpreter);
/// The method of str, or null.
TextMethod find_text_method(std::string_view name);

/// str.format(), str.format_map().
Value format_braces(const Text& format, const CallArguments& arguments, Interpreter& interpreter);
Value format_map(const Text& format, const CallArguments& arguments, Interpreter& interpreter);

}  // namespace hone::jinja
