// What `is` asks of a value.
#include <fmt/format.h>

#include "tokenizer/chat_template/filters.h"
#include "tokenizer/chat_template/interpreter.h"
#include "tokenizer/chat_template/methods.h"
#include "tokenizer/chat_template/number.h"

namespace hone::jinja {
namespace {

template <bool (*kIs)(const Value&)>
bool of_value(Interpreter&, const Value& input, const CallArguments& arguments) {
  const Bound bound("test", arguments, {});
  return kIs(input);
}

bool is_defined(const Value& value) {
  return !value.is_undefined();
}
bool is_undefined(const Value& value) {
  return value.is_undefined();
}
bool is_none(const Value& value) {
  return value.is_none();
}
bool is_boolean(const Value& value) {
  return value.is<bool>();
}
bool is_true(const Value& value) {
  return value.is<bool>() && *value.get<bool>();
}
bool is_false(const Value& value) {
  return value.is<bool>() && !*value.get<bool>();
}
bool is_integer(const Value& value) {
  return value.is<int64_t>();
}
bool is_float(const Value& value) {
  return value.is<double>();
}
bool is_number(const Value& value) {
  return value.number().has_value();
}
bool is_string(const Value& value) {
  return value.is_text();
}
bool is_mapping(const Value& value) {
  return value.dict() != nullptr;
}
bool is_escaped(const Value& value) {
  return value.is_text() && value.text()->markup;
}
/// Jinja asks for a length and for elements by index or key.
bool is_sequence(const Value& value) {
  return value.is_undefined() || value.is_text() || value.sequence() != nullptr || value.dict() != nullptr ||
         value.range() != nullptr;
}
bool is_callable(const Value& value) {
  return value.is_undefined() || value.method() != nullptr || value.is<Function>() || value.macro() != nullptr ||
         value.loop() != nullptr;
}

/// value % divisor == rest
bool divides(Interpreter& interpreter, const Value& input, const Value& divisor, int64_t rest) {
  return equals(apply(Operator::kModulo, input, divisor, interpreter.budget()), rest, interpreter.budget());
}

bool is_odd(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("odd", arguments, {});
  return divides(interpreter, input, int64_t{2}, 1);
}

bool is_even(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("even", arguments, {});
  return divides(interpreter, input, int64_t{2}, 0);
}

bool is_divisible(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("divisibleby", arguments, {"num"}, 1);
  return divides(interpreter, input, *bound.get(0), 0);
}

/// islower and isupper of the value's text.
template <bool kUpper>
bool has_case(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("test", arguments, {});
  const Value text = make_text(interpreter.text_of(input));
  interpreter.budget().charge_text(text.text()->bytes.size());
  return truth(find_text_method(kUpper ? "isupper" : "islower")(*text.text(), arguments, interpreter));
}

bool is_same(Interpreter&, const Value& input, const CallArguments& arguments) {
  const Bound bound("sameas", arguments, {"other"}, 1);
  return same_object(input, *bound.get(0));
}

bool is_in(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("in", arguments, {"seq"}, 1);
  return contains(*bound.get(0), input, interpreter.budget());
}

bool is_filter_test(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("filter", arguments, {});
  hash_key(input, interpreter.budget());  // Jinja looks the value up in a dict
  return input.is_text() && is_filter(input.text()->bytes);
}

bool is_test_test(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("test", arguments, {});
  hash_key(input, interpreter.budget());
  return input.is_text() && is_test(input.text()->bytes);
}

template <Comparison kComparison>
bool compares(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("comparison", arguments, {"other"}, 1);
  const Value& other = *bound.get(0);
  Budget& budget = interpreter.budget();
  switch (kComparison) {
    case Comparison::kEqual:
      return equals(input, other, budget);
    case Comparison::kNotEqual:
      return !equals(input, other, budget);
    case Comparison::kLess:
      return less(input, other, budget);
    case Comparison::kLessEqual:
      return less_equal(input, other, budget);
    case Comparison::kGreater:
      return less(other, input, budget, ">");
    default:
      return less_equal(other, input, budget, ">=");
  }
}

constexpr Test kEqual = compares<Comparison::kEqual>, kNotEqual = compares<Comparison::kNotEqual>,
               kLess = compares<Comparison::kLess>, kLessEqual = compares<Comparison::kLessEqual>,
               kGreater = compares<Comparison::kGreater>, kGreaterEqual = compares<Comparison::kGreaterEqual>;

constexpr std::pair<std::string_view, Test> kTests[] = {
    {"!=", kNotEqual},
    {"<", kLess},
    {"<=", kLessEqual},
    {"==", kEqual},
    {">", kGreater},
    {">=", kGreaterEqual},
    {"boolean", of_value<is_boolean>},
    {"callable", of_value<is_callable>},
    {"defined", of_value<is_defined>},
    {"divisibleby", is_divisible},
    {"eq", kEqual},
    {"equalto", kEqual},
    {"escaped", of_value<is_escaped>},
    {"even", is_even},
    {"false", of_value<is_false>},
    {"filter", is_filter_test},
    {"float", of_value<is_float>},
    {"ge", kGreaterEqual},
    {"greaterthan", kGreater},
    {"gt", kGreater},
    {"in", is_in},
    {"integer", of_value<is_integer>},
    {"iterable", of_value<is_iterable>},
    {"le", kLessEqual},
    {"lessthan", kLess},
    {"lower", has_case<false>},
    {"lt", kLess},
    {"mapping", of_value<is_mapping>},
    {"ne", kNotEqual},
    {"none", of_value<is_none>},
    {"number", of_value<is_number>},
    {"odd", is_odd},
    {"sameas", is_same},
    {"sequence", of_value<is_sequence>},
    {"string", of_value<is_string>},
    {"test", is_test_test},
    {"true", of_value<is_true>},
    {"undefined", of_value<is_undefined>},
    {"upper", has_case<true>},
};

}  // namespace

std::span<const std::pair<std::string_view, Test>> tests() {
  return kTests;
}

}  // namespace hone::jinja
