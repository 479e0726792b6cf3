// A right answer of the built-in world in its readable form: what the paper has people and a language model do to the
// traces of R1-Zero before the cold start. Pure; thread-safe.
#pragma once

#include <optional>
#include <string>

#include "hone/core/random.h"
#include "hone/data/records.h"

namespace hone {

/// `completion` to `prompt` of builtin:chains with all words in the question's language, an opening that takes up the
/// task, `first` and `then` before the statements, in three of ten a second look, and an answer block `answer : x`.
/// Nothing where the statements do not lead from the question to its answer, each of them right.
std::optional<std::string> rewrite_chain(const Prompt& prompt, const std::string& completion, RandomStream& random);

}  // namespace hone
