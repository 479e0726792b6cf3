// The parser: recursive descent over the tokens, by the grammar of Jinja. parser.cpp holds the blocks,
// parser_expressions.cpp the expressions.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tokenizer/chat_template/ast.h"
#include "tokenizer/chat_template/lexer.h"

namespace hone::jinja {

class Parser {
 public:
  explicit Parser(std::vector<Lexeme> tokens) : tokens_(std::move(tokens)) {}

  Block parse();

 private:
  using Kind = Expression::Kind;
  using EndTags = std::initializer_list<std::string_view>;

  /// The special names that the body of a macro reads before it sets them.
  struct MacroNames {
    bool caller = false, kwargs = false, varargs = false;
    std::vector<std::string> set;
  };

  // Tokens.
  const Lexeme& peek(size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  const Lexeme& next();
  bool at_op(std::string_view op) const { return peek().token == Token::kOperator && peek().text == op; }
  bool at_name(std::string_view name) const { return peek().token == Token::kName && peek().text == name; }
  bool skip_op(std::string_view op);
  bool skip_name(std::string_view name);
  void expect_op(std::string_view op);
  void expect(Token token);
  std::string expect_name();
  static std::string describe(const Lexeme& lexeme);
  [[noreturn]] void wrong(std::string message) const { wrong(std::move(message), peek().line); }
  [[noreturn]] static void wrong(std::string message, int line) { throw SyntaxError{std::move(message), line}; }

  // Blocks.
  Block statements(EndTags ends);
  Block body_until(EndTags ends);
  std::unique_ptr<Statement> statement();
  std::unique_ptr<Statement> make(Statement::Kind kind);
  std::unique_ptr<Statement> set_statement();
  std::unique_ptr<Statement> for_statement();
  std::unique_ptr<Statement> if_statement();
  std::unique_ptr<Statement> with_statement();
  std::unique_ptr<Statement> macro_statement();
  std::unique_ptr<Statement> call_statement();
  std::unique_ptr<Statement> filter_statement();
  std::unique_ptr<Statement> generation_statement();
  std::unique_ptr<Statement> jump_statement();
  void print_statement(Block& block);
  void signature(Statement& statement);
  void macro_body(Statement& statement, std::string_view end);
  Block own_scope(EndTags ends);

  // Expressions.
  ExpressionPtr tuple(bool with_condition, std::string_view end_name = {}, bool parenthesized = false);
  ExpressionPtr target(bool with_member, std::string_view end_name = {});
  ExpressionPtr target_part(bool with_member);
  ExpressionPtr expression(bool with_condition = true);
  ExpressionPtr condition();
  ExpressionPtr or_expression();
  ExpressionPtr and_expression();
  ExpressionPtr not_expression();
  ExpressionPtr compare();
  ExpressionPtr sum();
  ExpressionPtr concatenation();
  ExpressionPtr product();
  ExpressionPtr power();
  ExpressionPtr unary(bool with_filter = true);
  ExpressionPtr primary();
  ExpressionPtr list();
  ExpressionPtr dict();
  ExpressionPtr postfix(ExpressionPtr node);
  ExpressionPtr filters_and_tests(ExpressionPtr node);
  ExpressionPtr attribute(ExpressionPtr node);
  ExpressionPtr subscript(ExpressionPtr node);
  ExpressionPtr call(ExpressionPtr node);
  ExpressionPtr filters(ExpressionPtr node, bool inline_start);
  ExpressionPtr test(ExpressionPtr node);
  Arguments arguments();
  ExpressionPtr binary(Operator op, int line, ExpressionPtr left, ExpressionPtr right);
  std::unique_ptr<Expression> make(Kind kind, int line) const;
  /// Takes the operands in and checks how deep the tree has become.
  ExpressionPtr finish(std::unique_ptr<Expression> node) const;
  template <typename... Operands>
  ExpressionPtr build(std::unique_ptr<Expression> node, Operands... operands) const {
    (node->operands.push_back(std::move(operands)), ...);
    return finish(std::move(node));
  }
  void loaded(const std::string& name);
  void stored(const std::string& name);
  void check_known(std::string_view what, const std::string& name, bool known, int line) const;

  std::vector<Lexeme> tokens_;
  size_t at_ = 0;
  int block_depth_ = 0;
  int expression_depth_ = 0;
  int loops_ = 0;             ///< loops that break and continue could leave here
  bool conditional_ = false;  ///< inside an if: an unknown filter is an error only when it is reached
  std::vector<std::string> open_tags_;
  std::vector<MacroNames> macros_;
};

}  // namespace hone::jinja
