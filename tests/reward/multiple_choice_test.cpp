#include <gtest/gtest.h>

#include "reward/judging.h"

namespace hone {
namespace {

const Prompt kB = prompt(R"({"answer":"B"})");
const Prompt kCities = prompt(R"({"answer":"B","choices":["Rome","Paris","Bonn"]})");

RewardResult result(const Prompt& p, const std::string& text) {
  return judge(config(MultipleChoiceReward{}), p, completion(text));
}

TEST(MultipleChoiceReward, ReadsAMarkedOption) {
  for (const char* text : {"B",
                           "b",
                           "(B)",
                           "B.",
                           "B)",
                           "B。",
                           " B \n",
                           "option B",
                           "Answer: B",
                           "B: Paris",
                           "B) Paris",
                           "(B) Paris",
                           "B. Paris, of course",
                           R"(\text{B})",
                           R"(\textbf{(B)})",
                           "**B**",
                           "$B$",
                           R"(\(B\))",
                           R"(\mathrm{B})",
                           "B、巴黎"}) {
    EXPECT_EQ(result(kB, fmt::format("<think>A</think><answer>{}</answer>", text)).value, 1.0) << text;
    EXPECT_EQ(result(kB, fmt::format("so \\boxed{{{}}}", text)).value, 1.0) << text;
    EXPECT_EQ(result(kB, text).value, 1.0) << text;
  }
  for (const char* text :
       {"",    "A",    "A, B",    "A, B, C, D", "AB",         "A or B", "(B) or (C)", "B) and C)", "(B)/(C)", "B. or C",
        "B B", "Bonn", "Because", "not B",      "B is wrong", "B?",     "б",          "Ｂ",        "1",       "BB"}) {
    EXPECT_EQ(result(kB, fmt::format("<answer>{}</answer>", text)).value, 0.0) << text;
  }
}

TEST(MultipleChoiceReward, ReadsTheTextOfAnOption) {
  EXPECT_EQ(result(kCities, "<answer>paris.</answer>").value, 1.0);
  EXPECT_EQ(result(kCities, R"(\boxed{\text{Paris}})").value, 1.0);
  EXPECT_EQ(result(kCities, "<answer>Rome</answer>").value, 0.0);
  EXPECT_EQ(result(kCities, "<answer>(B) Paris</answer>").value, 1.0);
  EXPECT_EQ(result(kCities, "<answer>B, the French one</answer>").value, 0.0);
  EXPECT_EQ(result(kCities, "<answer>B: Rome</answer>").value, 0.0) << "contradicts itself";
  EXPECT_EQ(result(kCities, "<answer>D</answer>").value, 0.0) << "there are three";
  EXPECT_EQ(result(prompt(R"({"answer":"Paris","choices":["Rome","Paris"]})"), "<answer>B</answer>").value, 1.0);
  EXPECT_EQ(result(prompt(R"({"answer":1,"choices":["Rome","Paris"]})"), "<answer>B</answer>").value, 1.0);
  EXPECT_EQ(result(prompt(R"({"answer":0,"choices":["Rome","Paris"]})"), "<answer>B</answer>").value, 0.0);
  // An option that is a letter is meant before the letter that names it.
  EXPECT_EQ(result(prompt(R"({"answer":"A","choices":["B","A"]})"), "<answer>A</answer>").value, 1.0);
}

TEST(MultipleChoiceReward, ReadsSeveralOptions) {
  const Prompt several = prompt(R"({"answer":["A","C"]})"), joined = prompt(R"({"answer":"AC"})");
  for (const Prompt& p : {several, joined, prompt(R"({"answer":"A, C"})")}) {
    for (const char* text : {"A, C", "C, A", "A and C", "AC", "A、C", "(A), (C)", "A; C", "options A and C"}) {
      EXPECT_EQ(result(p, fmt::format("<answer>{}</answer>", text)).value, 1.0) << text;
    }
    for (const char* text : {"A", "C", "A, B, C", "A, A, C", "ABCD"}) {
      EXPECT_EQ(result(p, fmt::format("<answer>{}</answer>", text)).value, 0.0) << text;
    }
  }
}

// In free text only a statement counts, the last one.
TEST(MultipleChoiceReward, ReadsAStatement) {
  for (const char* text : {"The answer is B.", "the correct answer is (B)", "I think A first. Answer: B",
                           "Answer is: **B**", "The answer is A. No, the answer is B.", "答案是B。", "答案：B",
                           "ANSWER: B", "The answer is option B because A is wrong", "The answer is $\\text{B}$"}) {
    EXPECT_EQ(result(kB, text).value, 1.0) << text;
  }
  for (const char* text : {"Because B is valid", "A. Because B is not valid", "The answer is B. No, the answer is C.",
                           "No valid answer here", "The answer is Bonn", "The answer is A or B", "The answer is B or A",
                           "Answer: (B)/(C)", "B or not B", "<think>The answer is B.</think>I do not know.",
                           "<think>The answer is B.", "<answer>C</answer> The answer is B."}) {
    EXPECT_EQ(result(kB, text).value, 0.0) << text;
  }
  MultipleChoiceReward boxed;
  boxed.source.answer_in = AnswerPlace::kBox;
  EXPECT_EQ(judge(config(boxed), kB, completion("The answer is B.")).value, 0.0);
}

TEST(MultipleChoiceReward, WithoutAGoldItIsUnusable) {
  for (const char* record : {"{}", R"({"answer":"Paris"})", R"({"answer":1})", R"({"answer":""})", R"({"answer":[]})",
                             R"({"answer":"D","choices":["a","b"]})", R"({"answer":2,"choices":["a","b"]})",
                             R"({"answer":-1,"choices":["a","b"]})", R"({"answer":null})"}) {
    EXPECT_EQ(result(prompt(record), "<answer>B</answer>").verdict, Verdict::kUnusable) << record;
  }
}

}  // namespace
}  // namespace hone
