// object.name and object[key], and the methods of all types but str.
#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

#include "tokenizer/chat_template/interpreter.h"
#include "tokenizer/chat_template/methods.h"
#include "tokenizer/chat_template/unicode.h"

namespace hone::jinja {
namespace {

using Names = std::initializer_list<std::string_view>;

bool one_of(std::string_view name, Names names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_internal(std::string_view name) {
  return one_of(name, {"__class__",        "__doc__",
                       "__init__",         "__len__",
                       "__getitem__",      "__iter__",
                       "__contains__",     "__eq__",
                       "__ne__",           "__lt__",
                       "__le__",           "__gt__",
                       "__ge__",           "__repr__",
                       "__str__",          "__hash__",
                       "__dir__",          "__format__",
                       "__new__",          "__reduce__",
                       "__sizeof__",       "__setattr__",
                       "__delattr__",      "__getattribute__",
                       "__subclasshook__", "__init_subclass__",
                       "__reduce_ex__"});
}

Value unsafe(const Value& object, std::string_view name) {
  return undefined(fmt::format("access to attribute '{}' of '{}' object is unsafe.", name, type_name(object)));
}

Value method(const Value& object, std::string_view name) {
  return std::make_shared<const Method>(Method{object, std::string(name)});
}

/// Python has it, and we have not: an error when it is called.
[[noreturn]] void unsupported(const Method& called) {
  fail(fmt::format("the method '{}' of '{}' objects is not supported", called.name, type_name(called.self)));
}

std::optional<Value> text_attribute(const Value& object, std::string_view name) {
  if (find_text_method(name) != nullptr) return method(object, name);
  if (one_of(name, {"encode", "maketrans", "translate"})) return method(object, name);
  return std::nullopt;
}

std::optional<Value> sequence_attribute(const Value& object, std::string_view name) {
  const Sequence& sequence = *object.sequence();
  if (sequence.group && name == "grouper") return sequence.items[0];
  if (sequence.group && name == "list") return sequence.items[1];
  if (name == "count" || name == "index") return method(object, name);
  if (sequence.tuple) return std::nullopt;
  if (name == "copy") return method(object, name);
  if (one_of(name, {"append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"})) {
    return unsafe(object, name);
  }
  return std::nullopt;
}

std::optional<Value> dict_attribute(const Value& object, std::string_view name) {
  if (one_of(name, {"get", "items", "keys", "values", "copy"})) return method(object, name);
  if (one_of(name, {"clear", "pop", "popitem", "setdefault", "update"})) return unsafe(object, name);
  if (name == "fromkeys") return method(object, name);
  return std::nullopt;
}

std::optional<Value> number_attribute(const Value& object, std::string_view name) {
  const bool whole = object.integer().has_value();
  if (name == "real") return whole ? Value(*object.integer()) : object;
  if (name == "imag") return whole ? Value(int64_t{0}) : Value(0.0);
  if (whole && name == "numerator") return *object.integer();
  if (whole && name == "denominator") return int64_t{1};
  const bool known =
      whole ? one_of(name, {"bit_length", "bit_count", "conjugate", "to_bytes", "from_bytes", "as_integer_ratio"})
            : one_of(name, {"is_integer", "hex", "fromhex", "conjugate", "as_integer_ratio"});
  if (known) return method(object, name);
  return std::nullopt;
}

std::optional<Value> range_attribute(const Value& object, std::string_view name) {
  const Range& range = *object.range();
  if (name == "start") return range.start;
  if (name == "stop") return range.stop;
  if (name == "step") return range.step;
  if (name == "count" || name == "index") return method(object, name);
  return std::nullopt;
}

std::optional<Value> macro_attribute(const Value& object, std::string_view name) {
  const Macro& macro = *object.macro();
  if (name == "name") return macro.name.empty() ? Value(None{}) : make_text(macro.name);
  if (name == "caller") return macro.block->uses_caller;
  if (name == "catch_kwargs") return macro.block->uses_kwargs;
  if (name == "catch_varargs") return macro.block->uses_varargs;
  if (name == "explicit_caller" || name == "arguments") {
    Values names;
    bool caller = false;
    for (const ExpressionPtr& parameter : macro.block->parameters) {
      names.push_back(make_text(parameter->name));
      caller = caller || parameter->name == "caller";
    }
    return name == "arguments" ? make_list(std::move(names)) : Value(caller);
  }
  return std::nullopt;
}

/// The place of an index in something of that size, or nothing outside.
std::optional<size_t> place(int64_t index, int64_t size) {
  if (index < 0) index += size;
  if (index < 0 || index >= size) return std::nullopt;
  return static_cast<size_t>(index);
}

/// object[key] as Python has it; nothing for an IndexError, KeyError or TypeError.
std::optional<Value> python_item(const Value& object, const Value& key, Budget& budget) {
  if (const Dict* dict = object.dict()) {
    const bool hashable =
        key.dict() == nullptr && key.view() == nullptr && (key.sequence() == nullptr || key.sequence()->tuple);
    const Value* const found = hashable ? dict->find(hash_key(key, budget)) : nullptr;
    return found == nullptr ? std::nullopt : std::optional(*found);
  }
  const auto index = key.integer();
  if (!index) return std::nullopt;
  if (const Sequence* sequence = object.sequence()) {
    const auto at = place(*index, static_cast<int64_t>(sequence->items.size()));
    return at ? std::optional(sequence->items[*at]) : std::nullopt;
  }
  if (const Text* text = object.text()) {
    const auto at = place(*index, static_cast<int64_t>(text->length));
    if (!at) return std::nullopt;
    if (text->ascii()) return make_text(text->bytes.substr(*at, 1), text->markup);
    budget.charge_text(text->bytes.size());
    const size_t start = byte_of(text->bytes, *at), end = byte_of(text->bytes, *at + 1);
    return make_text(text->bytes.substr(start, end - start), text->markup);
  }
  if (const Range* range = object.range()) {
    const auto at = place(*index, range->size());
    return at ? std::optional(Value(range->at(static_cast<int64_t>(*at)))) : std::nullopt;
  }
  return std::nullopt;
}

Value call_dict_method(const Method& method, const CallArguments& arguments, Budget& budget) {
  const auto& dict = *method.self.get<std::shared_ptr<const Dict>>();
  if (method.name == "get") {
    if (!arguments.named.empty()) fail("dict.get() takes no keyword arguments");
    const Bound bound("get", arguments, {"key", "default"}, 1);
    const Value* const found = dict->find(hash_key(*bound.get(0), budget));
    return found == nullptr ? bound.value(1, None{}) : *found;
  }
  const Bound bound(method.name, arguments, {});
  if (method.name == "copy") return method.self;
  const View::Part part = method.name == "items"  ? View::Part::kItems
                          : method.name == "keys" ? View::Part::kKeys
                                                  : View::Part::kValues;
  return std::make_shared<const View>(View{dict, part});
}

/// count, index and copy of lists, tuples and ranges.
Value call_sequence_method(const Method& method, const CallArguments& arguments, Budget& budget) {
  if (method.name == "copy") {
    const Bound bound("copy", arguments, {});
    return method.self;
  }
  if (!arguments.named.empty()) fail(fmt::format("{}() takes no keyword arguments", method.name));
  const Bound bound(method.name, arguments, {"value", "start", "stop"}, 1);
  const Values items = to_items(method.self, budget);
  const auto size = static_cast<int64_t>(items.size());
  const auto clamp = [&](int64_t i) { return std::clamp<int64_t>(i < 0 ? i + size : i, 0, size); };
  const int64_t start = clamp(bound.integer(1, 0)), stop = clamp(bound.integer(2, size));
  int64_t count = 0;
  for (int64_t i = start; i < stop; ++i) {
    const Value& item = items[static_cast<size_t>(i)];
    if (!same_object(item, *bound.get(0)) && !equals(item, *bound.get(0), budget)) continue;
    if (method.name == "index") return i;
    ++count;
  }
  if (method.name == "index") fail(fmt::format("{} is not in list", to_repr(*bound.get(0), budget)));
  return count;
}

}  // namespace

std::optional<Value> python_attribute(const Value& object, std::string_view name) {
  if (Namespace* space = object.name_space()) {
    const Value* const value = space->find(name);
    return value == nullptr ? std::nullopt : std::optional(*value);
  }
  if (is_internal(name)) return unsafe(object, name);
  if (object.is_text()) return text_attribute(object, name);
  if (object.sequence() != nullptr) return sequence_attribute(object, name);
  if (object.dict() != nullptr) return dict_attribute(object, name);
  if (object.range() != nullptr) return range_attribute(object, name);
  if (object.number()) return number_attribute(object, name);
  if (object.macro() != nullptr) return macro_attribute(object, name);
  if (Loop* loop = object.loop()) {
    if (name == "cycle" || name == "changed") return method(object, name);
    return loop->attribute(name);
  }
  return std::nullopt;
}

Value Interpreter::attribute(const Value& object, std::string_view name) {
  if (const auto* u = object.get<Undefined>()) fail(*u->message);
  if (const Namespace* space = object.name_space()) {
    budget_.charge(static_cast<int64_t>(space->attributes.size()) / kNamesPerStep);
  }
  if (auto value = python_attribute(object, name)) return std::move(*value);
  if (const Dict* dict = object.dict()) {
    if (const Value* value = dict->find_text(name)) return *value;
  }
  return undefined_member(object, make_text(std::string(name)));
}

Value Interpreter::item(const Value& object, const Value& key) {
  if (const auto* u = object.get<Undefined>()) fail(*u->message);
  if (auto value = python_item(object, key, budget_)) return std::move(*value);
  if (const Text* name = key.text()) {
    if (auto value = python_attribute(object, name->bytes)) return std::move(*value);
  }
  return undefined_member(object, key);
}

Value call_method(const Method& method, const CallArguments& arguments, Interpreter& interpreter) {
  Budget& budget = interpreter.budget();
  if (const Text* text = method.self.text()) {
    budget.charge_text(text->bytes.size());
    const TextMethod found = find_text_method(method.name);
    if (found == nullptr) unsupported(method);
    return found(*text, arguments, interpreter);
  }
  if (method.name == "fromkeys" || method.self.number()) unsupported(method);
  if (method.self.dict() != nullptr) return call_dict_method(method, arguments, budget);
  if (Loop* loop = method.self.loop()) {
    if (!arguments.named.empty()) fail(fmt::format("loop.{}() takes no keyword arguments", method.name));
    if (method.name == "cycle") return loop->cycle(arguments.positional);
    return loop->changed(arguments.positional, budget);
  }
  return call_sequence_method(method, arguments, budget);
}

}  // namespace hone::jinja
