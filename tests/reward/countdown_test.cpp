#include <gtest/gtest.h>

#include <cmath>

#include "hone/core/random.h"
#include "reward/judging.h"

namespace hone {
namespace {

RewardResult result(const std::string& numbers, const std::string& target, const std::string& expression) {
  return judge(config(CountdownReward{}), prompt(fmt::format(R"({{"numbers":{},"target":{}}})", numbers, target)),
               completion("<think>a</think><answer>" + expression + "</answer>"));
}

TEST(CountdownReward, TruthTable) {
  struct Case {
    const char *numbers, *target, *expression;
    bool right;
  };
  const Case cases[] = {
      {"[3,5,7]", "22", "3*5+7", true},
      {"[3,5,7]", "22", "7 + 5\n* 3", true},
      {"[3,5,7]", "36", "3*(5+7)", true},
      {"[3,5,7]", "22", "3*5+7 = 22", false},
      {"[3,5,7]", "22", "22", false},
      {"[3,5,7]", "15", "3*5", false},
      {"[3,5,7]", "29", "3*5+7+7", false},
      {"[8,3,3]", "1", "8 / 3 - 3 / 8", false},
      {"[3,3,8,8]", "24", "8 / (3 - 8 / 3)", true},  // needs exact fractions
      {"[1,3,3,3]", "0", "1 / 3 - 3 / (3 * 3)", false},
      {"[1,3,1,3]", "0", "1/3 - 1/3", true},
      {"[1,3]", "\"1/3\"", "1/3", true},
      {"[1,3]", "0.3333333333333333", "1/3", false},
      {"[4,8]", "0.5", "4/8", true},
      {"[4,8]", "5e-1", "4/8", true},
      {"[8,4,2]", "1", "8/4/2", true},  // from the left
      {"[8,4,2]", "2", "8-4-2", true},
      {"[8,4,2]", "-6", "-8+4-2", true},
      {"[8,4]", "-2", "8/-4", true},
      {"[8,4]", "12", "8--4", true},
      {"[8,4]", "4", "8+-4", true},
      {"[8,4]", "12", "+8+4", true},
      {"[8,4]", "12", "---8+4", false},
      {"[8,4]", "-12", "-(8+4)", true},
      {"[3,2]", "9", "3**2", false},
      {"[3,2]", "9", "3^2", false},
      {"[7,2]", "3", "7//2", false},
      {"[7,8]", "56", "7(8)", false},
      {"[7,8]", "56", "(7)(8)", false},
      {"[7,8]", "56", "7 8", false},
      {"[7,8]", "56", "7×8", false},
      {"[7,8]", "56", "７*８", false},
      {"[7,8]", "15", "7+08", false},
      {"[7,8]", "15", "7+8.0", false},
      {"[10,5]", "15", "1 0 + 5", false},
      {"[7,8]", "78", "78", false},
      {"[5,5,0]", "0", "0/(5-5)", false},
      {"[5,5,0]", "5", "5/(5-0)", false},
      {"[7,8]", "15", "(7+8", false},
      {"[7,8]", "15", "7+8)", false},
      {"[7,8]", "15", "()7+8", false},
      {"[7,8]", "15", "7+8+", false},
      {"[7,8]", "15", "*7+8", false},
      {"[7,8]", "15", "7+8 # easy", false},
      {"[7,8]", "15", "7+8;", false},
      {"[7,8]", "15", "", false},
      {"[0.5,2]", "1", "0.5*2", true},
      {"[0.50,2]", "1", "0.5*2", true},
      {"[3.0,2]", "6", "3*2", true},
      {"[100.0,1e2]", "200", "100+100", true},
      {"[\"3\",\"2\"]", "\"6\"", "3*2", true},
      {"[-3,5]", "2", "-3+5", true},
      {"[-3,5]", "8", "3+5", false},  // the given number is -3
      {"[-3,3]", "0", "3+-3", true},
      {"[-3,3]", "6", "3--3", true},
      {"[-3,3]", "6", "3+3", false},
      {"[99999999999999999999999999,1]", "100000000000000000000000000", "99999999999999999999999999+1", false},
      {"[\"99999999999999999999999999\",1]", "\"100000000000000000000000000\"", "99999999999999999999999999+1", true},
  };
  for (const Case& c : cases) {
    const RewardResult r = result(c.numbers, c.target, c.expression);
    EXPECT_EQ(r.verdict, c.right ? Verdict::kRight : Verdict::kWrong) << c.expression << ": " << r.reason;
    EXPECT_EQ(r.value, c.right ? 1.0 : 0.0);
    EXPECT_EQ(r.reason.empty(), c.right) << c.expression;
  }
}

TEST(CountdownReward, WantsAMarkedAnswer) {
  const Prompt p = prompt(R"({"numbers":[3,5,7],"target":22})");
  const auto right = [&](const char* text, CountdownReward reward = {}) {
    return judge(config(reward), p, completion(text)).value == 1.0;
  };
  EXPECT_TRUE(right(R"(<think>a</think>\boxed{3*5+7})"));
  EXPECT_TRUE(right("<answer>3*5+7</answer> The answer is 55."));
  EXPECT_FALSE(right("3*5+7"));
  EXPECT_FALSE(right("<think><answer>3*5+7</answer></think>"));
  EXPECT_FALSE(right("<think><answer>3*5+7</answer>"));
  EXPECT_FALSE(right("<answer>3*5+7"));
  EXPECT_FALSE(right("<answer>3*5+7</answer><answer>3*5+8</answer>"));
  CountdownReward text;
  text.source.answer_in = AnswerPlace::kText;
  EXPECT_TRUE(right("3*5+7", text));
}

TEST(CountdownReward, WithoutATaskItIsUnusable) {
  for (const char* record :
       {"{}", R"({"numbers":[3]})", R"({"target":3})", R"({"numbers":[],"target":3})",
        R"({"numbers":[null],"target":3})", R"({"numbers":["three"],"target":3})", R"({"numbers":[3],"target":"x"})",
        R"({"numbers":[3],"target":"1/0"})", R"({"numbers":[3],"target":null})", R"({"numbers":{"a":3},"target":3})",
        R"({"numbers":["1e999"],"target":3})", R"({"numbers":["0x3"],"target":3})", R"({"numbers":["nan"],"target":3})",
        R"({"numbers":["1e"],"target":3})", R"({"numbers":["."],"target":3})", R"({"numbers":["-"],"target":3})",
        R"({"numbers":[""],"target":3})"}) {
    EXPECT_EQ(judge(config(CountdownReward{}), prompt(record), completion("<answer>3</answer>")).verdict,
              Verdict::kUnusable)
        << record;
  }
}

// Random expressions of small numbers against doubles, which are exact enough to tell such values apart.
struct Tree {
  std::string text;
  double value;
  bool divides_by_zero = false;
};
Tree grow(RandomStream& random, const std::vector<int>& numbers, size_t begin, size_t end) {
  if (end - begin == 1) {
    const bool negative = random.next_bernoulli(0.2);
    const std::string digits = std::to_string(numbers[begin]);
    return {negative ? "(-" + digits + ")" : digits, negative ? -1.0 * numbers[begin] : numbers[begin], false};
  }
  const size_t middle = begin + 1 + random.next_below(end - begin - 1);
  const Tree a = grow(random, numbers, begin, middle), b = grow(random, numbers, middle, end);
  const char op = "+-*/"[random.next_below(4)];
  const double value = op == '+'   ? a.value + b.value
                       : op == '-' ? a.value - b.value
                       : op == '*' ? a.value * b.value
                                   : a.value / b.value;
  return {"(" + a.text + " " + op + " " + b.text + ")", value,
          a.divides_by_zero || b.divides_by_zero || (op == '/' && std::abs(b.value) < 1e-12)};
}

TEST(CountdownReward, AgreesWithFloatingPoint) {
  RandomStream random(5, RandomPurpose::kTest);
  int rights = 0, wrongs = 0, divided = 0;
  for (int i = 0; i < 20000; ++i) {
    std::vector<int> numbers;
    std::string list;
    for (uint64_t n = 1 + random.next_below(5); n > 0; --n) {
      numbers.push_back(static_cast<int>(random.next_below(12)));
      list += (list.empty() ? "" : ",") + std::to_string(numbers.back());
    }
    const Tree tree = grow(random, numbers, 0, numbers.size());
    const double target = random.next_bernoulli(0.5) && !tree.divides_by_zero ? std::round(tree.value) : i % 20;
    if (tree.divides_by_zero) {
      ++divided;
      ASSERT_EQ(result("[" + list + "]", "1", tree.text).reason, "division by zero") << tree.text;
      continue;
    }
    const bool expected = std::abs(tree.value - target) < 1e-9;
    ASSERT_EQ(result("[" + list + "]", fmt::format("{:.0f}", target), tree.text).value, expected ? 1.0 : 0.0)
        << tree.text << " is " << target;
    ++(expected ? rights : wrongs);
  }
  EXPECT_GT(rights, 3000);
  EXPECT_GT(wrongs, 3000);
  EXPECT_GT(divided, 300);
}

TEST(CountdownReward, IsNeverTooDeep) {
  for (const size_t depth : {0, 1, 200, 100000}) {
    EXPECT_EQ(result("[3,5]", "8", repeated("(", depth) + "3+5" + repeated(")", depth)).value, 1.0);
    EXPECT_EQ(result("[3,5]", "8", repeated("-", 2 * depth) + "3+5").value, 1.0);
    EXPECT_EQ(result("[3,5]", "8", repeated("-(", 2 * depth) + "3+5" + repeated(")", 2 * depth)).value, 1.0);
    EXPECT_EQ(result("[3,5]", "8", repeated("(", depth + 1) + "3+5" + repeated(")", depth)).value, 0.0);
  }
}

}  // namespace
}  // namespace hone
