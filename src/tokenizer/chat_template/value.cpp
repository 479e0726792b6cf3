#include "tokenizer/chat_template/value.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <limits>

#include "hone/tokenizer/utf8.h"
#include "tokenizer/chat_template/loop.h"
#include "tokenizer/chat_template/unicode.h"

namespace hone::jinja {
namespace {

int deeper(const Values& items) {
  int depth = 0;
  for (const Value& item : items) depth = std::max(depth, depth_of(item));
  return depth + 1;
}

int checked_depth(int depth) {
  if (depth > kMaxValueDepth) fail(fmt::format("values nest more than {} deep", kMaxValueDepth));
  return depth;
}

Value make_sequence(Values items, bool tuple) {
  auto sequence = std::make_shared<Sequence>();
  sequence->depth = checked_depth(deeper(items));
  sequence->items = std::move(items);
  sequence->tuple = tuple;
  return std::shared_ptr<const Sequence>(std::move(sequence));
}

}  // namespace

void fail(std::string message) {
  throw Failure{std::move(message)};
}

void Budget::charge(int64_t steps) {
  left_ -= steps;
  if (left_ < 0) fail(fmt::format("the template takes more than {} steps", kMaxSteps));
}

void Budget::check_text(size_t bytes) {
  if (bytes > kMaxTextBytes) fail(fmt::format("a text of more than {} MiB", kMaxTextBytes >> 20));
  charge_text(bytes);
}

Iterator* Value::iterator() const {
  const auto* pointer = get<std::shared_ptr<Iterator>>();
  return pointer == nullptr ? nullptr : pointer->get();
}

Loop* Value::loop() const {
  const auto* pointer = get<std::shared_ptr<Loop>>();
  return pointer == nullptr ? nullptr : pointer->get();
}

Namespace* Value::name_space() const {
  const auto* pointer = get<Namespace*>();
  return pointer == nullptr ? nullptr : *pointer;
}

Macro* Value::macro() const {
  const auto* pointer = get<Macro*>();
  return pointer == nullptr ? nullptr : *pointer;
}

std::optional<int64_t> Value::integer() const {
  if (const auto* i = get<int64_t>()) return *i;
  if (const auto* b = get<bool>()) return *b ? 1 : 0;
  return std::nullopt;
}

std::optional<double> Value::number() const {
  if (const auto* d = get<double>()) return *d;
  if (const auto i = integer()) return static_cast<double>(*i);
  return std::nullopt;
}

const Value* Dict::find(const std::string& hash_key) const {
  const auto at = places.find(hash_key);
  return at == places.end() ? nullptr : &items[at->second].second;
}

const Value* Dict::find_text(std::string_view key) const {
  return find("s" + std::string(key));
}

int64_t Range::size() const {
  if (step > 0) return start < stop ? (stop - start - 1) / step + 1 : 0;
  return start > stop ? (start - stop - 1) / -step + 1 : 0;
}

const Value* Namespace::find(std::string_view name) const {
  for (const auto& [key, value] : attributes) {
    if (key == name) return &value;
  }
  return nullptr;
}

void Namespace::set(std::string_view name, Value value) {
  for (auto& [key, old] : attributes) {
    if (key == name) {
      old = std::move(value);
      return;
    }
  }
  attributes.emplace_back(std::string(name), std::move(value));
}

Value make_text(std::string bytes, bool markup) {
  auto text = std::make_shared<Text>();
  text->length = count_code_points(bytes);
  text->bytes = std::move(bytes);
  text->markup = markup;
  return std::shared_ptr<const Text>(std::move(text));
}

Value make_list(Values items) {
  return make_sequence(std::move(items), /*tuple=*/false);
}
Value make_tuple(Values items) {
  return make_sequence(std::move(items), /*tuple=*/true);
}

Value make_iterator(Next next, std::string_view type, int depth) {
  return std::make_shared<Iterator>(Iterator{std::move(next), type, checked_depth(depth + 1)});
}

Value undefined(std::string message) {
  return Undefined{std::make_shared<const std::string>(std::move(message))};
}

Value undefined_name(std::string_view name) {
  return undefined(fmt::format("'{}' is undefined", name));
}

Value undefined_member(const Value& object, const Value& key) {
  Budget budget;
  if (const Text* name = key.text()) {
    return undefined(fmt::format("'{}' has no attribute '{}'", object_name(object), name->bytes));
  }
  return undefined(fmt::format("{} has no element {}", object_name(object), to_repr(key, budget)));
}

void DictBuilder::put(Value key, Value value) {
  budget_.charge(1);
  dict_.depth = checked_depth(std::max({dict_.depth, depth_of(key) + 1, depth_of(value) + 1}));
  const auto [at, is_new] = dict_.places.try_emplace(hash_key(key, budget_), dict_.items.size());
  if (is_new) {
    dict_.items.emplace_back(std::move(key), std::move(value));
  } else {
    dict_.items[at->second].second = std::move(value);
  }
}

Value DictBuilder::finish() {
  return std::make_shared<const Dict>(std::move(dict_));
}

int depth_of(const Value& value) {
  if (const auto* sequence = value.sequence()) return sequence->depth;
  if (const auto* dict = value.dict()) return dict->depth;
  if (const auto* view = value.view()) return view->dict->depth;
  if (const auto* method = value.method()) return depth_of(method->self);
  if (const auto* iterator = value.iterator()) return iterator->depth;
  if (const auto* loop = value.loop()) return loop->value_depth();
  return 0;
}

std::string_view type_name(const Value& value) {
  struct Names {
    std::string_view operator()(const None&) const { return "NoneType"; }
    std::string_view operator()(const Undefined&) const { return "Undefined"; }
    std::string_view operator()(bool) const { return "bool"; }
    std::string_view operator()(int64_t) const { return "int"; }
    std::string_view operator()(double) const { return "float"; }
    std::string_view operator()(const std::shared_ptr<const Text>& t) const { return t->markup ? "Markup" : "str"; }
    std::string_view operator()(const std::shared_ptr<const Sequence>& s) const {
      return s->group ? "_GroupTuple" : s->tuple ? "tuple" : "list";
    }
    std::string_view operator()(const std::shared_ptr<const Dict>&) const { return "dict"; }
    std::string_view operator()(const std::shared_ptr<const Range>&) const { return "range"; }
    std::string_view operator()(const std::shared_ptr<Iterator>& i) const { return i->type; }
    std::string_view operator()(const std::shared_ptr<const View>& v) const {
      return v->part == View::Part::kKeys ? "dict_keys" : v->part == View::Part::kValues ? "dict_values" : "dict_items";
    }
    std::string_view operator()(const std::shared_ptr<const Method>&) const { return "builtin_function_or_method"; }
    std::string_view operator()(Function) const { return "function"; }
    std::string_view operator()(Namespace*) const { return "TemplateNamespace"; }
    std::string_view operator()(const std::shared_ptr<Loop>&) const { return "LoopContext"; }
    std::string_view operator()(Macro*) const { return "Macro"; }
  };
  return std::visit(Names{}, value.data());
}

std::string object_name(const Value& value) {
  return value.is_none() ? "None" : fmt::format("{} object", type_name(value));
}

std::optional<int64_t> try_length(const Value& value) {
  if (value.is_undefined()) return 0;
  if (const auto* text = value.text()) return static_cast<int64_t>(text->length);
  if (const auto* sequence = value.sequence()) return static_cast<int64_t>(sequence->items.size());
  if (const auto* dict = value.dict()) return static_cast<int64_t>(dict->items.size());
  if (const auto* view = value.view()) return static_cast<int64_t>(view->dict->items.size());
  if (const auto* range = value.range()) return range->size();
  if (auto* loop = value.loop()) return loop->length();
  return std::nullopt;
}

int64_t length(const Value& value) {
  const auto size = try_length(value);
  if (!size) fail(fmt::format("object of type '{}' has no len()", type_name(value)));
  return *size;
}

bool truth(const Value& value) {
  if (value.is_none() || value.is_undefined()) return false;
  if (const auto number = value.number()) return *number != 0;
  return try_length(value).value_or(1) != 0;
}

bool same_object(const Value& a, const Value& b) {
  if (a.data().index() != b.data().index()) return false;
  return std::visit(
      [&b](const auto& data) {
        using T = std::remove_cvref_t<decltype(data)>;
        if constexpr (std::is_same_v<T, None>) {
          return true;
        } else if constexpr (std::is_same_v<T, Undefined>) {
          return data.message == b.get<Undefined>()->message;
        } else if constexpr (std::is_same_v<T, std::shared_ptr<const Text>>) {
          return data->bytes == b.text()->bytes && data->markup == b.text()->markup;
        } else {
          return data == *b.get<T>();
        }
      },
      a.data());
}

Next iterate(const Value& value, Budget& budget) {
  const auto over = [&budget](auto holder, size_t size, auto at) -> Next {
    return [&budget, holder, size, at, i = size_t{0}](Value& out) mutable {
      if (i >= size) return false;
      budget.charge(1);
      out = at(*holder, i++);
      return true;
    };
  };
  if (value.is_undefined()) {
    return [](Value&) { return false; };
  }
  if (const auto* s = value.get<std::shared_ptr<const Sequence>>()) {
    return over(*s, (*s)->items.size(), [](const Sequence& sequence, size_t i) { return sequence.items[i]; });
  }
  if (const auto* d = value.get<std::shared_ptr<const Dict>>()) {
    return over(*d, (*d)->items.size(), [](const Dict& dict, size_t i) { return dict.items[i].first; });
  }
  if (const auto* v = value.get<std::shared_ptr<const View>>()) {
    return over(*v, (*v)->dict->items.size(), [](const View& view, size_t i) {
      const auto& [key, member] = view.dict->items[i];
      if (view.part == View::Part::kItems) return make_tuple({key, member});
      return view.part == View::Part::kKeys ? key : member;
    });
  }
  if (const auto* r = value.get<std::shared_ptr<const Range>>()) {
    return over(*r, static_cast<size_t>((*r)->size()),
                [](const Range& range, size_t i) { return Value(range.at(static_cast<int64_t>(i))); });
  }
  if (const auto* t = value.get<std::shared_ptr<const Text>>()) {
    return [&budget, text = *t, at = size_t{0}](Value& out) mutable {
      if (at >= text->bytes.size()) return false;
      budget.charge(1);
      const size_t start = at;
      next_code_point(text->bytes, at);
      out = make_text(text->bytes.substr(start, at - start), text->markup);
      return true;
    };
  }
  if (const auto* i = value.get<std::shared_ptr<Iterator>>()) {
    return [&budget, iterator = *i](Value& out) {
      budget.charge(1);
      return iterator->next(out);
    };
  }
  if (const auto* l = value.get<std::shared_ptr<Loop>>()) {
    return [&budget, loop = *l](Value& out) {
      budget.charge(1);
      if (!loop->advance()) return false;
      out = make_tuple({loop->current(), Value(loop)});
      return true;
    };
  }
  fail(fmt::format("'{}' object is not iterable", type_name(value)));
}

bool is_iterable(const Value& value) {
  return value.is_undefined() || value.is_text() || value.sequence() != nullptr || value.dict() != nullptr ||
         value.view() != nullptr || value.range() != nullptr || value.iterator() != nullptr || value.loop() != nullptr;
}

Values to_items(const Value& value, Budget& budget) {
  if (const auto* sequence = value.sequence()) {
    budget.charge(static_cast<int64_t>(sequence->items.size()));
    return sequence->items;
  }
  Values items;
  Next next = iterate(value, budget);
  for (Value item; next(item);) items.push_back(std::move(item));
  return items;
}

}  // namespace hone::jinja
