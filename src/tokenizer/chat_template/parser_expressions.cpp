#include <fmt/format.h>

#include <algorithm>

#include "tokenizer/chat_template/filters.h"
#include "tokenizer/chat_template/parser_class.h"

namespace hone::jinja {
namespace {

bool is_constant_name(std::string_view name) {
  return name == "true" || name == "True" || name == "false" || name == "False" || name == "none" || name == "None";
}

int depth_of_node(const ExpressionPtr& node) {
  return node == nullptr ? 0 : node->depth;
}

}  // namespace

std::unique_ptr<Expression> Parser::make(Kind kind, int line) const {
  auto node = std::make_unique<Expression>();
  node->kind = kind;
  node->line = line;
  return node;
}

ExpressionPtr Parser::finish(std::unique_ptr<Expression> node) const {
  int depth = std::max(depth_of_node(node->arguments.star), depth_of_node(node->arguments.double_star));
  for (const auto& operand : node->operands) depth = std::max(depth, depth_of_node(operand));
  for (const auto& argument : node->arguments.positional) depth = std::max(depth, depth_of_node(argument));
  for (const auto& [name, argument] : node->arguments.named) depth = std::max(depth, depth_of_node(argument));
  node->depth = depth + 1;
  if (node->depth > kMaxExpressionDepth) {
    wrong(fmt::format("an expression nests more than {} deep", kMaxExpressionDepth), node->line);
  }
  return node;
}

void Parser::check_known(std::string_view what, const std::string& name, bool known, int line) const {
  if (!known && !conditional_) wrong(fmt::format("No {} named '{}'.", what, name), line);
}

/// One expression, or a tuple of those between commas.
ExpressionPtr Parser::tuple(bool with_condition, std::string_view end_name, bool parenthesized) {
  auto node = make(Kind::kTuple, peek().line);
  bool is_tuple = false;
  for (bool first = true;; first = false) {
    if (!first) expect_op(",");
    const bool end = peek().token == Token::kVariableEnd || peek().token == Token::kBlockEnd || at_op(")") ||
                     (!end_name.empty() && at_name(end_name));
    if (end) break;
    node->operands.push_back(expression(with_condition));
    if (!at_op(",")) break;
    is_tuple = true;
  }
  if (!is_tuple && node->operands.size() == 1) {
    auto* const only = &node->operands.front();
    return std::move(*only);
  }
  if (!is_tuple && !parenthesized) wrong(fmt::format("Expected an expression, got '{}'", describe(peek())));
  return finish(std::move(node));
}

/// What set and for assign to: a name, a member of a namespace, or a tuple of those.
ExpressionPtr Parser::target(bool with_member, std::string_view end_name) {
  auto node = make(Kind::kTuple, peek().line);
  bool is_tuple = false;
  for (;;) {
    const bool end = peek().token == Token::kBlockEnd || at_op(")") || (!end_name.empty() && at_name(end_name));
    if (end && is_tuple) break;
    node->operands.push_back(target_part(with_member));
    if (!skip_op(",")) break;
    is_tuple = true;
  }
  if (!is_tuple) {
    auto* const only = &node->operands.front();
    return std::move(*only);
  }
  return finish(std::move(node));
}

ExpressionPtr Parser::target_part(bool with_member) {
  if (++expression_depth_ > kMaxExpressionDepth) {
    wrong(fmt::format("an expression nests more than {} deep", kMaxExpressionDepth));
  }
  ExpressionPtr part;
  if (skip_op("(")) {
    part = target(with_member);
    expect_op(")");
  } else if (peek().token == Token::kName && !is_constant_name(peek().text)) {
    auto node = make(Kind::kName, peek().line);
    node->name = next().text;
    if (with_member && skip_op(".")) {
      node->kind = Kind::kMember;
      node->attribute = expect_name();
    }
    part = finish(std::move(node));
  } else {
    wrong(fmt::format("can't assign to '{}'", describe(peek())));
  }
  --expression_depth_;
  return part;
}

ExpressionPtr Parser::expression(bool with_condition) {
  if (++expression_depth_ > kMaxExpressionDepth) {
    wrong(fmt::format("an expression nests more than {} deep", kMaxExpressionDepth));
  }
  ExpressionPtr node = with_condition ? condition() : or_expression();
  --expression_depth_;
  return node;
}

/// a if b else c; the first part is parsed before it is known to be conditional.
ExpressionPtr Parser::condition() {
  const int line = peek().line;
  const bool conditional = conditional_;
  // An unknown filter is allowed in a part that may never be reached.
  for (size_t i = at_, open = 0; tokens_[i].token != Token::kBlockEnd && tokens_[i].token != Token::kVariableEnd &&
                                 tokens_[i].token != Token::kEnd;
       ++i) {
    const Lexeme& token = tokens_[i];
    if (token.token == Token::kOperator && (token.text == "(" || token.text == "[" || token.text == "{")) ++open;
    if (token.token == Token::kOperator && (token.text == ")" || token.text == "]" || token.text == "}")) {
      if (open-- == 0) break;
    }
    if (open == 0 && token.token == Token::kOperator && token.text == ",") break;
    if (open == 0 && token.token == Token::kName && token.text == "if") conditional_ = true;
  }
  ExpressionPtr node = or_expression();
  while (skip_name("if")) {
    ExpressionPtr condition_node = or_expression();
    ExpressionPtr otherwise;
    if (skip_name("else")) otherwise = expression();
    node = build(make(Kind::kCondition, line), std::move(condition_node), std::move(node), std::move(otherwise));
  }
  conditional_ = conditional;
  return node;
}

ExpressionPtr Parser::or_expression() {
  const int line = peek().line;
  ExpressionPtr left = and_expression();
  while (skip_name("or")) left = build(make(Kind::kOr, line), std::move(left), and_expression());
  return left;
}

ExpressionPtr Parser::and_expression() {
  const int line = peek().line;
  ExpressionPtr left = not_expression();
  while (skip_name("and")) left = build(make(Kind::kAnd, line), std::move(left), not_expression());
  return left;
}

ExpressionPtr Parser::not_expression() {
  int count = 0;
  const int line = peek().line;
  while (skip_name("not")) ++count;
  ExpressionPtr node = compare();
  while (count-- > 0) node = build(make(Kind::kNot, line), std::move(node));
  return node;
}

ExpressionPtr Parser::compare() {
  static constexpr std::pair<std::string_view, Comparison> kSigns[] = {
      {"==", Comparison::kEqual},     {"!=", Comparison::kNotEqual}, {"<", Comparison::kLess},
      {"<=", Comparison::kLessEqual}, {">", Comparison::kGreater},   {">=", Comparison::kGreaterEqual}};
  auto node = make(Kind::kCompare, peek().line);
  node->operands.push_back(sum());
  for (;;) {
    const auto* const sign =
        std::find_if(std::begin(kSigns), std::end(kSigns), [&](const auto& s) { return at_op(s.first); });
    if (sign != std::end(kSigns)) {
      next();
      node->comparisons.push_back(sign->second);
    } else if (skip_name("in")) {
      node->comparisons.push_back(Comparison::kIn);
    } else if (at_name("not") && peek(1).token == Token::kName && peek(1).text == "in") {
      next();
      next();
      node->comparisons.push_back(Comparison::kNotIn);
    } else {
      break;
    }
    node->operands.push_back(sum());
  }
  if (!node->comparisons.empty()) return finish(std::move(node));
  auto* const only = &node->operands.front();
  return std::move(*only);
}

ExpressionPtr Parser::binary(Operator op, int line, ExpressionPtr left, ExpressionPtr right) {
  auto node = make(Kind::kBinary, line);
  node->op = op;
  return build(std::move(node), std::move(left), std::move(right));
}

ExpressionPtr Parser::sum() {
  const int line = peek().line;
  ExpressionPtr left = concatenation();
  while (at_op("+") || at_op("-")) {
    const Operator op = next().text == "+" ? Operator::kAdd : Operator::kSubtract;
    left = binary(op, line, std::move(left), concatenation());
  }
  return left;
}

ExpressionPtr Parser::concatenation() {
  auto node = make(Kind::kConcatenate, peek().line);
  node->operands.push_back(product());
  while (skip_op("~")) node->operands.push_back(product());
  if (node->operands.size() > 1) return finish(std::move(node));
  auto* const only = &node->operands.front();
  return std::move(*only);
}

ExpressionPtr Parser::product() {
  static constexpr std::pair<std::string_view, Operator> kSigns[] = {
      {"*", Operator::kMultiply}, {"/", Operator::kDivide}, {"//", Operator::kFloorDivide}, {"%", Operator::kModulo}};
  const int line = peek().line;
  ExpressionPtr left = power();
  for (;;) {
    const auto* const sign =
        std::find_if(std::begin(kSigns), std::end(kSigns), [&](const auto& s) { return at_op(s.first); });
    if (sign == std::end(kSigns)) return left;
    next();
    left = binary(sign->second, line, std::move(left), power());
  }
}

ExpressionPtr Parser::power() {
  const int line = peek().line;
  ExpressionPtr left = unary();
  while (skip_op("**")) left = binary(Operator::kPower, line, std::move(left), unary());
  return left;
}

ExpressionPtr Parser::unary(bool with_filter) {
  if (++expression_depth_ > kMaxExpressionDepth) {
    wrong(fmt::format("an expression nests more than {} deep", kMaxExpressionDepth));
  }
  const int line = peek().line;
  ExpressionPtr node;
  if (skip_op("-")) {
    node = build(make(Kind::kNegative, line), unary(/*with_filter=*/false));
  } else if (skip_op("+")) {
    node = build(make(Kind::kPositive, line), unary(/*with_filter=*/false));
  } else {
    node = primary();
  }
  node = postfix(std::move(node));
  if (with_filter) node = filters_and_tests(std::move(node));
  --expression_depth_;
  return node;
}

ExpressionPtr Parser::primary() {
  auto node = make(Kind::kConstant, peek().line);
  const Lexeme& token = peek();
  switch (token.token) {
    case Token::kName:
      next();
      if (is_constant_name(token.text)) {
        const bool none = token.text == "none" || token.text == "None";
        node->constant = none ? Value(None{}) : Value(token.text == "true" || token.text == "True");
      } else {
        node->kind = Kind::kName;
        node->name = token.text;
        loaded(token.text);
      }
      return finish(std::move(node));
    case Token::kText: {
      std::string text;
      while (peek().token == Token::kText) text += next().text;
      node->constant = make_text(std::move(text));
      return finish(std::move(node));
    }
    case Token::kInteger:
      node->constant = next().integer;
      return finish(std::move(node));
    case Token::kFloat:
      node->constant = next().number;
      return finish(std::move(node));
    default:
      break;
  }
  if (at_op("[")) return list();
  if (at_op("{")) return dict();
  if (!skip_op("(")) wrong(fmt::format("unexpected '{}'", describe(token)));
  ExpressionPtr inside = tuple(/*with_condition=*/true, {}, /*parenthesized=*/true);
  expect_op(")");
  return inside;
}

ExpressionPtr Parser::list() {
  auto node = make(Kind::kList, peek().line);
  expect_op("[");
  while (!at_op("]")) {
    if (!node->operands.empty()) expect_op(",");
    if (at_op("]")) break;
    node->operands.push_back(expression());
  }
  expect_op("]");
  return finish(std::move(node));
}

ExpressionPtr Parser::dict() {
  auto node = make(Kind::kDict, peek().line);
  expect_op("{");
  while (!at_op("}")) {
    if (!node->operands.empty()) expect_op(",");
    if (at_op("}")) break;
    node->operands.push_back(expression());
    expect_op(":");
    node->operands.push_back(expression());
  }
  expect_op("}");
  return finish(std::move(node));
}

ExpressionPtr Parser::postfix(ExpressionPtr node) {
  for (;;) {
    if (at_op(".")) {
      node = attribute(std::move(node));
    } else if (at_op("[")) {
      node = subscript(std::move(node));
    } else if (at_op("(")) {
      node = call(std::move(node));
    } else {
      return node;
    }
  }
}

ExpressionPtr Parser::filters_and_tests(ExpressionPtr node) {
  for (;;) {
    if (at_op("|")) {
      node = filters(std::move(node), /*inline_start=*/false);
    } else if (at_name("is")) {
      node = test(std::move(node));
    } else if (at_op("(")) {
      node = call(std::move(node));
    } else {
      return node;
    }
  }
}

ExpressionPtr Parser::attribute(ExpressionPtr node) {
  const int line = next().line;
  const Lexeme& name = next();
  if (name.token == Token::kName) {
    auto result = make(Kind::kAttribute, line);
    result->name = name.text;
    return build(std::move(result), std::move(node));
  }
  if (name.token != Token::kInteger) wrong("expected name or number", name.line);
  auto index = make(Kind::kConstant, name.line);
  index->constant = name.integer;
  return build(make(Kind::kSubscript, line), std::move(node), finish(std::move(index)));
}

ExpressionPtr Parser::subscript(ExpressionPtr node) {
  const int line = next().line;
  ExpressionPtr parts[3];
  size_t colons = 0;
  auto indices = make(Kind::kTuple, line);
  bool is_tuple = false;
  while (!at_op("]")) {
    if (skip_op(":")) {
      if (++colons > 2) wrong("expected token ']', got ':'");
    } else if (at_op(",")) {
      if (colons > 0) wrong("a slice within a tuple is not supported");
      if (parts[0] == nullptr) wrong("unexpected ','");
      next();
      indices->operands.push_back(std::move(parts[0]));
      is_tuple = true;
    } else {
      if (parts[colons] != nullptr) wrong(fmt::format("expected token ',', got '{}'", describe(peek())));
      parts[colons] = expression();
    }
  }
  expect_op("]");
  if (colons > 0) {
    if (is_tuple) wrong("a slice within a tuple is not supported");
    return build(make(Kind::kSlice, line), std::move(node), std::move(parts[0]), std::move(parts[1]),
                 std::move(parts[2]));
  }
  if (!is_tuple && parts[0] != nullptr)
    return build(make(Kind::kSubscript, line), std::move(node), std::move(parts[0]));
  if (parts[0] != nullptr) indices->operands.push_back(std::move(parts[0]));
  return build(make(Kind::kSubscript, line), std::move(node), finish(std::move(indices)));
}

Arguments Parser::arguments() {
  const int line = peek().line;
  expect_op("(");
  Arguments result;
  const auto ensure = [&](bool condition) {
    if (!condition) wrong("invalid syntax for function call expression", line);
  };
  for (bool first = true; !at_op(")"); first = false) {
    if (!first) expect_op(",");
    if (at_op(")")) break;
    if (skip_op("*")) {
      ensure(result.star == nullptr && result.double_star == nullptr);
      result.star = expression();
    } else if (skip_op("**")) {
      ensure(result.double_star == nullptr);
      result.double_star = expression();
    } else if (peek().token == Token::kName && peek(1).token == Token::kOperator && peek(1).text == "=") {
      ensure(result.double_star == nullptr);
      std::string name = next().text;
      next();
      result.named.emplace_back(std::move(name), expression());
    } else {
      ensure(result.star == nullptr && result.double_star == nullptr && result.named.empty());
      result.positional.push_back(expression());
    }
  }
  expect_op(")");
  return result;
}

ExpressionPtr Parser::call(ExpressionPtr node) {
  auto result = make(Kind::kCall, peek().line);
  result->arguments = arguments();
  return build(std::move(result), std::move(node));
}

/// One filter or more; with inline_start the first stands without a bar.
ExpressionPtr Parser::filters(ExpressionPtr node, bool inline_start) {
  while (inline_start || skip_op("|")) {
    inline_start = false;
    auto filter = make(Kind::kFilter, peek().line);
    filter->name = expect_name();
    while (skip_op(".")) filter->name += "." + expect_name();
    check_known("filter", filter->name, is_filter(filter->name), filter->line);
    if (at_op("(")) filter->arguments = arguments();
    node = build(std::move(filter), std::move(node));
  }
  return node;
}

ExpressionPtr Parser::test(ExpressionPtr node) {
  auto result = make(Kind::kTest, next().line);
  const bool negated = skip_name("not");
  result->name = expect_name();
  while (skip_op(".")) result->name += "." + expect_name();
  check_known("test", result->name, is_test(result->name), result->line);
  const Token token = peek().token;
  const bool argument = token == Token::kName || token == Token::kText || token == Token::kInteger ||
                        token == Token::kFloat || at_op("[") || at_op("{");
  if (at_op("(")) {
    result->arguments = arguments();
  } else if (argument && !at_name("else") && !at_name("or") && !at_name("and")) {
    if (at_name("is")) wrong("You cannot chain multiple tests with is");
    result->arguments.positional.push_back(postfix(primary()));
  }
  const int line = result->line;
  ExpressionPtr built = build(std::move(result), std::move(node));
  return negated ? build(make(Kind::kNot, line), std::move(built)) : std::move(built);
}

}  // namespace hone::jinja
