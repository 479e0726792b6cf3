#include "hone/tokenizer/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace hone {
namespace {

std::string encode(char32_t c) {
  const auto byte = [](char32_t b) { return static_cast<char>(static_cast<unsigned char>(b)); };
  const auto tail = [&](int shift, char32_t value) { return byte(0x80 | ((value >> shift) & 0x3F)); };
  if (c < 0x80) return {byte(c)};
  if (c < 0x800) return {byte(0xC0 | (c >> 6)), tail(0, c)};
  if (c < 0x10000) return {byte(0xE0 | (c >> 12)), tail(6, c), tail(0, c)};
  return {byte(0xF0 | (c >> 18)), tail(12, c), tail(6, c), tail(0, c)};
}

TEST(Utf8, ReadsEveryCodePointAndRefusesSurrogates) {
  for (char32_t c = 0; c < 0x110000; ++c) {
    const std::string bytes = encode(c);
    size_t at = 0;
    const bool surrogate = c >= 0xD800 && c <= 0xDFFF;
    ASSERT_EQ(next_code_point(bytes, at), surrogate ? kInvalidCodePoint : c);
    ASSERT_EQ(at, surrogate ? 1 : bytes.size());
  }
}

TEST(Utf8, TakesOneByteOfWhatIsInvalid) {
  // A tail alone, overlong forms of two, three and four bytes, a value over 10FFFF, bytes that never occur, and cut-off
  // sequences.
  for (const std::string bytes :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xE0\x9F\xBF", "\xF0\x80\x80\x80", "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFE", "\xFF", "\xC3", "\xE4\xB8", "\xF0\x9F\x98",
        "\xE4"
        "a"
        "\x80"}) {
    size_t at = 0;
    EXPECT_EQ(next_code_point(bytes, at), kInvalidCodePoint) << testing::PrintToString(bytes);
    EXPECT_EQ(at, 1);
  }
}

TEST(Utf8, GoesOnBehindAnInvalidByte) {
  const std::string bytes = "\xE4七";
  size_t at = 0;
  EXPECT_EQ(next_code_point(bytes, at), kInvalidCodePoint);
  EXPECT_EQ(next_code_point(bytes, at), U'七');
  EXPECT_EQ(at, bytes.size());
}

TEST(Utf8, KnowsWhiteSpaceOutsideAscii) {
  for (const char32_t c : {U' ', U'\t', U'\n', U'\v', U'\f', U'\r', U'\u0085', U'\u00A0', U'\u1680', U'\u2000',
                           U'\u200A', U'\u2028', U'\u2029', U'\u202F', U'\u205F', U'\u3000'}) {
    EXPECT_TRUE(is_white_space(c)) << static_cast<uint32_t>(c);
  }
  for (const char32_t c : {U'a', U'\0', U'\x1C', U'\u200B', U'\uFEFF', U'七', kInvalidCodePoint}) {
    EXPECT_FALSE(is_white_space(c)) << static_cast<uint32_t>(c);
  }
}

}  // namespace
}  // namespace hone
