#include <algorithm>
#include <cmath>

#include "reward/math/compare.h"

namespace hone::math {
namespace {

bool has_open_sign(const Expr& e) {
  return contains(e, Kind::kPlusMinus);
}

/// The expression with each \pm taken as `sign` and each \mp as the other.
Expr with_sign(const Expr& e, int sign, Work& work) {
  work.spend(2);
  if (e->args.empty() || !has_open_sign(e)) return e;
  std::vector<Expr> args;
  for (const Expr& argument : e->args) args.push_back(with_sign(argument, sign, work));
  if (is(e, Kind::kPlusMinus)) return e->code * sign > 0 ? args[0] : negate(args[0]);
  return with_args(e, std::move(args));
}

struct Named {
  Expr name;  ///< null where the member is no assignment
  Expr value;
};

Named named(const Expr& member, Work& work) {
  if (is_assignment(member)) {
    const auto values = values_of_chain(member, work);
    if (!values.empty()) return {is_name(member->args[0]) ? member->args[0] : member->args.back(), values[0]};
  }
  return {nullptr, without_membership(member)};
}

/// The name without its subscript.
std::string stem(const Expr& name, Work& work) {
  const std::string key = canonical_key(name, work);
  return key.substr(0, key.find('_'));
}

/// (x, y) = (1, 2) as x = 1, y = 2.
void open_tuple(std::vector<Named>& list) {
  if (list.size() != 1 || !list[0].name || !is(list[0].name, Kind::kTuple) || !is(list[0].value, Kind::kTuple)) return;
  const Expr names = list[0].name, values = list[0].value;
  if (names->args.size() != values->args.size()) return;
  list.clear();
  for (size_t i = 0; i < names->args.size(); ++i) list.push_back({names->args[i], values->args[i]});
}

std::vector<Expr> values_of(const std::vector<Named>& members) {
  std::vector<Expr> values;
  for (const Named& m : members) values.push_back(m.value);
  return values;
}

bool differently_named(const std::vector<Named>& list, Work& work) {
  std::vector<std::string> stems;
  for (const Named& m : list) stems.push_back(stem(m.name, work));
  std::sort(stems.begin(), stems.end());
  return std::adjacent_find(stems.begin(), stems.end()) == stems.end();
}

bool all_named(const std::vector<Named>& list) {
  return std::all_of(list.begin(), list.end(), [](const Named& m) { return m.name != nullptr; });
}

}  // namespace

std::vector<Expr> members(const Expr& e, Work& work) {
  const std::vector<Expr> raw = is(e, Kind::kList) || is(e, Kind::kSet) ? e->args : std::vector<Expr>{e};
  std::vector<Expr> out;
  for (const Expr& member : raw) {
    if (has_open_sign(member)) {
      out.push_back(with_sign(member, 1, work));
      out.push_back(with_sign(member, -1, work));
    } else {
      out.push_back(member);
    }
  }
  return out;
}

/// A list without "k \in Z" and "where ...", which say what the letters of the other members are.
Expr without_qualifiers(const Expr& list) {
  if (!is(list, Kind::kList)) return list;
  std::vector<Expr> kept;
  for (const Expr& member : list->args) {
    const bool membership = is(member, Kind::kChain) && member->relations == std::vector<Relation>{Relation::kIn} &&
                            is(member->args[1], Kind::kNumberSet);
    if (!membership && !(is(member, Kind::kText) && member->name.starts_with("where"))) kept.push_back(member);
  }
  if (kept.empty() || kept.size() == list->args.size()) return list;
  return kept.size() == 1 ? kept[0] : node(Kind::kList, std::move(kept));
}

/// Each member of one has an equal in the other: lists and sets are compared as sets.
bool Comparer::unordered(const std::vector<Expr>& gold, const std::vector<Expr>& pred) {
  if (gold.size() > kMaxElements || pred.size() > kMaxElements) return false;
  const auto sizes = [&](const std::vector<Expr>& list) {
    std::vector<std::optional<double>> out;
    for (const Expr& e : list) {
      out.push_back(is_scalar(e) && !has_symbols(e) && !contains(e, Kind::kQuantity) && !contains(e, Kind::kInfinity)
                        ? approximate(e, work_)
                        : std::nullopt);
    }
    return out;
  };
  const auto g = sizes(gold), p = sizes(pred);
  const auto apart = [&](size_t i, size_t j) {
    return g[i] && p[j] && std::abs(*g[i] - *p[j]) > 1e-3 * (std::abs(*g[i]) + std::abs(*p[j]));
  };
  std::vector<bool> met(pred.size(), false);
  for (size_t i = 0; i < gold.size(); ++i) {
    bool found = false;
    for (size_t j = 0; j < pred.size(); ++j) {
      work_.spend();
      if ((found && met[j]) || apart(i, j) || !equal(gold[i], pred[j])) continue;
      found = met[j] = true;
    }
    if (!found) return false;
  }
  return std::all_of(met.begin(), met.end(), [](bool b) { return b; });
}

/// Lists, sets, and what has \pm in it. Names (x = 1, y = 2) put members in order; without them a list has none. A
/// tuple against a list is compared in order.
bool Comparer::lists(const Expr& gold, const Expr& pred) {
  std::vector<Named> g, p;
  for (const Expr& m : members(
           is(gold, Kind::kTuple) && !contains(gold, Kind::kPlusMinus) ? node(Kind::kList, gold->args) : gold, work_)) {
    g.push_back(named(m, work_));
  }
  for (const Expr& m : members(
           is(pred, Kind::kTuple) && !contains(pred, Kind::kPlusMinus) ? node(Kind::kList, pred->args) : pred, work_)) {
    p.push_back(named(m, work_));
  }
  open_tuple(g);
  open_tuple(p);
  if (g.size() == 1 && p.size() == 1 && !is(gold, Kind::kTuple) && !is(pred, Kind::kTuple)) {
    if (is_name(g[0].value) && is(gold, Kind::kList)) return false;
    return equal(g[0].value, p[0].value);
  }
  const bool tuple = is(gold, Kind::kTuple) || is(pred, Kind::kTuple);
  if (tuple && !contains(gold, Kind::kPlusMinus) && !contains(pred, Kind::kPlusMinus)) {
    // (1, 3) and 1, 3 are the same pair; (1, 3) and \{1, 3\} are not, nor is an interval with a closed end.
    const Expr& other = is(gold, Kind::kTuple) ? pred : gold;
    const Expr& one = is(gold, Kind::kTuple) ? gold : pred;
    if ((is(other, Kind::kSet) && options_.variable_names_matter) ||
        (one->brackets() != Brackets::kRound && one->brackets() != Brackets::kAngle))
      return false;
    return all_equal(values_of(g), values_of(p));
  }
  const bool g_named = all_named(g), p_named = all_named(p);
  if (g_named && p_named) {
    std::vector<Expr> left, right;
    const bool stems = !differently_named(g, work_) && !differently_named(p, work_) &&
                       stem(g[0].name, work_) == stem(p[0].name, work_);
    if (stems) return unordered(values_of(g), values_of(p));
    for (const Named& m : g) left.push_back(node(Kind::kTuple, {m.name, m.value}));
    for (const Named& m : p) right.push_back(node(Kind::kTuple, {m.name, m.value}));
    return unordered(left, right);
  }
  const bool in_order = (g_named && differently_named(g, work_)) || (p_named && differently_named(p, work_));
  return in_order ? all_equal(values_of(g), values_of(p)) : unordered(values_of(g), values_of(p));
}

}  // namespace hone::math
