#include "tokenizer/chat_template/text_tools.h"

#include <algorithm>
#include <cstring>

#include "hone/tokenizer/utf8.h"
#include "tokenizer/chat_template/unicode.h"

namespace hone::jinja {
namespace {

bool is_line_break(char32_t c) {
  return (c >= 0xA && c <= 0xD) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

/// The byte where the code point before `end` starts.
size_t before(std::string_view text, size_t end) {
  do {
    --end;
  } while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80);
  return end;
}

bool stripped(std::string_view character, std::optional<std::string_view> chars) {
  if (chars) return chars->find(character) != std::string_view::npos;
  size_t at = 0;
  return is_space(next_code_point(character, at));
}

std::vector<std::string> split_spaces(std::string_view text, int64_t most) {
  std::vector<std::string> parts;
  for (;;) {
    text = strip(text, std::nullopt, /*left=*/true, /*right=*/false);
    if (text.empty()) return parts;
    if (most >= 0 && static_cast<int64_t>(parts.size()) == most) {
      parts.emplace_back(strip(text, std::nullopt, /*left=*/false, /*right=*/true));
      return parts;
    }
    size_t end = 0;
    while (end < text.size()) {
      size_t next = end;
      if (is_space(next_code_point(text, next))) break;
      end = next;
    }
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

std::vector<std::string> split_spaces_from_right(std::string_view text, int64_t most) {
  std::vector<std::string> parts;
  for (;;) {
    text = strip(text, std::nullopt, /*left=*/false, /*right=*/true);
    if (text.empty()) break;
    if (most >= 0 && static_cast<int64_t>(parts.size()) == most) {
      parts.emplace_back(strip(text, std::nullopt, /*left=*/true, /*right=*/false));
      break;
    }
    size_t start = text.size();
    while (start > 0 && !stripped(text.substr(before(text, start), start - before(text, start)), std::nullopt)) {
      start = before(text, start);
    }
    parts.emplace_back(text.substr(start));
    text = text.substr(0, start);
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

}  // namespace

std::string_view strip(std::string_view text, std::optional<std::string_view> chars, bool left, bool right) {
  while (left && !text.empty()) {
    size_t at = 0;
    next_code_point(text, at);
    if (!stripped(text.substr(0, at), chars)) break;
    text.remove_prefix(at);
  }
  while (right && !text.empty()) {
    const size_t start = before(text, text.size());
    if (!stripped(text.substr(start), chars)) break;
    text = text.substr(0, start);
  }
  return text;
}

std::vector<std::string> split(std::string_view text, std::optional<std::string_view> separator, int64_t most,
                               bool from_right, Budget& budget) {
  if (!separator) return from_right ? split_spaces_from_right(text, most) : split_spaces(text, most);
  if (separator->empty()) fail("empty separator");
  std::vector<std::string> parts;
  while (most < 0 || static_cast<int64_t>(parts.size()) < most) {
    const size_t at = from_right ? find_last_part(text, *separator, budget) : find_part(text, *separator);
    if (at == std::string_view::npos) break;
    const size_t behind = at + separator->size();
    parts.emplace_back(from_right ? text.substr(behind) : text.substr(0, at));
    text = from_right ? text.substr(0, at) : text.substr(behind);
  }
  parts.emplace_back(text);
  if (from_right) std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<std::string> split_lines(std::string_view text, bool keep_ends) {
  std::vector<std::string> lines;
  size_t start = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = at;
    const char32_t c = next_code_point(text, at);
    if (!is_line_break(c)) continue;
    if (c == '\r' && at < text.size() && text[at] == '\n') ++at;
    lines.emplace_back(text.substr(start, (keep_ends ? at : end) - start));
    start = at;
  }
  if (start < text.size()) lines.emplace_back(text.substr(start));
  return lines;
}

size_t find_part(std::string_view text, std::string_view part, size_t from) {
  // memmem takes linear time, std::string_view::find does not.
  if (from > text.size()) return std::string_view::npos;
  const void* const found = memmem(text.data() + from, text.size() - from, part.data(), part.size());
  return found == nullptr ? std::string_view::npos : static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

size_t find_last_part(std::string_view text, std::string_view part, Budget& budget) {
  const size_t last = text.rfind(part);
  const size_t tried = text.size() - (last == std::string_view::npos ? 0 : last);
  budget.charge(static_cast<int64_t>(tried / static_cast<size_t>(kBytesPerStep) * (1 + part.size() / 16)));
  return last;
}

int64_t count_parts(std::string_view text, std::string_view part) {
  if (part.empty()) return static_cast<int64_t>(count_code_points(text)) + 1;
  int64_t count = 0;
  for (size_t at = 0; (at = find_part(text, part, at)) != std::string_view::npos; at += part.size()) ++count;
  return count;
}

std::string replace(std::string_view text, std::string_view old, std::string_view fresh, int64_t most, Budget& budget) {
  int64_t count = count_parts(text, old);
  if (most >= 0) count = std::min(count, most);
  const auto size = static_cast<int64_t>(text.size()) +
                    count * (static_cast<int64_t>(fresh.size()) - static_cast<int64_t>(old.size()));
  budget.check_text(static_cast<size_t>(std::max<int64_t>(size, 0)));
  std::string out;
  size_t at = 0;
  for (; count > 0; --count) {
    if (old.empty()) {
      // Before every character, and at the end.
      out += fresh;
      const size_t start = at;
      if (at < text.size()) next_code_point(text, at);
      out += text.substr(start, at - start);
      continue;
    }
    const size_t found = find_part(text, old, at);
    out += text.substr(at, found - at);
    out += fresh;
    at = found + old.size();
  }
  return out += text.substr(at);
}

std::string repeated(std::string_view text, int64_t times, Budget& budget) {
  if (times <= 0 || text.empty()) return {};
  const auto most = static_cast<int64_t>(kMaxTextBytes / text.size());
  budget.check_text(times > most ? kMaxTextBytes + 1 : static_cast<size_t>(times) * text.size());
  std::string out;
  for (int64_t i = 0; i < times; ++i) out += text;
  return out;
}

std::string pad(const Text& text, int64_t width, std::string_view fill, Side text_side, Budget& budget) {
  const int64_t missing = width - static_cast<int64_t>(text.length);
  if (missing <= 0) return text.bytes;
  int64_t left = 0;
  if (text_side == Side::kRight) left = missing;
  if (text_side == Side::kCenter) left = missing / 2 + (missing & width & 1);
  return repeated(fill, left, budget) + text.bytes + repeated(fill, missing - left, budget);
}

}  // namespace hone::jinja
