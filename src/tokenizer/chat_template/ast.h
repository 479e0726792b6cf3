// The tree of a template. Built by the parser, immutable afterwards.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tokenizer/chat_template/number.h"
#include "tokenizer/chat_template/value.h"

namespace hone::jinja {

struct Expression;
using ExpressionPtr = std::unique_ptr<const Expression>;

/// The arguments of a call, a filter or a test.
struct Arguments {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
  ExpressionPtr star, double_star;  ///< *args and **kwargs; null where absent
};

enum class Comparison : uint8_t { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual, kIn, kNotIn };

struct Expression {
  enum class Kind : uint8_t {
    kConstant,     ///< constant
    kName,         ///< name
    kMember,       ///< name.attribute of a namespace, as the target of set: name, attribute
    kList,         ///< operands
    kTuple,        ///< operands
    kDict,         ///< operands: key, value, key, value ...
    kAttribute,    ///< operands[0].name
    kSubscript,    ///< operands[0][operands[1]]
    kSlice,        ///< operands[0][operands[1] : operands[2] : operands[3]], null where left out
    kCall,         ///< operands[0](arguments)
    kFilter,       ///< operands[0] | name(arguments); no operand in a filter block
    kTest,         ///< operands[0] is name(arguments)
    kNot,          ///< operands[0]
    kNegative,     ///< operands[0]
    kPositive,     ///< operands[0]
    kBinary,       ///< operands[0] op operands[1]
    kConcatenate,  ///< operands, joined by ~
    kCompare,      ///< operands[0] comparisons[0] operands[1] comparisons[1] ...
    kAnd,          ///< operands[0], operands[1]
    kOr,           ///< operands[0], operands[1]
    kCondition,    ///< operands: test, then, else (null where left out)
  };

  Kind kind;
  int line;
  int depth = 1;  ///< of the tree below
  std::string name, attribute;
  Value constant;
  Operator op = Operator::kAdd;
  std::vector<ExpressionPtr> operands;
  std::vector<Comparison> comparisons;
  Arguments arguments;
};

struct Statement;
using Block = std::vector<std::unique_ptr<Statement>>;

struct Statement {
  enum class Kind : uint8_t {
    kText,   ///< text
    kPrint,  ///< expression
    kIf,     ///< branches of condition (null for else) and body
    kFor,    ///< for target in expression if condition: body else otherwise
    kBreak,
    kContinue,
    kSet,          ///< target = expression
    kSetBlock,     ///< target = the text of body, through the filters of expression (null for none)
    kWith,         ///< parameters = defaults: body
    kMacro,        ///< name(parameters = defaults): body
    kCallBlock,    ///< expression is a call, parameters and body its caller
    kFilterBlock,  ///< body through the filters of expression
    kGeneration,   ///< body
  };

  struct Branch {
    ExpressionPtr condition;
    Block body;
  };

  Kind kind;
  int line;
  std::string text, name;
  ExpressionPtr expression, target, condition;
  Block body, otherwise;
  bool recursive = false;
  std::vector<Branch> branches;
  std::vector<ExpressionPtr> parameters;
  std::vector<ExpressionPtr> defaults;                ///< of the last parameters
  std::vector<std::string> hidden, hidden_otherwise;  ///< of body and otherwise: undefined until set (scopes.h)
  bool uses_caller = false, uses_kwargs = false, uses_varargs = false;  ///< of a macro: the names that its body reads
};

struct Template {
  Block block;
  std::vector<std::string> hidden;
};

}  // namespace hone::jinja
