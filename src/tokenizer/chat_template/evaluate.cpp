#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tokenizer/chat_template/filters.h"
#include "tokenizer/chat_template/interpreter.h"
#include "tokenizer/chat_template/methods.h"

namespace hone::jinja {
namespace {

constexpr std::pair<std::string_view, Function> kFunctions[] = {{"range", Function::kRange},
                                                                {"dict", Function::kDict},
                                                                {"namespace", Function::kNamespace},
                                                                {"raise_exception", Function::kRaiseException},
                                                                {"strftime_now", Function::kStrftimeNow},
                                                                {"cycler", Function::kCycler},
                                                                {"joiner", Function::kJoiner},
                                                                {"lipsum", Function::kLipsum}};

/// A bound of a slice, or nothing for none.
std::optional<int64_t> slice_index(const Value& value) {
  if (value.is_none()) return std::nullopt;
  const auto index = value.integer();
  if (!index) fail("slice indices must be integers or None or have an __index__ method");
  return index;
}

/// What a slice picks from `size` elements: from `first` by `step` to before `last`.
struct SliceBounds {
  int64_t first, last, step;

  SliceBounds(int64_t size, std::optional<int64_t> start, std::optional<int64_t> stop, int64_t by)
      // No more than one element is passed by a larger step.
      : step(std::clamp(by, -size - 1, size + 1)) {
    const auto clamp = [&](std::optional<int64_t> bound, int64_t otherwise) {
      if (!bound) return otherwise;
      const int64_t low = step < 0 ? -1 : 0, high = step < 0 ? size - 1 : size;
      const int64_t index = *bound < 0 ? std::max(*bound, -size - 1) + size : *bound;
      return std::clamp(index, low, high);
    };
    first = clamp(start, step < 0 ? size - 1 : 0);
    last = clamp(stop, step < 0 ? -1 : size);
  }

  std::vector<size_t> indices() const {
    std::vector<size_t> result;
    for (int64_t i = first; step < 0 ? i > last : i < last; i += step) result.push_back(static_cast<size_t>(i));
    return result;
  }
};

Value slice_text(const Text& text, const std::vector<size_t>& indices) {
  std::string out;
  if (text.ascii()) {
    for (const size_t i : indices) out += text.bytes[i];
    return make_text(std::move(out), text.markup);
  }
  std::vector<size_t> starts;
  for (size_t at = 0; at < text.bytes.size(); ++at) {
    if ((static_cast<unsigned char>(text.bytes[at]) & 0xC0) != 0x80) starts.push_back(at);
  }
  starts.push_back(text.bytes.size());
  for (const size_t i : indices) out += std::string_view(text.bytes).substr(starts[i], starts[i + 1] - starts[i]);
  return make_text(std::move(out), text.markup);
}

}  // namespace

Value Interpreter::evaluate(const Expression& node) {
  const Nesting nesting(*this);
  budget_.charge(1);
  Value value = evaluate_node(node);
  return value;
}

Value Interpreter::evaluate_node(const Expression& node) {
  using Kind = Expression::Kind;
  const auto operand = [&](size_t i) { return evaluate(*node.operands[i]); };
  const auto operands = [&] {
    Values values;
    for (size_t i = 0; i < node.operands.size(); ++i) values.push_back(operand(i));
    return values;
  };
  switch (node.kind) {
    case Kind::kConstant:
      return node.constant;
    case Kind::kName:
      return name(node.name);
    case Kind::kMember:
      break;
    case Kind::kList:
      return make_list(operands());
    case Kind::kTuple:
      return make_tuple(operands());
    case Kind::kDict:
      return evaluate_dict(node);
    case Kind::kAttribute:
    case Kind::kSubscript:
      return evaluate_member(node);
    case Kind::kSlice:
      return evaluate_slice(node);
    case Kind::kCall:
      return evaluate_call(node, nullptr);
    case Kind::kFilter:
      return evaluate_filter(node);
    case Kind::kTest: {
      const Value input = operand(0);
      const CallArguments arguments = evaluate(node.arguments);
      line_ = node.line;
      return test(node.name, input, arguments);
    }
    case Kind::kNot:
      return !truth(operand(0));
    case Kind::kNegative:
      return negate(operand(0));
    case Kind::kPositive:
      return plus(operand(0));
    case Kind::kBinary: {
      const Value a = operand(0), b = operand(1);
      line_ = node.line;
      return apply(node.op, a, b, budget_);
    }
    case Kind::kConcatenate:
      return evaluate_concatenation(node);
    case Kind::kCompare:
      return evaluate_compare(node);
    case Kind::kAnd: {
      Value left = operand(0);
      return truth(left) ? operand(1) : left;
    }
    case Kind::kOr: {
      Value left = operand(0);
      return truth(left) ? left : operand(1);
    }
    case Kind::kCondition:
      if (truth(operand(0))) return operand(1);
      if (node.operands[2] != nullptr) return operand(2);
      return undefined(fmt::format(
          "the inline if-expression on line {} evaluated to false and no else section was defined.", node.line));
  }
  return {};
}

Value Interpreter::name(const std::string& name) {
  int64_t passed = 0;
  const Value* const own = scope_->find(name, passed);
  budget_.charge(passed / kNamesPerStep);
  if (own != nullptr) return *own;
  if (const Value* variable = variables_.dict()->find_text(name)) return *variable;
  for (const auto& [known, function] : kFunctions) {
    if (name == known) return function;
  }
  return undefined_name(name);
}

/// object.name and object[key]
Value Interpreter::evaluate_member(const Expression& node) {
  const Value object = evaluate(*node.operands[0]);
  if (node.kind == Expression::Kind::kAttribute) {
    line_ = node.line;
    return attribute(object, node.name);
  }
  const Value key = evaluate(*node.operands[1]);
  line_ = node.line;
  return item(object, key);
}

Value Interpreter::evaluate_dict(const Expression& node) {
  DictBuilder dict(budget_);
  for (size_t i = 0; i + 1 < node.operands.size(); i += 2) {
    Value key = evaluate(*node.operands[i]);
    dict.put(std::move(key), evaluate(*node.operands[i + 1]));
  }
  return dict.finish();
}

Value Interpreter::evaluate_concatenation(const Expression& node) {
  std::string text;
  for (const ExpressionPtr& operand : node.operands) {
    text += text_of(evaluate(*operand));
    if (text.size() > kMaxTextBytes) break;
  }
  budget_.check_text(text.size());
  return make_text(std::move(text));
}

bool Interpreter::compare(Comparison comparison, const Value& a, const Value& b) {
  switch (comparison) {
    case Comparison::kEqual:
      return equals(a, b, budget_);
    case Comparison::kNotEqual:
      return !equals(a, b, budget_);
    case Comparison::kLess:
      return less(a, b, budget_);
    case Comparison::kLessEqual:
      return less_equal(a, b, budget_);
    case Comparison::kGreater:
      return less(b, a, budget_, ">");
    case Comparison::kGreaterEqual:
      return less_equal(b, a, budget_, ">=");
    case Comparison::kIn:
      return contains(b, a, budget_);
    case Comparison::kNotIn:
      return !contains(b, a, budget_);
  }
  return false;
}

Value Interpreter::evaluate_compare(const Expression& node) {
  Value left = evaluate(*node.operands[0]);
  for (size_t i = 0; i < node.comparisons.size(); ++i) {
    Value right = evaluate(*node.operands[i + 1]);
    line_ = node.line;
    if (!compare(node.comparisons[i], left, right)) return false;
    left = std::move(right);
  }
  return true;
}

Value Interpreter::evaluate_slice(const Expression& node) {
  const Value object = evaluate(*node.operands[0]);
  std::array<Value, 3> bounds;
  for (size_t i = 0; i < 3; ++i) {
    if (node.operands[i + 1] != nullptr) bounds[i] = evaluate(*node.operands[i + 1]);
  }
  line_ = node.line;
  if (const auto* u = object.get<Undefined>()) fail(*u->message);
  const Text* text = object.text();
  const Sequence* sequence = object.sequence();
  const Range* range = object.range();
  if (text == nullptr && sequence == nullptr && range == nullptr) {
    fail(object.dict() != nullptr ? std::string("unhashable type: 'slice'")
                                  : fmt::format("'{}' object is not subscriptable", type_name(object)));
  }
  const auto start = slice_index(bounds[0]), stop = slice_index(bounds[1]), step = slice_index(bounds[2]);
  if (step == 0) fail("slice step cannot be zero");
  const int64_t size = length(object);
  const SliceBounds slice(size, start, stop, step.value_or(1));
  if (range != nullptr) {
    int64_t by = 0;  // not the clamped one: it is printed
    if (__builtin_mul_overflow(range->step, step.value_or(1), &by) || by > kFarRange || by < -kFarRange)
      fail("an integer beyond 64 bits");
    return std::make_shared<const Range>(Range{range->at(slice.first), range->at(slice.last), by});
  }
  const auto indices = slice.indices();
  budget_.charge(static_cast<int64_t>(indices.size()) + size / kBytesPerStep);
  if (text != nullptr) return slice_text(*text, indices);
  Values items;
  for (const size_t i : indices) items.push_back(sequence->items[i]);
  return sequence->tuple ? make_tuple(std::move(items)) : make_list(std::move(items));
}

CallArguments Interpreter::evaluate(const Arguments& arguments, const Value* caller) {
  CallArguments result;
  for (const ExpressionPtr& argument : arguments.positional) result.positional.push_back(evaluate(*argument));
  if (arguments.star != nullptr) {
    for (Value& value : to_items(evaluate(*arguments.star), budget_)) result.positional.push_back(std::move(value));
  }
  for (const auto& [name, argument] : arguments.named) {
    budget_.charge(static_cast<int64_t>(result.named.size()));
    for (const auto& [other, value] : result.named) {
      if (other == name) fail(fmt::format("keyword argument repeated: {}", name));
    }
    result.named.emplace_back(name, evaluate(*argument));
  }
  if (caller != nullptr) result.named.emplace_back("caller", *caller);
  if (arguments.double_star == nullptr) return result;
  const Value more = evaluate(*arguments.double_star);
  if (more.dict() == nullptr) fail(fmt::format("argument after ** must be a mapping, not {}", type_name(more)));
  for (const auto& [key, value] : more.dict()->items) {
    if (!key.is_text()) fail("keywords must be strings");
    budget_.charge(static_cast<int64_t>(result.named.size()));
    for (const auto& [other, unused] : result.named) {
      if (other == key.text()->bytes) fail(fmt::format("got multiple values for keyword argument '{}'", other));
    }
    result.named.emplace_back(key.text()->bytes, value);
  }
  return result;
}

Value Interpreter::evaluate_call(const Expression& node, const Value* caller) {
  const Value callee = evaluate(*node.operands[0]);
  CallArguments arguments = evaluate(node.arguments, caller);
  line_ = node.line;
  return call(callee, std::move(arguments));
}

Value Interpreter::evaluate_filter(const Expression& node) {
  const Value input = node.operands[0] == nullptr ? filter_inputs_.back() : evaluate(*node.operands[0]);
  const CallArguments arguments = evaluate(node.arguments);
  line_ = node.line;
  return filter(node.name, input, arguments);
}

Value Interpreter::call(const Value& callee, CallArguments arguments) {
  if (const auto* u = callee.get<Undefined>()) fail(*u->message);
  if (Macro* macro = callee.macro()) return call_macro(*macro, std::move(arguments));
  if (const Method* method = callee.method()) return call_method(*method, arguments, *this);
  if (const auto* function = callee.get<Function>()) return call_function(*function, arguments);
  if (const auto* loop = callee.get<std::shared_ptr<Loop>>()) return call_loop(*loop, arguments);
  fail(fmt::format("'{}' object is not callable", type_name(callee)));
}

}  // namespace hone::jinja
