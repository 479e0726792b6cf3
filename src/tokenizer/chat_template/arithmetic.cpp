// The operators, by Python's rules.
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "tokenizer/chat_template/number.h"
#include "tokenizer/chat_template/text_format.h"

namespace hone::jinja {
namespace {

constexpr const char* kOverflow = "an integer beyond 64 bits";

int64_t floor_divide(int64_t a, int64_t b) {
  if (b == 0) fail("integer division or modulo by zero");
  if (b == -1) {
    if (a == std::numeric_limits<int64_t>::min()) fail(kOverflow);
    return -a;
  }
  return a / b - (a % b != 0 && (a % b < 0) != (b < 0) ? 1 : 0);
}

int64_t modulo(int64_t a, int64_t b) {
  if (b == 0) fail("integer modulo by zero");
  if (b == -1) return 0;
  const int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

int64_t power(int64_t base, int64_t exponent) {
  int64_t result = 1;
  while (exponent > 0) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result)) fail(kOverflow);
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) fail(kOverflow);
  }
  return result;
}

Value power(double a, double b) {
  if (a == 0 && b < 0) fail("0.0 cannot be raised to a negative power");
  if (a < 0 && std::isfinite(b) && b != std::floor(b)) fail("a complex number");
  const double result = std::pow(a, b);
  if (std::isinf(result) && std::isfinite(a) && std::isfinite(b)) fail("(34, 'Numerical result out of range')");
  return result;
}

double modulo(double a, double b) {
  if (b == 0) fail("float modulo");
  double rest = std::fmod(a, b);
  if (rest != 0) {
    if ((b < 0) != (rest < 0)) rest += b;
  } else {
    rest = std::copysign(0.0, b);
  }
  return rest;
}

double floor_divide(double a, double b) {
  if (b == 0) fail("float floor division by zero");
  double quotient = (a - modulo(a, b)) / b;
  if (quotient == 0) return std::copysign(0.0, a / b);
  const double floored = std::floor(quotient);
  return quotient - floored > 0.5 ? floored + 1 : floored;
}

Value of_integers(Operator op, int64_t a, int64_t b) {
  int64_t result = 0;
  switch (op) {
    case Operator::kAdd:
      if (__builtin_add_overflow(a, b, &result)) fail(kOverflow);
      return result;
    case Operator::kSubtract:
      if (__builtin_sub_overflow(a, b, &result)) fail(kOverflow);
      return result;
    case Operator::kMultiply:
      if (__builtin_mul_overflow(a, b, &result)) fail(kOverflow);
      return result;
    case Operator::kDivide:
      if (b == 0) fail("division by zero");
      return static_cast<double>(static_cast<long double>(a) / static_cast<long double>(b));
    case Operator::kFloorDivide:
      return floor_divide(a, b);
    case Operator::kModulo:
      return modulo(a, b);
    case Operator::kPower:
      return b < 0 ? power(static_cast<double>(a), static_cast<double>(b)) : Value(power(a, b));
  }
  return {};
}

Value of_floats(Operator op, double a, double b) {
  switch (op) {
    case Operator::kAdd:
      return a + b;
    case Operator::kSubtract:
      return a - b;
    case Operator::kMultiply:
      return a * b;
    case Operator::kDivide:
      if (b == 0) fail("float division by zero");
      return a / b;
    case Operator::kFloorDivide:
      return floor_divide(a, b);
    case Operator::kModulo:
      return modulo(a, b);
    case Operator::kPower:
      return power(a, b);
  }
  return {};
}

Value repeat(const Value& value, int64_t times, Budget& budget) {
  times = std::max<int64_t>(times, 0);
  if (const Text* text = value.text()) {
    if (text->bytes.empty()) return value;
    const auto size = static_cast<int64_t>(text->bytes.size());
    budget.check_text(times > static_cast<int64_t>(kMaxTextBytes) / size ? kMaxTextBytes + 1
                                                                         : static_cast<size_t>(times * size));
    std::string out;
    out.reserve(static_cast<size_t>(times * size));
    for (int64_t i = 0; i < times; ++i) out += text->bytes;
    return make_text(std::move(out), text->markup);
  }
  const Sequence& sequence = *value.sequence();
  const auto size = static_cast<int64_t>(sequence.items.size());
  if (size == 0) times = 0;
  budget.charge(times > kMaxSteps ? kMaxSteps : times * std::max<int64_t>(size, 1));
  Values items;
  for (int64_t i = 0; i < times; ++i) items.insert(items.end(), sequence.items.begin(), sequence.items.end());
  return sequence.tuple ? make_tuple(std::move(items)) : make_list(std::move(items));
}

Value joined(const Sequence& a, const Sequence& b, Budget& budget) {
  budget.charge(static_cast<int64_t>(a.items.size() + b.items.size()));
  Values items = a.items;
  items.insert(items.end(), b.items.begin(), b.items.end());
  return a.tuple ? make_tuple(std::move(items)) : make_list(std::move(items));
}

Value concatenated(const Text& a, const Text& b, Budget& budget) {
  const bool markup = a.markup || b.markup;
  const std::string left = markup && !a.markup ? escape_html(a.bytes) : a.bytes;
  const std::string& right = markup && !b.markup ? escape_html(b.bytes) : b.bytes;
  budget.check_text(left.size() + right.size());
  return make_text(left + right, markup);
}

}  // namespace

std::string_view to_string(Operator op) {
  switch (op) {
    case Operator::kAdd:
      return "+";
    case Operator::kSubtract:
      return "-";
    case Operator::kMultiply:
      return "*";
    case Operator::kDivide:
      return "/";
    case Operator::kFloorDivide:
      return "//";
    case Operator::kModulo:
      return "%";
    case Operator::kPower:
      return "** or pow()";
  }
  return {};
}

Value apply(Operator op, const Value& a, const Value& b, Budget& budget) {
  const bool formats = op == Operator::kModulo && a.is_text();
  for (const Value* side : {&a, &b}) {
    if (const auto* u = side->get<Undefined>(); u != nullptr && !(formats && side == &b)) fail(*u->message);
  }
  if (formats) return make_text(percent_format(a.text()->bytes, b, budget), a.text()->markup);
  if (const auto x = a.integer(), y = b.integer(); x && y) return of_integers(op, *x, *y);
  if (const auto x = a.number(), y = b.number(); x && y) return of_floats(op, *x, *y);
  if (op == Operator::kAdd) {
    if (a.is_text() && b.is_text()) return concatenated(*a.text(), *b.text(), budget);
    const Sequence *x = a.sequence(), *y = b.sequence();
    if (x != nullptr && y != nullptr && x->tuple == y->tuple) return joined(*x, *y, budget);
    if (a.is_text()) fail(fmt::format("can only concatenate str (not \"{}\") to str", type_name(b)));
  }
  if (op == Operator::kMultiply) {
    const auto repeatable = [](const Value& v) { return v.is_text() || v.sequence() != nullptr; };
    if (repeatable(a) && b.integer()) return repeat(a, *b.integer(), budget);
    if (repeatable(b) && a.integer()) return repeat(b, *a.integer(), budget);
  }
  fail(fmt::format("unsupported operand type(s) for {}: '{}' and '{}'", to_string(op), type_name(a), type_name(b)));
}

Value negate(const Value& value) {
  if (const auto i = value.integer()) return of_integers(Operator::kSubtract, 0, *i);
  if (const auto* d = value.get<double>()) return -*d;
  if (const auto* u = value.get<Undefined>()) fail(*u->message);
  fail(fmt::format("bad operand type for unary -: '{}'", type_name(value)));
}

Value plus(const Value& value) {
  if (const auto i = value.integer()) return *i;
  if (value.is<double>()) return value;
  if (const auto* u = value.get<Undefined>()) fail(*u->message);
  fail(fmt::format("bad operand type for unary +: '{}'", type_name(value)));
}

Value absolute(const Value& value) {
  if (const auto i = value.integer()) return *i < 0 ? of_integers(Operator::kSubtract, 0, *i) : Value(*i);
  if (const auto* d = value.get<double>()) return std::fabs(*d);
  if (const auto* u = value.get<Undefined>()) fail(*u->message);
  fail(fmt::format("bad operand type for abs(): '{}'", type_name(value)));
}

}  // namespace hone::jinja
