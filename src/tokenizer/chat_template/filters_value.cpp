// Filters for numbers and for single values, and the tests.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tokenizer/chat_template/filters.h"
#include "tokenizer/chat_template/interpreter.h"
#include "tokenizer/chat_template/methods.h"
#include "tokenizer/chat_template/number.h"

namespace hone::jinja {
namespace {

Value abs_filter(Interpreter&, const Value& input, const CallArguments& arguments) {
  const Bound bound("abs", arguments, {});
  return absolute(input);
}

Value attr(Interpreter&, const Value& input, const CallArguments& arguments) {
  const Bound bound("attr", arguments, {"name"}, 1);
  if (const auto* u = input.get<Undefined>()) fail(*u->message);
  const std::string& name = bound.text(0).bytes;
  const auto value = python_attribute(input, name);
  return value ? *value : undefined_member(input, *bound.get(0));
}

Value default_filter(Interpreter&, const Value& input, const CallArguments& arguments) {
  const Bound bound("default", arguments, {"default_value", "boolean"});
  const bool replaced = input.is_undefined() || (bound.truth(1, false) && !truth(input));
  return replaced ? bound.value(0, make_text("")) : input;
}

Value int_filter(Interpreter&, const Value& input, const CallArguments& arguments) {
  const Bound bound("int", arguments, {"default", "base"});
  const Value otherwise = bound.value(0, int64_t{0});
  if (const auto* u = input.get<Undefined>()) fail(*u->message);
  if (const Text* text = input.text()) {
    if (const auto value = parse_integer(text->bytes, bound.integer(1, 10))) return *value;
    // "42.23" is 42.
    const auto value = parse_float(text->bytes);
    return value && std::isfinite(*value) ? Value(truncate(*value)) : otherwise;
  }
  if (const auto* value = input.get<double>()) return std::isnan(*value) ? otherwise : Value(truncate(*value));
  const auto value = input.integer();
  return value ? Value(*value) : otherwise;
}

Value float_filter(Interpreter&, const Value& input, const CallArguments& arguments) {
  const Bound bound("float", arguments, {"default"});
  const Value otherwise = bound.value(0, 0.0);
  if (const auto* u = input.get<Undefined>()) fail(*u->message);
  const auto value = input.is_text() ? parse_float(input.text()->bytes) : input.number();
  return value ? Value(*value) : otherwise;
}

Value round_filter(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("round", arguments, {"precision", "method"});
  const int64_t precision = bound.integer(0, 0);
  const std::string method = bound.get(1) == nullptr ? "common" : interpreter.text_of(*bound.get(1));
  if (method != "common" && method != "ceil" && method != "floor") fail("method must be common, ceil or floor");
  if (const auto* u = input.get<Undefined>()) fail(*u->message);
  if (!input.number()) fail(fmt::format("type {} doesn't define __round__ method", type_name(input)));
  if (method == "common") {
    if (const auto* value = input.get<double>()) return round_to(*value, precision);
    return round_to(*input.integer(), precision);
  }
  Budget& budget = interpreter.budget();
  const Value scale = apply(Operator::kPower, int64_t{10}, precision, budget);
  const double scaled = *apply(Operator::kMultiply, input, scale, budget).number();
  const int64_t whole = truncate(method == "ceil" ? std::ceil(scaled) : std::floor(scaled));
  return apply(Operator::kDivide, whole, scale, budget);
}

constexpr std::pair<std::string_view, Filter> kFilters[] = {
    {"abs", abs_filter},     {"attr", attr},      {"d", default_filter},   {"default", default_filter},
    {"float", float_filter}, {"int", int_filter}, {"round", round_filter},
};

}  // namespace

std::span<const std::pair<std::string_view, Filter>> value_filters() {
  return kFilters;
}

}  // namespace hone::jinja
