#include "reward/math/parser.h"

#include <algorithm>

#include "reward/math/normalize.h"
#include "reward/math/parser_class.h"
#include "reward/math/units.h"

namespace hone::math {

Parser::Nested::Nested(Parser& parser, Scope scope) : parser_(parser), saved_(parser.scope_) {
  HONE_CHECK(parser.depth_ < kMaxDepth, .what = "nested too deeply");
  ++parser.depth_;
  parser.scope_ = scope;
}

Parser::Nested::~Nested() {
  --parser_.depth_;
  parser_.scope_ = saved_;
}

const Lexeme& Parser::peek(size_t ahead) const {
  static const Lexeme kEnd;
  return at_ + ahead < tokens_.size() ? tokens_[at_ + ahead] : kEnd;
}

bool Parser::at(Token token, int code, size_t ahead) const {
  return peek(ahead).token == token && peek(ahead).code == code;
}

Lexeme Parser::take() {
  work_.spend(4);
  Lexeme taken = peek();
  ++at_;
  return taken;
}

bool Parser::accept(Token token, int code) {
  if (!at(token, code)) return false;
  take();
  return true;
}

void Parser::expect_close(int code) {
  HONE_CHECK(accept(Token::kClose, code), .what = "a bracket is not closed");
}

Expr Parser::answer() {
  Expr all = list();
  HONE_CHECK(at_any(Token::kEnd), .what = "something is left over");
  return all;
}

bool Parser::stops() const {
  switch (peek().token) {
    case Token::kEnd:
    case Token::kClose:
      return !(at(Token::kClose, ']') && at_ == 0);  // there it opens an interval
    case Token::kAmpersand:
    case Token::kRowBreak:
    case Token::kEndEnvironment:
    case Token::kInfix:
      return true;
    case Token::kBar:
      return scope_.bar_closes || scope_.set_head;
    case Token::kSuchThat:
      return true;
    case Token::kColon:
      return scope_.set_head;
    default:
      return false;
  }
}

/// Items between commas, semicolons, "and", "or". One item alone is itself. With both commas and semicolons the
/// semicolons divide lists.
Expr Parser::list() {
  const Nested nested(*this, scope_);
  std::vector<std::vector<Expr>> groups(1);
  bool separated = true;
  while (!stops()) {
    if (at_any(Token::kComma) || at_any(Token::kSeparator)) {
      take();
      separated = true;
    } else if (at_any(Token::kSemicolon)) {
      take();
      if (!groups.back().empty()) groups.emplace_back();
      separated = true;
    } else {
      HONE_CHECK(separated, .what = "two answers without a separator");
      groups.back().push_back(item());
      HONE_CHECK(groups.back().size() <= kMaxElements && groups.size() <= kMaxElements,
                 .what = "a list that is too long");
      separated = false;
    }
  }
  if (groups.back().empty()) groups.pop_back();
  HONE_CHECK(!groups.empty(), .what = "nothing where an answer should stand");
  const bool nested_lists =
      groups.size() > 1 && std::any_of(groups.begin(), groups.end(), [](const auto& g) { return g.size() > 1; });
  std::vector<Expr> items;
  for (auto& group : groups) {
    if (nested_lists) {
      items.push_back(group.size() == 1 ? group[0] : node(Kind::kList, std::move(group)));
    } else {
      for (Expr& one : group) items.push_back(std::move(one));
    }
  }
  return items.size() == 1 ? items[0] : node(Kind::kList, std::move(items));
}

Expr Parser::item() {
  if (Expr text_item = words()) return text_item;
  // "approximately 5": words that say nothing, before a value.
  size_t fillers = 0;
  while ((at_any(Token::kText, fillers) || at_any(Token::kWord, fillers)) && is_filler(peek(fillers).text)) ++fillers;
  const Token next = peek(fillers).token;
  if (next == Token::kNumber || next == Token::kFraction || next == Token::kRoot || next == Token::kMoney ||
      next == Token::kMinus)
    at_ += fillers;
  return chain();
}

/// An item that holds letters only, among them a word.
Expr Parser::words() {
  std::string joined;
  bool word = false;
  size_t ahead = 0;
  for (;; ++ahead) {
    const Lexeme& l = peek(ahead);
    const bool letters =
        l.token == Token::kWord || l.token == Token::kText || l.token == Token::kSymbol || l.token == Token::kPrime;
    if (!letters) break;
    word = word || l.token == Token::kWord || (l.token == Token::kText && l.text.size() > 1);
    if (l.space_before && !joined.empty()) joined += ' ';
    joined += l.token == Token::kPrime ? "'" : l.text;
  }
  const Token next = peek(ahead).token;
  const bool whole = next == Token::kEnd || next == Token::kComma || next == Token::kSemicolon ||
                     next == Token::kSeparator || next == Token::kRelation || next == Token::kClose ||
                     next == Token::kAmpersand || next == Token::kRowBreak || next == Token::kEndEnvironment ||
                     next == Token::kColon;
  if (!word || !whole) return nullptr;
  at_ += ahead;
  work_.spend(static_cast<int64_t>(ahead) * 4);
  return text(plain_words(joined));
}

Expr Parser::chain() {
  std::vector<Expr> members;
  std::vector<Relation> relations;
  const auto equal_sign = [&] {
    return at(Token::kRelation, static_cast<int>(Relation::kEqual)) ||
           at(Token::kRelation, static_cast<int>(Relation::kApprox));
  };
  if (equal_sign()) take();  // "= 5", "\approx 5"
  members.push_back(ratio());
  while (at_any(Token::kRelation) || (at_any(Token::kNot) && at_any(Token::kRelation, 1))) {
    const bool negated = accept(Token::kNot);
    auto relation = static_cast<Relation>(take().code);
    if (negated) {
      HONE_CHECK(relation == Relation::kEqual || relation == Relation::kIn, .what = "a negated relation");
      relation = relation == Relation::kEqual ? Relation::kNotEqual : Relation::kNotIn;
    }
    relations.push_back(relation);
    if (Expr text_member = words()) {
      members.push_back(std::move(text_member));
    } else {
      members.push_back(ratio());
    }
  }
  if (relations.empty()) return members[0];
  Node chain_node{.kind = Kind::kChain, .args = std::move(members), .relations = std::move(relations)};
  return std::make_shared<const Node>(std::move(chain_node));
}

Expr Parser::ratio() {
  Expr first = sets();
  if (!at_any(Token::kColon) || scope_.set_head) return first;
  std::vector<Expr> terms{std::move(first)};
  while (accept(Token::kColon)) terms.push_back(sets());
  Expr whole = node(Kind::kRatio, std::move(terms));
  // A unit after the last term ("8:34 p.m.") belongs to all of them.
  const Expr last = whole->args.back();
  if (!is(last, Kind::kQuantity)) return whole;
  std::vector<Expr> bare = whole->args;
  bare.back() = last->args[0];
  return node(Kind::kQuantity, {node(Kind::kRatio, std::move(bare))}, 0, last->name);
}

Expr Parser::sets() {
  Expr value = sum();
  while (true) {
    Kind kind = Kind::kUnion;
    if (at_any(Token::kIntersect)) {
      kind = Kind::kIntersect;
    } else if (at_any(Token::kSetMinus)) {
      kind = Kind::kDifference;
    } else if (!at_any(Token::kUnion)) {
      return value;
    }
    take();
    Expr right = sum();
    if (is(value, kind) && kind != Kind::kDifference) {
      std::vector<Expr> args = value->args;
      HONE_CHECK(args.size() < kMaxElements, .what = "a union that is too long");
      args.push_back(std::move(right));
      value = node(kind, std::move(args));
    } else {
      HONE_CHECK(++leaning_ < kMaxLeaning, .what = "nested too deeply");  // a left-leaning chain is a deep tree
      value = node(kind, {std::move(value), std::move(right)});
    }
  }
}

Expr Parser::sum() {
  const Nested nested(*this, scope_);
  std::vector<Expr> terms;
  do {
    int sign = 1, open_sign = 0;
    while (at_any(Token::kPlus) || at_any(Token::kMinus) || at_any(Token::kPlusMinus)) {
      const Lexeme l = take();
      if (l.token == Token::kMinus) sign = -sign;
      if (l.token == Token::kPlusMinus) open_sign = l.code;
    }
    Expr term = product();
    if (sign < 0) term = is(term, Kind::kQuantity) ? with_args(term, {negate(term->args[0])}) : negate(std::move(term));
    if (open_sign != 0) term = node(Kind::kPlusMinus, {std::move(term)}, open_sign);
    terms.push_back(std::move(term));
  } while (at_any(Token::kPlus) || at_any(Token::kMinus) || at_any(Token::kPlusMinus));
  // The unit after the last term is the unit of the whole, where no other term has one.
  const Expr last = terms.back();
  const auto has_unit = [](const Expr& e) { return contains(e, Kind::kQuantity); };
  if (terms.size() > 1 && is(last, Kind::kQuantity) && last->name != "%" && last->name != "deg" &&
      !std::any_of(terms.begin(), terms.end() - 1, has_unit)) {
    terms.back() = last->args[0];
    return node(Kind::kQuantity, {add(std::move(terms))}, 0, last->name);
  }
  return add(std::move(terms));
}

bool Parser::starts_factor() const {
  const Lexeme& l = peek();
  switch (l.token) {
    case Token::kNumber:
    case Token::kSymbol:
    case Token::kFunction:
    case Token::kFraction:
    case Token::kRoot:
    case Token::kBinomial:
    case Token::kInfinity:
    case Token::kAccent:
    case Token::kBig:
    case Token::kBegin:
    case Token::kDoubleBar:
    case Token::kMoney:
      return true;
    case Token::kOpen:
      return !(scope_.bracket_closes && l.code == '[');
    case Token::kBar:
      return !scope_.bar_closes && !scope_.set_head;
    case Token::kWord:
      return !l.space_before && !is_unit_word(l.text);
    case Token::kText:
      return l.text.size() == 1;
    default:
      return false;
  }
}

bool Parser::starts_unit() const {
  const size_t ahead = at_any(Token::kDivide) ? 1 : 0;
  const Lexeme& l = peek(ahead);
  if (l.token == Token::kText) {
    const char letter = l.text[0];
    return l.text.size() > 1 || (l.code == 1 && letter != 'e' && letter != 'i' && letter != 'd');
  }
  if (l.token == Token::kWord) return l.space_before || ahead == 1 || is_unit_word(l.text);
  // "5 \; m": a letter after a spacing command, at the end of the answer.
  const Token after = peek(1).token;
  return ahead == 0 && l.token == Token::kSymbol && l.spaced_out && l.text.size() == 1 && l.code == 1 &&
         std::string_view("mgshL").find(l.text) != std::string_view::npos &&
         (after == Token::kEnd || (after == Token::kCaret && peek(2).token != Token::kSymbol));
}

/// The value with the unit that follows, if any.
Expr Parser::unit(Expr value) {
  if (!starts_unit()) return value;
  std::string name;
  while (true) {
    if (at_any(Token::kText) || at_any(Token::kWord) || at_any(Token::kSymbol)) {
      const Lexeme l = take();
      HONE_CHECK(!is_hedge(l.text), .what = "words that take the value back");
      if (const long factor = name.empty() ? multiplier(l.text) : 0; factor != 0) {
        value = is(value, Kind::kQuantity) ? with_args(value, {multiply({number(factor), value->args[0]})})
                                           : multiply({number(factor), std::move(value)});
        if (!starts_unit()) return value;
        continue;
      }
      if (!name.empty() && name.back() != '/') name += ' ';
      for (const char c : trim(l.text)) {
        if (c != '.' && c != '~' && c != '{' && c != '}' && c != '\\') name += c;
      }
    } else if (at_any(Token::kCaret)) {
      take();
      std::string digits = raw_argument();
      name.append("^").append(digits);
    } else if (at_any(Token::kDivide) || at_any(Token::kTimes)) {
      const Token next = peek(1).token;
      if (next != Token::kText && next != Token::kWord) break;
      name += take().token == Token::kDivide ? "/" : " ";
    } else {
      break;
    }
    if (at_any(Token::kSymbol)) break;
  }
  if (is(value, Kind::kQuantity)) {
    name = value->name + " " + name;
    value = value->args[0];
  }
  return node(Kind::kQuantity, {std::move(value)}, 0, std::string(trim(name)));
}

Expr Parser::signed_factor() {
  int sign = 1;
  while (at_any(Token::kPlus) || at_any(Token::kMinus)) {
    if (take().token == Token::kMinus) sign = -sign;
  }
  Expr value = factor();
  return sign < 0 ? negate(std::move(value)) : value;
}

/// "1\frac{4}{5}", "137 \frac12", "1 1/2": an integer before a proper fraction of integers.
Expr Parser::mixed_number(const Expr& whole) {
  const bool written = at_ > 0 && tokens_[at_ - 1].token == Token::kNumber;
  if (!written || !is(whole, Kind::kNumber) || whole->places >= 0 || whole->number.get_den() != 1) return nullptr;
  const size_t start = at_;
  Expr numerator, denominator;
  if (at_any(Token::kFraction)) {
    take();
    numerator = tex_argument();
    denominator = tex_argument();
  } else if (at_any(Token::kNumber) && peek().space_before && at_any(Token::kDivide, 1) && at_any(Token::kNumber, 2) &&
             !at_any(Token::kCaret, 3)) {
    numerator = number_atom();
    take();
    denominator = number_atom();
  }
  const auto integer = [](const Expr& e) {
    return e && is(e, Kind::kNumber) && e->number.get_den() == 1 && e->places < 0;
  };
  if (integer(numerator) && integer(denominator) && numerator->number > 0 && numerator->number < denominator->number) {
    return number(whole->number + numerator->number / denominator->number);
  }
  at_ = start;
  return nullptr;
}

Expr Parser::product() {
  Expr first = factor();
  if (Expr mixed = mixed_number(first)) first = postfix(std::move(mixed));
  std::vector<Expr> factors{std::move(first)};
  while (true) {
    if (starts_unit()) {
      Expr value = unit(multiply(std::move(factors)));
      // A unit inside a product ("5 \text{ m} \cdot 3") is followed by an explicit sign; else the product ends here.
      if (!at_any(Token::kTimes)) return value;
      factors = {std::move(value)};
    } else if (accept(Token::kTimes)) {
      factors.push_back(signed_factor());
    } else if (accept(Token::kDivide)) {
      factors = {divide(multiply(std::move(factors)), signed_factor())};
      HONE_CHECK(++leaning_ < kMaxLeaning, .what = "nested too deeply");
    } else if (accept(Token::kMod)) {
      factors = {call(Function::kMod, {multiply(std::move(factors)), signed_factor()})};
      HONE_CHECK(++leaning_ < kMaxLeaning, .what = "nested too deeply");
    } else if (at_any(Token::kParenthesizedMod)) {
      take();
      const std::string modulus = raw_argument();
      return node(Kind::kQuantity, {multiply(std::move(factors))}, 0, "mod " + modulus);
    } else if (starts_factor()) {
      HONE_CHECK(
          !(at_any(Token::kNumber) && tokens_[at_ - 1].token == Token::kNumber && is(factors.back(), Kind::kNumber)),
          .what = "two numbers side by side");
      factors.push_back(factor());
    } else {
      break;
    }
    HONE_CHECK(factors.size() <= kMaxElements, .what = "a product that is too long");
  }
  return multiply(std::move(factors));
}

Expr parse(std::string_view normalized, const Reading& reading, Work& work) {
  HONE_CHECK(normalized.size() <= kMaxAnswerBytes, .what = "an answer that is too long");
  work.spend(static_cast<int64_t>(normalized.size()));
  return Parser(tokenize(normalized, reading), work).answer();
}

}  // namespace hone::math
