#include "tokenizer/added_tokens.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace hone {
namespace {

// The text with every token found as [id].
std::string marked(const AddedTokens& tokens, const std::string& text, bool normalized = false,
                   bool parse_special = true) {
  std::string out;
  for (const auto& [range, id] : tokens.split(text, normalized, parse_special)) {
    out += id < 0 ? text.substr(range.begin, range.end - range.begin) : "[" + std::to_string(id) + "]";
  }
  return out;
}

AddedToken token(const char* content, int64_t id) {
  AddedToken token;
  token.content = content;
  token.id = id;
  token.normalized = false;
  return token;
}

TEST(AddedTokens, TakesTheLongestAtEveryPlace) {
  const AddedTokens tokens({token("<a>", 1), token("<a><a>", 2), token("a", 3), token(">x", 4)}, nullptr);
  EXPECT_EQ(marked(tokens, "<a><a><a>x"), "[2][1]x");
  EXPECT_EQ(marked(tokens, "ba<a"), "b[3]<[3]");
  EXPECT_EQ(marked(tokens, ""), "");
}

TEST(AddedTokens, StripsOnlyWhatIsFree) {
  AddedToken left = token("L", 1), right = token("R", 2), both = token("B", 3);
  left.lstrip = right.rstrip = both.lstrip = both.rstrip = true;
  const AddedTokens tokens({left, right, both}, nullptr);
  EXPECT_EQ(marked(tokens, "a  L  b"), "a[1]  b");
  EXPECT_EQ(marked(tokens, "a  R \u3000\n b"), "a  [2]b");
  EXPECT_EQ(marked(tokens, "R  L"), "[2][1]");
  EXPECT_EQ(marked(tokens, " B B "), "[3][3]");
}

TEST(AddedTokens, SingleWordsStandAlone) {
  AddedToken word = token("he", 1);
  word.single_word = true;
  const AddedTokens tokens({word}, nullptr);
  EXPECT_EQ(marked(tokens, "he she hey he, élhe he_ \"he\""), "[1] she hey [1], élhe he_ \"[1]\"");
  EXPECT_EQ(marked(tokens, "漢he he漢 he\u0301"), "漢he he漢 he\u0301");
}

TEST(AddedTokens, LeavesSpecialOnesThatAreNotParsed) {
  AddedToken special = token("<s>", 1);
  special.special = true;
  const AddedTokens tokens({special, token("s>x", 2), token("<t>", 3)}, nullptr);
  EXPECT_EQ(marked(tokens, "<s><t>", false, false), "<s>[3]");
  EXPECT_EQ(marked(tokens, "<s>x", false, false), "<s>x");  // it has been found, so nothing within it is
}

TEST(AddedTokens, FindsTheNormalisedInTheNormalisedText) {
  const Json lowercase = {{"type", "Lowercase"}};
  const std::string file = "test";
  const auto normalizer = read_normalizer(Node(lowercase, file));
  AddedToken normalized = token("Tool", 1);
  normalized.normalized = true;
  const AddedTokens tokens({normalized, token("Raw", 2)}, normalizer.get());
  EXPECT_TRUE(tokens.any(true));
  EXPECT_EQ(marked(tokens, "tool raw", /*normalized=*/true), "[1] raw");
  EXPECT_EQ(marked(tokens, "Tool Raw", /*normalized=*/false), "Tool [2]");
}

}  // namespace
}  // namespace hone
