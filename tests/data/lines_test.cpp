#include "hone/data/lines.h"

#include <gtest/gtest.h>

#include <fstream>

#include "core/faults.h"
#include "hone/core/error.h"

namespace hone {
namespace {

using Lines = std::vector<std::pair<std::string, std::string>>;

std::string unhex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

class LinesTest : public testing::Test {
 protected:
  std::string write(const std::string& bytes) {
    std::ofstream(folder_ / "x", std::ios::binary) << bytes;
    return (folder_ / "x").string();
  }
  Lines read(const std::string& bytes) {
    Lines lines;
    for_each_line(write(bytes), [&](std::string_view line, const std::string& place) {
      lines.emplace_back(line, place.substr(place.rfind(':') + 1));
    });
    return lines;
  }

  const test::TempFolder folder_;
};

// {"a":1}, a blank line, one of spaces, {"b":2} with CR LF, {"c":3} without an end; packed by Python 3.11 and
// zstd 1.5.4.
const Lines kLines = {{R"({"a":1})", "1"}, {R"({"b":2})", "4"}, {R"({"c":3})", "5"}};
constexpr std::string_view kPacked[] = {
    "1f8b0800000000000203ab564a54b232ace5e25250e0aa564a52b232aae505329295ac8c6b012c6fb5831c000000",
    "28b52ffd241ce100007b2261223a317d0a0a20200a7b2262223a327d0d0a7b2263223a337df6daac34",
    "fd377a585a000004e6d6b4460200210116000000742fe5a301001b7b2261223a317d0a0a20200a7b2262223a327d0d0a7b2263223a337d00"
    "9d13247f83e207550001341c931aad8f1fb6f37d010000000004595a",
    "425a683931415926535933022af400000b59800012500038103800000a200022351ea3034201a005c24f4d5e208530986bc5a2ee48a70a12"
    "0660455e80"};

TEST_F(LinesTest, PackedOrNot) {
  EXPECT_EQ(read("{\"a\":1}\n\n  \n{\"b\":2}\r\n{\"c\":3}"), kLines);
  for (const std::string_view packed : kPacked) EXPECT_EQ(read(unhex(packed)), kLines) << packed;
  EXPECT_EQ(read(""), Lines{});
}

TEST_F(LinesTest, LongLinesCrossBuffers) {
  const std::string longest(300'000, 'x');
  EXPECT_EQ(read(longest + "\ny\n"), (Lines{{longest, "1"}, {"y", "2"}}));
}

TEST_F(LinesTest, WhatIsCutOffIsAnError) {
  for (const std::string_view packed : kPacked) {
    const std::string bytes = unhex(packed);
    EXPECT_THROW(read(bytes.substr(0, bytes.size() - 12)), Error) << packed;
  }
  EXPECT_THROW(for_each_line((folder_ / "absent").string(), [](auto, const auto&) {}), Error);
  EXPECT_THROW(for_each_line(folder_.path().string(), [](auto, const auto&) {}), Error);
}

}  // namespace
}  // namespace hone
