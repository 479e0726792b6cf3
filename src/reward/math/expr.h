// The tree that an answer is read into. Immutable nodes, shared by pointer; thread-safe to read.
#pragma once

#include <gmpxx.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reward/math/limits.h"

namespace hone::math {

using Rational = mpq_class;
using Integer = mpz_class;

enum class Kind : uint8_t {
  // Scalars.
  kNumber,      ///< number, places
  kSymbol,      ///< name; "pi", "e", "i" are constants
  kInfinity,    ///< the positive one
  kAdd,         ///< args
  kMul,         ///< args
  kPow,         ///< base, exponent
  kFunction,    ///< code = Function; args
  kApply,       ///< name: a function that is not known; args
  kPlusMinus,   ///< code: +1 for \pm, -1 for \mp; one operand: the sign is open
  kQuantity,    ///< a scalar with name = its unit
  kBaseNumber,  ///< name = digits; code = base
  kBig,         ///< code = BigOperator: body, variable, from, to
  // Everything else.
  kText,        ///< name: words
  kList,        ///< elements without brackets
  kSet,         ///< elements in braces
  kTuple,       ///< elements in brackets; code = Brackets
  kMatrix,      ///< rows * columns = args.size(); code = columns
  kUnion,       ///< args
  kIntersect,   ///< args
  kDifference,  ///< set minus set
  kNumberSet,   ///< name = "R", "Z", ...
  kEmptySet,
  kSetBuilder,  ///< element, then conditions
  kChain,       ///< members a0, a1, ...; relations[i] stands between a(i) and a(i+1)
  kRatio,       ///< a : b : ...
};

enum class Function : uint8_t {
  kAbs,
  kFloor,
  kCeil,
  kFactorial,
  kDoubleFactorial,
  kBinomial,
  kGcd,
  kLcm,
  kMin,
  kMax,
  kMod,
  kExp,
  kLog,  // one argument: natural; two: the base first
  kSin,
  kCos,
  kTan,
  kCot,
  kSec,
  kCsc,
  kArcsin,
  kArccos,
  kArctan,
  kArccot,
  kArcsec,
  kArccsc,
  kSinh,
  kCosh,
  kTanh,
  kCoth,
  kArcsinh,
  kArccosh,
  kArctanh,
  kRe,
  kIm,
  kArg,
  kConjugate,
  kSign,
  kGamma,
  kDet,
  kTranspose,
};

enum class BigOperator : uint8_t { kSum, kProduct, kIntegral, kLimit };

enum class Relation : uint8_t {
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kApprox,
  kEquivalent,
  kSimilar,
  kIn,
  kNotIn,
  kSubset,
  kParallel,
  kPerpendicular,
  kMaps,
  kImplies,
  kDivides,
};

/// Which ends of a tuple are closed (square).
enum class Brackets : uint8_t { kRound = 0, kRightClosed = 1, kLeftClosed = 2, kSquare = 3, kAngle = 4 };

struct Node;
using Expr = std::shared_ptr<const Node>;

struct Node {
  Kind kind;
  int code = 0;
  int places = -1;  ///< of a number written as a decimal: digits after the point
  Rational number{};
  std::string name{};
  std::vector<Expr> args{};
  std::vector<Relation> relations{};

  Function function() const { return static_cast<Function>(code); }
  Brackets brackets() const { return static_cast<Brackets>(code); }
};

inline bool is(const Expr& e, Kind kind) {
  return e->kind == kind;
}

Expr number(Rational value, int places = -1);
Expr symbol(std::string name);
Expr text(std::string words);
Expr node(Kind kind, std::vector<Expr> args, int code = 0, std::string name = {});
Expr call(Function function, std::vector<Expr> args);
Expr add(std::vector<Expr> args);
Expr multiply(std::vector<Expr> args);
Expr negate(Expr value);
Expr subtract(Expr a, Expr b);
Expr divide(Expr a, Expr b);
Expr power(Expr base, Expr exponent);
/// The same node with other arguments.
Expr with_args(const Expr& e, std::vector<Expr> args);

/// A text that is equal for trees that differ only in the order of sums, products, sets and lists, in nesting, in
/// written form of numbers.
std::string canonical_key(const Expr& e, Work& work);

/// A value with a value under + - * / ^ and functions; no list, set, relation or text.
bool is_scalar(const Expr& e);
bool contains(const Expr& e, Kind kind);
/// Adds the names of the free symbols (constants left out), in order of appearance.
void collect_symbols(const Expr& e, std::vector<std::string>& names);
bool has_symbols(const Expr& e);
bool uses_imaginary_unit(const Expr& e);
Expr rename(const Expr& e, const std::vector<std::pair<std::string, std::string>>& names, Work& work);

}  // namespace hone::math
