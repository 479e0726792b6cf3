// A template's text as a tree. Throws SyntaxError.
#pragma once

#include <string_view>

#include "tokenizer/chat_template/ast.h"

namespace hone::jinja {

Template parse_template(std::string_view source);

}  // namespace hone::jinja
