// Exact values: rational arithmetic on big integers, and arithmetic modulo a prime. Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "reward/math/expr.h"

namespace hone::math {

/// Values of bound variables.
using Bindings = std::map<std::string, Rational>;

/// The value of a closed expression, where it is rational and of bounded size.
std::optional<Rational> exact_value(const Expr& e, Work& work, const Bindings& bindings = {});

/// A number a < 2^61 - 31 that the expression takes modulo this prime at pseudo-random values of its symbols, the
/// `point`-th choice of them; functions that are not known are symbols too. Nothing where it is not a rational
/// expression with integer exponents. Expressions with different residues are different.
std::optional<uint64_t> residue(const Expr& e, int point, Work& work);

/// Stands for an expression that cannot be evaluated (an unknown function, an integral): a hash of what it is and of
/// its arguments' residues.
uint64_t opaque_hash(const Expr& e, int point, Work& work);

/// A well-mixed hash of a name and a number, the source of all pseudo-random values here.
uint64_t mix(std::string_view name, uint64_t salt);

}  // namespace hone::math
