#include "reward/math/numeric.h"

#include "reward/math/evaluator.h"
#include "reward/math/exact.h"

namespace hone::math {
namespace {

constexpr int kPoints = 5;
constexpr long kPrecision = 192;
constexpr long kMaxPrecision = 768;

/// Whether |difference| is below 2^-bits of |size|, or below 2^-120 where `size` may be 0.
bool negligible(const Ball& difference, const Ball& size, long bits) {
  mag_t above, lower;
  mag_init(above);
  mag_init(lower);
  acb_get_mag(above, difference.get());
  acb_get_mag_lower(lower, size.get());
  if (mag_is_zero(lower) != 0) {
    bits = 120;
    mag_one(lower);
  }
  mag_mul_2exp_si(lower, lower, -bits);
  const bool yes = mag_cmp(above, lower) <= 0;
  mag_clear(above);
  mag_clear(lower);
  return yes;
}

struct PointResult {
  Comparison comparison = Comparison::kUnknown;
  bool undefined = false;  ///< one of the two has no value there
  bool real = true;        ///< both are real, all the way
};

PointResult compare_at(const Expr& a, const Expr& b, int point, Work& work) {
  PointResult result;
  for (long precision = kPrecision; precision <= kMaxPrecision; precision *= 4) {
    Evaluator left(point, precision, work), right(point, precision, work);
    Ball x, y, difference;
    if (!left.evaluate(a, x) || !right.evaluate(b, y)) {
      result.undefined = true;
      return result;
    }
    result.real = !left.left_reals() && !right.left_reals() && x.may_be_real() && y.may_be_real();
    acb_sub(difference.get(), x.get(), y.get(), precision);
    if (acb_contains_zero(difference.get()) == 0) {
      result.comparison = Comparison::kDifferent;
      return result;
    }
    // What may be equal at the lower precision must be at the higher one too, to 180 digits.
    if (precision == kMaxPrecision && negligible(difference, x, 600)) result.comparison = Comparison::kEqual;
  }
  return result;
}

}  // namespace

Comparison compare_numerically(const Expr& a, const Expr& b, Work& work) {
  if (!has_symbols(a) && !has_symbols(b)) return compare_at(a, b, 0, work).comparison;
  const bool complex = uses_imaginary_unit(a) || uses_imaginary_unit(b);
  int real_equal = 0, complex_equal = 0;
  bool complex_different = false;
  for (int point = 0; point < kPoints; ++point) {
    const PointResult result = compare_at(a, b, point, work);
    if (result.undefined) continue;
    if (result.comparison == Comparison::kUnknown) return Comparison::kUnknown;
    if (result.comparison == Comparison::kDifferent) {
      if (result.real || complex) return Comparison::kDifferent;
      complex_different = true;
    } else if (result.real) {
      ++real_equal;
    } else {
      ++complex_equal;
    }
  }
  if (real_equal >= 2) return Comparison::kEqual;
  if (complex_different) return Comparison::kDifferent;
  return real_equal + complex_equal >= 2 ? Comparison::kEqual : Comparison::kUnknown;
}

bool proportional(const Expr& a, const Expr& b, bool positive, Work& work) {
  Ball first;
  int points = 0;
  for (int point = 0; point < kPoints && points < 4; ++point) {
    Evaluator left(point, kPrecision, work), right(point, kPrecision, work);
    Ball x, y, quotient, difference;
    if (!left.evaluate(a, x) || !right.evaluate(b, y)) continue;
    if (left.left_reals() || right.left_reals()) continue;
    if (acb_contains_zero(x.get()) != 0 || acb_contains_zero(y.get()) != 0) {
      if (acb_contains_zero(x.get()) != 0 && acb_contains_zero(y.get()) != 0) continue;
      return false;
    }
    acb_div(quotient.get(), x.get(), y.get(), kPrecision);
    if (positive && !(quotient.may_be_real() && arb_is_positive(quotient.real()) != 0)) return false;
    if (points++ == 0) {
      first = quotient;
      continue;
    }
    acb_sub(difference.get(), quotient.get(), first.get(), kPrecision);
    if (!negligible(difference, first, 100)) return false;
  }
  return points >= 2 || (points == 1 && !has_symbols(a) && !has_symbols(b));
}

namespace {

/// +1 or -1 for an infinite expression, else 0.
int infinite(const Expr& e) {
  if (is(e, Kind::kInfinity)) return 1;
  if (is(e, Kind::kMul) && e->args.size() == 2 && is(e->args[0], Kind::kNumber) && is(e->args[1], Kind::kInfinity)) {
    return sgn(e->args[0]->number);
  }
  return 0;
}

std::optional<int> sign_of(const Expr& e, const std::string* name, const Expr& at, Work& work) {
  for (long precision = kPrecision; precision <= kMaxPrecision; precision *= 2) {
    Evaluator evaluator(0, precision, work);
    Ball x;
    if (name != nullptr) {
      if (!evaluator.evaluate(at, x)) return std::nullopt;
      evaluator.bind(*name, x);
    }
    if (!evaluator.evaluate(e, x) || !x.may_be_real() || evaluator.left_reals()) return std::nullopt;
    if (arb_is_positive(x.real()) != 0) return 1;
    if (arb_is_negative(x.real()) != 0) return -1;
    Ball one;
    acb_one(one.get());
    if (arb_is_zero(x.real()) != 0 || negligible(x, one, 150)) return 0;
  }
  return std::nullopt;
}

}  // namespace

std::optional<int> order(const Expr& a, const Expr& b, Work& work) {
  const int left = infinite(a), right = infinite(b);
  if (left != 0 || right != 0) return left == right ? 0 : (left < right ? -1 : 1);
  if (has_symbols(a) || has_symbols(b)) return std::nullopt;
  const auto x = exact_value(a, work), y = exact_value(b, work);
  if (x && y) return cmp(*x, *y);
  return sign_of(subtract(a, b), nullptr, nullptr, work);
}

std::optional<int> sign_at(const Expr& e, const std::string& name, const Expr& at, Work& work) {
  return sign_of(e, &name, at, work);
}

std::optional<double> approximate(const Expr& e, Work& work) {
  if (const auto exact = exact_value(e, work)) return exact->get_d();
  Evaluator evaluator(0, 64, work);
  Ball x;
  if (!evaluator.evaluate(e, x)) return std::nullopt;
  return arf_get_d(arb_midref(x.real()), ARF_RND_NEAR) + 1.7e-3 * arf_get_d(arb_midref(x.imaginary()), ARF_RND_NEAR);
}

}  // namespace hone::math
