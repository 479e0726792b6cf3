#include "hone/tokenizer/utf8.h"

namespace hone {

char32_t next_code_point(std::string_view text, size_t& at) {
  const auto byte = [&](size_t i) -> char32_t { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0; };
  const char32_t lead = byte(at);
  if (lead < 0x80) return ++at, lead;
  // A lead byte says how many bytes follow; the smallest value of that length rules out overlong forms.
  const size_t more = lead < 0xC2 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : lead < 0xF5 ? 3 : 0;
  constexpr char32_t kSmallest[] = {0, 0x80, 0x800, 0x10000};
  char32_t c = lead & (0x3F >> more);
  bool valid = more > 0;
  for (size_t i = 1; i <= more; ++i) {
    valid = valid && (byte(at + i) & 0xC0) == 0x80;
    c = c << 6 | (byte(at + i) & 0x3F);
  }
  if (!valid || c < kSmallest[more] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) return ++at, kInvalidCodePoint;
  at += more + 1;
  return c;
}

bool is_valid_utf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    if (next_code_point(text, at) == kInvalidCodePoint) return false;
  }
  return true;
}

void append_utf8(std::string& text, char32_t c) {
  const auto put = [&text](char32_t byte) { text += static_cast<char>(static_cast<unsigned char>(byte)); };
  if (c < 0x80) return put(c);
  if (c < 0x800) {
    put(0xC0 | c >> 6);
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12), put(0x80 | (c >> 6 & 0x3F));
  } else {
    put(0xF0 | c >> 18), put(0x80 | (c >> 12 & 0x3F)), put(0x80 | (c >> 6 & 0x3F));
  }
  put(0x80 | (c & 0x3F));
}

bool is_white_space(char32_t c) {
  return (c >= 0x9 && c <= 0xD) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) ||
         c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

}  // namespace hone
