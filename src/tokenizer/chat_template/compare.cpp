// Equality, order, hashing and membership, by Python's rules.
#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "tokenizer/chat_template/loop.h"
#include "tokenizer/chat_template/value.h"

namespace hone::jinja {
namespace {

static_assert(std::numeric_limits<long double>::digits >= 64, "holds every int64_t and double exactly");

std::optional<long double> exact(const Value& value) {
  if (const auto* d = value.get<double>()) return *d;
  if (const auto i = value.integer()) return static_cast<long double>(*i);
  return std::nullopt;
}

bool equal_items(const Values& a, const Values& b, Budget& budget) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!same_object(a[i], b[i]) && !equals(a[i], b[i], budget)) return false;
  }
  return true;
}

bool equal_dicts(const Dict& a, const Dict& b, Budget& budget) {
  if (a.items.size() != b.items.size()) return false;
  for (const auto& [key, value] : a.items) {
    const Value* other = b.find(hash_key(key, budget));
    if (other == nullptr || !(same_object(value, *other) || equals(value, *other, budget))) return false;
  }
  return true;
}

/// dict_keys and dict_items compare as sets.
bool equal_views(const Value& a, const Value& b, Budget& budget) {
  const View &left = *a.view(), &right = *b.view();
  if (left.part == View::Part::kValues || right.part == View::Part::kValues) return a.view() == b.view();
  if (left.dict->items.size() != right.dict->items.size()) return false;
  Next next = iterate(a, budget);
  for (Value item; next(item);) {
    if (!contains(b, item, budget)) return false;
  }
  return true;
}

bool equal_ranges(const Range& a, const Range& b) {
  const int64_t size = a.size();
  return size == b.size() && (size == 0 || (a.start == b.start && (size == 1 || a.step == b.step)));
}

/// Whether a comes before b, or before or beside it.
bool ordered(const Value& a, const Value& b, bool or_equal, std::string_view sign, Budget& budget) {
  for (const Value* side : {&a, &b}) {
    if (const auto* u = side->get<Undefined>()) fail(*u->message);
  }
  budget.charge(1);
  if (const auto x = exact(a), y = exact(b); x && y) return or_equal ? *x <= *y : *x < *y;
  if (const Text* x = a.text(), *y = b.text(); x != nullptr && y != nullptr) {
    budget.charge_text(std::min(x->bytes.size(), y->bytes.size()));
    return or_equal ? x->bytes <= y->bytes : x->bytes < y->bytes;
  }
  const Sequence *x = a.sequence(), *y = b.sequence();
  if (x != nullptr && y != nullptr && x->tuple == y->tuple) {
    for (size_t i = 0; i < std::min(x->items.size(), y->items.size()); ++i) {
      const Value &left = x->items[i], &right = y->items[i];
      if (!same_object(left, right) && !equals(left, right, budget)) {
        return ordered(left, right, or_equal, sign, budget);
      }
    }
    return or_equal ? x->items.size() <= y->items.size() : x->items.size() < y->items.size();
  }
  const bool swapped = sign.starts_with('>');
  fail(fmt::format("'{}' not supported between instances of '{}' and '{}'", sign, type_name(swapped ? b : a),
                   type_name(swapped ? a : b)));
}

bool range_contains(const Range& range, const Value& item) {
  const auto number = exact(item);
  if (!number || *number != std::trunc(*number) || std::fabs(*number) > 9e18L) return false;
  const auto n = static_cast<int64_t>(*number);
  const bool inside = range.step > 0 ? n >= range.start && n < range.stop : n <= range.start && n > range.stop;
  return inside && (n - range.start) % range.step == 0;
}

}  // namespace

std::string hash_key(const Value& value, Budget& budget) {
  budget.charge(1);
  if (const auto* text = value.text()) {
    budget.charge_text(text->bytes.size());
    return "s" + text->bytes;
  }
  if (const auto i = value.integer()) return fmt::format("i{}", *i);
  if (const auto* d = value.get<double>()) {
    const bool whole = std::fabs(*d) < 0x1p63 && *d == std::trunc(*d);
    return whole ? fmt::format("i{}", static_cast<int64_t>(*d)) : fmt::format("f{}", std::bit_cast<uint64_t>(*d));
  }
  if (const auto* sequence = value.sequence(); sequence != nullptr && sequence->tuple) {
    std::string key = "t";
    for (const Value& item : sequence->items) {
      const std::string part = hash_key(item, budget);
      key += fmt::format("{}:{}", part.size(), part);
      budget.check_text(key.size());
    }
    return key;
  }
  if (const auto* range = value.range()) return fmt::format("r{}:{}:{}", range->start, range->stop, range->step);
  if (value.is_none()) return "n";
  if (value.is_undefined()) return "u";
  if (const auto* f = value.get<Function>()) return fmt::format("F{}", static_cast<int>(*f));
  const void* pointer = value.method();
  if (pointer == nullptr) pointer = value.macro();
  if (pointer == nullptr) pointer = value.name_space();
  if (pointer == nullptr) pointer = value.iterator();
  if (pointer == nullptr) pointer = value.loop();
  if (pointer == nullptr) fail(fmt::format("unhashable type: '{}'", type_name(value)));
  return fmt::format("p{}", pointer);
}

bool equals(const Value& a, const Value& b, Budget& budget) {
  budget.charge(1);
  if (const auto x = exact(a), y = exact(b); x && y) return *x == *y;
  if (a.is_undefined() && b.is_undefined()) return true;
  if (a.data().index() != b.data().index()) return false;
  if (const Text* x = a.text()) {
    budget.charge_text(std::min(x->bytes.size(), b.text()->bytes.size()));
    return x->bytes == b.text()->bytes;
  }
  if (const Sequence* x = a.sequence()) {
    return x->tuple == b.sequence()->tuple && equal_items(x->items, b.sequence()->items, budget);
  }
  if (const Dict* x = a.dict()) return equal_dicts(*x, *b.dict(), budget);
  if (const Range* x = a.range()) return equal_ranges(*x, *b.range());
  if (a.view() != nullptr) return equal_views(a, b, budget);
  if (const Method* x = a.method()) {
    return x->name == b.method()->name && same_object(x->self, b.method()->self);
  }
  return same_object(a, b);
}

bool less(const Value& a, const Value& b, Budget& budget, std::string_view sign) {
  return ordered(a, b, /*or_equal=*/false, sign, budget);
}

bool less_equal(const Value& a, const Value& b, Budget& budget, std::string_view sign) {
  return ordered(a, b, /*or_equal=*/true, sign, budget);
}

bool contains(const Value& container, const Value& item, Budget& budget) {
  if (const Text* text = container.text()) {
    const Text* part = item.text();
    if (part == nullptr) {
      fail(fmt::format("'in <string>' requires string as left operand, not {}", type_name(item)));
    }
    budget.charge_text(text->bytes.size());
    return memmem(text->bytes.data(), text->bytes.size(), part->bytes.data(), part->bytes.size()) != nullptr;
  }
  if (const Dict* dict = container.dict()) return dict->find(hash_key(item, budget)) != nullptr;
  if (const View* view = container.view(); view != nullptr && view->part == View::Part::kKeys) {
    return view->dict->find(hash_key(item, budget)) != nullptr;
  }
  if (const Range* range = container.range()) return range_contains(*range, item);
  if (!is_iterable(container)) fail(fmt::format("argument of type '{}' is not iterable", type_name(container)));
  Next next = iterate(container, budget);
  for (Value element; next(element);) {
    if (same_object(element, item) || equals(element, item, budget)) return true;
  }
  return false;
}

}  // namespace hone::jinja
