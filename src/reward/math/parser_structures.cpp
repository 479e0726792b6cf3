#include <algorithm>

#include "reward/math/parser_class.h"

namespace hone::math {
namespace {

bool is_matrix_name(std::string_view name) {
  return name == "matrix" || name == "pmatrix" || name == "bmatrix" || name == "Bmatrix" || name == "vmatrix" ||
         name == "Vmatrix" || name == "smallmatrix" || name == "array" || name == "pmatrix*" || name == "bmatrix*";
}

Function inverse(Function f) {
  switch (f) {
    case Function::kSin:
      return Function::kArcsin;
    case Function::kCos:
      return Function::kArccos;
    case Function::kTan:
      return Function::kArctan;
    case Function::kCot:
      return Function::kArccot;
    case Function::kSec:
      return Function::kArcsec;
    case Function::kCsc:
      return Function::kArccsc;
    case Function::kSinh:
      return Function::kArcsinh;
    case Function::kCosh:
      return Function::kArccosh;
    case Function::kTanh:
      return Function::kArctanh;
    default:
      return f;
  }
}

bool takes_many(int code) {
  const auto f = static_cast<Function>(code);
  return f == Function::kGcd || f == Function::kLcm || f == Function::kMin || f == Function::kMax ||
         f == Function::kBinomial;
}

}  // namespace

/// A bracket: braces of TeX, a value in brackets, a tuple, a set, floor and ceiling.
Expr Parser::open() {
  const int kind = peek().code;
  if (kind == 's') return set();
  if (kind == '{') return tex_argument();
  const Nested nested(*this, {});
  take();
  Expr inside = list();
  if (kind == 'f' || kind == 'c') {
    expect_close(kind);
    return call(kind == 'f' ? Function::kFloor : Function::kCeil, {std::move(inside)});
  }
  if (kind == 'a') {
    expect_close('a');
    if (!is(inside, Kind::kList)) return node(Kind::kTuple, {std::move(inside)}, static_cast<int>(Brackets::kAngle));
    return node(Kind::kTuple, inside->args, static_cast<int>(Brackets::kAngle));
  }
  const bool square = kind == '[', closes_square = at(Token::kClose, ']');
  HONE_CHECK(closes_square || at(Token::kClose, ')'), .what = "a bracket is not closed");
  take();
  if (!is(inside, Kind::kList)) {
    HONE_CHECK(square == closes_square, .what = "brackets that do not match");
    return inside;
  }
  const int code = (square ? static_cast<int>(Brackets::kLeftClosed) : 0) +
                   (closes_square ? static_cast<int>(Brackets::kRightClosed) : 0);
  return node(Kind::kTuple, inside->args, code);
}

/// ]a, b[ and ]a, b]: the French interval.
Expr Parser::outside_interval() {
  HONE_CHECK(at(Token::kClose, ']'), .what = "a bracket that nothing opened");
  const Nested nested(*this, {.bracket_closes = true});
  take();
  Expr from = sum();
  HONE_CHECK(accept(Token::kComma) || accept(Token::kSemicolon), .what = "an interval has two ends");
  Expr to = sum();
  const bool closed = at(Token::kClose, ']');
  HONE_CHECK(closed || at(Token::kOpen, '['), .what = "a bracket is not closed");
  take();
  return node(Kind::kTuple, {std::move(from), std::move(to)},
              static_cast<int>(closed ? Brackets::kRightClosed : Brackets::kRound));
}

Expr Parser::bars() {
  const Token mark = peek().token;
  const Nested nested(*this, {.bar_closes = true});
  take();
  if (mark == Token::kDoubleBar) {
    scope_.bar_closes = false;
    Expr inside = sum();
    HONE_CHECK(accept(Token::kDoubleBar), .what = "a bracket is not closed");
    return node(Kind::kApply, {std::move(inside)}, 0, "norm");
  }
  Expr inside = sum();
  HONE_CHECK(accept(Token::kBar), .what = "a bracket is not closed");
  const Function f = is(inside, Kind::kMatrix) ? Function::kDet : Function::kAbs;
  return call(f, {std::move(inside)});
}

Expr Parser::set() {
  const Nested nested(*this, {.set_head = true});
  take();
  if (accept(Token::kClose, 's')) return node(Kind::kEmptySet, {});
  Expr head = list();
  if (at_any(Token::kBar) || at_any(Token::kSuchThat) || at_any(Token::kColon)) {
    take();
    scope_.set_head = false;
    Expr conditions = list();
    expect_close('s');
    std::vector<Expr> args{std::move(head)};
    if (is(conditions, Kind::kList)) {
      args.insert(args.end(), conditions->args.begin(), conditions->args.end());
    } else {
      args.push_back(std::move(conditions));
    }
    return node(Kind::kSetBuilder, std::move(args));
  }
  expect_close('s');
  return node(Kind::kSet, is(head, Kind::kList) ? head->args : std::vector<Expr>{head});
}

Expr Parser::root() {
  const Nested nested(*this, {});
  Expr index = number(take().code);
  if (accept(Token::kOpen, '[')) {
    index = list();
    expect_close(']');
  }
  Expr inside = at(Token::kOpen, '{') ? tex_argument() : atom();
  return power(std::move(inside), is(index, Kind::kNumber) && index->number != 0 ? number(1 / index->number)
                                                                                 : divide(number(1), std::move(index)));
}

Expr Parser::binomial() {
  take();
  Expr n = tex_argument();
  return call(Function::kBinomial, {std::move(n), tex_argument()});
}

Expr Parser::accent() {
  std::string mark = take().text;
  const std::string inside = raw_argument();
  if (mark == "overrightarrow" || mark == "vec") mark.clear();  // a vector is named by its letter
  if (mark == "widehat") mark = "hat";
  if (mark == "bar") mark = "overline";
  std::string name = mark.empty() ? inside : mark + ":" + inside;
  if (at_any(Token::kUnderscore)) {
    take();
    name.append("_").append(raw_argument());
  }
  name += primes();
  return symbol(std::move(name));
}

Expr Parser::function_call() {
  const Nested nested(*this, scope_);
  const int code = take().code;
  const bool logarithm = code < 0;
  Expr base = logarithm ? number(10) : nullptr, outer_power;
  for (int i = 0; i < 2; ++i) {
    if (logarithm && accept(Token::kUnderscore)) base = tex_argument();
    if (accept(Token::kCaret)) outer_power = exponent();
  }
  bool bracketed = false;
  std::vector<Expr> args = function_arguments(bracketed);
  auto f = logarithm ? Function::kLog : static_cast<Function>(code);
  if (outer_power && is(outer_power, Kind::kNumber) && outer_power->number == -1 && inverse(f) != f) {
    f = inverse(f);
    outer_power = nullptr;
  }
  HONE_CHECK(takes_many(code) || args.size() == 1 || (logarithm && args.size() == 2),
             .what = "a function with too many arguments");
  if (logarithm) args = args.size() == 2 ? std::vector<Expr>{args[1], args[0]} : std::vector<Expr>{base, args[0]};
  Expr value = call(f, std::move(args));
  return outer_power ? power(std::move(value), std::move(outer_power)) : value;
}

std::vector<Expr> Parser::function_arguments(bool& bracketed) {
  bracketed = at(Token::kOpen, '(') || at(Token::kOpen, '{') || at(Token::kOpen, '[') || at(Token::kOpen, 's');
  if (!bracketed) return {unbracketed_argument()};
  Expr inside;
  {
    const Nested nested(*this, {});
    const int open = take().code;
    inside = list();
    expect_close(open == '(' ? ')' : open == '[' ? ']' : open == '{' ? '}' : 's');
  }
  return is(inside, Kind::kList) ? inside->args : std::vector<Expr>{inside};
}

/// \sin 2\pi t: factors up to a sign, another function or an explicit product.
Expr Parser::unbracketed_argument() {
  int sign = 1;
  while (at_any(Token::kPlus) || at_any(Token::kMinus)) {
    if (take().token == Token::kMinus) sign = -sign;
  }
  std::vector<Expr> factors{factor()};
  while (true) {
    if (at_any(Token::kDivide) && !starts_unit()) {
      take();
      factors = {divide(multiply(std::move(factors)), factor())};
    } else if (starts_factor() && !at_any(Token::kFunction) && !at_any(Token::kBig) && !starts_unit() &&
               !at(Token::kOpen, '[')) {
      factors.push_back(factor());
    } else {
      break;
    }
    HONE_CHECK(factors.size() <= kMaxElements && ++leaning_ < kMaxLeaning, .what = "an argument that is too long");
  }
  Expr value = multiply(std::move(factors));
  return sign < 0 ? negate(std::move(value)) : value;
}

Expr Parser::big() {
  const Nested nested(*this, scope_);
  const int code = take().code;
  Expr lower, upper;
  for (int i = 0; i < 2; ++i) {
    if (accept(Token::kUnderscore)) lower = tex_argument();
    if (accept(Token::kCaret)) upper = exponent();
  }
  Expr body = product();
  std::vector<Expr> args{std::move(body)};
  const bool counted = lower && is(lower, Kind::kChain) && lower->args.size() == 2 &&
                       lower->relations[0] == Relation::kEqual && is(lower->args[0], Kind::kSymbol) && upper;
  if (counted) {
    args.insert(args.end(), {lower->args[0], lower->args[1], upper});
  } else {
    if (lower) args.push_back(std::move(lower));
    if (upper) args.push_back(std::move(upper));
  }
  return node(Kind::kBig, std::move(args), code, counted ? "counted" : "");
}

/// The index of the \end that belongs to the \begin at `at_`.
size_t Parser::environment_end() const {
  int open = 0;
  for (size_t i = at_; i < tokens_.size(); ++i) {
    if (tokens_[i].token == Token::kBegin) ++open;
    if (tokens_[i].token == Token::kEndEnvironment && --open == 0) return i;
  }
  HONE_CHECK(false, .what = "an environment is not closed");
  return 0;
}

Expr Parser::environment() {
  const Nested nested(*this, {});
  const size_t end = environment_end();
  const std::string name = peek().text;
  bool aligned = !is_matrix_name(name);
  for (size_t i = at_; aligned && i < end; ++i) {  // "x &= 1" is alignment, "2x & x > 0" is a case
    if (tokens_[i].token == Token::kAmpersand && tokens_[i + 1].token != Token::kRelation) aligned = false;
  }
  if (aligned) return rows_as_list(end);
  take();
  std::vector<std::vector<Expr>> rows(1);
  size_t cells = 0;
  while (!at_any(Token::kEndEnvironment)) {
    if (accept(Token::kAmpersand)) continue;
    if (accept(Token::kRowBreak)) {
      if (!rows.back().empty()) rows.emplace_back();
      continue;
    }
    rows.back().push_back(list());
    HONE_CHECK(++cells <= kMaxElements, .what = "a matrix that is too large");
    HONE_CHECK(at_any(Token::kAmpersand) || at_any(Token::kRowBreak) || at_any(Token::kEndEnvironment),
               .what = "a broken row");
  }
  take();
  if (rows.back().empty()) rows.pop_back();
  HONE_CHECK(!rows.empty(), .what = "an empty matrix");
  std::vector<Expr> all;
  if (!is_matrix_name(name)) {
    for (auto& row : rows) all.push_back(node(Kind::kTuple, std::move(row), static_cast<int>(Brackets::kAngle)));
    return all.size() == 1 ? all[0] : node(Kind::kList, std::move(all));
  }
  const size_t columns = rows[0].size();
  for (auto& row : rows) {
    HONE_CHECK(row.size() == columns, .what = "rows of different length");
    for (Expr& cell : row) all.push_back(std::move(cell));
  }
  Expr matrix = node(Kind::kMatrix, std::move(all), static_cast<int>(columns));
  return name == "vmatrix" ? call(Function::kDet, {std::move(matrix)}) : matrix;
}

/// aligned, cases and their like without conditions: the rows are a list.
Expr Parser::rows_as_list(size_t end) {
  for (size_t i = at_; i < end; ++i) {
    if (tokens_[i].token == Token::kRowBreak) tokens_[i].token = Token::kComma;
  }
  tokens_[at_].token = Token::kOpen;
  tokens_[at_].code = '{';
  tokens_[end].token = Token::kClose;
  tokens_[end].code = '}';
  const auto first = tokens_.begin() + static_cast<std::ptrdiff_t>(at_);
  const auto last = tokens_.begin() + static_cast<std::ptrdiff_t>(end);
  tokens_.erase(std::remove_if(first, last, [](const Lexeme& l) { return l.token == Token::kAmpersand; }), last);
  work_.spend(static_cast<int64_t>(end - at_) * 4);
  return tex_argument();
}

}  // namespace hone::math
