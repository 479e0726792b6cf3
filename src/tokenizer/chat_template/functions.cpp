// The functions that every template sees.
#include <fmt/format.h>

#include <ctime>

#include "tokenizer/chat_template/interpreter.h"

namespace hone::jinja {

Value Interpreter::call_function(Function function, const CallArguments& arguments) {
  switch (function) {
    case Function::kRange:
      return make_range(arguments);
    case Function::kDict:
      return make_dict(arguments);
    case Function::kNamespace:
      return make_namespace(arguments);
    case Function::kRaiseException:
      fail(text_of(*Bound("raise_exception", arguments, {"message"}, 1).get(0)));
    case Function::kStrftimeNow:
      return strftime_now(arguments);
    case Function::kCycler:
      fail("the function 'cycler' is not supported in chat templates");
    case Function::kJoiner:
      fail("the function 'joiner' is not supported in chat templates");
    case Function::kLipsum:
      fail("the function 'lipsum' is not supported in chat templates");
  }
  return {};
}

Value Interpreter::make_range(const CallArguments& arguments) const {
  if (!arguments.named.empty()) fail("range() takes no keyword arguments");
  const Bound bound("range", arguments, {"start", "stop", "step"}, 1);
  Range range{0, to_integer(*bound.get(0)), bound.integer(2, 1)};
  if (bound.get(1) != nullptr) range = {range.stop, to_integer(*bound.get(1)), range.step};
  if (range.step == 0) fail("range() arg 3 must not be zero");
  const bool far = std::abs(range.start / 2) > kFarRange / 2 || std::abs(range.stop / 2) > kFarRange / 2 ||
                   std::abs(range.step / 2) > kFarRange / 2;
  if (far || range.size() > kMaxRange) {
    fail(fmt::format("Range too big. The sandbox blocks ranges larger than MAX_RANGE ({}).", kMaxRange));
  }
  return std::make_shared<const Range>(range);
}

/// dict(mapping or pairs, key=value ...)
Value Interpreter::make_dict(const CallArguments& arguments) {
  if (arguments.positional.size() > 1) {
    fail(fmt::format("dict expected at most 1 argument, got {}", arguments.positional.size()));
  }
  DictBuilder dict(budget_);
  if (!arguments.positional.empty()) {
    const Value& source = arguments.positional[0];
    if (const auto* u = source.get<Undefined>()) fail(*u->message);
    if (source.dict() != nullptr) {
      for (const auto& [key, value] : source.dict()->items) dict.put(key, value);
    } else {
      for (const Value& pair : to_items(source, budget_)) {
        const Values items = is_iterable(pair) ? to_items(pair, budget_) : Values{};
        if (items.size() != 2) fail("dict() needs pairs");
        dict.put(items[0], items[1]);
      }
    }
  }
  for (const auto& [name, value] : arguments.named) dict.put(make_text(name), value);
  return dict.finish();
}

Value Interpreter::make_namespace(const CallArguments& arguments) {
  const Value dict = make_dict(arguments);
  auto space = std::make_unique<Namespace>();
  for (const auto& [key, value] : dict.dict()->items) {
    if (!key.is_text()) fail("a namespace needs names that are texts");
    if (key.text()->bytes.starts_with('_')) {
      fail(fmt::format("names with an underscore in front cannot be stored on a namespace, but got '{}'",
                       key.text()->bytes));
    }
    space->attributes.emplace_back(key.text()->bytes, value);
  }
  namespaces_.push_back(std::move(space));
  return namespaces_.back().get();
}

Value Interpreter::strftime_now(const CallArguments& arguments) const {
  const Bound bound("strftime_now", arguments, {"format"}, 1);
  // A result may be empty for good reason, and strftime says so by 0 as well: a mark in front tells the two apart.
  const std::string format = "!" + bound.text(0).bytes;
  std::tm time{};
  localtime_r(&now_, &time);
  for (size_t size = 256; size <= kMaxTextBytes; size *= 2) {
    std::string out(size, '\0');
    const size_t used = std::strftime(out.data(), out.size(), format.c_str(), &time);
    if (used > 0) return make_text(out.substr(1, used - 1));
  }
  fail("strftime_now makes too long a text");
}

}  // namespace hone::jinja
