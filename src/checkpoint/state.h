// The scalars of a State as JSON text and back. No state; thread-safe.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "hone/checkpoint/checkpoint.h"

namespace hone {

std::string scalars_to_text(const State& state);
/// Throws Error kInput at `place` for a value that no State holds.
std::map<std::string, State::Scalar> scalars_from_text(std::string_view text, const std::string& place);

}  // namespace hone
