#include "reward/math/exact.h"

#include <algorithm>

namespace hone::math {
namespace {

size_t bits(const Rational& q) {
  return mpz_sizeinbase(q.get_num_mpz_t(), 2) + mpz_sizeinbase(q.get_den_mpz_t(), 2);
}

bool is_integer(const Rational& q) {
  return q.get_den() == 1;
}

std::optional<long> small_integer(const Rational& q) {
  if (!is_integer(q) || !q.get_num().fits_slong_p()) return std::nullopt;
  return q.get_num().get_si();
}

Integer floor_of(const Rational& q) {
  Integer out;
  mpz_fdiv_q(out.get_mpz_t(), q.get_num_mpz_t(), q.get_den_mpz_t());
  return out;
}

class Exact {
 public:
  Exact(Work& work, const Bindings& bindings) : work_(work), bindings_(bindings) {}

  std::optional<Rational> value(const Expr& e) {
    work_.spend(4);
    switch (e->kind) {
      case Kind::kNumber:
        return e->number;
      case Kind::kSymbol: {
        const auto bound = bindings_.find(e->name);
        return bound == bindings_.end() ? std::nullopt : std::optional(bound->second);
      }
      case Kind::kAdd:
      case Kind::kMul:
        return folded(e);
      case Kind::kPow:
        return power_of(e);
      case Kind::kFunction:
        return function(e);
      case Kind::kQuantity: {
        auto inside = value(e->args[0]);
        if (inside && e->name == "%") *inside /= 100;
        return inside;
      }
      case Kind::kBig:
        return big(e);
      case Kind::kBaseNumber:
        return bounded(Rational(Integer(e->name, e->code)));
      default:
        return std::nullopt;
    }
  }

 private:
  std::optional<Rational> bounded(Rational q) {
    const size_t size = bits(q);
    work_.spend(1 + static_cast<int64_t>(size / 64));
    if (size > kMaxBits) return std::nullopt;
    return q;
  }

  std::optional<Rational> folded(const Expr& e) {
    const bool sum = is(e, Kind::kAdd);
    Rational total(sum ? 0 : 1);
    for (const Expr& argument : e->args) {
      const auto v = value(argument);
      if (!v) return std::nullopt;
      if (sum) {
        total += *v;
      } else {
        total *= *v;
      }
      const auto ok = bounded(total);
      if (!ok) return std::nullopt;
    }
    return total;
  }

  /// base^exponent for integers; roots only where they come out even.
  std::optional<Rational> power_of(const Expr& e) {
    const auto base = value(e->args[0]);
    const auto exponent = value(e->args[1]);
    if (!base || !exponent) return std::nullopt;
    if (*base == 0) return *exponent > 0 ? std::optional(Rational(0)) : std::nullopt;
    if (*base == 1) return base;
    Rational root = *base;
    if (!is_integer(*exponent)) {
      const Integer index = exponent->get_den();
      if (!index.fits_ulong_p() || index > 64) return std::nullopt;
      if (root < 0 && mpz_even_p(index.get_mpz_t())) return std::nullopt;
      Integer n, d;
      work_.spend(8 + static_cast<int64_t>(bits(root) / 16));
      if (mpz_root(n.get_mpz_t(), root.get_num_mpz_t(), index.get_ui()) == 0) return std::nullopt;
      if (mpz_root(d.get_mpz_t(), root.get_den_mpz_t(), index.get_ui()) == 0) return std::nullopt;
      root = Rational(n, d);
    }
    const Integer times = abs(exponent->get_num());
    if (abs(root) == 1) return mpz_odd_p(times.get_mpz_t()) ? std::optional(root) : std::optional(Rational(1));
    if (!times.fits_ulong_p() || times > kMaxBits || times.get_ui() * (bits(root) - 1) > 2 * kMaxBits)
      return std::nullopt;
    Integer n, d;
    mpz_pow_ui(n.get_mpz_t(), root.get_num_mpz_t(), times.get_ui());
    mpz_pow_ui(d.get_mpz_t(), root.get_den_mpz_t(), times.get_ui());
    Rational q = *exponent > 0 ? Rational(n, d) : Rational(d, n);
    q.canonicalize();
    return bounded(std::move(q));
  }

  std::optional<Rational> function(const Expr& e) {
    if (e->function() == Function::kDet || e->function() == Function::kTranspose) return std::nullopt;
    std::vector<Rational> a;
    for (const Expr& argument : e->args) {
      auto v = value(argument);
      if (!v) return std::nullopt;
      a.push_back(std::move(*v));
    }
    const bool integers = std::all_of(a.begin(), a.end(), is_integer);
    switch (e->function()) {
      case Function::kAbs:
        return abs(a[0]);
      case Function::kFloor:
        return Rational(floor_of(a[0]));
      case Function::kCeil:
        return Rational(-floor_of(-a[0]));
      case Function::kSign:
        return Rational(sgn(a[0]));
      case Function::kRe:
      case Function::kConjugate:
        return a[0];
      case Function::kIm:
        return Rational(0);
      case Function::kFactorial:
      case Function::kDoubleFactorial:
        return factorial(a[0], e->function() == Function::kDoubleFactorial);
      case Function::kBinomial:
        return a.size() == 2 ? binomial(a[0], a[1]) : std::nullopt;
      case Function::kMin:
        return *std::min_element(a.begin(), a.end());
      case Function::kMax:
        return *std::max_element(a.begin(), a.end());
      case Function::kMod:
        if (a.size() != 2 || a[1] == 0) return std::nullopt;
        return bounded(a[0] - a[1] * Rational(floor_of(a[0] / a[1])));
      case Function::kGcd:
      case Function::kLcm: {
        if (!integers) return std::nullopt;
        Integer out = a[0].get_num();
        for (const Rational& q : a) {
          out = e->function() == Function::kGcd ? Integer(gcd(out, q.get_num())) : Integer(lcm(out, q.get_num()));
          if (!bounded(Rational(out))) return std::nullopt;
        }
        return Rational(out);
      }
      default:
        return std::nullopt;
    }
  }

  std::optional<Rational> factorial(const Rational& n, bool twice) {
    const auto small = small_integer(n);
    if (!small || *small < 0 || *small > 800) return std::nullopt;
    Integer out;
    work_.spend(*small / 4);
    if (twice) {
      mpz_2fac_ui(out.get_mpz_t(), static_cast<unsigned long>(*small));
    } else {
      mpz_fac_ui(out.get_mpz_t(), static_cast<unsigned long>(*small));
    }
    return bounded(Rational(out));
  }

  std::optional<Rational> binomial(const Rational& n, const Rational& k) {
    const auto top = small_integer(n), bottom = small_integer(k);
    if (!top || !bottom || *top < 0 || *top > 1000000) return std::nullopt;
    if (*bottom < 0 || *bottom > *top) return Rational(0);
    const long steps = std::min(*bottom, *top - *bottom);
    if (steps > 1000 || static_cast<size_t>(steps) * 20 > 2 * kMaxBits) return std::nullopt;
    work_.spend(steps * 4);
    Integer out;
    mpz_bin_uiui(out.get_mpz_t(), static_cast<unsigned long>(*top), static_cast<unsigned long>(*bottom));
    return bounded(Rational(out));
  }

  /// A finite sum or product, term by term.
  std::optional<Rational> big(const Expr& e) {
    const auto op = static_cast<BigOperator>(e->code);
    if (e->name != "counted" || (op != BigOperator::kSum && op != BigOperator::kProduct)) return std::nullopt;
    const auto from = value(e->args[2]), to = value(e->args[3]);
    if (!from || !to) return std::nullopt;
    const auto first = small_integer(*from), last = small_integer(*to);
    if (!first || !last || *last - *first > 2000 || std::abs(*first) > 1000000000) return std::nullopt;
    Rational total(op == BigOperator::kSum ? 0 : 1);
    for (long k = *first; k <= *last; ++k) {
      bindings_[e->args[1]->name] = Rational(k);
      const auto term = value(e->args[0]);
      if (!term) return std::nullopt;
      if (op == BigOperator::kSum) {
        total += *term;
      } else {
        total *= *term;
      }
      if (!bounded(total)) return std::nullopt;
    }
    bindings_.erase(e->args[1]->name);
    return total;
  }

  Work& work_;
  Bindings bindings_;
};

// ---- modulo a prime ------------------------------------------------------------------------------------------------

__extension__ using Wide = unsigned __int128;
constexpr uint64_t kPrime = (uint64_t{1} << 61) - 31;  // 1 modulo 4, so that -1 has a square root

uint64_t times(uint64_t a, uint64_t b) {
  return static_cast<uint64_t>(static_cast<Wide>(a) * b % kPrime);
}

uint64_t to_power(uint64_t base, uint64_t exponent) {
  uint64_t out = 1;
  for (; exponent > 0; exponent >>= 1) {
    if ((exponent & 1) != 0) out = times(out, base);
    base = times(base, base);
  }
  return out;
}

/// A square root of -1.
uint64_t imaginary_unit() {
  static const uint64_t root = [] {
    for (uint64_t base = 2;; ++base) {
      const uint64_t candidate = to_power(base, (kPrime - 1) / 4);
      if (times(candidate, candidate) == kPrime - 1) return candidate;
    }
  }();
  return root;
}

uint64_t reduce(const Integer& z, uint64_t modulus) {
  Integer out;
  mpz_fdiv_r(out.get_mpz_t(), z.get_mpz_t(), Integer(static_cast<unsigned long>(modulus)).get_mpz_t());
  return out.get_ui();
}

class Residue {
 public:
  Residue(int point, Work& work) : point_(static_cast<uint64_t>(point)), work_(work) {}

  std::optional<uint64_t> value(const Expr& e) {
    work_.spend(4);
    switch (e->kind) {
      case Kind::kNumber:
        return rational(e->number);
      case Kind::kSymbol:
        if (e->name == "i") return imaginary_unit();
        return mix(e->name, point_) % kPrime;  // e and pi are as good as variables: they satisfy no equation
      case Kind::kAdd:
      case Kind::kMul: {
        uint64_t total = is(e, Kind::kAdd) ? 0 : 1;
        for (const Expr& argument : e->args) {
          const auto v = value(argument);
          if (!v) return std::nullopt;
          total = is(e, Kind::kAdd) ? (total + *v) % kPrime : times(total, *v);
        }
        return total;
      }
      case Kind::kPow:
        return power_of(e);
      case Kind::kApply:
        return opaque_hash(e, static_cast<int>(point_), work_) % kPrime;
      case Kind::kBig: {
        const auto exact = Exact(work_, {}).value(e);
        return exact ? rational(*exact) : opaque_hash(e, static_cast<int>(point_), work_) % kPrime;
      }
      case Kind::kQuantity:
        return e->name == "%" ? scaled(value(e->args[0])) : e->name == "deg" ? std::nullopt : value(e->args[0]);
      case Kind::kFunction: {
        const auto exact = Exact(work_, {}).value(e);
        return exact ? rational(*exact) : std::nullopt;
      }
      default:
        return std::nullopt;
    }
  }

 private:
  std::optional<uint64_t> rational(const Rational& q) {
    work_.spend(1 + static_cast<int64_t>(bits(q) / 64));
    const uint64_t denominator = reduce(q.get_den(), kPrime);
    if (denominator == 0) return std::nullopt;
    const uint64_t numerator = reduce(q.get_num(), kPrime);
    return denominator == 1 ? numerator : times(numerator, to_power(denominator, kPrime - 2));
  }

  static std::optional<uint64_t> scaled(std::optional<uint64_t> v) {
    return v ? std::optional(times(*v, to_power(100, kPrime - 2))) : std::nullopt;
  }

  std::optional<uint64_t> power_of(const Expr& e) {
    const auto exponent = Exact(work_, {}).value(e->args[1]);
    if (!exponent || !is_integer(*exponent)) return std::nullopt;
    if (has_symbols(e->args[0]) && abs(*exponent) > 1000000) return std::nullopt;
    const auto base = value(e->args[0]);
    if (!base) return std::nullopt;
    if (*base == 0) return *exponent > 0 ? std::optional<uint64_t>(0) : std::nullopt;
    work_.spend(16 + static_cast<int64_t>(bits(*exponent) / 64));
    return to_power(*base, reduce(exponent->get_num(), kPrime - 1));
  }

  uint64_t point_;
  Work& work_;
};

}  // namespace

std::optional<Rational> exact_value(const Expr& e, Work& work, const Bindings& bindings) {
  return Exact(work, bindings).value(e);
}

std::optional<uint64_t> residue(const Expr& e, int point, Work& work) {
  return Residue(point, work).value(e);
}

uint64_t opaque_hash(const Expr& e, int point, Work& work) {
  std::vector<Expr> args = e->args;
  if (is(e, Kind::kBig) && e->name == "counted") {  // the name of the index is no matter
    const std::vector<std::pair<std::string, std::string>> index{{args[1]->name, "@"}};
    args[0] = rename(args[0], index, work);
    args[1] = symbol("@");
  }
  uint64_t seed = mix(e->name, static_cast<uint64_t>(point) * 64 + static_cast<uint64_t>(e->code));
  for (const Expr& argument : args) {
    const auto v = is_scalar(argument) ? residue(argument, point, work) : std::nullopt;
    seed = v ? mix("value", seed ^ *v) : mix(canonical_key(argument, work), seed);
  }
  return seed;
}

uint64_t mix(std::string_view name, uint64_t salt) {
  uint64_t h = 0xCBF29CE484222325 ^ (salt * 0x9E3779B97F4A7C15);
  for (const char c : name) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  h ^= h >> 33;
  h *= 0xFF51AFD7ED558CCD;
  h ^= h >> 33;
  h *= 0xC4CEB9FE1A85EC53;
  return h ^ (h >> 33);
}

}  // namespace hone::math
