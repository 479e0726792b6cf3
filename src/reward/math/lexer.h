// Tokens of an answer in LaTeX or plain text. Pure functions; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "reward/math/expr.h"

namespace hone::math {

enum class Token : uint8_t {
  kEnd,
  kNumber,
  kSymbol,
  kWord,  ///< letters that are no product: a word or a known unit
  kText,  ///< the inside of \text{...} and its like
  kFunction,
  kPlus,
  kMinus,
  kPlusMinus,  ///< code +1 or -1
  kTimes,
  kDivide,
  kCaret,
  kUnderscore,
  kBang,
  kOpen,
  kClose,  ///< code: the character; 's' for \{ and \}, 'a' for angle, 'f' for floor, 'c' for ceiling
  kBar,
  kDoubleBar,
  kSuchThat,
  kComma,
  kSemicolon,
  kColon,
  kSeparator,  ///< and, or
  kRelation,   ///< code = Relation
  kFraction,
  kRoot,
  kBinomial,
  kInfix,  ///< \over (code 0), \choose (code 1)
  kAmpersand,
  kRowBreak,
  kBegin,
  kEndEnvironment,
  kUnion,
  kIntersect,
  kSetMinus,
  kEmptySet,
  kInfinity,
  kPrime,
  kDegree,
  kPercent,
  kMoney,
  kAccent,
  kBig,
  kMod,
  kParenthesizedMod,
  kNumberSet,
  kNot,
};

struct Lexeme {
  Token token = Token::kEnd;
  int code = 0;
  int places = -1;  ///< of a number with a decimal point
  bool space_before = false;
  bool spaced_out = false;  ///< a spacing command stands before it
  Rational value{};
  std::string text{};  ///< the name, the digits of a number
};

/// How to read what can be read in two ways.
struct Reading {
  bool thousands = true;       ///< "1,234" is one number, else two
  bool decimal_comma = false;  ///< "1,22" is 1.22
  bool exponents = true;       ///< "2e-1" is 0.2, else 2e - 1
};

/// Throws Error where the text is no sequence of tokens or has too many.
std::vector<Lexeme> tokenize(std::string_view text, const Reading& reading);

/// True for the unit names that stand alone as letters ("cm", "kg", "degrees").
bool is_unit_word(std::string_view word);

}  // namespace hone::math
