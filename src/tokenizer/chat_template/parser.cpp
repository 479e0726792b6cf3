#include "tokenizer/chat_template/parser.h"

#include <fmt/format.h>

#include <algorithm>

#include "tokenizer/chat_template/parser_class.h"
#include "tokenizer/chat_template/scopes.h"

namespace hone::jinja {
namespace {

constexpr std::string_view kRefused[] = {"include", "import", "from", "extends", "block", "autoescape"};

/// What a macro gets without declaring it.
bool is_macro_name(std::string_view name) {
  return name == "caller" || name == "kwargs" || name == "varargs";
}

}  // namespace

const Lexeme& Parser::next() {
  const Lexeme& lexeme = peek();
  if (at_ + 1 < tokens_.size()) ++at_;
  return lexeme;
}

bool Parser::skip_op(std::string_view op) {
  if (!at_op(op)) return false;
  next();
  return true;
}

bool Parser::skip_name(std::string_view name) {
  if (!at_name(name)) return false;
  next();
  return true;
}

std::string Parser::describe(const Lexeme& lexeme) {
  switch (lexeme.token) {
    case Token::kEnd:
      return "end of template";
    case Token::kData:
      return "template data / text";
    case Token::kBlockBegin:
      return "begin of statement block";
    case Token::kBlockEnd:
      return "end of statement block";
    case Token::kVariableBegin:
      return "begin of print statement";
    case Token::kVariableEnd:
      return "end of print statement";
    case Token::kText:
      return "string";
    case Token::kInteger:
      return "integer";
    case Token::kFloat:
      return "float";
    default:
      return lexeme.text;
  }
}

void Parser::expect_op(std::string_view op) {
  if (!skip_op(op)) wrong(fmt::format("expected token '{}', got '{}'", op, describe(peek())));
}

void Parser::expect(Token token) {
  if (peek().token == token) {
    next();
    return;
  }
  Lexeme wanted{token, 0, "name"};
  wrong(fmt::format("expected token '{}', got '{}'", describe(wanted), describe(peek())));
}

std::string Parser::expect_name() {
  std::string name = peek().text;
  expect(Token::kName);
  return name;
}

void Parser::loaded(const std::string& name) {
  if (!is_macro_name(name)) return;
  for (MacroNames& macro : macros_) {
    if (std::find(macro.set.begin(), macro.set.end(), name) != macro.set.end()) continue;
    macro.caller = macro.caller || name == "caller";
    macro.kwargs = macro.kwargs || name == "kwargs";
    macro.varargs = macro.varargs || name == "varargs";
  }
}

void Parser::stored(const std::string& name) {
  if (!is_macro_name(name)) return;
  for (MacroNames& macro : macros_) macro.set.push_back(name);
}

Block Parser::parse() {
  return statements({});
}

/// Blocks and text until a tag named in `ends`, whose name is then the next token; all of the template for no ends.
Block Parser::statements(EndTags ends) {
  if (++block_depth_ > kMaxBlockDepth) wrong(fmt::format("blocks nest more than {} deep", kMaxBlockDepth));
  Block block;
  for (;;) {
    const Lexeme& lexeme = next();
    if (lexeme.token == Token::kData) {
      auto text = std::make_unique<Statement>();
      text->kind = Statement::Kind::kText;
      text->line = lexeme.line;
      text->text = lexeme.text;
      block.push_back(std::move(text));
    } else if (lexeme.token == Token::kVariableBegin) {
      auto print = make(Statement::Kind::kPrint);
      print->expression = tuple(/*with_condition=*/true);
      expect(Token::kVariableEnd);
      block.push_back(std::move(print));
    } else if (lexeme.token == Token::kBlockBegin) {
      const Lexeme& tag = peek();
      if (tag.token == Token::kName && std::find(ends.begin(), ends.end(), tag.text) != ends.end()) break;
      if (at_name("print")) {
        print_statement(block);
      } else {
        block.push_back(statement());
      }
      expect(Token::kBlockEnd);
    } else {
      if (ends.size() == 0) break;
      wrong(fmt::format("Unexpected end of template. The innermost block that needs to be closed is '{}'.",
                        open_tags_.back()));
    }
  }
  --block_depth_;
  return block;
}

/// The body of a block, from the end of its first tag; a colon may stand there.
Block Parser::body_until(EndTags ends) {
  skip_op(":");
  expect(Token::kBlockEnd);
  return statements(ends);
}

/// A body in a scope of its own.
Block Parser::own_scope(EndTags ends) {
  const bool conditional = std::exchange(conditional_, false);
  Block body = body_until(ends);
  conditional_ = conditional;
  return body;
}

std::unique_ptr<Statement> Parser::make(Statement::Kind kind) {
  auto statement = std::make_unique<Statement>();
  statement->kind = kind;
  statement->line = peek().line;
  return statement;
}

std::unique_ptr<Statement> Parser::statement() {
  if (peek().token != Token::kName) wrong("tag name expected");
  const std::string tag = peek().text;
  for (const std::string_view refused : kRefused) {
    if (tag == refused) wrong(fmt::format("the tag '{}' is not supported in chat templates", tag));
  }
  using Parse = std::unique_ptr<Statement> (Parser::*)();
  static constexpr std::pair<std::string_view, Parse> kTags[] = {
      {"set", &Parser::set_statement},       {"for", &Parser::for_statement},
      {"if", &Parser::if_statement},         {"with", &Parser::with_statement},
      {"macro", &Parser::macro_statement},   {"call", &Parser::call_statement},
      {"filter", &Parser::filter_statement}, {"generation", &Parser::generation_statement},
      {"break", &Parser::jump_statement},    {"continue", &Parser::jump_statement},
  };
  for (const auto& [name, parse] : kTags) {
    if (tag != name) continue;
    open_tags_.push_back(tag);
    auto statement = (this->*parse)();
    open_tags_.pop_back();
    return statement;
  }
  std::string message = fmt::format("Encountered unknown tag '{}'.", tag);
  if (!open_tags_.empty()) {
    message += fmt::format(" The innermost block that needs to be closed is '{}'.", open_tags_.back());
  }
  wrong(message);
}

void Parser::print_statement(Block& block) {
  next();
  for (bool first = true; peek().token != Token::kBlockEnd; first = false) {
    if (!first) expect_op(",");
    auto print = make(Statement::Kind::kPrint);
    print->expression = expression();
    block.push_back(std::move(print));
  }
}

std::unique_ptr<Statement> Parser::set_statement() {
  auto set = make(Statement::Kind::kSet);
  next();
  const size_t names_at = at_;
  set->target = target(/*with_member=*/true);
  const size_t names_end = at_;
  if (skip_op("=")) {
    set->expression = tuple(/*with_condition=*/true);
  } else {
    set->kind = Statement::Kind::kSetBlock;
    set->expression = filters(nullptr, /*inline_start=*/false);
    set->body = own_scope({"endset"});
    next();
  }
  for (size_t i = names_at; i < names_end; ++i) {
    if (tokens_[i].token == Token::kName) stored(tokens_[i].text);
  }
  return set;
}

std::unique_ptr<Statement> Parser::for_statement() {
  auto loop = make(Statement::Kind::kFor);
  next();
  const size_t names_at = at_;
  loop->target = target(/*with_member=*/false, "in");
  const size_t names_end = at_;
  if (!skip_name("in")) wrong(fmt::format("expected token 'in', got '{}'", describe(peek())));
  loop->expression = tuple(/*with_condition=*/false, "recursive");
  for (size_t i = names_at; i < names_end; ++i) {
    if (tokens_[i].token == Token::kName && tokens_[i].text == "loop") {
      wrong("Can't assign to special loop variable in for-loop target", loop->line);
    }
    if (tokens_[i].token == Token::kName) stored(tokens_[i].text);
  }
  if (skip_name("if")) loop->condition = expression();
  loop->recursive = skip_name("recursive");
  ++loops_;
  loop->body = own_scope({"endfor", "else"});
  --loops_;
  if (next().text == "else") {
    loop->otherwise = own_scope({"endfor"});
    next();
  }
  return loop;
}

std::unique_ptr<Statement> Parser::if_statement() {
  auto result = make(Statement::Kind::kIf);
  next();
  const bool conditional = std::exchange(conditional_, true);
  for (;;) {
    Statement::Branch branch;
    branch.condition = tuple(/*with_condition=*/false);
    branch.body = body_until({"elif", "else", "endif"});
    result->branches.push_back(std::move(branch));
    const std::string tag = next().text;
    if (tag == "elif") continue;
    if (tag == "else") {
      result->branches.push_back({nullptr, body_until({"endif"})});
      next();
    }
    break;
  }
  conditional_ = conditional;
  return result;
}

std::unique_ptr<Statement> Parser::with_statement() {
  auto with = make(Statement::Kind::kWith);
  next();
  while (peek().token != Token::kBlockEnd) {
    if (!with->parameters.empty()) expect_op(",");
    with->parameters.push_back(target(/*with_member=*/false));
    expect_op("=");
    with->defaults.push_back(expression());
  }
  with->body = own_scope({"endwith"});
  next();
  return with;
}

/// (a, b, c=1)
void Parser::signature(Statement& statement) {
  expect_op("(");
  while (!at_op(")")) {
    if (!statement.parameters.empty()) expect_op(",");
    auto parameter = make(Kind::kName, peek().line);
    parameter->name = expect_name();
    statement.parameters.push_back(finish(std::move(parameter)));
    if (skip_op("=")) {
      statement.defaults.push_back(expression());
    } else if (!statement.defaults.empty()) {
      wrong("non-default argument follows default argument");
    }
  }
  if (statement.parameters.size() > kMaxParameters) wrong(fmt::format("more than {} parameters", kMaxParameters));
  expect_op(")");
}

/// The body of a function: loops outside cannot be left from inside.
void Parser::macro_body(Statement& statement, std::string_view end) {
  macros_.emplace_back();
  const int loops = std::exchange(loops_, 0);
  statement.body = own_scope({end});
  next();
  loops_ = loops;
  const MacroNames names = macros_.back();
  macros_.pop_back();
  const auto is_parameter = [&](std::string_view name) {
    return std::any_of(statement.parameters.begin(), statement.parameters.end(),
                       [&](const ExpressionPtr& parameter) { return parameter->name == name; });
  };
  statement.uses_caller = names.caller && !is_parameter("caller");
  statement.uses_kwargs = names.kwargs && !is_parameter("kwargs");
  statement.uses_varargs = names.varargs && !is_parameter("varargs");
}

std::unique_ptr<Statement> Parser::macro_statement() {
  auto macro = make(Statement::Kind::kMacro);
  next();
  macro->name = expect_name();
  stored(macro->name);
  signature(*macro);
  macro_body(*macro, "endmacro");
  return macro;
}

std::unique_ptr<Statement> Parser::call_statement() {
  auto call_block = make(Statement::Kind::kCallBlock);
  next();
  if (at_op("(")) signature(*call_block);
  call_block->expression = expression();
  if (call_block->expression->kind != Kind::kCall) wrong("expected call", call_block->line);
  macro_body(*call_block, "endcall");
  return call_block;
}

std::unique_ptr<Statement> Parser::filter_statement() {
  auto filter = make(Statement::Kind::kFilterBlock);
  next();
  filter->expression = filters(nullptr, /*inline_start=*/true);
  filter->body = own_scope({"endfilter"});
  next();
  return filter;
}

std::unique_ptr<Statement> Parser::generation_statement() {
  auto generation = make(Statement::Kind::kGeneration);
  next();
  macro_body(*generation, "endgeneration");
  return generation;
}

std::unique_ptr<Statement> Parser::jump_statement() {
  auto jump = make(at_name("break") ? Statement::Kind::kBreak : Statement::Kind::kContinue);
  if (loops_ == 0) wrong(fmt::format("'{}' outside a loop", peek().text));
  next();
  return jump;
}

Template parse_template(std::string_view source) {
  Template root{Parser(tokenize(source)).parse(), {}};
  find_hidden_names(root);
  return root;
}

}  // namespace hone::jinja
