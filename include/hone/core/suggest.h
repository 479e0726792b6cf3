// "Did you mean": the known word that a mistyped one resembles. Pure functions, thread-safe.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace hone {

/// The candidate with the smallest edit distance (insert, delete, replace, swap of neighbours), when no more than about
/// a third of the word has to change; the first one of equals.
std::optional<std::string> nearest_word(std::string_view word, std::span<const std::string> candidates);

/// ", did you mean 'x'?", or nothing.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

}  // namespace hone
