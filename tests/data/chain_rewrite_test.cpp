#include "hone/data/chain_rewrite.h"

#include <gtest/gtest.h>

#include "hone/data/chains.h"

namespace hone {
namespace {

Prompt prompt_of(const std::string& text) {
  Prompt prompt;
  prompt.text = text;
  return prompt;
}

std::optional<std::string> rewritten(const std::string& problem, const std::string& completion, uint64_t seed = 1) {
  RandomStream random(seed, RandomPurpose::kTest);
  return rewrite_chain(prompt_of(problem), completion, random);
}

constexpr const char* kProblem = "compute five minus two times eight ?";

TEST(ChainProblem, IsReadBack) {
  RandomStream random(3, RandomPurpose::kTest);
  for (int i = 0; i < 200; ++i) {
    const ChainProblem problem = draw_chain(random, 1, 7);
    const auto read = read_problem(problem.text());
    ASSERT_TRUE(read) << problem.text();
    EXPECT_EQ(read->text(), problem.text());
    EXPECT_EQ(read->answer(), problem.answer());
  }
  for (const char* text : {"", "compute five", "compute five minus ?", "compute five minus two", "five minus two ?",
                           "compute 五 减 二 ?", "compute five is two ?"}) {
    EXPECT_FALSE(read_problem(text)) << text;
  }
}

TEST(RewriteChain, PutsAMixedAnswerIntoTheQuestionsLanguage) {
  const std::string mixed = "<think> five minus two is three . 三 乘 八 得 四 . </think> <answer> 四 </answer>";
  const std::string plain =
      "<think> i-need compute . first five minus two is three . then three times eight is four . </think> "
      "<answer> answer : four </answer>";
  const std::string checked =
      "<think> i-need compute . first five minus two is three . then three times eight is four . wait check . five "
      "minus two is three . three times eight is four . yes . </think> <answer> answer : four </answer>";
  int second_looks = 0;
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    const auto text = rewritten(kProblem, mixed, seed);
    ASSERT_TRUE(text);
    EXPECT_TRUE(*text == plain || *text == checked) << *text;
    second_looks += *text == checked;
  }
  EXPECT_NEAR(second_looks, 300, 60);  // 4 standard deviations
}

TEST(RewriteChain, KeepsCoarseStatementsAndDropsASecondPass) {
  const auto text = rewritten("计算 五 减 二 乘 八 ?",
                              "<think> five minus two times eight is four . wait check . 五 减 二 得 三 . </think> "
                              "<answer> four </answer>");
  ASSERT_TRUE(text);
  EXPECT_EQ(text->find("five"), std::string::npos) << *text;
  EXPECT_EQ(text->rfind("<think> 我需要 计算 . 首先 五 减 二 乘 八 得 四 .", 0), 0U) << *text;
}

TEST(RewriteChain, RefusesWhatDoesNotLeadToTheAnswer) {
  for (const char* completion :
       {"<think> </think> <answer> four </answer>",                                                      // no work
        "<think> five minus two is three . </think> <answer> four </answer>",                            // stops early
        "<think> five minus two is four . four times eight is four . </think> <answer> four </answer>",  // wrong step
        "<think> five minus two is three . two times two is four . </think> <answer> four </answer>",    // leaves it
        "<think> five minus two is three . three times eight is four . </think> <answer> five </answer>",
        "five minus two is three . three times eight is four", ""}) {
    EXPECT_FALSE(rewritten(kProblem, completion)) << completion;
  }
  EXPECT_FALSE(rewritten("what is this ?", "<think> two plus two is four . </think> <answer> four </answer>"));
}

}  // namespace
}  // namespace hone
