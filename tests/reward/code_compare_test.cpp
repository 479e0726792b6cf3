#include "reward/code/compare.h"

#include <gtest/gtest.h>

namespace hone::code {
namespace {

bool same(std::string_view output, std::string_view expected, std::optional<double> tolerance = std::nullopt,
          CodeComparison comparison = CodeComparison::kTokens) {
  return !find_difference(output, expected, comparison, tolerance).has_value();
}

TEST(CodeCompare, Words) {
  EXPECT_TRUE(same("1 2\n3", "1 2\n3\n"));
  EXPECT_TRUE(same("1\t2 \r\n 3\n\n", "1 2\n3"));
  EXPECT_TRUE(same("", " \n"));
  EXPECT_FALSE(same("1 2", "1 2 3"));
  EXPECT_FALSE(same("1 2 3", "1 2"));
  EXPECT_FALSE(same("12", "1 2"));
  EXPECT_FALSE(same("yes", "YES"));
  EXPECT_FALSE(same("", "0"));
  EXPECT_FALSE(same(std::string_view("a\0b", 3), "a"));
}

TEST(CodeCompare, Tolerance) {
  EXPECT_FALSE(same("0.1", "0.10"));
  EXPECT_TRUE(same("0.1", "0.10", 0.0));
  EXPECT_TRUE(same("0.3333", "0.333333", 1e-3));
  EXPECT_FALSE(same("0.33", "0.333333", 1e-3));
  EXPECT_TRUE(same("1000001", "1000000", 1e-5));  // relative above one
  EXPECT_FALSE(same("1.00002", "1", 1e-5));
  EXPECT_TRUE(same("+1e3", "1000", 1e-9));
  EXPECT_TRUE(same("x 1.0", "x 1", 1e-9));
  for (const char* word : {"nan", "inf", "-inf", "0x10", "1e999", "1.0x", "1,0", "--1", "", "1e", "infinity"}) {
    EXPECT_FALSE(same(word, "16", 1e9)) << word;
  }
  EXPECT_FALSE(same("nan", "inf", 1e9));
  EXPECT_TRUE(same("nan", "nan", 1e-9));  // the same word
}

TEST(CodeCompare, Lines) {
  const auto lines = CodeComparison::kLines;
  EXPECT_TRUE(same("a b \nc\n\n", "a b\nc", std::nullopt, lines));
  EXPECT_FALSE(same("a  b", "a b", std::nullopt, lines));
  EXPECT_FALSE(same(" a", "a", std::nullopt, lines));
  EXPECT_FALSE(same("a\n\nb", "a\nb", std::nullopt, lines));
  EXPECT_FALSE(same("a", "a\nb", std::nullopt, lines));
  EXPECT_TRUE(same("\n", "", std::nullopt, lines));
}

TEST(CodeCompare, SaysWhereTheyDiffer) {
  EXPECT_EQ(find_difference("1 2", "1 3", CodeComparison::kTokens, std::nullopt), "word 2: got '2', expected '3'");
  EXPECT_EQ(find_difference("a", "a\nb", CodeComparison::kLines, std::nullopt), "line 2: got '', expected 'b'");
}

}  // namespace
}  // namespace hone::code
