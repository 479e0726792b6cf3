// Where a completion says its answer: after the thinking, in the last box or answer tag. Linear in the text; takes any
// bytes; the views point into it. Pure functions; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hone::math {

/// A piece of text, or why there is none.
struct Found {
  std::optional<std::string_view> text;
  std::string_view reason{};
};

/// The part of a completion that may hold the answer: what follows the last </think>. A completion that opens a
/// thought, or writes something that only looks like the tag, and does not close it has none. Without any tag it is the
/// whole, unless `thinking_required`.
Found after_thinking(std::string_view completion, bool thinking_required);

/// The inside of the last <answer> ... </answer>.
std::optional<std::string_view> answer_block(std::string_view text);

struct Boxes {
  bool any = false;  ///< there is a \boxed
  std::vector<std::string_view>
      inside;  ///< the last one, and with `adjacent` those that stand right before it, in order
};
/// `inside` is empty where there is no box or the last one is not closed.
Boxes last_boxes(std::string_view text, bool adjacent);

/// True where nothing but separators stands in a gap between two answers: commas, "and", dollar signs.
bool only_separators(std::string_view gap);

}  // namespace hone::math
