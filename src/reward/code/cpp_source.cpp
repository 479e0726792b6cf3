#include "reward/code/cpp_source.h"

#include <algorithm>

namespace hone::code {
namespace {

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

constexpr std::string_view kBlank = " \t\r\n";

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

/// The end of the comment, literal or preprocessor line that starts at `at`, or `at` when none does.
size_t skip_span(std::string_view source, size_t at) {
  const std::string_view rest = source.substr(at);
  const auto after = [&](std::string_view mark, size_t from) {
    const size_t found = rest.find(mark, from);
    return found == std::string_view::npos ? source.size() : at + found + mark.size();
  };
  if (rest.rfind("/*", 0) == 0) return after("*/", 2);
  if (rest.rfind("R\"", 0) == 0 && (at == 0 || !is_word(source[at - 1]))) {
    const size_t open = rest.find('(');
    if (open == std::string_view::npos || open > 18) return at;
    return after(")" + std::string(rest.substr(2, open - 2)) + "\"", open);
  }
  const char first = rest.front();
  const bool digit_separator = first == '\'' && at > 0 && is_word(source[at - 1]);
  if (first == '"' || (first == '\'' && !digit_separator)) {
    for (size_t i = 1; i < rest.size() && rest[i] != '\n'; ++i) {
      if (rest[i] == first) return at + i + 1;
      if (rest[i] == '\\') ++i;
    }
    return at + 1;
  }
  const size_t line_start = source.substr(0, at).rfind('\n') + 1;  // npos + 1 is 0
  const bool first_on_line = trim(source.substr(line_start, at - line_start)).empty();
  if (rest.rfind("//", 0) != 0 && !(first == '#' && first_on_line)) return at;
  for (size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] == '\n' && (i == 0 || rest[i - 1] != '\\')) return at + i;
  }
  return source.size();
}

bool is_plain_declaration(std::string_view declaration) {
  return std::all_of(declaration.begin(), declaration.end(), [](char c) {
    return is_word(c) || std::string_view(":<>,&*()[] \t\r\n").find(c) != std::string_view::npos;
  });
}

}  // namespace

std::string blank_out(std::string_view source) {
  std::string result(source);
  for (size_t at = 0; at < source.size();) {
    const size_t end = std::max(skip_span(source, at), at);
    for (size_t i = at; i < end; ++i) {
      if (result[i] != '\n') result[i] = ' ';
    }
    at = end == at ? at + 1 : end;
  }
  return result;
}

std::optional<CppFunction> find_cpp_function(std::string_view source, std::string_view name) {
  const std::string text = blank_out(source);
  std::optional<CppFunction> found;
  int depth = 0;
  size_t start = 0;  // of the present declaration
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '{') ++depth;
    if (c == '}') depth = std::max(depth - 1, 0);
    if (c == '{' || c == '}' || c == ';') start = at + 1;
    if (depth != 0 || name.empty() || text.compare(at, name.size(), name) != 0) continue;
    if ((at > 0 && is_word(text[at - 1])) || (at + name.size() < text.size() && is_word(text[at + name.size()])))
      continue;
    const size_t open = text.find_first_not_of(kBlank, at + name.size());
    if (open == std::string::npos || text[open] != '(') continue;
    const size_t body = text.find_first_of("{;}", open);
    if (body == std::string::npos || text[body] != '{') continue;
    const size_t close = text.rfind(')', body);
    if (close == std::string::npos || close < open) continue;
    const std::string_view declaration = trim(std::string_view(text).substr(start, close + 1 - start));
    if (!is_plain_declaration(declaration) || trim(declaration.substr(0, declaration.find(name))).empty()) continue;
    found = CppFunction{start, std::string(declaration)};
  }
  return found;
}

int open_braces(std::string_view source) {
  const std::string text = blank_out(source);
  return static_cast<int>(std::count(text.begin(), text.end(), '{') - std::count(text.begin(), text.end(), '}'));
}

std::string find_candidate_name(std::string_view test) {
  constexpr std::string_view kDeclaration = "auto candidate";
  const size_t at = test.find(kDeclaration);
  if (at == std::string_view::npos) return {};
  const size_t equal = test.find_first_not_of(kBlank, at + kDeclaration.size());
  if (equal == std::string_view::npos || test[equal] != '=') return {};
  const size_t start = std::min(test.find_first_not_of(kBlank, equal + 1), test.size());
  size_t end = start;
  while (end < test.size() && is_word(test[end])) ++end;
  return std::string(test.substr(start, end - start));
}

std::string header_lines(std::string_view source) {
  std::string lines;
  while (!source.empty()) {
    const size_t end = std::min(source.find('\n'), source.size());
    const std::string_view line = trim(source.substr(0, end));
    if (line.rfind("#include", 0) == 0 || line.rfind("using namespace", 0) == 0) lines.append(line).push_back('\n');
    source.remove_prefix(std::min(end + 1, source.size()));
  }
  return lines;
}

}  // namespace hone::code
