// What Python's str does with texts, as functions on UTF-8. Pure but for what they charge; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/chat_template/value.h"

namespace hone::jinja {

/// Without the characters at its sides that are in `chars`, or the white space there for nothing.
std::string_view strip(std::string_view text, std::optional<std::string_view> chars, bool left, bool right);
/// At white space, or at every `separator`; at most `most` cuts (all for less than 0), from the left or the right.
std::vector<std::string> split(std::string_view text, std::optional<std::string_view> separator, int64_t most,
                               bool from_right, Budget& budget);
std::vector<std::string> split_lines(std::string_view text, bool keep_ends);
/// The first (or last) byte of `part` in `text`, or npos.
size_t find_part(std::string_view text, std::string_view part, size_t from = 0);
size_t find_last_part(std::string_view text, std::string_view part, Budget& budget);
/// How often `part` occurs, without overlaps.
int64_t count_parts(std::string_view text, std::string_view part);
std::string replace(std::string_view text, std::string_view old, std::string_view fresh, int64_t most, Budget& budget);
/// With `fill` in front and behind, so that it has `width` code points. Python's center puts the odd one as it does.
enum class Side : uint8_t { kLeft, kRight, kCenter };
std::string pad(const Text& text, int64_t width, std::string_view fill, Side text_side, Budget& budget);
std::string repeated(std::string_view text, int64_t times, Budget& budget);

}  // namespace hone::jinja
