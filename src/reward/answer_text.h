// Finds the answer in a completion. Linear in the text; takes any bytes; the views point into it. Pure functions;
// thread-safe.
#pragma once

#include <optional>
#include <string_view>

#include "hone/reward/config.h"

namespace hone {

/// The answer, or why there is none.
struct FoundAnswer {
  std::optional<std::string_view> text;  ///< without white space at its ends
  bool marked = false;                   ///< by an <answer> block or a box
  std::string_view reason{};
};

/// Looks only at what follows the last </think>. A last box that is not closed is no answer; neither is a box before
/// it.
FoundAnswer find_answer(std::string_view completion, const AnswerSource& source);

/// The inside of the last \boxed{...} or \fbox{...}; of "\boxed 5" the next word. `closed` is false, and the inside
/// empty, where the text ends within the box.
struct Box {
  std::string_view inside;
  bool closed = false;
};
std::optional<Box> last_box(std::string_view text);

}  // namespace hone
