// Filters over the elements of something.
#include <fmt/format.h>

#include <algorithm>

#include "tokenizer/chat_template/filters.h"
#include "tokenizer/chat_template/interpreter.h"
#include "tokenizer/chat_template/number.h"
#include "tokenizer/chat_template/text_tools.h"
#include "tokenizer/chat_template/unicode.h"

namespace hone::jinja {
namespace {

Value generator(const Value& input, Next next) {
  return make_iterator(std::move(next), "generator", depth_of(input));
}

/// The elements of `input` once the first is asked for; nothing for what is false.
Next lazily(Interpreter& interpreter, const Value& input) {
  return [&interpreter, input, next = Next(), started = false](Value& out) mutable {
    if (!started) {
      started = true;
      if (truth(input)) next = iterate(input, interpreter.budget());
    }
    return next && next(out);
  };
}

Value first(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("first", arguments, {});
  Value item;
  return iterate(input, interpreter.budget())(item) ? item : undefined("No first item, sequence was empty.");
}

/// Python's reversed(): what has no order or no end is refused.
bool is_reversible(const Value& value) {
  return value.is_undefined() || value.is_text() || value.sequence() != nullptr || value.dict() != nullptr ||
         value.view() != nullptr || value.range() != nullptr;
}

Value last(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("last", arguments, {});
  if (!is_reversible(input)) fail(fmt::format("'{}' object is not reversible", type_name(input)));
  if (length(input) == 0) return undefined("No last item, sequence was empty.");
  if (input.dict() != nullptr || input.view() != nullptr) return to_items(input, interpreter.budget()).back();
  return interpreter.item(input, int64_t{-1});
}

Value reverse(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("reverse", arguments, {});
  if (!is_iterable(input)) fail("argument must be iterable");
  Values items = to_items(input, interpreter.budget());
  std::reverse(items.begin(), items.end());
  if (const Text* text = input.text()) {
    std::string out;
    for (const Value& item : items) out += item.text()->bytes;
    return make_text(std::move(out), text->markup);
  }
  Value list = make_list(std::move(items));
  if (!is_reversible(input)) return list;
  const bool of_list = input.sequence() != nullptr && !input.sequence()->tuple;
  return make_iterator(iterate(list, interpreter.budget()), of_list ? "list_reverseiterator" : "reversed",
                       depth_of(list));
}

Value list_filter(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("list", arguments, {});
  return make_list(to_items(input, interpreter.budget()));
}

Value length_filter(Interpreter&, const Value& input, const CallArguments& arguments) {
  const Bound bound("length", arguments, {});
  return length(input);
}

Value items_filter(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("items", arguments, {});
  if (input.is_undefined()) return generator(input, [](Value&) { return false; });
  const auto* dict = input.get<std::shared_ptr<const Dict>>();
  if (dict == nullptr) {
    return generator(input, [](Value&) -> bool { fail("Can only get item pairs from a mapping."); });
  }
  const Value view = std::make_shared<const View>(View{*dict, View::Part::kItems});
  return generator(input, iterate(view, interpreter.budget()));
}

Value sum(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("sum", arguments, {"attribute", "start"});
  Value total = bound.value(1, int64_t{0});
  if (total.is_text()) fail("sum() can't sum strings [use ''.join(seq) instead]");
  Next next = iterate(input, interpreter.budget());
  for (Value item; next(item);) {
    total = apply(Operator::kAdd, total, follow(interpreter, std::move(item), bound.get(0)), interpreter.budget());
  }
  return total;
}

/// Lists of `count` elements; the last is filled up.
Value batch(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("batch", arguments, {"linecount", "fill_with"}, 1);
  const Value count = *bound.get(0), fill = bound.value(1, None{});
  auto next = std::make_shared<Next>(iterate(input, interpreter.budget()));
  auto kept = std::make_shared<Values>();
  auto ended = std::make_shared<bool>(false);
  return generator(input, [&interpreter, count, fill, next, kept, ended](Value& out) {
    const int64_t size = *ended ? 0 : to_integer(count);
    for (Value item; !*ended && (*next)(item);) {
      const bool full = static_cast<int64_t>(kept->size()) == size;
      if (full) out = make_list(std::exchange(*kept, {}));
      kept->push_back(std::move(item));
      if (full) return true;
    }
    if (*ended || kept->empty()) return false;
    *ended = true;
    if (!fill.is_none() && static_cast<int64_t>(kept->size()) < size) {
      interpreter.budget().charge(size);
      kept->resize(static_cast<size_t>(size), fill);
    }
    out = make_list(std::move(*kept));
    return true;
  });
}

/// So many lists, of lengths that differ by one at most.
Value slice(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  const Bound bound("slice", arguments, {"slices", "fill_with"}, 1);
  const Value slices = *bound.get(0), fill = bound.value(1, None{});
  return generator(input, [&interpreter, input, slices, fill, items = Values(), number = int64_t{0},
                           offset = int64_t{0}](Value& out) mutable {
    if (number == 0) items = to_items(input, interpreter.budget());
    const int64_t count = to_integer(slices), size = static_cast<int64_t>(items.size());
    if (count == 0) fail("integer division or modulo by zero");
    if (number >= count) return false;
    const int64_t each = size / count, with_extra = size % count;
    const int64_t start = offset + number * each;
    if (number < with_extra) ++offset;
    const int64_t end = offset + (number + 1) * each;
    Values part(items.begin() + static_cast<std::ptrdiff_t>(start), items.begin() + static_cast<std::ptrdiff_t>(end));
    if (!fill.is_none() && number >= with_extra) part.push_back(fill);
    ++number;
    out = make_list(std::move(part));
    return true;
  });
}

/// map('filter', arguments) or map(attribute='a.b', default=...)
Value map(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  Next next = lazily(interpreter, input);
  const bool by_attribute =
      arguments.positional.empty() && std::any_of(arguments.named.begin(), arguments.named.end(),
                                                  [](const auto& named) { return named.first == "attribute"; });
  if (by_attribute) {
    return generator(input, [&interpreter, next, arguments](Value& out) {
      const Bound bound("map", arguments, {"attribute", "default"});
      if (!next(out)) return false;
      out = follow(interpreter, std::move(out), bound.get(0), bound.get(1));
      return true;
    });
  }
  return generator(input, [&interpreter, next, rest = arguments, name = Value(), started = false](Value& out) mutable {
    if (!started) {
      if (rest.positional.empty()) fail("map requires a filter argument");
      name = rest.positional.front();
      rest.positional.erase(rest.positional.begin());
      started = true;
    }
    if (!next(out)) return false;
    out = interpreter.filter(interpreter.text_of(name), out, rest);
    return true;
  });
}

/// select, reject, selectattr and rejectattr.
template <bool kWanted, bool kByAttribute>
Value pick(Interpreter& interpreter, const Value& input, const CallArguments& arguments) {
  Next next = lazily(interpreter, input);
  return generator(input, [&interpreter, next, rest = arguments, attribute = Value(), test = Value(),
                           started = false](Value& out) mutable {
    const auto take = [&](Value& into) {
      if (rest.positional.empty()) return;
      into = std::move(rest.positional.front());
      rest.positional.erase(rest.positional.begin());
    };
    if (!started) {
      if (kByAttribute && rest.positional.empty()) fail("Missing parameter for attribute name");
      if (kByAttribute) take(attribute);
      take(test);
      started = true;
    }
    while (next(out)) {
      const Value subject = kByAttribute ? follow(interpreter, out, &attribute) : out;
      const bool holds = test.is_none() ? truth(subject) : interpreter.test(interpreter.text_of(test), subject, rest);
      if (holds == kWanted) return true;
    }
    return false;
  });
}

constexpr std::pair<std::string_view, Filter> kFilters[] = {
    {"batch", batch},
    {"count", length_filter},
    {"first", first},
    {"items", items_filter},
    {"last", last},
    {"length", length_filter},
    {"list", list_filter},
    {"map", map},
    {"reject", pick<false, false>},
    {"rejectattr", pick<false, true>},
    {"reverse", reverse},
    {"select", pick<true, false>},
    {"selectattr", pick<true, true>},
    {"slice", slice},
    {"sum", sum},
};

}  // namespace

std::span<const std::pair<std::string_view, Filter>> list_filters() {
  return kFilters;
}

}  // namespace hone::jinja
