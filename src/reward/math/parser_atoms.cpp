#include <algorithm>

#include "reward/math/normalize.h"
#include "reward/math/parser_class.h"

namespace hone::math {
namespace {

/// Letters that are functions when a bracket follows; all others are factors.
bool names_function(std::string_view name) {
  return name == "f" || name == "Gamma" || name == "g" || name == "h" || name == "F" || name == "G" || name == "H" ||
         name.ends_with('\'') || name.starts_with("f_") || name.starts_with("g_");
}

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'A' && c <= 'Z' ? c - 'A' + 10 : 99;
}

/// The number that a base's subscript names: "8", "eight".
int base_of(std::string_view subscript) {
  static constexpr std::string_view kNames[] = {"two",   "three", "four", "five",   "six",   "seven",
                                                "eight", "nine",  "ten",  "eleven", "twelve"};
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (subscript == kNames[i]) return static_cast<int>(i) + 2;
  }
  if (subscript == "sixteen") return 16;
  if (subscript.empty() || subscript.size() > 2 || subscript.find_first_not_of("0123456789") != std::string_view::npos)
    return 0;
  return std::stoi(std::string(subscript));
}

}  // namespace

Expr Parser::factor() {
  const Nested nested(*this, scope_);
  if (!at_any(Token::kMoney)) return postfix(atom());
  std::string currency = take().text;
  return node(Kind::kQuantity, {postfix(atom())}, 0, std::move(currency));
}

std::string Parser::primes() {
  std::string out;
  while (accept(Token::kPrime)) out += '\'';
  HONE_CHECK(out.size() <= 8, .what = "too many primes");
  return out;
}

Expr Parser::postfix(Expr base) {
  for (int count = 0;; ++count) {
    HONE_CHECK(count < 16, .what = "too many signs after a value");
    if (accept(Token::kBang)) {
      const bool twice = at_any(Token::kBang) && !peek().space_before;
      if (twice) take();
      base = call(twice ? Function::kDoubleFactorial : Function::kFactorial, {std::move(base)});
    } else if (accept(Token::kPercent)) {
      base = node(Kind::kQuantity, {std::move(base)}, 0, "%");
    } else if (accept(Token::kDegree)) {
      base = node(Kind::kQuantity, {std::move(base)}, 0, "deg");
    } else if (at_any(Token::kCaret)) {
      take();
      base = caret(std::move(base));
    } else if (at_any(Token::kPrime)) {
      base = node(Kind::kQuantity, {std::move(base)}, 0, primes() == "'" ? "arcmin" : "arcsec");
    } else if (at_any(Token::kMoney) && is(base, Kind::kNumber)) {
      base = node(Kind::kQuantity, {std::move(base)}, 0, take().text);
    } else {
      return base;
    }
  }
}

/// What follows "^": a power, but also degrees, primes, ordinals and transposition.
Expr Parser::caret(Expr base) {
  const size_t inside = at(Token::kOpen, '{') ? 1 : 0;
  const Lexeme& first = peek(inside);
  const bool alone = inside == 0 || at(Token::kClose, '}', 2);
  if (first.token == Token::kDegree && alone) {
    at_ += inside == 1 ? 3 : 1;
    return node(Kind::kQuantity, {std::move(base)}, 0, "deg");
  }
  if (first.token == Token::kPrime) {
    at_ += inside;
    const std::string marks = primes();
    if (inside == 1) expect_close('}');
    if (is(base, Kind::kSymbol)) return symbol(base->name + marks);
    return node(Kind::kQuantity, {std::move(base)}, 0, marks == "'" ? "arcmin" : "arcsec");
  }
  if (is(base, Kind::kNumber) && (first.token == Token::kText || first.token == Token::kSymbol)) {
    const size_t start = at_;
    const std::string ordinal = raw_argument();
    if (ordinal == "th" || ordinal == "st" || ordinal == "nd" || ordinal == "rd") return base;
    at_ = start;
  }
  if (first.token == Token::kTimes && alone && is(base, Kind::kSymbol)) {
    at_ += inside == 1 ? 3 : 1;
    return symbol(base->name + "*");
  }
  Expr up = exponent();
  if (is(base, Kind::kMatrix) && is(up, Kind::kSymbol) && (up->name == "T" || up->name == "top")) {
    return call(Function::kTranspose, {std::move(base)});
  }
  return power(std::move(base), std::move(up));
}

Expr Parser::exponent() {
  const Nested nested(*this, scope_);
  if (at(Token::kOpen, '{')) return tex_argument();
  int sign = 1;
  while (at_any(Token::kPlus) || at_any(Token::kMinus)) {
    if (take().token == Token::kMinus) sign = -sign;
  }
  Expr value = atom();
  if (accept(Token::kBang)) value = call(Function::kFactorial, {std::move(value)});
  if (accept(Token::kCaret)) value = power(std::move(value), exponent());
  return sign < 0 ? negate(std::move(value)) : value;
}

Expr Parser::atom() {
  const Nested nested(*this, scope_);
  switch (peek().token) {
    case Token::kNumber:
      if (Expr in_base = base_number()) return in_base;
      return number_atom();
    case Token::kSymbol:
      if (Expr in_base = base_number()) return in_base;
      return symbol_atom();
    case Token::kWord:
    case Token::kText:
      return word_atom();
    case Token::kFunction:
      return function_call();
    case Token::kOpen:
      return open();
    case Token::kClose:
      return outside_interval();
    case Token::kBar:
    case Token::kDoubleBar:
      return bars();
    case Token::kFraction: {
      take();
      Expr numerator = tex_argument();
      return divide(std::move(numerator), tex_argument());
    }
    case Token::kRoot:
      return root();
    case Token::kBinomial:
      return binomial();
    case Token::kInfinity:
      take();
      return node(Kind::kInfinity, {});
    case Token::kEmptySet:
      take();
      return node(Kind::kEmptySet, {});
    case Token::kNumberSet:
      return node(Kind::kNumberSet, {}, 0, take().text);
    case Token::kAccent:
      return accent();
    case Token::kBig:
      return big();
    case Token::kBegin:
      return environment();
    default:
      HONE_CHECK(false, .what = "no value where one should stand");
  }
  return nullptr;
}

Expr Parser::number_atom() {
  const Lexeme l = take();
  return number(l.value, l.places);
}

/// Digits and capitals followed by "_" and a base: 52_8, A5_{11}, (204)_5 is not one.
Expr Parser::base_number() {
  std::string all;
  size_t ahead = 0;
  for (;; ++ahead) {
    const Lexeme& l = peek(ahead);
    const bool digit = l.token == Token::kNumber && l.code == 0;
    const bool capital = l.token == Token::kSymbol && l.text.size() == 1 && l.text[0] >= 'A' && l.text[0] <= 'F';
    if ((!digit && !capital) || (ahead > 0 && l.space_before)) break;
    all += digit ? l.text : l.text.substr(0, 1);
  }
  if (all.empty() || peek(ahead).token != Token::kUnderscore || all.find_first_of("0123456789") == std::string::npos)
    return nullptr;
  const size_t start = at_;
  at_ += ahead + 1;
  const int base = base_of(raw_argument());
  const bool fits =
      base >= 2 && base <= 36 && std::all_of(all.begin(), all.end(), [&](char c) { return digit_value(c) < base; });
  const bool letters = all.find_first_not_of("0123456789") != std::string::npos;
  if (!fits || (letters && base <= 10)) {
    at_ = start;
    HONE_CHECK(!(at_any(Token::kNumber) && at_any(Token::kUnderscore, 1)),
               .what = "a number with a subscript that is no base");
    return nullptr;
  }
  all.erase(0, std::min(all.find_first_not_of('0'), all.size() - 1));
  return node(Kind::kBaseNumber, {}, base, std::move(all));
}

Expr Parser::symbol_atom() {
  std::string name = take().text;
  bool numbered = false;
  if (at_any(Token::kUnderscore)) {
    take();
    const std::string subscript = raw_argument();
    numbered = !subscript.empty() && subscript.find_first_not_of("0123456789") == std::string::npos;
    // C_{n}^{k}, the binomial coefficient of Chinese and French books.
    if (name == "C" && numbered && at_any(Token::kCaret)) {
      const size_t start = at_;
      take();
      const std::string upper = raw_argument();
      if (!upper.empty() && upper.size() <= 6 && subscript.size() <= 6 &&
          upper.find_first_not_of("0123456789") == std::string::npos) {
        return call(Function::kBinomial, {number(Rational(subscript, 10)), number(Rational(upper, 10))});
      }
      at_ = start;
    }
    name.append("_").append(subscript);
  }
  name += primes();
  const bool braced = at(Token::kOpen, '{') && at(Token::kOpen, '(', 1);  // f{\left(x \right)}
  if (at(Token::kOpen, '(') || braced) {
    const bool of_number = !braced && !peek().space_before && at_any(Token::kNumber, 1) && at(Token::kClose, ')', 2);
    if (names_function(name) || of_number) {
      const Nested nested(*this, {});
      take();
      if (braced) take();
      Expr inside = list();
      expect_close(')');
      if (braced) expect_close('}');
      if (name == "Gamma") return call(Function::kGamma, {std::move(inside)});
      std::vector<Expr> args = is(inside, Kind::kList) ? inside->args : std::vector<Expr>{inside};
      return node(Kind::kApply, std::move(args), 0, std::move(name));
    }
  }
  return symbol(std::move(name));
}

/// A word among formulas: its letters as factors, or a name.
Expr Parser::word_atom() {
  const Lexeme l = take();
  if (l.token == Token::kText) {
    std::string name = l.text.size() == 1 ? l.text : plain_words(l.text);
    HONE_CHECK(!name.empty(), .what = "an empty text");
    if (at_any(Token::kUnderscore)) {
      take();
      name.append("_").append(raw_argument());
    }
    return symbol(std::move(name));
  }
  std::vector<Expr> letters;
  for (const char c : l.text) {
    HONE_CHECK((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'), .what = "a word where a value should stand");
    letters.push_back(symbol(std::string(1, c)));
  }
  HONE_CHECK(letters.size() <= 24, .what = "a long word where a value should stand");
  return multiply(std::move(letters));
}

/// The argument of a TeX command: braces, or one digit, or one sign.
Expr Parser::tex_argument() {
  const Nested nested(*this, {});
  if (accept(Token::kOpen, '{')) {
    Expr inside = list();
    if (at_any(Token::kInfix)) {
      const bool over = take().code == 0;
      Expr below = list();
      inside = over ? divide(std::move(inside), std::move(below))
                    : call(Function::kBinomial, {std::move(inside), std::move(below)});
    }
    expect_close('}');
    return inside;
  }
  if (at_any(Token::kNumber) && peek().code == 0 && peek().text.size() > 1) {
    Lexeme& l = tokens_[at_];
    const std::string digit = l.text.substr(0, 1);
    l.text.erase(0, 1);
    l.value = Rational(l.text, 10);
    l.space_before = false;
    work_.spend(static_cast<int64_t>(l.text.size()));
    return number(Rational(digit, 10));
  }
  if (accept(Token::kMinus)) return negate(atom());
  return atom();
}

/// The argument of a subscript and the like as text, not read as a formula.
std::string Parser::raw_argument() {
  std::string out;
  if (!at(Token::kOpen, '{')) {
    const Lexeme l = take();
    HONE_CHECK(l.token != Token::kEnd && l.token != Token::kClose, .what = "an argument is missing");
    return l.token == Token::kNumber || !l.text.empty() ? std::string(trim(l.text))
                                                        : "?" + std::to_string(static_cast<int>(l.token));
  }
  take();
  for (int open = 1; open > 0;) {
    const Lexeme l = take();
    HONE_CHECK(l.token != Token::kEnd, .what = "a bracket is not closed");
    if (l.token == Token::kOpen && l.code == '{') ++open;
    if (l.token == Token::kClose && l.code == '}' && --open == 0) break;
    if (l.token == Token::kMinus) {
      out += '-';
    } else if (l.text.empty()) {
      out.append("?").append(std::to_string(static_cast<int>(l.token) * 100 + l.code));
    } else {
      out += trim(l.text);
    }
    HONE_CHECK(out.size() <= 256, .what = "a subscript that is too long");
  }
  return out;
}

}  // namespace hone::math
