// The answer in free text without a box: after "the answer is", else the last formula or number. Only for texts that
// were not asked to mark their answer. Linear in the text; pure functions; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hone::math {

/// True where words stand outside the formulas.
bool is_prose(std::string_view text);

/// `list`: formulas that stand side by side at the end are one list.
std::optional<std::string> answer_in_prose(std::string_view text, bool list);

/// The letter of a multiple choice answer; `letters` are A..J.
std::optional<char> choice_in_prose(std::string_view text);

}  // namespace hone::math
