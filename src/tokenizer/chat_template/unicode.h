// What Python's str knows about characters. Pure functions on valid UTF-8; thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hone::jinja {

size_t count_code_points(std::string_view text);
/// The byte where code point `index` starts; the size of the text where it has no more than that many.
size_t byte_of(std::string_view text, size_t index);

/// str.isspace(), which is also \s in Python's regular expressions.
bool is_space(char32_t c);
bool is_alpha(char32_t c);
bool is_decimal(char32_t c);
/// str.isdigit() and str.isnumeric(): decimal, digit and numeric characters.
bool is_digit(char32_t c);
bool is_numeric(char32_t c);
bool is_upper(char32_t c);
bool is_lower(char32_t c);
bool is_title(char32_t c);
bool is_printable(char32_t c);
/// Letters and digits of any script, and the underscore: \w.
bool is_word(char32_t c);

std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);
std::string fold_case(std::string_view text);
std::string swap_case(std::string_view text);
/// str.capitalize() and str.title().
std::string capitalize(std::string_view text);
std::string to_title(std::string_view text);

}  // namespace hone::jinja
