#include "reward/math/compare.h"

#include <algorithm>
#include <cmath>

#include "reward/math/exact.h"
#include "reward/math/normalize.h"
#include "reward/math/units.h"

namespace hone::math {
namespace {

/// The letters of a product of letters, in the order they were written; nothing for anything else.
std::optional<std::string> spelled(const Expr& e) {
  if (is(e, Kind::kText)) return e->name;
  if (is(e, Kind::kSymbol)) return plain_words(e->name);
  if (!is(e, Kind::kMul)) return std::nullopt;
  std::string word;
  for (const Expr& factor : e->args) {
    if (!is(factor, Kind::kSymbol) || factor->name.size() != 1) return std::nullopt;
    word += plain_words(factor->name);
  }
  return word;
}

/// Three capitals or more side by side are an order ("CBAD"), not a product.
bool is_arrangement(const Expr& e) {
  return is(e, Kind::kMul) && e->args.size() >= 3 &&
         std::all_of(e->args.begin(), e->args.end(), [](const Expr& factor) {
           return is(factor, Kind::kSymbol) && factor->name.size() == 1 && factor->name[0] >= 'A' &&
                  factor->name[0] <= 'Z';
         });
}

/// "0.56 = 56\%", "2/3 \approx 0.67": equalities between numbers.
bool is_calculation(const Expr& e) {
  return is_equality_chain(e) && !has_symbols(e);
}

/// The list of "x = \{1, 2\}".
Expr without_list_name(const Expr& e, Work& work) {
  if (!is_assignment(e)) return e;
  const auto values = values_of_chain(e, work);
  return values.size() == 1 && (is(values[0], Kind::kList) || is(values[0], Kind::kSet)) ? values[0] : e;
}

bool is_list_of_relations(const Expr& e) {
  return is(e, Kind::kList) && std::any_of(e->args.begin(), e->args.end(),
                                           [](const Expr& a) { return is(a, Kind::kChain) && !is_equality_chain(a); });
}

bool is_list_like(const Expr& e) {
  return is(e, Kind::kList) || is(e, Kind::kSet) || contains(e, Kind::kPlusMinus);
}

}  // namespace

bool Comparer::equal(const Expr& gold_in, const Expr& pred_in) {
  work_.spend(10);
  if (is_arrangement(gold_in) && is_arrangement(pred_in)) return spelled(gold_in) == spelled(pred_in);
  if (canonical_key(gold_in, work_) == canonical_key(pred_in, work_)) return true;
  if (depth_ >= 24) return false;
  ++depth_;
  const bool result = equal_values(gold_in, pred_in);
  --depth_;
  return result;
}

bool Comparer::equal_values(const Expr& gold_in, const Expr& pred_in) {
  const auto opened = [&](const Expr& e) {
    return without_qualifiers(without_list_name(without_membership(e), work_));
  };
  const Expr gold = opened(gold_in), pred = opened(pred_in);
  const bool gold_chain = is(gold, Kind::kChain), pred_chain = is(pred, Kind::kChain);
  if (gold_chain && pred_chain) return relations(gold, pred);
  if (pred_chain && is_equality_chain(pred) && !is_list_like(gold)) return value_of_chain_equals(gold, pred);
  if (gold_chain && (is_assignment(gold) || is_calculation(gold)) && !is_list_like(pred))
    return value_of_chain_equals(gold, pred);
  if (is_list_of_relations(pred) && !gold_chain && !is_list_of_relations(gold) && !options_.relation_for_set)
    return false;
  if (is_list_like(gold) || is_list_like(pred)) {
    if (lists(gold, pred)) return true;
    return (is_set_like(gold) || gold_chain) && real_sets(gold, pred).value_or(false);
  }
  if (pred_chain && !options_.relation_for_set) return false;
  if (gold_chain || pred_chain) return real_sets(gold, pred).value_or(false);
  if (is(gold, Kind::kQuantity) || is(pred, Kind::kQuantity)) return quantities(gold, pred);
  if (is(gold, Kind::kText) || is(pred, Kind::kText)) return texts(gold, pred);
  if (is(gold, Kind::kBaseNumber) || is(pred, Kind::kBaseNumber)) return false;  // other digits, or no base
  if (contains(gold, Kind::kBaseNumber) != contains(pred, Kind::kBaseNumber)) return false;
  if (is(gold, Kind::kTuple) && is(pred, Kind::kTuple)) return tuples(gold, pred);
  if (is_set_like(gold) && is_set_like(pred)) {
    if (const auto same = real_sets(gold, pred)) return *same;
    return is(gold, pred->kind) && gold->args.size() == pred->args.size() &&
           (is(gold, Kind::kDifference) ? all_equal(gold->args, pred->args) : unordered(gold->args, pred->args));
  }
  if (is(gold, Kind::kRatio) || is(pred, Kind::kRatio)) return ratios(gold, pred);
  if (contains(gold, Kind::kMatrix) && contains(pred, Kind::kMatrix) && !(is_scalar(gold) && is_scalar(pred)))
    return matrices(gold, pred);
  return scalars(gold, pred);
}

bool Comparer::all_equal(const std::vector<Expr>& gold, const std::vector<Expr>& pred) {
  if (gold.size() != pred.size()) return false;
  for (size_t i = 0; i < gold.size(); ++i) {
    if (!equal(gold[i], pred[i])) return false;
  }
  return true;
}

bool Comparer::texts(const Expr& gold, const Expr& pred) {
  const auto g = spelled(gold), p = spelled(pred);
  return g && p && *g == *p;
}

bool Comparer::tuples(const Expr& gold, const Expr& pred) {
  return gold->code == pred->code && all_equal(gold->args, pred->args);
}

bool Comparer::matrices(const Expr& gold, const Expr& pred) {
  const Expr g = matrix_value(gold, work_), p = matrix_value(pred, work_);
  return g && p && g->code == p->code && all_equal(g->args, p->args);
}

/// a : b. Clock times ("12:30") are compared part by part, other ratios as ratios.
bool Comparer::ratios(const Expr& gold, const Expr& pred) {
  const bool both = is(gold, Kind::kRatio) && is(pred, Kind::kRatio);
  if (both && gold->args.size() != pred->args.size()) return false;
  if (both && all_equal(gold->args, pred->args)) return true;
  const auto clock = [](const Expr& e) {
    return is(e, Kind::kRatio) && is(e->args[1], Kind::kNumber) && e->args[1]->number >= 10 &&
           e->args[1]->number < 60 && is(e->args[0], Kind::kNumber) && e->args[0]->number <= 24;
  };
  if (clock(gold) || clock(pred)) return false;
  const auto fraction = [](const Expr& e) {
    return is(e, Kind::kRatio) && e->args.size() == 2 ? divide(e->args[0], e->args[1]) : e;
  };
  if (!both)
    return !is(fraction(gold), Kind::kRatio) && !is(fraction(pred), Kind::kRatio) &&
           equal(fraction(gold), fraction(pred));
  for (size_t i = 1; i < gold->args.size(); ++i) {
    if (!is_scalar(gold->args[i]) || !is_scalar(pred->args[i]) || !is_scalar(gold->args[0]) ||
        !is_scalar(pred->args[0]))
      return false;
    if (!scalars(divide(gold->args[i], gold->args[0]), divide(pred->args[i], pred->args[0]))) return false;
  }
  return true;
}

/// Values with units. A unit on one side only is left out; two known units must measure the same thing; a percent sign
/// on one side only may be there or be a hundredth.
bool Comparer::quantities(const Expr& gold, const Expr& pred) {
  const auto unit_name = [](const Expr& e) -> std::string { return is(e, Kind::kQuantity) ? e->name : std::string(); };
  const auto bare = [](const Expr& e) { return is(e, Kind::kQuantity) ? e->args[0] : e; };
  const std::string g = unit_name(gold), p = unit_name(pred);
  const Expr x = bare(gold), y = bare(pred);
  if (g.starts_with("mod ") && p.starts_with("mod ") && g != p) return false;
  const auto left = read_unit(g), right = read_unit(p);
  if (left && right) {
    if (left->dimension != right->dimension) return false;
    if (left->scale == right->scale) return equal(x, y);
    return is_scalar(x) && is_scalar(y) &&
           scalars(multiply({number(left->scale), x}), multiply({number(right->scale), y}));
  }
  const auto percent = [](const std::optional<Unit>& u) {
    return u && u->dimension.size() == 1 && u->dimension.contains("%");
  };
  // 0.5 is not 0.5%, but who is asked for a percentage may well answer 28 for 28%.
  const bool small = percent(right) && g.empty() && is_scalar(x) && std::abs(approximate(x, work_).value_or(0)) < 1;
  if (!small && equal(x, y)) return true;
  const Rational hundredth(1, 100);
  if (percent(left) && p.empty() && is_scalar(x)) return equal(multiply({number(hundredth), x}), y);
  if (percent(right) && g.empty() && is_scalar(y)) return equal(x, multiply({number(hundredth), y}));
  // "3 m" may be three times m.
  const auto as_product = [](const Expr& e, const std::string& unit) { return multiply({e, symbol(unit)}); };
  if (g.size() == 1 && p.empty() && is_scalar(x) && is_scalar(y)) return scalars(as_product(x, g), y);
  if (p.size() == 1 && g.empty() && is_scalar(x) && is_scalar(y)) return scalars(x, as_product(y, p));
  return false;
}

}  // namespace hone::math
