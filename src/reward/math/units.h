// Units of measure: which words are units, and whether two of them measure the same. Pure functions; thread-safe.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "reward/math/expr.h"

namespace hone::math {

struct Unit {
  std::map<std::string, int> dimension;  ///< base unit -> exponent
  Rational scale{1};                     ///< in base units
};

/// Reads "km/h", "cm^2", "dollars"; nothing where a part is no known unit ("apples").
std::optional<Unit> read_unit(std::string_view name);

/// What "5 million" is multiplied with; 0 for a word that is no such number.
long multiplier(std::string_view word);

/// Words before a value that say nothing of it: "the answer is", "approximately".
bool is_filler(std::string_view words);

/// Words that make of "5 ..." something else than a value: "not", "or".
bool is_hedge(std::string_view words);

}  // namespace hone::math
