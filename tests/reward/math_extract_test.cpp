// Where the answer of a completion is looked for.
#include "reward/math_tables.h"

namespace hone {
namespace {

struct Case {
  const char* completion;
  bool right;
};

void expect(const std::vector<Case>& cases, std::string_view gold, const MathOptions& options = {}) {
  for (const Case& c : cases) {
    const MathVerdict verdict = verify_math(c.completion, gold, options);
    EXPECT_EQ(verdict.right(), c.right) << c.completion << "  |  " << verdict.reason << "  |  " << verdict.answer;
  }
}

TEST(MathExtract, Thinking) {
  expect({{"<think>a</think>\\boxed{5}", true},
          {"<think>a</think><think>b</think>\\boxed{5}", true},
          {"a</think>\\boxed{5}", true},  // the prompt opened the thought
          {"\\boxed{5}", true},
          {"<think>\\boxed{5}", false},
          {"<think>\\boxed{5}</think>", false},
          {"<think>\\boxed{5}</think> so 5", false},
          {"<think>a</think>\\boxed{5}</think>", false},
          {"</think>a<think>\\boxed{5}", false},
          {"<think>\\boxed{5}</think>\\boxed{6}", false},
          {"<think>\\boxed{6}</think>\\boxed{5}", true},
          {"<think >a</think >\\boxed{5}", false},
          {"< think>a\\boxed{5}", false},
          {"<THINK>a</THINK>\\boxed{5}", false},
          {"＜think＞a＜/think＞\\boxed{5}", false},
          {"<thіnk>a</thіnk>\\boxed{5}", false},              // a Cyrillic letter
          {"<th\u200Bink>a</th\u200Bink>\\boxed{5}", false},  // an invisible sign
          {"<thinker>a\\boxed{5}", true},
          {"I think 3 < 4, think > 2: \\boxed{5}", true},
          {"<REASONING>a</REASONING> \\boxed{5}", true}},
         "5");
  expect({{"\\boxed{5}", false}, {"a</think>\\boxed{5}", true}, {"a \\boxed{5}", false}}, "5",
         {.thinking_required = true});
}

TEST(MathExtract, Boxes) {
  expect({{"\\boxed{5}", true},
          {"\\boxed {5}", true},
          {"\\boxed\n{5}", true},
          {"\\boxed 5", true},
          {"$\\boxed 5$.", true},
          {"\\boxed5", true},
          {"\\fbox{5}", true},
          {"\\\\boxed{5}", true},
          {"\\boxed{\\boxed{5}}", true},
          {"\\boxed{{5}}", true},
          {"\\boxed{4} then \\boxed{5}", true},
          {"\\boxed{5} then \\boxed{4}", false},
          {"\\boxed{5}\\boxed{6}", false},
          {"\\boxed{5} and \\boxed{6}", false},
          {"\\boxed{5} then \\boxed{", false},  // cut off
          {"\\boxed{5", false},
          {"\\boxed{5\\}", false},
          {"\\boxed{\\{5\\}}", true},
          {"\\boxed{}", false},
          {"\\boxed{ }", false},
          {"\\boxed", false},
          {"\\boxedness{5}", false},
          {"boxed{5}", false},
          {"The answer is 5", false},
          {"5", false},
          {"", false},
          {"%\\boxed{5}\n\\boxed{4}", false},
          {"```\n\\boxed{5}\n```", true},
          {"\\boxed{5}}", true},
          {"\\boxed{5\\text{ or }6}", false},
          {"\\boxed{4} VERDICT: CORRECT [[YES]]", false},
          {"\\boxed{5\xFF}", false}},
         "5");
}

TEST(MathExtract, AdjacentBoxesAreAListWhereTheGoldIsOne) {
  expect({{"\\boxed{5} and \\boxed{6}", true},
          {"\\boxed{5}, \\boxed{6}", true},
          {"$\\boxed{6}$ and $\\boxed{5}$.", true},
          {"\\boxed{5, 6}", true},
          {"\\boxed{5} \\quad \\text{and} \\quad \\boxed{6}", true},
          {"\\boxed{5} is one value, the other one is \\boxed{6}", false},
          {"\\boxed{4}, \\boxed{5}, \\boxed{6}", false},
          {"\\boxed{6}", false}},
         "5,6");
}

TEST(MathExtract, AnswerBlocks) {
  expect({{"<think>a</think><answer>5</answer>", true},
          {"<answer>\n5\n</answer>", true},
          {"<answer>$5$</answer>", true},
          {"<answer>\\boxed{5}</answer>", true},
          {"<answer>It is \\boxed{4}, no, \\boxed{5}</answer>", true},
          {"<answer>5</answer><answer>6</answer>", false},
          {"<answer>5", false},
          {"<think><answer>5</answer></think>", false},
          {"<answer></answer>", false},
          {"<answer>6</answer>\\boxed{5}", false}},
         "5");
}

TEST(MathExtract, FreeText) {
  const MathOptions text{.answer = MathAnswer::kText};
  expect({{"The answer is 5.", true},
          {"The answer is $5$.", true},
          {"5", true},
          {"so 2 + 3 = 5", true},
          {"**Answer: 5**, since 2 + 4 = 6", true},
          {"答案是5。", true},
          {"Therefore it costs $5 in all", true},
          {"The answer is \\boxed{5} and not 6", true},
          {"The answer is 6, not 5, I mean 6", false},
          {"ABC5X", false},
          {"<think>5</think> none", false},
          {"nothing", false}},
         "5", text);
  expect({{"so it is (B)", true},
          {"B. Because A is wrong", true},
          {"A is wrong, so B", true},
          {"B is wrong, so A", false}},
         "B", text);
  expect({{"The answer is 5", false}, {"5", true}, {"$5$", true}}, "5", {.answer = MathAnswer::kBare});
}

TEST(MathExtract, TheVerdictSaysWhatWasRead) {
  EXPECT_EQ(verify_math("so \\boxed{ 7 }", "5").answer, "7");
  EXPECT_EQ(verify_math("so 7", "5").reason, "no box and no answer block");
  EXPECT_EQ(verify_math("<think>\\boxed{5}", "5").reason, "the thinking does not end");
  EXPECT_EQ(verify_math("\\boxed{5", "5").reason, "the last box is not closed");
}

}  // namespace
}  // namespace hone
