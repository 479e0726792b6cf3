// The names that the lexer knows: LaTeX commands and plain words. Pure functions; thread-safe.
#pragma once

#include <optional>
#include <string_view>

#include "reward/math/lexer.h"

namespace hone::math {

/// What the lexer does with a command.
enum class Action : uint8_t {
  kToken,         ///< emits `token`
  kSkip,          ///< nothing: spacing, size, style
  kSpacing,       ///< as kSkip, and the next token is spaced out
  kSkipArgument,  ///< with its braces
  kText,          ///< \text and its like: the braces hold words
  kDelimiter,     ///< \left, \right: a dot after it is nothing
};

struct Command {
  Action action = Action::kToken;
  Token token = Token::kEnd;
  int code = 0;
  std::string_view text{};
};

std::optional<Command> find_command(std::string_view name);
/// The longest command that `name` begins with, of two letters at least; its length, or 0.
size_t command_prefix(std::string_view name);
/// A plain word that is a function or constant: "sqrt", "pi".
std::optional<Command> find_plain_name(std::string_view word);

}  // namespace hone::math
