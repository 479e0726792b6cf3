// Classes of characters as the tokenizer files mean them. Pure functions; thread-safe.
#pragma once

#include <string_view>

namespace hone {

/// \w of Rust's patterns: alphabetic, marks, decimal digits, connectors, joiners.
bool is_word_character(char32_t c);
/// A number of any kind (category N).
bool is_numeric(char32_t c);
/// A mark (category M).
bool is_mark(char32_t c);
/// Punctuation: all of ASCII's, symbols among them, and category P.
bool is_punctuation(char32_t c);

/// Whether the character's decomposition is younger than the tables of Hugging Face, which leave it as it is.
bool has_young_form(char32_t c);

/// The bytes of the first character of text[at...], which is valid UTF-8.
size_t character_bytes(std::string_view text, size_t at);

}  // namespace hone
