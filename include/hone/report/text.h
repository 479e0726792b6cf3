// Foreign text made fit for a terminal or a page, and how wide a terminal shows it. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hone {

/// Valid UTF-8 that can steer neither a terminal nor the direction of the text around it: bytes that are not UTF-8,
/// control characters and direction marks become U+FFFD, a tab a space. Line breaks stay.
std::string harmless_text(std::string_view text);

/// Columns of UTF-8 text on a terminal: two for East Asian wide characters (UAX #11) and emoji, none for combining
/// marks.
int display_width(std::string_view text);

/// `text` with spaces in front (`right`) or behind, to be at least `columns` wide.
std::string padded(std::string_view text, int columns, bool right = false);

/// Lines of cells in columns as wide as they need: the first to the left, the others to the right. All lines have as
/// many cells as the first.
std::string table(const std::vector<std::vector<std::string>>& rows);

}  // namespace hone
