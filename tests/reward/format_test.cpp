#include <gtest/gtest.h>

#include "reward/judging.h"

namespace hone {
namespace {

// By the policy: one <think>, one </think>, the first with nothing but white space before it, something after the
// other.
TEST(FormatReward, WithoutAnswerTags) {
  struct Case {
    const char* text;
    double plain, opened;  // opened: the prompt ended with <think>
  };
  const Case cases[] = {
      {"<think>a</think>b", 1, 0},
      {"\n <think>a</think>\n\\boxed{5}", 1, 0},
      {"<think>a</think><answer>b</answer>", 1, 0},
      {"<think>a</think>", 0, 0},
      {"<think>a</think> \n", 0, 0},
      {"x<think>a</think>b", 0, 0},
      {"<think>a</think>b</think>", 0, 0},
      {"<think>a<think>b</think>c", 0, 0},
      {"</think>a<think>b", 0, 0},
      {"<think >a</think >b", 0, 0},
      {"＜think＞a＜/think＞b", 0, 0},
      {"<THINK>a</THINK>b", 0, 0},
      {"\xEF\xBB\xBF<think>a</think>b", 0, 0},  // a byte order mark is no white space
      {"<think>a", 0, 0},
      {"a</think>b", 0, 1},
      {"a</think>", 0, 0},
      {"a</think>b</think>c", 0, 0},
      {"a", 0, 0},
      {"", 0, 0},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(judge(config(FormatReward{.answer_tags = false}), {}, completion(c.text)).value, c.plain) << c.text;
    EXPECT_EQ(
        judge(config(FormatReward{.answer_tags = false, .think_opened_by_prompt = true}), {}, completion(c.text)).value,
        c.opened)
        << c.text;
  }
  const FormatReward loose{.require_thinking = false, .answer_tags = false};
  EXPECT_EQ(judge(config(loose), {}, completion("<think> </think>b")).value, 1.0);
  EXPECT_EQ(judge(config(FormatReward{.answer_tags = false}), {}, completion("<think> </think>b")).value, 0.0);
  EXPECT_EQ(judge(config(loose), {}, completion("<think>a</think>b", FinishReason::kLength)).value, 0.0);
  const FormatReward opened{.think_opened_by_prompt = true};
  EXPECT_EQ(judge(config(opened), {}, completion("a</think><answer>b</answer>")).value, 1.0);
  EXPECT_EQ(judge(config(opened), {}, completion("<think>a</think><answer>b</answer>")).value, 0.0);
}

TEST(TagCountReward, CountsTagsThatStandOnce) {
  const std::pair<const char*, double> cases[] = {
      {"<think>\na\n</think>\n<answer>\nb\n</answer>", 1},
      {"<think>a</think><answer>b</answer>", 1},
      {"a</think><answer>b</answer>", 0.75},
      {"<think><think>a</think><answer>b</answer>", 0.75},
      {"<think>a", 0.25},
      {"a", 0},
      {"", 0},
  };
  for (const auto& [text, expected] : cases) {
    const RewardResult r = judge(config(TagCountReward{}), {}, completion(text));
    EXPECT_EQ(r.value, expected) << text;
    EXPECT_EQ(r.verdict, Verdict::kNone);
  }
  EXPECT_EQ(judge(config(TagCountReward{true}), {}, completion("a</think><answer>b</answer>")).value, 1.0);
}

TEST(CodeFormatReward, WantsAClosedBlockOfTheLanguage) {
  const auto answer = [](const std::string& inside) { return "<think>a</think><answer>" + inside + "</answer>"; };
  const Prompt python = prompt(R"({"language":"python"})");
  const std::pair<std::string, double> cases[] = {
      {answer("```python\nx\n```"), 1},
      {answer("see:\n```Python3\nx\n```"), 0},
      {answer("```PYTHON\nx\n```"), 1},
      {answer("```text\nx\n```\nand\n```python\ny\n```"), 1},
      {answer("```python"), 0},
      {answer("```python\nx"), 0},
      {answer("```\nx\n```"), 0},
      {answer("```pythonic\nx\n```"), 0},
      {answer("x"), 0},
      {"```python\nx\n```", 0},
      {"<think>```python\nx\n```</think><answer>x</answer>", 0},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(judge(config(CodeFormatReward{}), python, completion(text)).value, expected) << text;
    EXPECT_EQ(judge(config(CodeFormatReward{"python"}), prompt(R"({"language":"cpp"})"), completion(text)).value,
              expected);
  }
  EXPECT_EQ(judge(config(CodeFormatReward{}), prompt("{}"), completion("a")).verdict, Verdict::kUnusable);
}

TEST(ReasoningStepsReward, CountsMarks) {
  const std::pair<const char*, double> cases[] = {
      {"Step 1: a\nStep 2: b\nStep 3: c\nStep 4: d", 1},
      {"Step 12: a", 1.0 / 3},
      {"1. a\n2. b", 2.0 / 3},
      {"a\n- b\n* c\n- d", 1},
      {"First, a. Next, b.", 2.0 / 3},
      {"first, a", 0},
      {"in 2020. a", 0},
      {"", 0},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_DOUBLE_EQ(judge(config(ReasoningStepsReward{}), {}, completion(text)).value.value(), expected) << text;
  }
  EXPECT_EQ(judge(config(ReasoningStepsReward{1}), {}, completion("First, a. Next, b.")).value, 1.0);
}

}  // namespace
}  // namespace hone
