// Brings the many ways to write a character (full-width, superscript, Unicode signs) down to ASCII and LaTeX.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hone::math {

/// The text with Unicode signs as LaTeX, invisible marks left out, doubled backslashes halved. Nothing where the text
/// is not valid UTF-8.
std::optional<std::string> normalize(std::string_view text);

/// Words for comparing texts: without commands, braces, spaces at the ends and closing punctuation; small letters.
std::string plain_words(std::string_view latex);

std::string_view trim(std::string_view text);

}  // namespace hone::math
