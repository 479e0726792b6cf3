// Filters that compare elements.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "tokenizer/chat_template/filters.h"
#include "tokenizer/chat_template/interpreter.h"
#include "tokenizer/chat_template/unicode.h"

namespace hone::jinja {
namespace {

/// What elements are compared by: an attribute, without regard to case unless asked.
class KeyOf {
 public:
  KeyOf(Interpreter& interpreter, const Value* path, bool case_sensitive, const Value* otherwise = nullptr)
      : interpreter_(interpreter), path_(path), case_sensitive_(case_sensitive), otherwise_(otherwise) {}

  Value operator()(const Value& item) const { return folded(follow(interpreter_, item, path_, otherwise_)); }

  Value folded(Value key) const {
    if (case_sensitive_ || !key.is_text()) return key;
    interpreter_.budget().charge_text(key.text()->bytes.size());
    return make_text(to_lower(key.text()->bytes));
  }

 private:
  Interpreter& interpreter_;
  const Value* path_;
  bool case_sensitive_;
  const Value* otherwise_;
};

struct Keyed {
  Value key, item;
};

/// In the order of their keys; equal ones stay in their order.
void sort_by_key(std::vector<Keyed>& keyed, bool reverse, Budget& budget) {
  std::stable_sort(keyed.begin(), keyed.end(), [&](const Keyed& a, const Keyed& b) {
    return reverse ? less(b.key, a.key, budget) : less(a.key, b.key, budget);
  });
}

Value list_of(std::vector<Keyed> keyed) {
  Values items;
  for (Keyed& element : keyed) items.push_back(std::move(element.item));
  return make_list(std::move(items));
}

/// sort(attribute='a,b'): by several attributes, one after the other.
Value sort(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("sort", arguments, {"reverse", "case_sensitive", "attribute"});
  Values paths = {bound.value(2, None{})};
  if (const Text* path = paths[0].text()) {
    const std::string all = path->bytes;
    paths.clear();
    for (size_t start = 0;;) {
      const size_t comma = all.find(',', start);
      paths.push_back(make_text(all.substr(start, comma - start)));
      if (comma == std::string::npos) break;
      start = comma + 1;
    }
  }
  std::vector<Keyed> keyed;
  for (Value& item : to_items(input, interpreter.budget())) {
    Values key;
    for (const Value& path : paths) key.push_back(KeyOf(interpreter, &path, bound.truth(1, false))(item));
    keyed.push_back({make_list(std::move(key)), std::move(item)});
  }
  sort_by_key(keyed, bound.truth(0, false), interpreter.budget());
  return list_of(std::move(keyed));
}

Value sort_dict(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("dictsort", arguments, {"case_sensitive", "by", "reverse"});
  const std::string by = bound.get(1) == nullptr ? "key" : interpreter.text_of(*bound.get(1));
  if (by != "key" && by != "value") fail("You can only sort by either \"key\" or \"value\"");
  if (const auto* u = input.get<Undefined>()) fail(*u->message);
  if (input.dict() == nullptr) fail(fmt::format("'{}' object has no attribute 'items'", type_name(input)));
  const KeyOf key_of(interpreter, nullptr, bound.truth(0, false));
  std::vector<Keyed> keyed;
  for (const auto& [key, value] : input.dict()->items) {
    keyed.push_back({key_of.folded(by == "key" ? key : value), make_tuple({key, value})});
  }
  sort_by_key(keyed, bound.truth(2, false), interpreter.budget());
  return list_of(std::move(keyed));
}

Value unique(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  auto seen = std::make_shared<std::unordered_set<std::string>>();
  return make_iterator(
      [&interpreter, input, arguments, seen, next = Next()](Value& out) mutable {
        const Bound bound("unique", arguments, {"case_sensitive", "attribute"});
        if (!next) next = iterate(input, interpreter.budget());
        while (next(out)) {
          const Value key = KeyOf(interpreter, bound.get(1), bound.truth(0, false))(out);
          if (seen->insert(hash_key(key, interpreter.budget())).second) return true;
        }
        return false;
      },
      "generator", depth_of(input));
}

template <bool kMax>
Value extreme(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound(kMax ? "max" : "min", arguments, {"case_sensitive", "attribute"});
  const KeyOf key_of(interpreter, bound.get(1), bound.truth(0, false));
  Next next = iterate(input, interpreter.budget());
  Value best;
  if (!next(best)) return undefined("No aggregated item, sequence was empty.");
  Value best_key = key_of(best);
  for (Value item; next(item);) {
    Value key = key_of(item);
    const bool better =
        kMax ? less(best_key, key, interpreter.budget(), ">") : less(key, best_key, interpreter.budget());
    if (!better) continue;
    best = std::move(item);
    best_key = std::move(key);
  }
  return best;
}

Value group(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("groupby", arguments, {"attribute", "default", "case_sensitive"}, 1);
  const KeyOf key_of(interpreter, bound.get(0), bound.truth(2, false), bound.get(1));
  std::vector<Keyed> keyed;
  for (Value& item : to_items(input, interpreter.budget())) {
    Value key = key_of(item);
    keyed.push_back({std::move(key), std::move(item)});
  }
  sort_by_key(keyed, /*reverse=*/false, interpreter.budget());
  Values groups;
  for (size_t i = 0; i < keyed.size();) {
    const Value key = keyed[i].key;
    // The group is named by its first element, in its own case.
    const Value name = follow(interpreter, keyed[i].item, bound.get(0), bound.get(1));
    Values items;
    for (; i < keyed.size() && equals(keyed[i].key, key, interpreter.budget()); ++i) {
      items.push_back(std::move(keyed[i].item));
    }
    if (items.empty()) items.push_back(std::move(keyed[i++].item));  // a key that equals nothing, as NaN
    auto pair = std::make_shared<Sequence>(*make_tuple({name, make_list(std::move(items))}).sequence());
    pair->group = true;
    groups.emplace_back(std::shared_ptr<const Sequence>(std::move(pair)));
  }
  return make_list(std::move(groups));
}

constexpr std::pair<std::string_view, Filter> kFilters[] = {
    {"dictsort", sort_dict}, {"groupby", group}, {"max", extreme<true>},
    {"min", extreme<false>}, {"sort", sort},     {"unique", unique},
};

}  // namespace

std::span<const std::pair<std::string_view, Filter>> sort_filters() {
  return kFilters;
}

}  // namespace hone::jinja
