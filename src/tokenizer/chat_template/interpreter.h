// Renders the tree of a template with variables. One object renders once; it owns all that can refer to itself. Not
// thread-safe; many may work on one tree.
#pragma once

#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tokenizer/chat_template/ast.h"
#include "tokenizer/chat_template/call.h"
#include "tokenizer/chat_template/loop.h"
#include "tokenizer/chat_template/macro.h"
#include "tokenizer/chat_template/value.h"

namespace hone::jinja {

/// The variables of a block that has a scope of its own. The names belong to the tree.
struct Scope {
  std::shared_ptr<Scope> parent;
  std::vector<std::pair<std::string_view, Value>> variables;

  /// Here or further out; null where there is none. Adds to `passed` how many variables there are on the way.
  const Value* find(std::string_view name, int64_t& passed) const;
  void set(std::string_view name, Value value);
};

class Interpreter {
 public:
  /// `variables` is a JSON object; `now` is what strftime_now prints.
  Interpreter(std::string_view variables, std::time_t now);

  void run(const Template& root);
  const std::string& text() const { return text_; }
  /// The bytes that generation blocks wrote.
  const std::vector<std::pair<size_t, size_t>>& generated() const { return generated_; }
  /// Whether a generation block wrote into the text of a macro or a variable, so that its place is not known.
  bool generated_elsewhere() const { return generated_elsewhere_; }
  /// The line that is being rendered.
  int line() const { return line_; }

  // For filters, tests and functions.
  Budget& budget() { return budget_; }
  Value call(const Value& callee, CallArguments arguments);
  Value filter(const std::string& name, const Value& input, const CallArguments& arguments);
  bool test(const std::string& name, const Value& input, const CallArguments& arguments);
  /// object[key] and object.name, by Jinja's rules: what is missing is undefined.
  Value item(const Value& object, const Value& key);
  Value attribute(const Value& object, std::string_view name);
  /// str() of any value.
  std::string text_of(const Value& value) { return to_text(value, budget_); }

 private:
  enum class Flow : uint8_t { kNormal, kBreak, kContinue };
  /// Counts the nodes within each other and keeps the stack from overflowing.
  class Nesting;

  // Blocks (interpreter.cpp).
  Flow execute(const Block& block);
  Flow execute(const Statement& statement);
  Flow execute_if(const Statement& statement);
  Flow execute_for(const Statement& statement, const Value& iterable, int64_t depth0);
  Flow execute_set_block(const Statement& statement);
  Flow execute_with(const Statement& statement);
  Flow execute_filter_block(const Statement& statement);
  void execute_call_block(const Statement& statement);
  void execute_generation(const Statement& statement);
  Flow in_new_scope(const Block& block, const std::vector<std::string>& hidden);
  void hide(Scope& scope, const std::vector<std::string>& hidden);
  void write(std::string_view text);
  void assign(const Expression& target, Value value);
  void assign_tuple(const Expression& target, const Value& value);
  /// What `body` writes, kept from the output.
  template <typename Body>
  std::string capture(Body body);
  Macro* make_macro(const Statement& statement, std::string name);
  Value call_macro(const Macro& macro, CallArguments arguments);
  void bind_parameters(const Macro& macro, CallArguments& arguments);
  Value call_loop(const std::shared_ptr<Loop>& loop, const CallArguments& arguments);
  Next filtered(const Statement& statement, Next next, std::shared_ptr<Scope> scope);

  // Functions (functions.cpp).
  Value call_function(Function function, const CallArguments& arguments);
  Value make_range(const CallArguments& arguments) const;
  Value make_dict(const CallArguments& arguments);
  Value make_namespace(const CallArguments& arguments);
  Value strftime_now(const CallArguments& arguments) const;

  // Expressions (evaluate.cpp).
  Value evaluate(const Expression& node);
  Value evaluate_node(const Expression& node);
  Value name(const std::string& name);
  Value evaluate_member(const Expression& node);
  Value evaluate_dict(const Expression& node);
  Value evaluate_call(const Expression& node, const Value* caller);
  Value evaluate_filter(const Expression& node);
  Value evaluate_compare(const Expression& node);
  Value evaluate_slice(const Expression& node);
  Value evaluate_concatenation(const Expression& node);
  /// `caller` is the body of a call block, or null.
  CallArguments evaluate(const Arguments& arguments, const Value* caller = nullptr);
  bool compare(Comparison comparison, const Value& a, const Value& b);

  Budget budget_;
  Value variables_;
  std::time_t now_;
  std::shared_ptr<Scope> scope_ = std::make_shared<Scope>();
  std::string text_;
  std::string* out_ = &text_;
  std::vector<std::pair<size_t, size_t>> generated_;
  bool generated_elsewhere_ = false;
  int nesting_ = 0;
  int line_ = 1;
  std::vector<Value> filter_inputs_;  ///< of the filter and set blocks under way
  std::vector<std::unique_ptr<Macro>> macros_;
  std::vector<std::unique_ptr<Namespace>> namespaces_;
};

class Interpreter::Nesting {
 public:
  explicit Nesting(Interpreter& interpreter);
  ~Nesting() { --interpreter_.nesting_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;

 private:
  Interpreter& interpreter_;
};

}  // namespace hone::jinja
