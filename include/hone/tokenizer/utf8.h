// UTF-8, read strictly from any bytes. Pure functions; thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hone {

/// Stands for a byte that is no part of valid UTF-8 (RFC 3629: no overlong forms, surrogates or values over 10FFFF).
inline constexpr char32_t kInvalidCodePoint = 0xFFFFFFFF;

/// The code point at text[at], `at` < size; moves `at` past it, past one byte where it is invalid.
char32_t next_code_point(std::string_view text, size_t& at);

bool is_valid_utf8(std::string_view text);

/// `c` is a code point, not kInvalidCodePoint.
void append_utf8(std::string& text, char32_t c);

/// The Unicode property White_Space.
bool is_white_space(char32_t c);

}  // namespace hone
