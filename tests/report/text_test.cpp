#include "hone/report/text.h"

#include <gtest/gtest.h>
#include <wchar.h>

#include <clocale>
#include <nlohmann/json.hpp>

#include "hone/core/random.h"

namespace hone {
namespace {

std::string utf8(char32_t c) {
  std::string out;
  if (c < 0x80) return {static_cast<char>(c)};
  const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  constexpr int kLead[] = {0, 0xC0, 0xE0, 0xF0};
  out += static_cast<char>(static_cast<uint32_t>(kLead[more]) | (c >> (6 * more)));
  for (int i = more - 1; i >= 0; --i) out += static_cast<char>(0x80 | ((c >> (6 * i)) & 0x3F));
  return out;
}

// Compared with the C library's table, over the scripts that models write.
TEST(DisplayWidth, AgreesWithTheCLibrary) {
  if (std::setlocale(LC_CTYPE, "C.UTF-8") == nullptr) GTEST_SKIP() << "no locale C.UTF-8";
  constexpr std::pair<char32_t, char32_t> kBlocks[] = {
      {0x20, 0x7E},     {0xA1, 0xAC},     {0xAE, 0x36F},    {0x391, 0x3A1},     {0x400, 0x482},     {0x3041, 0x3096},
      {0x30A0, 0x30FF}, {0x4E00, 0x9FA5}, {0xAC00, 0xD7A3}, {0xFF01, 0xFF5E},   {0x3001, 0x3011},   {0x2190, 0x21FF},
      {0x2500, 0x257F}, {0x1100, 0x115F}, {0xF900, 0xFA2D}, {0x1F600, 0x1F64F}, {0x20000, 0x2A6D6}, {0x20D0, 0x20F0}};
  for (const auto& [first, last] : kBlocks) {
    for (char32_t c = first; c <= last; ++c) {
      ASSERT_EQ(display_width(utf8(c)), ::wcwidth(static_cast<wchar_t>(c))) << std::hex << static_cast<uint32_t>(c);
    }
  }
  std::setlocale(LC_CTYPE, "C");
}

TEST(DisplayWidth, AddsUp) {
  EXPECT_EQ(display_width("five 五 is 得 ."), 5 + 2 + 4 + 2 + 2);
  EXPECT_EQ(padded("五", 4), "五  ");
  EXPECT_EQ(padded("五", 4, true), "  五");
  EXPECT_EQ(padded("五五五", 4), "五五五");
}

// Random bytes, and all that is dangerous: what comes out is UTF-8 (the JSON library refuses anything else), without
// control characters, and harmless a second time.
TEST(HarmlessText, IsUtf8WithoutControls) {
  RandomStream random(2, RandomPurpose::kTest);
  for (int i = 0; i < 3000; ++i) {
    std::string bytes;
    const uint64_t pieces = random.next_below(20);
    for (uint64_t n = 0; n < pieces; ++n) {
      if (random.next_bernoulli(0.5)) {
        bytes += static_cast<char>(random.next_below(256));
      } else {
        bytes += utf8(static_cast<char32_t>(random.next_below(0x110000)));
      }
    }
    const std::string text = harmless_text(bytes);
    ASSERT_NO_THROW(static_cast<void>(nlohmann::json(text).dump()));
    for (const char c : text) ASSERT_TRUE(c == '\n' || static_cast<uint8_t>(c) >= 0x20);
    ASSERT_EQ(harmless_text(text), text);
  }
}

TEST(HarmlessText, KeepsWritingAndStopsSteering) {
  EXPECT_EQ(harmless_text("<think> 五 加\té </think>\nπ 😀"), "<think> 五 加 é </think>\nπ 😀");
  EXPECT_EQ(harmless_text("\x1b[2J\r\x7f"), "\uFFFD[2J\uFFFD\uFFFD");
  EXPECT_EQ(harmless_text("\xC2\x9B"
                          "31m"),
            "\uFFFD"
            "31m");
  EXPECT_EQ(harmless_text("a\u202Eb"),
            "a\uFFFD"
            "b");
  EXPECT_EQ(harmless_text("\xE4\xBA"), "\uFFFD\uFFFD");
  EXPECT_EQ(harmless_text("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");
}

}  // namespace
}  // namespace hone
