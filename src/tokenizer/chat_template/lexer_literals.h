// The literals of a template: how far they reach and what they are worth. Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hone::jinja {

/// The length of the literal at the start of `text`, 0 where there is none.
size_t float_size(std::string_view text);
size_t integer_size(std::string_view text);
size_t name_size(std::string_view text);

double float_value(std::string_view literal);
/// Nothing beyond 64 bits.
std::optional<int64_t> integer_value(std::string_view literal);

/// The inside of a string literal with its escapes resolved as Python does; else `problem` says why not.
std::optional<std::string> unescape(std::string_view inside, std::string& problem);

}  // namespace hone::jinja
