// countdown: an expression of given numbers, each exactly once, must have the value that is wanted. Exact: rationals on
// GMP's integers, whose size is bounded by the numbers that are given.
#include <gmpxx.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "answer_text.h"
#include "make_reward.h"

namespace hone {
namespace {

constexpr size_t kLongestNumber = 100;    // digits of a number of the record
constexpr size_t kMostNumbers = 1000;     // of a record
constexpr int64_t kLargestExponent = 99;  // of a number in scientific notation

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// A decimal number in its shortest form: "3", "0.5"; the sign apart.
struct Number {
  bool negative = false;
  std::string digits;
  mpq_class value() const {
    const size_t point = std::min(digits.find('.'), digits.size());
    std::string whole = digits.substr(0, point), fraction = digits.substr(std::min(point + 1, digits.size()));
    mpq_class value(mpz_class(whole + fraction, 10), mpz_class("1" + std::string(fraction.size(), '0'), 10));
    value.canonicalize();
    return negative ? mpq_class(-value) : value;
  }
};

// A number as JSON may write it: "3", "-3", "0.50", "1e+2".
std::optional<Number> read_number(std::string_view text) {
  Number number;
  number.negative = text.starts_with('-');
  if (number.negative) text.remove_prefix(1);
  const size_t mantissa = std::min(text.find_first_of("eE"), text.size());
  int64_t exponent = 0;
  if (mantissa < text.size()) {
    std::string_view digits = text.substr(mantissa + 1);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    if (std::abs(exponent) > kLargestExponent) return std::nullopt;
  }
  const size_t point = std::min(text.find('.'), mantissa);
  std::string whole(text.substr(0, point));
  std::string fraction(point < mantissa ? text.substr(point + 1, mantissa - point - 1) : "");
  const auto all_digits = [](std::string_view s) { return !s.empty() && std::ranges::all_of(s, is_digit); };
  if (!all_digits(whole) || (point < mantissa && !all_digits(fraction))) return std::nullopt;
  if (whole.size() + fraction.size() > kLongestNumber) return std::nullopt;
  for (; exponent > 0; --exponent) {
    whole += fraction.empty() ? '0' : fraction[0];
    fraction.erase(0, 1);
  }
  for (; exponent < 0; ++exponent) {
    fraction.insert(fraction.begin(), whole.empty() ? '0' : whole.back());
    if (!whole.empty()) whole.pop_back();
  }
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size()));
  fraction.erase(fraction.find_last_not_of('0') + 1);
  number.digits = (whole.empty() ? "0" : whole) + (fraction.empty() ? "" : "." + fraction);
  return number;
}

// A number, or "1/3".
std::optional<mpq_class> read_target(std::string_view text) {
  const size_t slash = text.find('/');
  const auto numerator = read_number(text.substr(0, slash));
  if (!numerator) return std::nullopt;
  if (slash == std::string_view::npos) return numerator->value();
  const auto denominator = read_number(text.substr(slash + 1));
  if (!denominator || denominator->value() == 0) return std::nullopt;
  return mpq_class(numerator->value() / denominator->value());
}

struct Task {
  std::vector<Number> numbers;
  mpq_class target;
};
std::optional<Task> read_task(const Record& record) {
  const auto numbers = record.list("numbers");
  const auto target = read_target(record.text("target").value_or(""));
  if (!numbers || numbers->empty() || numbers->size() > kMostNumbers || !target) return std::nullopt;
  Task task{{}, *target};
  for (const std::string& text : *numbers) {
    auto number = read_number(text);
    if (!number) return std::nullopt;
    task.numbers.push_back(std::move(*number));
  }
  return task;
}

// How often a number may still be used, its sign apart; and how often with a minus sign right before it.
struct Supply {
  int64_t left = 0, negative_left = 0;
};

// Reads an expression from left to right with one stack of values and one of operators. No recursion, so
// that no depth is too deep.
class Expression {
 public:
  explicit Expression(const std::vector<Number>& numbers) {
    for (const Number& number : numbers) {
      Supply& supply = supplies_[number.digits];
      ++supply.left;
      supply.negative_left += number.negative;
    }
  }

  // The value, or nothing and a reason.
  std::optional<mpq_class> evaluate(std::string_view text) {
    for (size_t at = 0; at < text.size() && reason_.empty();) {
      const char c = text[at];
      if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        ++at;
      } else if (is_digit(c)) {
        const size_t begin = at;
        while (at < text.size() && (is_digit(text[at]) || text[at] == '.')) ++at;
        push_number(text.substr(begin, at - begin));
      } else {
        push_symbol(c);
        ++at;
      }
    }
    if (reason_.empty()) finish();
    return reason_.empty() ? std::optional(values_.back()) : std::nullopt;
  }
  const std::string& reason() const { return reason_; }

 private:
  static constexpr char kMinusSign = 'm', kPlusSign = 'p';

  void fail(std::string reason) {
    if (reason_.empty()) reason_ = std::move(reason);
  }

  void push_number(std::string_view digits) {
    if (!wants_operand_) return fail("no expression: two values side by side");
    wants_operand_ = false;
    const auto supply = supplies_.find(digits);
    const std::string shown(digits.substr(0, kLongestNumber));
    if (supply == supplies_.end()) return fail(shown + " is not one of the numbers, as they are given");
    if (supply->second.left-- == 0) return fail(shown + " is used too often");
    const bool negative = !operators_.empty() && operators_.back() == kMinusSign && after_sign_;
    supply->second.negative_left -= negative;
    values_.push_back(Number{false, supply->first}.value());
  }

  void push_symbol(char c) {
    const bool sign = wants_operand_ && (c == '-' || c == '+');
    after_sign_ = sign;
    if (c == '(' || sign) {
      if (!wants_operand_) return fail("no expression: a value before a parenthesis");
      operators_.push_back(c == '(' ? c : c == '-' ? kMinusSign : kPlusSign);
      depth_ += c == '(';
      return;
    }
    if (c != ')' && c != '+' && c != '-' && c != '*' && c != '/') return fail("no expression of + - * / ( )");
    if (wants_operand_) return fail("no expression: a value is missing");
    if (c == ')') return close();
    while (!operators_.empty() && precedence(operators_.back()) >= precedence(c)) reduce();
    operators_.push_back(c);
    wants_operand_ = true;
  }

  void close() {
    while (!operators_.empty() && operators_.back() != '(') reduce();
    if (operators_.empty()) return fail("no expression: a parenthesis too many");
    operators_.pop_back();
    --depth_;
  }

  void finish() {
    if (wants_operand_) return fail(values_.empty() ? "no expression" : "no expression: a value is missing");
    if (depth_ > 0) return fail("no expression: a parenthesis is not closed");
    while (!operators_.empty()) reduce();
    for (const auto& [digits, supply] : supplies_) {
      if (supply.left > 0) fail(digits + " is not used");
      if (supply.negative_left > 0) fail("-" + digits + " is not used");
    }
  }

  static int precedence(char op) {
    switch (op) {
      case '(':
        return 0;
      case '+':
      case '-':
        return 1;
      case '*':
      case '/':
        return 2;
      default:
        return 3;  // signs
    }
  }

  void reduce() {
    const char op = operators_.back();
    operators_.pop_back();
    if (op == kPlusSign) return;
    const mpq_class right = values_.back();
    if (op == kMinusSign) {
      values_.back() = -right;
      return;
    }
    values_.pop_back();
    mpq_class& left = values_.back();
    if (op == '/' && right == 0) return fail("division by zero");
    if (op == '+') left += right;
    if (op == '-') left -= right;
    if (op == '*') left *= right;
    if (op == '/') left /= right;
  }

  std::map<std::string, Supply, std::less<>> supplies_;
  std::vector<mpq_class> values_;
  std::string operators_;
  size_t depth_ = 0;
  bool wants_operand_ = true, after_sign_ = false;
  std::string reason_;
};

}  // namespace

RewardFunction make_reward(const CountdownReward& config, const Context&) {
  return [source = config.source](const Prompt& prompt, const Completion& completion) -> RewardResult {
    const auto task = read_task(prompt.record);
    if (!task) return unusable("the record has no readable numbers and target");
    const FoundAnswer answer = find_answer(completion.text, source);
    if (!answer.text) return wrong(std::string(answer.reason));
    if (!answer.marked && source.answer_in != AnswerPlace::kText) return wrong("no answer block and no box");
    Expression expression(task->numbers);
    const auto value = expression.evaluate(*answer.text);
    if (!value) return wrong(expression.reason());
    if (*value == task->target) return right();
    const std::string got = value->get_str();
    return wrong(got.size() > 40 ? "another value" : "the value is " + got);
  };
}

}  // namespace hone
