// Values of expressions in interval arithmetic of any precision (Arb's complex balls): a ball that holds the true
// value, so that two balls apart prove a difference. Pure functions; thread-safe.
#pragma once

#include <optional>

#include "reward/math/expr.h"

namespace hone::math {

enum class Comparison { kEqual, kDifferent, kUnknown };

/// Compares values at pseudo-random points, as real functions where they are real somewhere. kEqual: no difference was
/// found to more than 100 bits at two points at least, or at the one value of closed expressions.
Comparison compare_numerically(const Expr& a, const Expr& b, Work& work);

/// Whether a / b is one constant that is not 0, and (with `positive`) greater than 0.
bool proportional(const Expr& a, const Expr& b, bool positive, Work& work);

/// The order of two real closed expressions: -1, 0, 1; nothing where they are not real or cannot be told apart. Takes
/// infinity.
std::optional<int> order(const Expr& a, const Expr& b, Work& work);

/// The sign of a real expression where its one symbol `name` has the value `at`; nothing where it has none.
std::optional<int> sign_at(const Expr& e, const std::string& name, const Expr& at, Work& work);

/// A closed real expression as a double, for sorting; nothing where it has none.
std::optional<double> approximate(const Expr& e, Work& work);

}  // namespace hone::math
