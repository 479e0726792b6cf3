// Numbers by Python's rules: text to number and back, arithmetic. Integers have 64 bits; leaving them is a Failure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tokenizer/chat_template/value.h"

namespace hone::jinja {

/// repr(): the shortest text that reads back as the same number.
std::string float_repr(double value);
/// int(text, base) and float(text); nothing where Python raises ValueError.
std::optional<int64_t> parse_integer(std::string_view text, int64_t base = 10);
std::optional<double> parse_float(std::string_view text);
/// int(value) of a float; Failure for what is not finite.
int64_t truncate(double value);
/// round(value, digits), half to even.
double round_to(double value, int64_t digits);
int64_t round_to(int64_t value, int64_t digits);

enum class Operator : uint8_t { kAdd, kSubtract, kMultiply, kDivide, kFloorDivide, kModulo, kPower };
std::string_view to_string(Operator op);

/// The binary operators, of texts and lists as well. Throws Failure where Python raises.
Value apply(Operator op, const Value& a, const Value& b, Budget& budget);
Value negate(const Value& value);
Value plus(const Value& value);
Value absolute(const Value& value);

}  // namespace hone::jinja
