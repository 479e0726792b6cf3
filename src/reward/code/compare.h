// Comparison of a program's output with the expected one. Pure functions of any bytes, linear, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "hone/reward/config.h"

namespace hone::code {

/// Nothing when the output is right, else the first difference in words.
std::optional<std::string> find_difference(std::string_view output, std::string_view expected,
                                           CodeComparison comparison, std::optional<double> float_tolerance);

}  // namespace hone::code
