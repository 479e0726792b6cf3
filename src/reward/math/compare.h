// Whether two answers are the same answer. Works through structure (lists, sets, tuples, relations, matrices, units)
// down to scalars, which are compared exactly where that is possible. Takes a gold answer first: the gold's form
// decides what may be left out of the other. Throws Error when the work runs out.
//
// compare.cpp dispatches; scalars.cpp, lists.cpp, relations.cpp and real_sets.cpp each compare one kind of thing.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "reward/math/numeric.h"

namespace hone::math {

struct CompareOptions {
  int decimals = 6;               ///< a decimal with so many places at least may stand for what it rounds
  bool relation_for_set = false;  ///< a relation may answer where the gold is a set
  bool variable_names_matter = true;
};

class Comparer {
 public:
  Comparer(const CompareOptions& options, Work& work) : options_(options), work_(work) {}

  bool equal(const Expr& gold, const Expr& pred);

 private:
  // compare.cpp
  bool equal_values(const Expr& gold, const Expr& pred);
  bool texts(const Expr& gold, const Expr& pred);
  bool tuples(const Expr& gold, const Expr& pred);
  bool matrices(const Expr& gold, const Expr& pred);
  bool ratios(const Expr& gold, const Expr& pred);
  bool quantities(const Expr& gold, const Expr& pred);
  bool all_equal(const std::vector<Expr>& gold, const std::vector<Expr>& pred);

  // scalars.cpp
  bool scalars(const Expr& gold, const Expr& pred);
  bool closed_numbers(const Expr& gold, const Expr& pred, const Rational& x, const Rational& y);
  bool rounds_to(const Expr& exact, const std::optional<Rational>& value, const Expr& decimal);

  // lists.cpp
  bool lists(const Expr& gold, const Expr& pred);
  bool unordered(const std::vector<Expr>& gold, const std::vector<Expr>& pred);

  // relations.cpp
  bool relations(const Expr& gold, const Expr& pred);
  bool value_of_chain_equals(const Expr& gold, const Expr& pred);
  bool equal_to_some(const std::vector<Expr>& golds, const std::vector<Expr>& preds);

  // real_sets.cpp
  std::optional<bool> real_sets(const Expr& gold, const Expr& pred);

  CompareOptions options_;
  Work& work_;
  int depth_ = 0;
};

// relations.cpp
/// One a < b of a chain; > and >= are turned round.
struct SimpleRelation {
  Expr left, right;
  Relation relation;
};
std::vector<SimpleRelation> simple_relations(const Expr& chain);
/// "x", "f(x)", "AB", "|AB|", "(x, y)", "V_1 : V_2": what is named, not said, by the left side of an equation.
bool is_name(const Expr& e);
bool is_equality_chain(const Expr& e);
bool is_assignment(const Expr& e);
/// What a chain of equalities says its name is: the last member that is no name, not counting approximations of it.
std::vector<Expr> values_of_chain(const Expr& chain, Work& work);
/// The set after "x \in", else the expression itself.
Expr without_membership(const Expr& e);

// lists.cpp
/// The members of a list or set with \pm written out; one member for any other expression.
std::vector<Expr> members(const Expr& e, Work& work);
Expr without_qualifiers(const Expr& list);

// real_sets.cpp
bool is_set_like(const Expr& e);

// matrices.cpp
/// Sums, products and powers of written matrices carried out; null where there are none.
Expr matrix_value(const Expr& e, Work& work);

}  // namespace hone::math
