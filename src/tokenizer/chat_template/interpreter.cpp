#include "tokenizer/chat_template/interpreter.h"

#include <fmt/format.h>

#include <algorithm>

#include "tokenizer/chat_template/text_format.h"

namespace hone::jinja {

const Value* Scope::find(std::string_view name, int64_t& passed) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->parent.get()) {
    passed += static_cast<int64_t>(scope->variables.size());
    for (const auto& [key, value] : scope->variables) {
      if (key == name) return &value;
    }
  }
  return nullptr;
}

void Scope::set(std::string_view name, Value value) {
  for (auto& [key, old] : variables) {
    if (key == name) {
      old = std::move(value);
      return;
    }
  }
  variables.emplace_back(name, std::move(value));
}

Interpreter::Nesting::Nesting(Interpreter& interpreter) : interpreter_(interpreter) {
  if (++interpreter_.nesting_ > kMaxNesting) {
    --interpreter_.nesting_;
    fail(fmt::format("macros, loops and expressions nest more than {} deep", kMaxNesting));
  }
}

Interpreter::Interpreter(std::string_view variables, std::time_t now)
    : variables_(from_json(variables, budget_)), now_(now) {
  if (variables_.dict() == nullptr) fail("the variables are no JSON object");
}

void Interpreter::run(const Template& root) {
  hide(*scope_, root.hidden);
  execute(root.block);
}

/// Names that the new scope will set are undefined in it until then.
void Interpreter::hide(Scope& scope, const std::vector<std::string>& hidden) {
  budget_.charge(static_cast<int64_t>(hidden.size()));
  for (const std::string& name : hidden) scope.variables.emplace_back(name, undefined_name(name));
}

Interpreter::Flow Interpreter::execute(const Block& block) {
  for (const auto& statement : block) {
    if (const Flow flow = execute(*statement); flow != Flow::kNormal) return flow;
  }
  return Flow::kNormal;
}

Interpreter::Flow Interpreter::execute(const Statement& statement) {
  const Nesting nesting(*this);
  budget_.charge(1);
  line_ = statement.line;
  switch (statement.kind) {
    case Statement::Kind::kText:
      write(statement.text);
      break;
    case Statement::Kind::kPrint:
      write(text_of(evaluate(*statement.expression)));
      break;
    case Statement::Kind::kIf:
      return execute_if(statement);
    case Statement::Kind::kFor: {
      const Value iterable = evaluate(*statement.expression);
      line_ = statement.line;
      return execute_for(statement, iterable, /*depth0=*/0);
    }
    case Statement::Kind::kBreak:
      return Flow::kBreak;
    case Statement::Kind::kContinue:
      return Flow::kContinue;
    case Statement::Kind::kSet:
      assign(*statement.target, evaluate(*statement.expression));
      break;
    case Statement::Kind::kSetBlock:
      return execute_set_block(statement);
    case Statement::Kind::kWith:
      return execute_with(statement);
    case Statement::Kind::kMacro:
      scope_->set(statement.name, make_macro(statement, statement.name));
      break;
    case Statement::Kind::kCallBlock:
      execute_call_block(statement);
      break;
    case Statement::Kind::kFilterBlock:
      return execute_filter_block(statement);
    case Statement::Kind::kGeneration:
      execute_generation(statement);
      break;
  }
  return Flow::kNormal;
}

Interpreter::Flow Interpreter::execute_if(const Statement& statement) {
  for (const Statement::Branch& branch : statement.branches) {
    if (branch.condition == nullptr || truth(evaluate(*branch.condition))) return execute(branch.body);
  }
  return Flow::kNormal;
}

Interpreter::Flow Interpreter::in_new_scope(const Block& block, const std::vector<std::string>& hidden) {
  const std::shared_ptr<Scope> outer = scope_;
  scope_ = std::make_shared<Scope>(Scope{outer, {}});
  hide(*scope_, hidden);
  const Flow flow = execute(block);
  scope_ = outer;
  return flow;
}

/// The elements for which the condition of the loop holds, found as they are asked for.
Next Interpreter::filtered(const Statement& statement, Next next, std::shared_ptr<Scope> scope) {
  return [this, &statement, next = std::move(next), scope = std::move(scope)](Value& out) {
    while (next(out)) {
      const std::shared_ptr<Scope> outer = scope_;
      scope_ = std::make_shared<Scope>(Scope{scope, {}});
      assign(*statement.target, out);
      const bool wanted = truth(evaluate(*statement.condition));
      scope_ = outer;
      if (wanted) return true;
    }
    return false;
  };
}

Interpreter::Flow Interpreter::execute_for(const Statement& statement, const Value& iterable, int64_t depth0) {
  const std::shared_ptr<Scope> outer = scope_;
  Next next = iterate(iterable, budget_);
  Value source = iterable;
  if (statement.condition != nullptr) {
    next = filtered(statement, std::move(next), outer);
    source = make_iterator(nullptr, "generator", depth_of(iterable));  // its length is known at the end only
  }
  const auto loop = std::make_shared<Loop>(source, std::move(next), depth0, statement.recursive ? &statement : nullptr,
                                           statement.recursive ? outer : nullptr);
  // Jinja takes else when no turn came to its end: break and continue count as no turn.
  bool any = false;
  const std::unique_ptr<Loop, void (*)(Loop*)> ending(loop.get(), [](Loop* ended) { ended->finish(); });
  while (loop->advance()) {
    budget_.charge(1);
    scope_ = std::make_shared<Scope>(Scope{outer, {}});
    hide(*scope_, statement.hidden);
    scope_->set("loop", loop);
    assign(*statement.target, loop->current());
    const Flow flow = execute(statement.body);
    scope_ = outer;
    if (flow == Flow::kBreak) break;
    any = any || flow == Flow::kNormal;
  }
  return any ? Flow::kNormal : in_new_scope(statement.otherwise, statement.hidden_otherwise);
}

template <typename Body>
std::string Interpreter::capture(Body body) {
  std::string captured;
  std::string* const outer = out_;
  out_ = &captured;
  body();
  out_ = outer;
  return captured;
}

Interpreter::Flow Interpreter::execute_set_block(const Statement& statement) {
  const std::shared_ptr<Scope> outer = scope_;
  scope_ = std::make_shared<Scope>(Scope{outer, {}});
  hide(*scope_, statement.hidden);
  Flow flow = Flow::kNormal;
  Value value = make_text(capture([&] { flow = execute(statement.body); }));
  if (flow == Flow::kNormal && statement.expression != nullptr) {
    filter_inputs_.push_back(std::move(value));
    value = evaluate(*statement.expression);
    filter_inputs_.pop_back();
  }
  scope_ = outer;
  if (flow == Flow::kNormal) assign(*statement.target, std::move(value));
  return flow;
}

Interpreter::Flow Interpreter::execute_filter_block(const Statement& statement) {
  const std::shared_ptr<Scope> outer = scope_;
  scope_ = std::make_shared<Scope>(Scope{outer, {}});
  hide(*scope_, statement.hidden);
  Flow flow = Flow::kNormal;
  filter_inputs_.push_back(make_text(capture([&] { flow = execute(statement.body); })));
  if (flow == Flow::kNormal) {
    const Value value = evaluate(*statement.expression);
    if (!value.is_text()) fail(fmt::format("a filter block needs a str, got '{}'", type_name(value)));
    write(value.text()->bytes);
  }
  filter_inputs_.pop_back();
  scope_ = outer;
  return flow;
}

Interpreter::Flow Interpreter::execute_with(const Statement& statement) {
  const std::shared_ptr<Scope> outer = scope_;
  const auto inner = std::make_shared<Scope>(Scope{outer, {}});
  hide(*inner, statement.hidden);
  for (size_t i = 0; i < statement.parameters.size(); ++i) {
    Value value = evaluate(*statement.defaults[i]);  // sees the variables outside only
    scope_ = inner;
    assign(*statement.parameters[i], std::move(value));
    scope_ = outer;
  }
  scope_ = inner;
  const Flow flow = execute(statement.body);
  scope_ = outer;
  return flow;
}

Macro* Interpreter::make_macro(const Statement& statement, std::string name) {
  macros_.push_back(std::make_unique<Macro>(Macro{std::move(name), &statement, scope_}));
  return macros_.back().get();
}

void Interpreter::execute_call_block(const Statement& statement) {
  const Value caller = make_macro(statement, "");
  write(text_of(evaluate_call(*statement.expression, &caller)));
}

void Interpreter::execute_generation(const Statement& statement) {
  const size_t start = out_->size();
  in_new_scope(statement.body, statement.hidden);
  if (out_ == &text_) {
    generated_.emplace_back(start, out_->size());
  } else {
    generated_elsewhere_ = true;
  }
}

void Interpreter::write(std::string_view text) {
  budget_.charge_text(text.size());
  if (out_->size() + text.size() > kMaxTextBytes) budget_.check_text(out_->size() + text.size());
  out_->append(text);
}

void Interpreter::assign(const Expression& target, Value value) {
  switch (target.kind) {
    case Expression::Kind::kName:
      budget_.charge(static_cast<int64_t>(scope_->variables.size()) / kNamesPerStep);
      scope_->set(target.name, std::move(value));
      return;
    case Expression::Kind::kMember: {
      Namespace* const space = name(target.name).name_space();
      if (space == nullptr) fail("cannot assign attribute on non-namespace object");
      if (target.attribute.starts_with('_')) {
        fail(fmt::format("names with an underscore in front cannot be stored on a namespace, but got '{}'",
                         target.attribute));
      }
      budget_.charge(static_cast<int64_t>(space->attributes.size()) / kNamesPerStep);
      space->set(target.attribute, std::move(value));
      return;
    }
    default:
      assign_tuple(target, value);
  }
}

void Interpreter::assign_tuple(const Expression& target, const Value& value) {
  if (!is_iterable(value)) fail(fmt::format("cannot unpack non-iterable {} object", type_name(value)));
  const Values items = to_items(value, budget_);
  const size_t wanted = target.operands.size();
  if (items.size() > wanted) fail(fmt::format("too many values to unpack (expected {})", wanted));
  if (items.size() < wanted) {
    fail(fmt::format("not enough values to unpack (expected {}, got {})", wanted, items.size()));
  }
  for (size_t i = 0; i < wanted; ++i) assign(*target.operands[i], items[i]);
}

/// Sets the parameters in the scope of the call, which is current.
void Interpreter::bind_parameters(const Macro& macro, CallArguments& arguments) {
  const Statement& block = *macro.block;
  const size_t count = block.parameters.size();
  const auto take = [&](std::string_view name) -> std::optional<Value> {
    for (auto at = arguments.named.begin(); at != arguments.named.end(); ++at) {
      if (at->first != name) continue;
      Value value = std::move(at->second);
      arguments.named.erase(at);
      return value;
    }
    return std::nullopt;
  };
  std::vector<bool> missing(count);
  for (size_t i = 0; i < count; ++i) {
    const std::string& name = block.parameters[i]->name;
    std::optional<Value> value;
    if (i < arguments.positional.size()) {
      value = arguments.positional[i];
    } else {
      value = take(name);
    }
    missing[i] = !value;
    scope_->set(name, value ? std::move(*value) : undefined_name(name));
  }
  if (block.uses_caller) {
    const auto caller = take("caller");
    scope_->set("caller", caller && !caller->is_none() ? *caller : undefined("No caller defined"));
  }
  if (block.uses_kwargs) {
    DictBuilder dict(budget_);
    for (auto& [name, value] : arguments.named) dict.put(make_text(name), std::move(value));
    scope_->set("kwargs", dict.finish());
  } else if (!arguments.named.empty()) {
    fail(fmt::format("macro '{}' takes no keyword argument '{}'", macro.name, arguments.named.front().first));
  }
  if (block.uses_varargs) {
    const auto first = std::min(count, arguments.positional.size());
    scope_->set("varargs", make_tuple(Values(arguments.positional.begin() + static_cast<std::ptrdiff_t>(first),
                                             arguments.positional.end())));
  } else if (arguments.positional.size() > count) {
    fail(fmt::format("macro '{}' takes not more than {} argument(s)", macro.name, count));
  }
  const size_t without_default = count - block.defaults.size();
  for (size_t i = 0; i < count; ++i) {
    if (!missing[i]) continue;
    const std::string& name = block.parameters[i]->name;
    Value value = i < without_default ? undefined(fmt::format("parameter '{}' was not provided", name))
                                      : evaluate(*block.defaults[i - without_default]);
    scope_->set(name, std::move(value));
  }
}

Value Interpreter::call_macro(const Macro& macro, CallArguments arguments) {
  const int line = line_;
  const std::shared_ptr<Scope> outer = scope_;
  scope_ = std::make_shared<Scope>(Scope{macro.scope, {}});
  hide(*scope_, macro.block->hidden);
  bind_parameters(macro, arguments);
  std::string text = capture([&] { execute(macro.block->body); });
  scope_ = outer;
  line_ = line;
  return make_text(std::move(text));
}

/// loop(children): the body again, a level deeper.
Value Interpreter::call_loop(const std::shared_ptr<Loop>& loop, const CallArguments& arguments) {
  if (loop->block() == nullptr) fail("The loop must have the 'recursive' marker to be called recursively.");
  const Bound bound("loop", arguments, {"iterable"}, 1);
  const int line = line_;
  const std::shared_ptr<Scope> outer = scope_;
  scope_ = loop->scope();
  std::string text = capture([&] { execute_for(*loop->block(), *bound.get(0), loop->depth0() + 1); });
  scope_ = outer;
  line_ = line;
  return make_text(std::move(text));
}

}  // namespace hone::jinja
