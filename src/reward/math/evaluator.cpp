#include "reward/math/evaluator.h"

#include <acb_mat.h>
#include <arb.h>

#include "reward/math/exact.h"

namespace hone::math {
namespace {

constexpr long kMaxMagnitude = 400000;  ///< of a value, as a power of two
constexpr long kMaxAngle = 128;         ///< of the argument of a periodic function, as a power of two

bool below(const Ball& z, long two_exponent) {
  mag_t size;
  mag_init(size);
  acb_get_mag(size, z.get());
  const bool yes = mag_cmp_2exp_si(size, two_exponent) <= 0;
  mag_clear(size);
  return yes;
}

}  // namespace

bool Evaluator::finish(Ball& out) {
  return acb_is_finite(out.get()) != 0 && below(out, kMaxMagnitude);
}

void Evaluator::set(const Rational& q, Ball& out) const {
  fmpq_t f;
  fmpq_init(f);
  fmpq_set_mpq(f, q.get_mpq_t());
  acb_set_fmpq(out.get(), f, precision_);
  fmpq_clear(f);
}

/// A dyadic number in (0.25, 2.25), or other ranges and signs by the point.
void Evaluator::pseudo_random(uint64_t hash, Ball& out) const {
  const double unit = static_cast<double>(hash >> 40) / static_cast<double>(uint64_t{1} << 24);
  double value = 0;
  switch (point_) {
    case 0:
      value = 0.25 + 2 * unit;
      break;
    case 1:
      value = 1.125 + 4 * unit;
      break;
    case 2:
      value = 0.0625 + 0.875 * unit;
      break;
    case 3:
      value = (hash & 1) != 0 ? 0.25 + 2 * unit : -0.25 - 2 * unit;
      break;
    default:
      value = -0.125 - 2 * unit;
      break;
  }
  acb_set_d(out.get(), value);
}

bool Evaluator::symbol_value(const Expr& e, Ball& out) {
  if (const auto bound = bound_.find(e->name); bound != bound_.end()) {
    out = bound->second;
  } else if (e->name == "pi") {
    acb_const_pi(out.get(), precision_);
  } else if (e->name == "e") {
    acb_one(out.get());
    acb_exp(out.get(), out.get(), precision_);
  } else if (e->name == "i") {
    acb_onei(out.get());
  } else {
    pseudo_random(mix(e->name, static_cast<uint64_t>(point_)), out);
  }
  return true;
}

bool Evaluator::evaluate(const Expr& e, Ball& out) {
  spend(1);
  switch (e->kind) {
    case Kind::kNumber:
      set(e->number, out);
      return true;
    case Kind::kSymbol:
      return symbol_value(e, out);
    case Kind::kAdd:
    case Kind::kMul:
      return sum_or_product(e, out) && finish(out);
    case Kind::kPow:
      return power_of(e, out) && finish(out);
    case Kind::kFunction:
      return function(e, out) && finish(out);
    case Kind::kQuantity:
      return quantity(e, out);
    case Kind::kBig:
      return big(e, out);
    case Kind::kApply:
      pseudo_random(opaque_hash(e, point_, work_), out);
      return true;
    case Kind::kBaseNumber: {
      const auto value = exact_value(e, work_);
      if (value) set(*value, out);
      return value.has_value();
    }
    default:
      return false;
  }
}

bool Evaluator::sum_or_product(const Expr& e, Ball& out) {
  const bool sum = is(e, Kind::kAdd);
  Ball total, term;
  acb_set_si(total.get(), sum ? 0 : 1);
  for (const Expr& argument : e->args) {
    if (!evaluate(argument, term)) return false;
    if (sum) {
      acb_add(total.get(), total.get(), term.get(), precision_);
    } else {
      acb_mul(total.get(), total.get(), term.get(), precision_);
    }
  }
  out = std::move(total);
  return true;
}

bool Evaluator::integer_power(const Ball& base, const Rational& exponent, Ball& out) {
  const Integer& n = exponent.get_num();
  if (mpz_sizeinbase(n.get_mpz_t(), 2) > 62) return false;
  if (acb_contains_zero(base.get()) != 0 && n <= 0) return false;
  spend(static_cast<int64_t>(mpz_sizeinbase(n.get_mpz_t(), 2)));
  acb_pow_si(out.get(), base.get(), n.get_si(), precision_);
  return true;
}

bool Evaluator::power_of(const Expr& e, Ball& out) {
  const auto exponent = exact_value(e->args[1], work_);
  Ball base;
  if (is(e->args[0], Kind::kSymbol) && e->args[0]->name == "e" && !bound_.contains("e")) {
    Ball up;
    if (!evaluate(e->args[1], up) || !below(up, 40)) return false;
    spend(4);
    acb_exp(out.get(), up.get(), precision_);
    return true;
  }
  if (!evaluate(e->args[0], base)) return false;
  if (exponent && exponent->get_den() == 1) return integer_power(base, *exponent, out);
  const bool negative = base.is_real() && arb_is_negative(base.real()) != 0;
  if (exponent && negative && mpz_odd_p(exponent->get_den_mpz_t())) {  // the real root of a negative number
    acb_neg(base.get(), base.get());
    Ball up;
    set(*exponent, up);
    acb_pow(out.get(), base.get(), up.get(), precision_);
    if (mpz_odd_p(exponent->get_num_mpz_t())) acb_neg(out.get(), out.get());
    spend(8);
    return true;
  }
  Ball up;
  if (!evaluate(e->args[1], up) || !below(up, 40)) return false;
  if (acb_contains_zero(base.get()) != 0) {
    if (!acb_is_zero(base.get()) || !exponent || *exponent <= 0) return false;
    acb_zero(out.get());
    return true;
  }
  if (negative) left_reals_ = true;
  spend(10);
  if (exponent && *exponent == Rational(1, 2)) {
    acb_sqrt(out.get(), base.get(), precision_);
  } else {
    acb_pow(out.get(), base.get(), up.get(), precision_);
  }
  return true;
}

bool Evaluator::logarithm(const Ball& z, Ball& out) {
  if (acb_contains_zero(z.get()) != 0) return false;
  if (z.is_real() && arb_is_negative(z.real()) != 0) left_reals_ = true;
  spend(6);
  acb_log(out.get(), z.get(), precision_);
  return true;
}

bool Evaluator::elementary(Function f, const Ball& z, Ball& out) {
  if (!below(z, f == Function::kExp || f == Function::kSinh || f == Function::kCosh ? 40 : kMaxAngle)) return false;
  spend(6);
  switch (f) {
    case Function::kExp:
      acb_exp(out.get(), z.get(), precision_);
      return true;
    case Function::kSin:
      acb_sin(out.get(), z.get(), precision_);
      return true;
    case Function::kCos:
      acb_cos(out.get(), z.get(), precision_);
      return true;
    case Function::kTan:
      acb_tan(out.get(), z.get(), precision_);
      return true;
    case Function::kCot:
      acb_cot(out.get(), z.get(), precision_);
      return true;
    case Function::kSec:
      acb_sec(out.get(), z.get(), precision_);
      return true;
    case Function::kCsc:
      acb_csc(out.get(), z.get(), precision_);
      return true;
    case Function::kSinh:
      acb_sinh(out.get(), z.get(), precision_);
      return true;
    case Function::kCosh:
      acb_cosh(out.get(), z.get(), precision_);
      return true;
    case Function::kTanh:
      acb_tanh(out.get(), z.get(), precision_);
      return true;
    case Function::kCoth:
      acb_coth(out.get(), z.get(), precision_);
      return true;
    default:
      return inverse_trigonometric(f, z, out);
  }
}

bool Evaluator::inverse_trigonometric(Function f, const Ball& z, Ball& out) {
  Ball inverted = z;
  if (f == Function::kArccot || f == Function::kArcsec || f == Function::kArccsc) {
    if (acb_contains_zero(z.get()) != 0) return false;
    acb_inv(inverted.get(), z.get(), precision_);
  }
  switch (f) {
    case Function::kArcsin:
    case Function::kArccsc:
      acb_asin(out.get(), inverted.get(), precision_);
      break;
    case Function::kArccos:
    case Function::kArcsec:
      acb_acos(out.get(), inverted.get(), precision_);
      break;
    case Function::kArctan:
    case Function::kArccot:
      acb_atan(out.get(), inverted.get(), precision_);
      break;
    case Function::kArcsinh:
      acb_asinh(out.get(), z.get(), precision_);
      break;
    case Function::kArccosh:
      acb_acosh(out.get(), z.get(), precision_);
      break;
    case Function::kArctanh:
      acb_atanh(out.get(), z.get(), precision_);
      break;
    default:
      return false;
  }
  if (z.is_real() && acb_is_finite(out.get()) != 0 && !out.may_be_real()) left_reals_ = true;
  return true;
}

/// Functions whose values are real.
bool Evaluator::real_function(Function f, const Ball& z, Ball& out) {
  spend(2);
  Ball result;
  switch (f) {
    case Function::kAbs:
      acb_abs(result.real(), z.get(), precision_);
      break;
    case Function::kRe:
      arb_set(result.real(), z.real());
      break;
    case Function::kIm:
      arb_set(result.real(), z.imaginary());
      break;
    case Function::kArg:
      if (acb_contains_zero(z.get()) != 0) return false;
      acb_arg(result.real(), z.get(), precision_);
      break;
    case Function::kFloor:
    case Function::kCeil:
    case Function::kSign:
      if (!z.is_real()) return false;
      if (f == Function::kFloor) arb_floor(result.real(), z.real(), precision_);
      if (f == Function::kCeil) arb_ceil(result.real(), z.real(), precision_);
      if (f == Function::kSign) arb_sgn(result.real(), z.real());
      break;
    default:
      return false;
  }
  out = std::move(result);
  return true;
}

bool Evaluator::two_arguments(Function f, const Ball& a, const Ball& b, Ball& out) {
  spend(4);
  if (f == Function::kLog) {
    Ball below_line;
    if (!logarithm(a, below_line) || !logarithm(b, out) || acb_contains_zero(below_line.get()) != 0) return false;
    acb_div(out.get(), out.get(), below_line.get(), precision_);
    return true;
  }
  if (f == Function::kBinomial) {
    if (!below(a, 17) || !below(b, 17)) return false;
    spend(30);
    Ball n, k, rest;
    acb_add_si(n.get(), a.get(), 1, precision_);
    acb_gamma(n.get(), n.get(), precision_);
    acb_add_si(k.get(), b.get(), 1, precision_);
    acb_rgamma(k.get(), k.get(), precision_);
    acb_sub(rest.get(), a.get(), b.get(), precision_);
    acb_add_si(rest.get(), rest.get(), 1, precision_);
    acb_rgamma(rest.get(), rest.get(), precision_);
    acb_mul(out.get(), n.get(), k.get(), precision_);
    acb_mul(out.get(), out.get(), rest.get(), precision_);
    return true;
  }
  if (!a.is_real() || !b.is_real()) return false;
  Ball result;
  if (f == Function::kMin) {
    arb_min(result.real(), a.real(), b.real(), precision_);
  } else if (f == Function::kMax) {
    arb_max(result.real(), a.real(), b.real(), precision_);
  } else if (f == Function::kMod) {
    if (arb_contains_zero(b.real()) != 0) return false;
    arb_div(result.real(), a.real(), b.real(), precision_);
    arb_floor(result.real(), result.real(), precision_);
    arb_mul(result.real(), result.real(), b.real(), precision_);
    arb_sub(result.real(), a.real(), result.real(), precision_);
  } else {
    return false;
  }
  out = std::move(result);
  return true;
}

bool Evaluator::function(const Expr& e, Ball& out) {
  const Function f = e->function();
  if (const auto exact = exact_value(e, work_)) {
    set(*exact, out);
    return true;
  }
  if (f == Function::kDet) return determinant(e->args[0], out);
  if (e->args.size() > 2) return false;
  Ball first, second;
  if (!is_scalar(e->args[0]) || !evaluate(e->args[0], first)) return false;
  if (e->args.size() == 2) return evaluate(e->args[1], second) && two_arguments(f, first, second, out);
  switch (f) {
    case Function::kLog:
      return logarithm(first, out);
    case Function::kFactorial:
    case Function::kGamma:
      if (!below(first, 17)) return false;
      spend(20);
      if (f == Function::kFactorial) acb_add_si(first.get(), first.get(), 1, precision_);
      acb_gamma(out.get(), first.get(), precision_);
      return true;
    case Function::kConjugate:
      acb_conj(out.get(), first.get());
      return true;
    case Function::kAbs:
    case Function::kRe:
    case Function::kIm:
    case Function::kArg:
    case Function::kFloor:
    case Function::kCeil:
    case Function::kSign:
      return real_function(f, first, out);
    default:
      return elementary(f, first, out);
  }
}

/// Up to 6 x 6.
bool Evaluator::determinant(const Expr& matrix, Ball& out) {
  if (!is(matrix, Kind::kMatrix)) return false;
  const auto n = static_cast<size_t>(matrix->code);
  if (n * n != matrix->args.size() || n > 6) return false;
  acb_mat_t values;
  acb_mat_init(values, static_cast<slong>(n), static_cast<slong>(n));
  bool ok = true;
  for (size_t i = 0; ok && i < n * n; ++i) {
    Ball entry;
    ok = is_scalar(matrix->args[i]) && evaluate(matrix->args[i], entry);
    acb_set(acb_mat_entry(values, static_cast<slong>(i / n), static_cast<slong>(i % n)), entry.get());
  }
  if (ok) acb_mat_det(out.get(), values, precision_);
  acb_mat_clear(values);
  return ok;
}

bool Evaluator::quantity(const Expr& e, Ball& out) {
  if (!evaluate(e->args[0], out)) return false;
  if (e->name == "%") acb_div_si(out.get(), out.get(), 100, precision_);
  if (e->name == "deg") {
    Ball pi;
    acb_const_pi(pi.get(), precision_);
    acb_mul(out.get(), out.get(), pi.get(), precision_);
    acb_div_si(out.get(), out.get(), 180, precision_);
  }
  return true;
}

/// A sum or product between numbers, term by term; anything else stands for itself.
bool Evaluator::big(const Expr& e, Ball& out) {
  const auto op = static_cast<BigOperator>(e->code);
  if (e->name == "counted" && (op == BigOperator::kSum || op == BigOperator::kProduct)) {
    const auto from = exact_value(e->args[2], work_), to = exact_value(e->args[3], work_);
    if (from && to && from->get_den() == 1 && to->get_den() == 1 && abs(*from) < 1000000 && *to - *from <= 500) {
      const std::string& index = e->args[1]->name;
      Ball total, term, k;
      acb_set_si(total.get(), op == BigOperator::kSum ? 0 : 1);
      for (Rational n = *from; n <= *to; n += 1) {
        set(n, k);
        bind(index, k);
        if (!evaluate(e->args[0], term)) return false;
        if (op == BigOperator::kSum) {
          acb_add(total.get(), total.get(), term.get(), precision_);
        } else {
          acb_mul(total.get(), total.get(), term.get(), precision_);
        }
      }
      bound_.erase(index);
      out = std::move(total);
      return finish(out);
    }
  }
  pseudo_random(opaque_hash(e, point_, work_), out);
  return true;
}

}  // namespace hone::math
