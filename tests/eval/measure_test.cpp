// Measures against enumeration and closed forms on constructed samples.
#include "hone/eval/measure.h"

#include <gtest/gtest.h>

#include <cmath>

#include "reward/judging.h"

namespace hone {
namespace {

// By trying every subset of k of the n samples, of which the first `right` are right.
double pass_by_enumeration(int n, int right, int k) {
  int64_t subsets = 0, passed = 0;
  for (int set = 0; set < 1 << n; ++set) {
    if (__builtin_popcount(static_cast<unsigned>(set)) != k) continue;
    ++subsets;
    passed += (set & ((1 << right) - 1)) != 0;
  }
  return static_cast<double>(passed) / static_cast<double>(subsets);
}

TEST(PassAtK, IsTheShareOfSubsetsWithARightOne) {
  for (int n = 1; n <= 10; ++n) {
    for (int right = 0; right <= n; ++right) {
      for (int k = 1; k <= n; ++k) {
        EXPECT_NEAR(pass_at_k(n, right, k), pass_by_enumeration(n, right, k), 1e-12) << n << ' ' << right << ' ' << k;
      }
    }
  }
  EXPECT_NEAR(pass_at_k(10000, 1, 64), 0.0064, 1e-12);
}

RolloutGroup group(const std::string& gold, const std::vector<std::string>& answers) {
  RolloutGroup g;
  g.prompt = prompt(R"({"answer":")" + gold + R"("})");
  for (const std::string& answer : answers) {
    g.completions.push_back(completion(answer.empty() ? "I do not know" : "\\boxed{" + answer + "}"));
  }
  return g;
}

Measures measured(const std::vector<RolloutGroup>& groups) {
  return Judge(config(MathReward{}))(groups).measures;
}

double consensus(const std::string& gold, const std::vector<std::string>& answers) {
  return measured({group(gold, answers)}).consensus.value();
}

TEST(Consensus, EqualAnswersVoteTogether) {
  EXPECT_EQ(consensus("1/2", {"0.5", "\\frac12", "3", "3"}), 0.5);  // a tie of a right and a wrong answer
  EXPECT_EQ(consensus("1/2", {"0.5", "\\frac12", "2/4", "3", "3"}), 1.0);
  EXPECT_EQ(consensus("1/2", {"0.5", "3", "3", "3.0"}), 0.0);
  EXPECT_EQ(consensus("1/2", {"0.5", "1", "2", "3"}), 0.25);
  EXPECT_EQ(consensus("1/2", {"", "", "", "0.5"}), 1.0) << "who says nothing does not vote";
  EXPECT_EQ(measured({group("1", {"", ""}), group("1", {"1", "1"})}).consensus, 0.5) << "no answer at all is wrong";
}

TEST(Consensus, NeedsSeveralAnswers) {
  EXPECT_EQ(measured({group("1", {"1"})}).consensus, std::nullopt);
  EXPECT_EQ(measured({group("1", {"", ""})}).consensus, std::nullopt);
  RolloutGroup g;
  g.prompt = prompt(R"({"numbers":[1,2],"target":3})");
  g.completions = {completion("<answer>1+2</answer>"), completion("<answer>2+1</answer>")};
  const Measures m = Judge(config(CountdownReward{}))({g}).measures;
  EXPECT_EQ(m.accuracy, 1.0);
  EXPECT_EQ(m.consensus, std::nullopt) << "a countdown has no one answer";
}

TEST(Measures, AreMeansOverProblems) {
  // Shares of right ones 1, 1/4 and 1/2 of 4, 4 and 2; the record without a gold counts nowhere.
  std::vector<RolloutGroup> groups = {group("7", {"7", "7", "7", "7"}), group("7", {"7", "1", "2", ""}),
                                      group("7", {"7", "8"}), group("", {"7", "7"})};
  groups[1].completions[0].finish_reason = FinishReason::kLength;
  groups[1].completions[0].ids.resize(30);
  const Measures m = measured(groups);
  EXPECT_EQ(m.problems, 4);
  EXPECT_EQ(m.completions, 12);
  EXPECT_EQ(m.unusable, 2);
  EXPECT_NEAR(m.accuracy, 1.75 / 3, 1e-12);
  const double mean = 1.75 / 3, variance = (1 + 0.0625 + 0.25 - 3 * mean * mean) / 2;
  EXPECT_NEAR(m.accuracy_error, 1.96 * std::sqrt(variance / 3), 1e-12);
  ASSERT_EQ(m.pass_at.size(), 1U);
  EXPECT_EQ(m.pass_at[0].first, 2);
  EXPECT_NEAR(m.pass_at[0].second, (1 + 0.5 + 1) / 3.0, 1e-12);
  EXPECT_NEAR(m.mean_length, (11 * 10 + 30) / 12.0, 1e-12);
  EXPECT_NEAR(m.clipped_ratio, 1 / 12.0, 1e-12);
  EXPECT_EQ(m.format, 0);
}

TEST(Measures, CountPowersOfTwoAndAll) {
  const std::vector<std::string> six(6, "7");
  const Measures m = measured({group("7", six)});
  std::vector<int64_t> ks;
  for (const auto& [k, share] : m.pass_at) ks.push_back(k);
  EXPECT_EQ(ks, (std::vector<int64_t>{2, 4, 6}));
}

TEST(Measures, OfNothingAreUnknown) {
  const Measures m = measured({group("", {"7"})});
  EXPECT_TRUE(std::isnan(m.accuracy));
  EXPECT_EQ(m.unusable, 1);
  EXPECT_TRUE(m.pass_at.empty());
}

TEST(ReflectionWords, AreWholeWords) {
  EXPECT_EQ(count_reflection_words("Wait, however: I check. WRONG"), 4);
  EXPECT_EQ(count_reflection_words("waiter butter checks await erroré"), 0);
  EXPECT_EQ(count_reflection_words(""), 0);
}

TEST(JudgingReward, IsTheFirstThatSaysWhatIsRight) {
  EXPECT_EQ(judging_reward({config(FormatReward{}), config(MathReward{}), config(AccuracyReward{})})->type(), "math");
  EXPECT_EQ(judging_reward({config(FormatReward{}), config(LengthReward{})}), std::nullopt);
}

}  // namespace
}  // namespace hone
