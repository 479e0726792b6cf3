#include "reward/code/extract.h"

#include <algorithm>

namespace hone::code {
namespace {

/// A line that may open or close a block (CommonMark 0.31, section 4.5).
struct Fence {
  char mark = 0;
  size_t indent = 0, length = 0;
  std::string_view rest;  ///< behind the marks, without white space around it
};

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r"), last = text.find_last_not_of(" \t\r");
  return first == std::string_view::npos ? std::string_view() : text.substr(first, last - first + 1);
}

std::optional<Fence> read_fence(std::string_view line) {
  Fence fence;
  fence.indent = std::min(line.find_first_not_of(' '), line.size());
  if (fence.indent > 3 || fence.indent == line.size()) return std::nullopt;
  fence.mark = line[fence.indent];
  if (fence.mark != '`' && fence.mark != '~') return std::nullopt;
  const size_t end = std::min(line.find_first_not_of(fence.mark, fence.indent), line.size());
  fence.length = end - fence.indent;
  if (fence.length < 3) return std::nullopt;
  fence.rest = trim(line.substr(end));
  if (fence.mark == '`' && fence.rest.find('`') != std::string_view::npos) return std::nullopt;
  return fence;
}

/// The first word of an opening fence: "python" of "python title=x" and of "{.python}".
std::string_view mark_of(std::string_view rest) {
  while (!rest.empty() && (rest.front() == '{' || rest.front() == '.')) rest.remove_prefix(1);
  return rest.substr(0, rest.find_first_of(" \t,{}:"));
}

/// The fence's own indentation is no part of the lines within.
std::string_view without_indent(std::string_view line, size_t indent) {
  return line.substr(std::min({line.find_first_not_of(' '), indent, line.size()}));
}

}  // namespace

std::optional<std::string> find_program(std::string_view completion, const Language& language) {
  constexpr std::string_view kEnd = "</think>";
  if (const size_t end = completion.rfind(kEnd); end != std::string_view::npos) {
    completion.remove_prefix(end + kEnd.size());
  } else if (completion.substr(std::min(completion.find_first_not_of(" \t\r\n"), completion.size()))
                 .rfind("<think>", 0) == 0) {
    return std::nullopt;
  }
  std::optional<std::string> marked, unmarked;
  std::optional<Fence> open;
  std::string block;
  const auto close = [&] {
    const std::string_view mark = mark_of(open->rest);
    if (language.is_called(mark)) marked = block;
    if (mark.empty()) unmarked = block;
    open.reset();
  };
  for (std::string_view rest = completion; !rest.empty();) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const auto fence = read_fence(line);
    if (!open) {
      if (fence) open = fence;
      block.clear();
    } else if (fence && fence->mark == open->mark && fence->length >= open->length && fence->rest.empty()) {
      close();
    } else {
      block.append(without_indent(line, open->indent)).push_back('\n');
    }
  }
  if (open) close();
  if (marked) return marked;
  return unmarked ? unmarked : std::string(completion);
}

}  // namespace hone::code
