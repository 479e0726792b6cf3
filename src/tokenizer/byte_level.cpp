#include "byte_level.h"

#include <array>

#include "hone/tokenizer/utf8.h"

namespace hone {
namespace {

// Printable characters of Latin-1 stand for themselves, the other bytes for U+0100 and on, in their order.
constexpr std::array<char32_t, 256> kCharacters = [] {
  std::array<char32_t, 256> characters{};
  char32_t next = 0x100;
  for (char32_t byte = 0; byte < 256; ++byte) {
    const bool itself = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte != 0xAD);
    characters[byte] = itself ? byte : next++;
  }
  return characters;
}();

constexpr char32_t kEnd = 0x144;  // behind the last of them

constexpr std::array<int16_t, kEnd> kBytes = [] {
  std::array<int16_t, kEnd> bytes{};
  bytes.fill(-1);
  for (size_t byte = 0; byte < 256; ++byte) bytes[kCharacters[byte]] = static_cast<int16_t>(byte);
  return bytes;
}();

bool is_escape(char32_t c) {
  return c >= kByteEscape && c < kByteEscape + 256;
}

}  // namespace

const char* const kGpt2Pattern = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

void append_byte_level(std::string_view bytes, std::string& out) {
  for (const char c : bytes) {
    const char32_t character = kCharacters[static_cast<unsigned char>(c)];
    if (character >= 0x80) out += static_cast<char>(0xC0 | character >> 6);
    out += static_cast<char>(character < 0x80 ? character : 0x80 | (character & 0x3F));
  }
}

std::optional<uint8_t> byte_of(char32_t c) {
  if (c >= kEnd || kBytes[c] < 0) return {};
  return static_cast<uint8_t>(kBytes[c]);
}

std::optional<std::string> escape_bytes(std::string_view text) {
  if (is_valid_utf8(text)) return {};
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    const char32_t c = next_code_point(text, at);
    const std::string_view bytes = text.substr(begin, at - begin);
    if (c != kInvalidCodePoint && !is_escape(c)) {
      out += bytes;
      continue;
    }
    for (const char byte : bytes) append_utf8(out, kByteEscape + static_cast<unsigned char>(byte));
  }
  return out;
}

std::string unescape_bytes(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    const char32_t c = next_code_point(text, at);
    if (is_escape(c)) {
      out += static_cast<char>(static_cast<unsigned char>(c - kByteEscape));
    } else {
      out += text.substr(begin, at - begin);
    }
  }
  return out;
}

}  // namespace hone
