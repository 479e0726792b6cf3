#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "hone/core/error.h"
#include "reward/judging.h"

namespace hone {
namespace {

const Prompt kGold = prompt(R"({"answer":"x"})");

std::vector<RewardResult> judge_group(const RewardConfig& reward, const Prompt& p,
                                      const std::vector<Completion>& completions) {
  std::vector<RewardResult> results;
  for (const auto& row : RewardSet({reward}, 100).judge(p, completions)) results.push_back(row.at(0));
  return results;
}

// Compared with the two half cosines written out for each side.
TEST(CosineReward, FollowsItsCurve) {
  const CosineReward curve{.of = "exact_match", .max_length = 80};
  for (size_t length = 0; length <= 120; ++length) {
    const double at = std::min(1.0, static_cast<double>(length) / 80);
    const double c = std::cos(at * std::numbers::pi);
    const auto value = [&](const char* text) {
      return judge(config(curve), kGold, completion(text, FinishReason::kStop, length)).value.value();
    };
    EXPECT_NEAR(value("x"), 0.5 + 0.25 * (1 + c), 1e-12) << length;
    EXPECT_NEAR(value("y"), -0.5 - 0.25 * (1 + c), 1e-12) << length;
  }
  // Without a limit of its own it takes that of sampling; characters are code points.
  const CosineReward characters{.of = "exact_match", .unit = LengthUnit::kCharacters};
  EXPECT_NEAR(*judge(config(characters), kGold, completion("x" + std::string(99, ' '))).value, 0.5, 1e-12);
  EXPECT_NEAR(*judge(config(characters), kGold, completion("七" + repeated("七", 99))).value, -0.5, 1e-12);
}

TEST(CosineReward, IsUnusableWhereTheVerdictIs) {
  for (const RewardConfig& reward : {config(CosineReward{.of = "exact_match"}), config(LengthReward{"exact_match"}),
                                     config(LengthTargetReward{.of = "exact_match", .target = 5})}) {
    const RewardResult r = judge(reward, prompt("{}"), completion("x"));
    EXPECT_EQ(r.value, std::nullopt);
    EXPECT_EQ(r.verdict, Verdict::kUnusable);
    EXPECT_EQ(r.reason, "exact_match: the record has no answer");
  }
  const RewardResult graded = judge(config(CosineReward{.of = "tag_count"}), kGold, completion("x"));
  EXPECT_EQ(graded.verdict, Verdict::kUnusable);
}

TEST(CosineReward, BuildsOnARewardOfTheListOrAType) {
  // The one of the list ignores case; the type with its defaults does not.
  ExactMatchReward match;
  match.ignore_case = true;
  const RewardSet listed({config(CosineReward{.of = "same"}), config(match, 1.0, "same")}, 100);
  const RewardSet typed({config(CosineReward{.of = "exact_match"}), config(match, 1.0, "same")}, 100);
  const Completion upper = completion("X", FinishReason::kStop, 0);
  EXPECT_EQ(listed.judge(kGold, upper)[0].value, 1.0);
  EXPECT_EQ(typed.judge(kGold, upper)[0].value, -1.0);
  EXPECT_EQ(typed.judge(kGold, upper).size(), 2U);
  EXPECT_EQ(typed.names().size(), 2U);

  EXPECT_THROW(RewardSet({config(CosineReward{.of = "no_such_reward"})}, 100), Error);
  EXPECT_THROW(RewardSet({config(CosineReward{.of = "cosine"})}, 100), Error);
  EXPECT_THROW(RewardSet({config(CosineReward{.of = "length"})}, 100), Error);
  EXPECT_THROW(RewardSet({config(CosineReward{.of = "command"})}, 100), Error) << "has no defaults";
  EXPECT_THROW(RewardSet({config(CosineReward{.of = "exact_match"})}, std::nullopt), Error) << "no limit";
}

// Kimi k1.5, section 2.3.3, by hand: 0.5 - (length - shortest) / (longest - shortest), at most 0 where wrong.
TEST(LengthReward, ComparesTheGroup) {
  const auto values = [](const std::vector<std::pair<const char*, size_t>>& group) {
    std::vector<Completion> completions;
    for (const auto& [text, n] : group) completions.push_back(completion(text, FinishReason::kStop, n));
    std::vector<double> out;
    for (const auto& r : judge_group(config(LengthReward{"exact_match"}), kGold, completions)) out.push_back(*r.value);
    return out;
  };
  using Values = std::vector<double>;
  EXPECT_EQ(values({{"x", 10}, {"x", 15}, {"x", 20}, {"y", 10}, {"y", 20}}), (Values{0.5, 0, -0.5, 0, -0.5}));
  EXPECT_EQ(values({{"x", 7}, {"y", 7}}), (Values{0, 0}));
  EXPECT_EQ(values({{"x", 7}}), Values{0});
  EXPECT_EQ(values({{"y", 10}, {"y", 20}}), (Values{0, -0.5}));
}

TEST(LengthReward, SeesTheGroupInScore) {
  RewardSet rewards({config(LengthReward{"same"}), config(ExactMatchReward{}, 2.0, "same")}, 100);
  std::vector<RolloutGroup> groups(3);
  for (size_t g = 0; g < 3; ++g) {
    groups[g].prompt = g == 1 ? prompt("{}") : kGold;
    groups[g].completions = {completion("x", FinishReason::kStop, 10),
                             completion("y", FinishReason::kStop, 20 * (g + 1)),
                             completion("x", FinishReason::kStop, 20)};
  }
  rewards.score(groups);
  using Parts = std::vector<std::optional<double>>;
  EXPECT_EQ(groups[0].completions[2].reward_parts, (Parts{-0.5, 1.0}));
  EXPECT_EQ(groups[1].completions[2].reward_parts, (Parts{std::nullopt, std::nullopt}));
  EXPECT_EQ(groups[2].completions[2].reward_parts, (Parts{0.5 - 10.0 / 50, 1.0}));
  EXPECT_DOUBLE_EQ(groups[2].completions[2].reward, 2.3);
}

// L1 (arXiv 2503.04697): -slope |target - length|; and 0.5 + slope (target - length) within [0, 1] where right.
TEST(LengthTargetReward, FollowsItsLines) {
  const auto value = [](const LengthTargetReward& reward, const char* text, size_t length,
                        const Prompt& p = kGold) -> std::optional<double> {
    return judge(config(reward), p, completion(text, FinishReason::kStop, length)).value;
  };
  LengthTargetReward reward{.of = "exact_match", .target = 100, .slope = 0.01};
  EXPECT_DOUBLE_EQ(*value(reward, "x", 90), -0.1);
  EXPECT_DOUBLE_EQ(*value(reward, "y", 130), -0.3);
  EXPECT_DOUBLE_EQ(*value(reward, "x", 100), 0);
  reward.bound = LengthBound::kAtMost;
  EXPECT_DOUBLE_EQ(*value(reward, "x", 100), 0.5);
  EXPECT_DOUBLE_EQ(*value(reward, "x", 80), 0.7);
  EXPECT_DOUBLE_EQ(*value(reward, "x", 10), 1);
  EXPECT_DOUBLE_EQ(*value(reward, "x", 500), 0);
  EXPECT_DOUBLE_EQ(*value(reward, "y", 10), 0);
  reward.target.reset();
  EXPECT_EQ(value(reward, "x", 100), std::nullopt);
  EXPECT_DOUBLE_EQ(*value(reward, "x", 100, prompt(R"({"answer":"x","target_length":120})")), 0.7);
  for (const char* bad : {"0", "-5", "1.5", "\"many\"", "[7]"}) {
    EXPECT_EQ(value(reward, "x", 9, prompt(fmt::format(R"({{"answer":"x","target_length":{}}})", bad))), std::nullopt);
  }
}

}  // namespace
}  // namespace hone
