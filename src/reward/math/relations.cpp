#include <algorithm>
#include <functional>

#include "reward/math/compare.h"

namespace hone::math {
namespace {

bool is_constant_name(const std::string& name) {
  return name == "pi" || name == "e" || name == "i" || name == "dots";
}

bool is_order(Relation r) {
  return r == Relation::kLess || r == Relation::kLessEqual || r == Relation::kGreater || r == Relation::kGreaterEqual;
}

/// y = g(x) and an equation that is linear in y with the same solutions.
bool solves(const Expr& name, const Expr& value, const SimpleRelation& equation, Work& work) {
  if (!is(name, Kind::kSymbol) || is_constant_name(name->name)) return false;
  const Expr difference = subtract(equation.left, equation.right);
  std::vector<std::string> symbols;
  collect_symbols(difference, symbols);
  if (std::find(symbols.begin(), symbols.end(), name->name) == symbols.end()) return false;
  // At y = g(x) + t the difference must be t times something that is not 0, for every t.
  const auto at = [&](const Expr& y) {
    const std::function<Expr(const Expr&)> replace = [&](const Expr& e) -> Expr {
      work.spend(2);
      if (is(e, Kind::kSymbol)) return e->name == name->name ? y : e;
      if (e->args.empty()) return e;
      std::vector<Expr> args;
      for (const Expr& argument : e->args) args.push_back(replace(argument));
      return with_args(e, std::move(args));
    };
    return replace(difference);
  };
  const Expr one = at(add({value, number(1)})), three = at(add({value, number(3)}));
  return compare_numerically(at(value), number(0), work) == Comparison::kEqual &&
         compare_numerically(multiply({number(3), one}), three, work) == Comparison::kEqual &&
         compare_numerically(one, number(0), work) == Comparison::kDifferent;
}

bool same_relation(const SimpleRelation& g, const SimpleRelation& p, Work& work) {
  if (g.relation != p.relation) return false;
  if (!is_scalar(g.left) || !is_scalar(g.right) || !is_scalar(p.left) || !is_scalar(p.right)) return false;
  const Expr left = subtract(g.left, g.right), right = subtract(p.left, p.right);
  if (is_order(g.relation)) return proportional(left, right, true, work);
  if (g.relation != Relation::kEqual && g.relation != Relation::kNotEqual) return false;
  if (proportional(left, right, false, work)) return true;
  return solves(g.left, g.right, p, work) || solves(p.left, p.right, g, work);
}

}  // namespace

std::vector<SimpleRelation> simple_relations(const Expr& chain) {
  std::vector<SimpleRelation> out;
  for (size_t i = 0; i < chain->relations.size(); ++i) {
    SimpleRelation r{chain->args[i], chain->args[i + 1], chain->relations[i]};
    if (r.relation == Relation::kGreater || r.relation == Relation::kGreaterEqual) {
      std::swap(r.left, r.right);
      r.relation = r.relation == Relation::kGreater ? Relation::kLess : Relation::kLessEqual;
    }
    out.push_back(std::move(r));
  }
  return out;
}

bool is_name(const Expr& e) {
  switch (e->kind) {
    case Kind::kSymbol:
      return !is_constant_name(e->name);
    case Kind::kApply:
    case Kind::kText:
      return true;
    case Kind::kMul:
    case Kind::kTuple:
    case Kind::kList:
    case Kind::kRatio:
    case Kind::kIntersect:
    case Kind::kUnion:
      return !e->args.empty() && std::all_of(e->args.begin(), e->args.end(), is_name);
    case Kind::kFunction:
      return e->function() != Function::kFactorial &&
             std::all_of(e->args.begin(), e->args.end(),
                         [](const Expr& a) { return is_name(a) || is(a, Kind::kMatrix); }) &&
             !std::any_of(e->args.begin(), e->args.end(), [](const Expr& a) { return is(a, Kind::kMatrix); });
    default:
      return false;
  }
}

bool is_equality_chain(const Expr& e) {
  return is(e, Kind::kChain) && std::all_of(e->relations.begin(), e->relations.end(),
                                            [](Relation r) { return r == Relation::kEqual || r == Relation::kApprox; });
}

bool is_assignment(const Expr& e) {
  return is_equality_chain(e) &&
         (is_name(e->args.front()) || is_name(e->args.back()) || std::any_of(e->args.begin(), e->args.end(), is_name));
}

std::vector<Expr> values_of_chain(const Expr& chain, Work& work) {
  std::vector<Expr> values;
  Expr approximation;
  for (size_t i = 0; i < chain->args.size(); ++i) {
    if (is_name(chain->args[i])) continue;
    const bool approximate_sign = i > 0 && chain->relations[i - 1] == Relation::kApprox && !values.empty();
    if (approximate_sign) {
      approximation = chain->args[i];
      break;
    }
    values = {chain->args[i]};
  }
  // "10/3 \approx 3.33" says both, where the second is what the first rounds to.
  const auto bare = [](const Expr& e) { return is(e, Kind::kQuantity) ? e->args[0] : e; };
  if (approximation && is_scalar(values[0]) && is(bare(approximation), Kind::kNumber) &&
      bare(approximation)->places > 0 && bare(approximation)->places < 40) {
    const Expr decimal = bare(approximation);
    Integer scale;
    mpz_ui_pow_ui(scale.get_mpz_t(), 10, static_cast<unsigned long>(decimal->places));
    const Expr distance = call(Function::kAbs, {subtract(bare(values[0]), decimal)});
    const auto side = order(distance, number(Rational(1) / Rational(2 * scale)), work);
    if (side && *side <= 0) values.push_back(approximation);
  }
  return values;
}

Expr without_membership(const Expr& e) {
  const bool membership =
      is(e, Kind::kChain) && e->relations == std::vector<Relation>{Relation::kIn} && is_name(e->args[0]);
  return membership ? e->args[1] : e;
}

bool Comparer::equal_to_some(const std::vector<Expr>& golds, const std::vector<Expr>& preds) {
  for (const Expr& g : golds) {
    for (const Expr& p : preds) {
      if (equal(g, p)) return true;
    }
  }
  return false;
}

/// One side is a chain of equalities, the other a value.
bool Comparer::value_of_chain_equals(const Expr& gold, const Expr& pred) {
  const bool gold_is_chain = is(gold, Kind::kChain);
  const auto values = values_of_chain(gold_is_chain ? gold : pred, work_);
  if (values.empty()) {  // names only: "MR = SRMC"; "y = x" against "x"
    const Expr& chain = gold_is_chain ? gold : pred;
    const Expr& left = chain->args[0];
    const bool words = is(left, Kind::kText) || (is(left, Kind::kMul) && left->args.size() > 2);
    if (chain->args.size() != 2 || words) return false;
    return gold_is_chain ? equal(chain->args[1], pred) : equal(gold, chain->args[1]);
  }
  return gold_is_chain ? equal_to_some(values, {pred}) : equal_to_some({gold}, values);
}

bool Comparer::relations(const Expr& gold, const Expr& pred) {
  // Two assignments to one name are compared by value; chains count by their ends.
  if (is_assignment(gold) && is_assignment(pred)) {
    const Expr &g = gold->args.front(), &p = pred->args.front();
    const auto left = values_of_chain(gold, work_), right = values_of_chain(pred, work_);
    if (is_name(g) && is_name(p) && canonical_key(g, work_) == canonical_key(p, work_)) {
      if (!left.empty() && !right.empty()) return equal_to_some(left, right);
      return equal(gold->args.back(), pred->args.back());
    }
    if (is(g, Kind::kTuple) && is(p, Kind::kTuple)) return false;
  }
  const auto g = simple_relations(gold), p = simple_relations(pred);
  if (g.size() == p.size() && g.size() <= 8) {
    std::vector<bool> used(p.size(), false);
    bool all = true;
    for (const SimpleRelation& one : g) {
      bool found = false;
      for (size_t j = 0; j < p.size() && !found; ++j) {
        if (used[j]) continue;
        found = same_relation(one, p[j], work_) ||
                (one.relation == p[j].relation && equal(one.left, p[j].left) && equal(one.right, p[j].right));
        used[j] = found;
      }
      all = all && found;
    }
    if (all) return true;
  }
  const bool ordered = std::any_of(gold->relations.begin(), gold->relations.end(), is_order);
  return ordered && real_sets(gold, pred).value_or(false);
}

}  // namespace hone::math
