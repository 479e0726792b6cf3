// Sets of real numbers (intervals, unions, solution sets of inequalities in one variable), compared by where they
// begin and end: both must agree at every end of either, and at several places between neighbouring ends.
#include <algorithm>

#include "reward/math/compare.h"
#include "reward/math/exact.h"

namespace hone::math {
namespace {

constexpr size_t kMaxEnds = 48;

bool is_infinite(const Expr& e) {
  return contains(e, Kind::kInfinity);
}

bool is_interval(const Expr& e) {
  return is(e, Kind::kTuple) && e->args.size() == 2 && e->brackets() != Brackets::kAngle;
}

class RealSets {
 public:
  explicit RealSets(Work& work) : work_(work) {}

  /// Collects the ends in `e`; false where it is no set of real numbers or an end is not a number.
  bool collect(const Expr& e) {
    work_.spend(4);
    switch (e->kind) {
      case Kind::kTuple:
        return is_interval(e) && end(e->args[0]) && end(e->args[1]) && order(e->args[0], e->args[1], work_) == -1;
      case Kind::kSet:
        return std::all_of(e->args.begin(), e->args.end(), [&](const Expr& a) { return end(a); });
      case Kind::kUnion:
      case Kind::kIntersect:
      case Kind::kDifference:
        return std::all_of(e->args.begin(), e->args.end(), [&](const Expr& a) { return collect(a); });
      case Kind::kList:
        return std::all_of(e->args.begin(), e->args.end(),
                           [&](const Expr& a) { return is(a, Kind::kChain) && !is_equality_chain(a) && collect(a); });
      case Kind::kNumberSet:
        return e->name == "R" || e->name == "Z";
      case Kind::kEmptySet:
        return true;
      case Kind::kChain:
        return conditions({e->args.begin(), e->args.end()}, e);
      case Kind::kSetBuilder: {
        for (size_t i = 1; i < e->args.size(); ++i) {
          if (!is(e->args[i], Kind::kChain) || !collect(e->args[i])) return false;
        }
        const Expr head = without_membership_head(e->args[0]);
        return is(head, Kind::kSymbol) && (variable_.empty() || variable_ == head->name);
      }
      default:
        return false;
    }
  }

  /// Sorts the ends and makes places between them; false where two cannot be told apart.
  bool place() {
    if (ends_.size() > kMaxEnds) return false;
    bool sorted = true;
    std::sort(ends_.begin(), ends_.end(), [&](const Expr& a, const Expr& b) {
      const auto o = order(a, b, work_);
      if (!o) sorted = false;
      return o.value_or(0) < 0;
    });
    if (!sorted) return false;
    ends_.erase(
        std::unique(ends_.begin(), ends_.end(), [&](const Expr& a, const Expr& b) { return order(a, b, work_) == 0; }),
        ends_.end());
    points_ = ends_;
    if (ends_.empty()) ends_.push_back(number(0));
    const auto between = [&](const Expr& a, const Expr& b, long part) {
      const Rational t(part, 1024);
      points_.push_back(add({multiply({number(1 - t), a}), multiply({number(t), b})}));
    };
    for (size_t i = 0; i + 1 < ends_.size(); ++i) {
      for (const long part : {1L, 233L, 512L, 700L, 1023L}) between(ends_[i], ends_[i + 1], part);
    }
    for (const Rational& step :
         {Rational(1, 1024), Rational(3, 7), Rational(1), Rational(5, 2), Rational(17), Rational(1001, 3)}) {
      points_.push_back(subtract(ends_.front(), number(step)));
      points_.push_back(add({ends_.back(), number(step)}));
    }
    return true;
  }

  const std::vector<Expr>& points() const { return points_; }

  std::optional<bool> has(const Expr& set, const Expr& x, bool any_of_list) {
    work_.spend(4);
    switch (set->kind) {
      case Kind::kTuple: {
        const auto low = order(set->args[0], x, work_), high = order(x, set->args[1], work_);
        if (!low || !high) return std::nullopt;
        const bool above = *low < 0 || (*low == 0 && (set->code & static_cast<int>(Brackets::kLeftClosed)) != 0 &&
                                        !is_infinite(set->args[0]));
        const bool below = *high < 0 || (*high == 0 && (set->code & static_cast<int>(Brackets::kRightClosed)) != 0 &&
                                         !is_infinite(set->args[1]));
        return above && below;
      }
      case Kind::kSet:
        return combined(set, true, [&](const Expr& member) -> std::optional<bool> {
          const auto o = order(member, x, work_);
          return o ? std::optional(*o == 0) : std::nullopt;
        });
      case Kind::kUnion:
        return combined(set, true, [&](const Expr& part) { return has(part, x, any_of_list); });
      case Kind::kIntersect:
        return combined(set, false, [&](const Expr& part) { return has(part, x, any_of_list); });
      case Kind::kList:
        return combined(set, any_of_list, [&](const Expr& part) { return has(part, x, any_of_list); });
      case Kind::kDifference: {
        const auto in = has(set->args[0], x, any_of_list), out = has(set->args[1], x, any_of_list);
        return in && out ? std::optional(*in && !*out) : std::nullopt;
      }
      case Kind::kNumberSet: {
        const auto value = exact_value(x, work_);
        return set->name == "R" ? std::optional(true) : std::optional(value && value->get_den() == 1);
      }
      case Kind::kEmptySet:
        return false;
      case Kind::kChain:
        return holds(set, x);
      case Kind::kSetBuilder:
        for (size_t i = 1; i < set->args.size(); ++i) {
          const auto one = holds(set->args[i], x);
          if (!one || !*one) return one;
        }
        return true;
      default:
        return std::nullopt;
    }
  }

 private:
  static Expr without_membership_head(const Expr& e) {
    return is(e, Kind::kChain) && e->relations == std::vector<Relation>{Relation::kIn} ? e->args[0] : e;
  }

  template <class Test>
  std::optional<bool> combined(const Expr& set, bool any, Test test) {
    bool result = !any;
    for (const Expr& part : set->args) {
      const auto one = test(part);
      if (!one) return std::nullopt;
      result = any ? result || *one : result && *one;
    }
    return result;
  }

  bool end(const Expr& e) {
    if (!is_scalar(e)) return false;
    if (is_infinite(e)) return true;
    if (has_symbols(e) || uses_imaginary_unit(e)) return false;
    ends_.push_back(e);
    return ends_.size() <= kMaxEnds;
  }

  /// The members of a chain: one variable, and numbers that may be ends.
  bool conditions(std::vector<Expr> parts, const Expr& chain) {
    for (const Relation r : chain->relations) {
      if (r == Relation::kIn && is(chain->args.back(), Kind::kNumberSet) && chain->args.size() == 2)
        return chain->args.back()->name == "R";
      const bool known = r == Relation::kLess || r == Relation::kLessEqual || r == Relation::kGreater ||
                         r == Relation::kGreaterEqual || r == Relation::kNotEqual || r == Relation::kEqual;
      if (!known) return false;
    }
    for (const Expr& part : parts) {
      if (!is_scalar(part)) return false;
      const Expr opened = open_functions(part);
      std::vector<std::string> names;
      collect_symbols(opened, names);
      if (names.empty()) {
        if (!end(part)) return false;
      } else if (names.size() > 1 || (!variable_.empty() && variable_ != names[0])) {
        return false;
      } else {
        variable_ = names[0];
      }
    }
    return true;
  }

  /// Values of unknown functions stand for the variable: 0 < f(x) < 1.
  Expr open_functions(const Expr& e) {
    work_.spend(2);
    if (is(e, Kind::kApply)) return symbol(canonical_key(e, work_));
    if (e->args.empty()) return e;
    std::vector<Expr> args;
    for (const Expr& argument : e->args) args.push_back(open_functions(argument));
    return with_args(e, std::move(args));
  }

  std::optional<bool> holds(const Expr& chain, const Expr& x) {
    for (const SimpleRelation& r : simple_relations(chain)) {
      if (r.relation == Relation::kIn) continue;
      const Expr left = open_functions(r.left), right = open_functions(r.right);
      if (is_infinite(left) || is_infinite(right)) {
        const auto o = order(is_infinite(left) ? left : number(0), is_infinite(right) ? right : number(0), work_);
        if (!o) return std::nullopt;
        if (*o < 0) continue;
        return false;
      }
      const auto sign = sign_at(subtract(left, right), variable_, x, work_);
      if (!sign) return false;  // no value there: the relation does not hold
      const bool yes = r.relation == Relation::kLess        ? *sign < 0
                       : r.relation == Relation::kLessEqual ? *sign <= 0
                       : r.relation == Relation::kNotEqual  ? *sign != 0
                                                            : *sign == 0;
      if (!yes) return false;
    }
    return true;
  }

  Work& work_;
  std::string variable_;
  std::vector<Expr> ends_, points_;
};

}  // namespace

bool is_set_like(const Expr& e) {
  switch (e->kind) {
    case Kind::kSet:
    case Kind::kUnion:
    case Kind::kIntersect:
    case Kind::kDifference:
    case Kind::kNumberSet:
    case Kind::kEmptySet:
    case Kind::kSetBuilder:
      return true;
    case Kind::kList:
      return std::all_of(e->args.begin(), e->args.end(),
                         [](const Expr& a) { return is(a, Kind::kChain) && !is_equality_chain(a); });
    default:
      return is_interval(e);
  }
}

/// Nothing where one of the two is no set of real numbers with known ends.
std::optional<bool> Comparer::real_sets(const Expr& gold, const Expr& pred) {
  RealSets sets(work_);
  if (!sets.collect(gold) || !sets.collect(pred) || !sets.place()) return std::nullopt;
  const bool list = is(gold, Kind::kList) || is(pred, Kind::kList);
  for (const bool any : {true, false}) {  // a list of inequalities may mean "or" or "and"
    bool same = true;
    for (const Expr& x : sets.points()) {
      const auto g = sets.has(gold, x, any), p = sets.has(pred, x, any);
      if (!g || !p) return std::nullopt;
      same = same && *g == *p;
      if (!same) break;
    }
    if (same) return true;
    if (!list) break;
  }
  return false;
}

}  // namespace hone::math
