// Which names of a block Jinja takes for its own from the start. Jinja decides at compile time: a name that a block
// first sets, and that no block around it knows, is undefined in the blocks within until it is set, even where the
// caller gives a variable of that name. A name that the block first reads, or sets in some branches of an if only, is
// the caller's. Pure; thread-safe.
#pragma once

#include "tokenizer/chat_template/ast.h"

namespace hone::jinja {

/// Fills in the lists `hidden` of a template.
void find_hidden_names(Template& root);

}  // namespace hone::jinja
