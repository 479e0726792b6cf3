#include "tokenizer/chat_template/call.h"

#include <fmt/format.h>

#include <algorithm>

namespace hone::jinja {

Bound::Bound(std::string_view function, const CallArguments& arguments,
             std::initializer_list<std::string_view> parameters, size_t required)
    : values_(parameters.size(), nullptr) {
  if (arguments.positional.size() > parameters.size()) {
    fail(fmt::format("{} takes at most {} arguments ({} given)", function, parameters.size(),
                     arguments.positional.size()));
  }
  for (size_t i = 0; i < arguments.positional.size(); ++i) values_[i] = &arguments.positional[i];
  for (const auto& [name, value] : arguments.named) {
    const auto* const at = std::find(parameters.begin(), parameters.end(), name);
    if (at == parameters.end()) fail(fmt::format("{} got an unexpected keyword argument '{}'", function, name));
    const Value*& slot = values_[static_cast<size_t>(at - parameters.begin())];
    if (slot != nullptr) fail(fmt::format("{} got multiple values for argument '{}'", function, name));
    slot = &value;
  }
  for (size_t i = 0; i < required; ++i) {
    if (values_[i] == nullptr) {
      fail(fmt::format("{} misses the argument '{}'", function, *(parameters.begin() + i)));
    }
  }
}

int64_t Bound::integer(size_t i, int64_t otherwise) const {
  return values_[i] == nullptr ? otherwise : to_integer(*values_[i]);
}

const Text& Bound::text(size_t i) const {
  const Text* text = values_[i]->text();
  if (text == nullptr) fail(fmt::format("expected a str, got '{}'", type_name(*values_[i])));
  return *text;
}

int64_t to_integer(const Value& value) {
  const auto integer = value.integer();
  if (const auto* u = value.get<Undefined>()) fail(*u->message);
  if (!integer) fail(fmt::format("'{}' object cannot be interpreted as an integer", type_name(value)));
  return *integer;
}

}  // namespace hone::jinja
