// Evaluates an expression to a complex ball at one choice of values for its symbols.
#pragma once

#include <map>
#include <string>

#include "reward/math/ball.h"
#include "reward/math/expr.h"

namespace hone::math {

class Evaluator {
 public:
  /// `point` chooses the values of the symbols; `precision` in bits.
  Evaluator(int point, long precision, Work& work) : point_(point), precision_(precision), work_(work) {}

  /// A value for a symbol in place of the pseudo-random one.
  void bind(const std::string& name, Ball value) { bound_[name] = std::move(value); }

  /// False where the expression has no value there, or one too large to handle.
  bool evaluate(const Expr& e, Ball& out);
  /// A root, logarithm or inverse function of a real number was not real on the way.
  bool left_reals() const { return left_reals_; }

 private:
  bool finish(Ball& out);
  void set(const Rational& q, Ball& out) const;
  bool symbol_value(const Expr& e, Ball& out);
  void pseudo_random(uint64_t hash, Ball& out) const;
  bool sum_or_product(const Expr& e, Ball& out);
  bool power_of(const Expr& e, Ball& out);
  bool integer_power(const Ball& base, const Rational& exponent, Ball& out);
  bool function(const Expr& e, Ball& out);
  bool elementary(Function f, const Ball& z, Ball& out);
  bool inverse_trigonometric(Function f, const Ball& z, Ball& out);
  bool real_function(Function f, const Ball& z, Ball& out);
  bool logarithm(const Ball& z, Ball& out);
  bool two_arguments(Function f, const Ball& a, const Ball& b, Ball& out);
  bool determinant(const Expr& matrix, Ball& out);
  bool quantity(const Expr& e, Ball& out);
  bool big(const Expr& e, Ball& out);
  void spend(int64_t operations) { work_.spend(operations * (10 + precision_ / 16)); }

  int point_;
  long precision_;
  Work& work_;
  std::map<std::string, Ball> bound_;
  bool left_reals_ = false;
};

}  // namespace hone::math
