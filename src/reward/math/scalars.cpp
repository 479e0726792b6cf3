#include <algorithm>
#include <cmath>

#include "reward/math/compare.h"
#include "reward/math/exact.h"

namespace hone::math {
namespace {

Integer ten_to(int n) {
  Integer out;
  mpz_ui_pow_ui(out.get_mpz_t(), 10, static_cast<unsigned long>(n));
  return out;
}

/// Rounded half away from zero to `places` decimals.
Rational rounded(const Rational& q, int places) {
  const Rational shifted = abs(q) * ten_to(places) + Rational(1, 2);
  Integer whole;
  mpz_fdiv_q(whole.get_mpz_t(), shifted.get_num_mpz_t(), shifted.get_den_mpz_t());
  Rational out(whole, ten_to(places));
  out.canonicalize();
  return q < 0 ? Rational(-out) : out;
}

bool is_decimal(const Expr& e) {
  return is(e, Kind::kNumber) && e->places >= 0 && e->places <= 60;
}

int infinite_sign(const Expr& e) {
  if (is(e, Kind::kInfinity)) return 1;
  if (is(e, Kind::kAdd) && e->args.size() == 1) return infinite_sign(e->args[0]);
  if (!is(e, Kind::kMul)) return 0;
  int sign = 0;
  for (const Expr& factor : e->args) {
    if (is(factor, Kind::kInfinity)) {
      sign = sign == 0 ? 1 : sign;
    } else if (is(factor, Kind::kNumber) && factor->number == -1) {
      sign = -1;
    } else {
      return 0;
    }
  }
  return sign;
}

}  // namespace

/// Whether `decimal`, written with enough places, is what `exact` rounds to. Six places and six significant digits of
/// the decimal count; an exact value that needs no more places must be met exactly.
bool Comparer::rounds_to(const Expr& exact, const std::optional<Rational>& value, const Expr& decimal) {
  if (!is_decimal(decimal) || decimal->places < options_.decimals) return false;
  const auto size = approximate(exact, work_);
  if (!size || *size == 0 || !std::isfinite(*size)) return false;
  const double magnitude = std::floor(std::log10(std::abs(*size)));
  if (magnitude < -50 || magnitude > 50) return false;
  const int significant = options_.decimals - 1 - static_cast<int>(magnitude);
  const int places = std::min(decimal->places, std::max(options_.decimals, significant));
  const Rational target = rounded(decimal->number, places);
  if (value) {
    if (rounded(*value, std::max(options_.decimals, significant)) == *value) return false;  // handled exactly
    return rounded(*value, places) == target;
  }
  const Rational half(1, 2 * ten_to(places));
  const Expr distance = call(Function::kAbs, {subtract(exact, number(target))});
  const auto side = order(distance, number(half), work_);
  return side && *side <= 0;
}

bool Comparer::closed_numbers(const Expr& gold, const Expr& pred, const Rational& x, const Rational& y) {
  return x == y || rounds_to(gold, x, pred) || rounds_to(pred, y, gold);
}

bool Comparer::scalars(const Expr& gold, const Expr& pred) {
  work_.spend(10);
  if (!is_scalar(gold) || !is_scalar(pred)) return false;
  if (canonical_key(gold, work_) == canonical_key(pred, work_)) return true;
  const bool infinite = contains(gold, Kind::kInfinity) || contains(pred, Kind::kInfinity);
  if (infinite) return infinite_sign(gold) != 0 && infinite_sign(gold) == infinite_sign(pred);
  // A choice: "A" and "a".
  if (is(gold, Kind::kSymbol) && is(pred, Kind::kSymbol) && gold->name.size() == 1 && pred->name.size() == 1) {
    return gold->name[0] >= 'A' && gold->name[0] <= 'H' && pred->name[0] == gold->name[0] - 'A' + 'a';
  }
  const auto x = exact_value(gold, work_), y = exact_value(pred, work_);
  if (x && y) return closed_numbers(gold, pred, *x, *y);
  if (is_decimal(pred) && !has_symbols(gold) && rounds_to(gold, x, pred)) return true;
  if (is_decimal(gold) && !has_symbols(pred) && rounds_to(pred, y, gold)) return true;
  bool rational = true;
  for (int point = 0; point < 2 && rational; ++point) {
    const auto r = residue(gold, point, work_), s = residue(pred, point, work_);
    rational = r && s;
    if (rational && *r != *s) return false;
  }
  // Equal residues prove an identity of polynomials; of numbers too large to write they do not.
  if (rational && (has_symbols(gold) || has_symbols(pred) || uses_imaginary_unit(gold) || uses_imaginary_unit(pred)))
    return true;
  return compare_numerically(gold, pred, work_) == Comparison::kEqual;
}

}  // namespace hone::math
