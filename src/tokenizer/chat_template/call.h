// The arguments of a call, and how built-in functions, filters and methods take them.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tokenizer/chat_template/value.h"

namespace hone::jinja {

struct CallArguments {
  Values positional;
  std::vector<std::pair<std::string, Value>> named;
};

/// Arguments by the names of the parameters. Throws Failure for too many, unknown, repeated and missing ones.
class Bound {
 public:
  Bound(std::string_view function, const CallArguments& arguments, std::initializer_list<std::string_view> parameters,
        size_t required = 0);

  /// Null where the argument was not given.
  const Value* get(size_t i) const { return values_[i]; }
  Value value(size_t i, Value otherwise) const { return values_[i] == nullptr ? otherwise : *values_[i]; }
  bool truth(size_t i, bool otherwise) const { return values_[i] == nullptr ? otherwise : jinja::truth(*values_[i]); }
  int64_t integer(size_t i, int64_t otherwise) const;
  /// The argument as a text; Failure for another type.
  const Text& text(size_t i) const;

 private:
  std::vector<const Value*> values_;
};

/// An index; Failure for what is no integer.
int64_t to_integer(const Value& value);

}  // namespace hone::jinja
