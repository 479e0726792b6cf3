// What of a text is prose. Pure functions; thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace hone::language {

/// The text as code points, composed (NFC), with everything that is no prose replaced by one space each: <tags>, code
/// in backticks, LaTeX formulas and commands, invalid bytes. Linear time.
std::u32string prose_of(std::string_view text);

}  // namespace hone::language
