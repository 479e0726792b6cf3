// Finds the program in a completion. Pure functions of any bytes, linear in their length, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "reward/code/languages.h"

namespace hone::code {

/// Of the text after the last `</think>`: the last fenced block marked with a name of the language; else the last block
/// without a mark; else the whole text. Nothing when a thought never ends. A block that is not closed reaches to the
/// end.
std::optional<std::string> find_program(std::string_view completion, const Language& language);

}  // namespace hone::code
