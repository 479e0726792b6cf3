// A template as tokens: text as it stands once white space control is applied, and the tokens of the tags. The rules
// are those of Jinja with trim_blocks and lstrip_blocks on. Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hone::jinja {

/// A fault of a template's text.
struct SyntaxError {
  std::string message;
  int line;
};

enum class Token : uint8_t {
  kEnd,
  kData,
  kBlockBegin,
  kBlockEnd,
  kVariableBegin,
  kVariableEnd,
  kName,
  kText,
  kInteger,
  kFloat,
  kOperator,  ///< `text` holds its characters
};

struct Lexeme {
  Token token;
  int line;
  std::string text;  ///< name, characters, data, or the value of a string
  int64_t integer = 0;
  double number = 0;
};

/// Ends with kEnd. Throws SyntaxError.
std::vector<Lexeme> tokenize(std::string_view source);

}  // namespace hone::jinja
