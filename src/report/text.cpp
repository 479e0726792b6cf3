#include "hone/report/text.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace hone {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

struct CodePoints {
  char32_t first, last;
};

// Wide or fullwidth by UAX #11, as whole blocks.
constexpr CodePoints kWide[] = {
    {0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0x33FF},   {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},
    {0xA000, 0xA4CF},   {0xA960, 0xA97C},   {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},
    {0xFF01, 0xFF60},   {0xFFE0, 0xFFE6},   {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF},
    {0x20000, 0x2FFFD}, {0x30000, 0x3FFFD},
};

constexpr CodePoints kZeroWidth[] = {
    {0x0300, 0x036F}, {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x200B, 0x200D},
    {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F},
};

// Embeddings, overrides and isolates of the bidirectional algorithm, and line separators.
constexpr CodePoints kSteering[] = {{0x00, 0x1F}, {0x7F, 0x9F}, {0x200E, 0x200F}, {0x2028, 0x202E}, {0x2066, 0x2069}};

bool within(char32_t c, std::span<const CodePoints> ranges) {
  return std::ranges::any_of(ranges, [c](CodePoints r) { return r.first <= c && c <= r.last; });
}

// The code point at text[at] with its length, or U+FFFD and 1 where the bytes are not UTF-8 (RFC 3629).
std::pair<char32_t, size_t> code_point(std::string_view text, size_t at) {
  const auto lead = static_cast<uint8_t>(text[at]);
  if (lead < 0x80) return {lead, 1};
  const size_t length = lead < 0xC2 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 1;
  if (length == 1 || at + length > text.size()) return {kReplacement, 1};
  char32_t c = lead & (0x7F >> length);
  for (size_t i = 1; i < length; ++i) {
    const auto next = static_cast<uint8_t>(text[at + i]);
    if ((next & 0xC0) != 0x80) return {kReplacement, 1};
    c = (c << 6) | (next & 0x3F);
  }
  const bool overlong = (length == 3 && c < 0x800) || (length == 4 && c < 0x10000);
  if (overlong || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) return {kReplacement, 1};
  return {c, length};
}

}  // namespace

std::string harmless_text(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const auto [c, length] = code_point(text, at);
    if (c == kReplacement || (c != '\n' && c != '\t' && within(c, kSteering))) {
      out += "\uFFFD";
    } else {
      out += c == '\t' ? " " : text.substr(at, length);
    }
    at += length;
  }
  return out;
}

int display_width(std::string_view text) {
  int width = 0;
  for (size_t at = 0; at < text.size();) {
    const auto [c, length] = code_point(text, at);
    width += within(c, kZeroWidth) ? 0 : within(c, kWide) ? 2 : 1;
    at += length;
  }
  return width;
}

std::string padded(std::string_view text, int columns, bool right) {
  const std::string spaces(static_cast<size_t>(std::max(0, columns - display_width(text))), ' ');
  return right ? spaces + std::string(text) : std::string(text) + spaces;
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<int> widths(rows.empty() ? 0 : rows.front().size());
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      text += i == 0 ? padded(row[i], widths[i]) : "  " + padded(row[i], widths[i], /*right=*/true);
    }
    text += '\n';
  }
  return text;
}

}  // namespace hone
