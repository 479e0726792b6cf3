// Reads an answer into a tree. Pure functions; thread-safe.
#pragma once

#include <string_view>

#include "reward/math/lexer.h"

namespace hone::math {

/// Throws Error where the text is no mathematics, is too deep or too long.
Expr parse(std::string_view normalized, const Reading& reading, Work& work);

}  // namespace hone::math
