// Fields as text, for messages, the list of keys and the written file.
#pragma once

#include <string>

#include "hone/core/config.h"

namespace hone {

/// "[1, 7]", "> 0", "(0, 1]", or nothing.
std::string range_text(const Range& range);
/// "integer", "number", "true | false", "text", "list of text", or the names of an enum; with " | null".
std::string type_text(const Slot& slot, bool optional);
/// "an integer >= 1 or null".
std::string expected_text(const Field& field, const Slot& slot, bool optional);
/// The value as YAML, on one line.
std::string value_text(const Slot& slot, const bool* present);

}  // namespace hone
