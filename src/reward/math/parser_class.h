// The parser, shared by parser.cpp (lists, relations, sums, products), parser_atoms.cpp (what a product is made of) and
// parser_structures.cpp (functions, sets, matrices). Recursive descent; every level of nesting is counted.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "reward/math/parser.h"

namespace hone::math {

class Parser {
 public:
  Parser(std::vector<Lexeme> tokens, Work& work) : tokens_(std::move(tokens)), work_(work) {}
  Expr answer();

 private:
  // What ends a list here; a bracket inside starts afresh.
  struct Scope {
    bool bar_closes = false;      ///< inside | ... |
    bool set_head = false;        ///< before "such that" in a set
    bool bracket_closes = false;  ///< inside ] ... [
  };
  /// Counts nesting and restores the scope.
  class Nested {
   public:
    Nested(Parser& parser, Scope scope);
    ~Nested();
    Nested(const Nested&) = delete;
    Nested& operator=(const Nested&) = delete;

   private:
    Parser& parser_;
    Scope saved_;
  };

  const Lexeme& peek(size_t ahead = 0) const;
  bool at(Token token, int code = 0, size_t ahead = 0) const;
  bool at_any(Token token, size_t ahead = 0) const { return peek(ahead).token == token; }
  Lexeme take();
  bool accept(Token token, int code = 0);
  void expect_close(int code);

  // parser.cpp
  bool stops() const;
  Expr list();
  Expr item();
  Expr words();  ///< null where the item is no text
  Expr chain();
  Expr ratio();
  Expr sets();
  Expr sum();
  Expr product();
  bool starts_factor() const;
  bool starts_unit() const;
  Expr unit(Expr value);
  Expr mixed_number(const Expr& whole);  ///< null where what follows is no fraction
  Expr signed_factor();

  // parser_atoms.cpp
  Expr factor();
  Expr postfix(Expr base);
  Expr caret(Expr base);
  Expr exponent();
  Expr atom();
  Expr symbol_atom();
  Expr number_atom();
  Expr base_number();  ///< null where the digits have no base
  Expr word_atom();
  Expr tex_argument();
  std::string raw_argument();
  std::string primes();

  // parser_structures.cpp
  Expr open();
  Expr bars();
  Expr set();
  Expr outside_interval();
  Expr root();
  Expr binomial();
  Expr accent();
  Expr function_call();
  std::vector<Expr> function_arguments(bool& bracketed);
  Expr unbracketed_argument();
  Expr big();
  Expr environment();
  Expr rows_as_list(size_t end);
  size_t environment_end() const;

  std::vector<Lexeme> tokens_;
  Work& work_;
  size_t at_ = 0;
  int depth_ = 0;
  int leaning_ = 0;  ///< operators whose left side is a tree: a chain of them is as deep as it is long
  Scope scope_{};
};

}  // namespace hone::math
