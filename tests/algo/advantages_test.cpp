// Advantages against closed forms and a loop over the definition, and the properties that training relies on.
#include "hone/algo/advantages.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "algo/rollouts.h"
#include "hone/core/error.h"

namespace hone::algo {
namespace {

RolloutGroup group_of(const std::vector<double>& rewards) {
  RolloutGroup group;
  group.prompt.ids = {1};
  for (const double reward : rewards) group.completions.emplace_back().reward = reward;
  return group;
}

GrpoConfig scaled_by(ScaleRewards scale) {
  GrpoConfig config;
  config.scale_rewards = scale;
  return config;
}

std::vector<double> advantages_of(const RolloutGroup& group) {
  std::vector<double> result;
  for (const Completion& c : group.completions) result.push_back(c.advantage);
  return result;
}

TEST(Advantages, ClosedForm) {
  // Rewards 1 0 0 0: mean 1/4, Bessel-corrected std 1/2. Rewards 2 2 0 0: mean 1, std sqrt(4/3).
  const std::vector<RolloutGroup> groups = {group_of({1, 0, 0, 0}), group_of({2, 2, 0, 0})};
  const double batch_std = std::sqrt((0.375 * 0.375 + 5 * 0.625 * 0.625 + 2 * 1.375 * 1.375) / 7);
  for (const ScaleRewards scale : {ScaleRewards::kGroup, ScaleRewards::kBatch, ScaleRewards::kNone}) {
    auto scored = groups;
    const RewardStats stats = compute_advantages(scored, scaled_by(scale));
    EXPECT_DOUBLE_EQ(stats.reward, 5.0 / 8);
    EXPECT_DOUBLE_EQ(stats.reward_std, batch_std);
    EXPECT_EQ(stats.frac_reward_zero_std, 0);
    const double divisors[] = {scale == ScaleRewards::kGroup ? 0.5 + 1e-4 : batch_std + 1e-4,
                               scale == ScaleRewards::kGroup ? std::sqrt(4.0 / 3) + 1e-4 : batch_std + 1e-4};
    for (size_t g = 0; g < 2; ++g) {
      const double mean = g == 0 ? 0.25 : 1, divisor = scale == ScaleRewards::kNone ? 1 : divisors[g];
      for (const Completion& c : scored[g].completions) EXPECT_DOUBLE_EQ(c.advantage, (c.reward - mean) / divisor);
    }
  }
}

GrpoConfig estimated_by(AdvantageEstimator estimator) {
  GrpoConfig config;
  config.advantage_estimator = estimator;
  return config;
}

// Ahmadian et al. 2024; `scale_rewards` has no part in it.
TEST(Advantages, OfRlooLeaveOneOut) {
  std::vector<RolloutGroup> groups = {group_of({1, 0, 0.5, 4}), group_of({2, 2, 2}), group_of({1, 3})};
  groups[0].completions.insert(groups[0].completions.begin() + 1, Completion{})->reward_parts = {std::nullopt};
  compute_advantages(groups, estimated_by(AdvantageEstimator::kRloo));
  const double expected[] = {1 - 4.5 / 3, 0, 0 - 5.5 / 3, 0.5 - 5.0 / 3, 4 - 1.5 / 3};
  for (size_t i = 0; i < 5; ++i) EXPECT_DOUBLE_EQ(groups[0].completions[i].advantage, expected[i]) << i;
  EXPECT_EQ(advantages_of(groups[1]), (std::vector<double>{0, 0, 0}));
  EXPECT_EQ(advantages_of(groups[2]), (std::vector<double>{-2, 2}));
}

// verl's masked_whiten() over the table of tokens, each with its completion's reward less the baseline.
TEST(Advantages, OfReinforcePlusPlusAreNormalisedOverTheTokensOfTheStep) {
  RandomStream random = test_stream(4);
  for (const bool baseline : {false, true}) {
    for (int round = 0; round < 20; ++round) {
      auto groups = random_groups({}, random);
      for (Completion& c : groups[1].completions) c.reward = 0.5;  // compared with the step, this says something too
      std::vector<double> tokens;
      for (const RolloutGroup& group : groups) {
        double mean = 0;
        for (const Completion& c : group.completions) mean += c.reward / 4;
        for (const Completion& c : group.completions)
          tokens.insert(tokens.end(), c.ids.size(), baseline ? c.reward - mean : c.reward);
      }
      const auto n = static_cast<double>(tokens.size());
      double mean = 0, variance = 0;
      for (const double x : tokens) mean += x / n;
      for (const double x : tokens) variance += (x - mean) * (x - mean) / (n - 1);
      compute_advantages(groups, estimated_by(baseline ? AdvantageEstimator::kReinforcePlusPlusBaseline
                                                       : AdvantageEstimator::kReinforcePlusPlus));
      auto next = tokens.begin();
      for (const RolloutGroup& group : groups) {
        for (const Completion& c : group.completions) {
          for (size_t t = 0; t < c.ids.size(); ++t)
            EXPECT_NEAR(c.advantage, (*next++ - mean) / std::sqrt(variance + 1e-8), 1e-12);
        }
      }
    }
  }
}

TEST(Advantages, OfTheStepAreZeroWhereAllRewardsAreEqual) {
  for (const AdvantageEstimator estimator :
       {AdvantageEstimator::kReinforcePlusPlus, AdvantageEstimator::kReinforcePlusPlusBaseline}) {
    RandomStream random = test_stream(5);
    auto groups = random_groups({}, random);
    for (RolloutGroup& group : groups)
      for (Completion& c : group.completions) c.reward = 0.1;
    const RewardStats stats = compute_advantages(groups, estimated_by(estimator));
    for (const RolloutGroup& group : groups) EXPECT_EQ(advantages_of(group), (std::vector<double>{0, 0, 0, 0}));
    EXPECT_FALSE(has_signal(stats, estimated_by(estimator)));
  }
  // Groups that differ from each other alone teach reinforce_plus_plus something, and the others nothing.
  std::vector<RolloutGroup> groups = {group_of({1, 1}), group_of({0, 0})};
  const RewardStats stats = reward_stats(groups);
  EXPECT_TRUE(has_signal(stats, estimated_by(AdvantageEstimator::kReinforcePlusPlus)));
  EXPECT_FALSE(has_signal(stats, estimated_by(AdvantageEstimator::kReinforcePlusPlusBaseline)));
  EXPECT_FALSE(has_signal(stats, estimated_by(AdvantageEstimator::kGrpo)));
}

TEST(Advantages, SumToZeroWithUnitDeviation) {
  RandomStream random = test_stream(1);
  for (int round = 0; round < 50; ++round) {
    auto groups = random_groups({.groups = 4, .generations = 5}, random);
    compute_advantages(groups, scaled_by(ScaleRewards::kGroup));
    for (const RolloutGroup& group : groups) {
      double sum = 0, squares = 0;
      for (const double a : advantages_of(group)) sum += a, squares += a * a;
      EXPECT_NEAR(sum, 0, 1e-12);
      if (has_signal(group)) {
        const double std = std::sqrt(squares / 4);
        EXPECT_LT(std, 1);
        EXPECT_GT(std, 0.98);  // the guard 1e-4 against the smallest possible deviation, 1/8/sqrt(5)
      }
    }
  }
}

TEST(Advantages, DoNotChangeWithAShiftOfTheRewardsOrOtherGroups) {
  RandomStream random = test_stream(2);
  auto groups = random_groups({}, random);
  auto shifted = groups;
  for (Completion& c : shifted[0].completions) c.reward += 8;  // exact in binary
  shifted.pop_back();
  compute_advantages(groups, scaled_by(ScaleRewards::kGroup));
  compute_advantages(shifted, scaled_by(ScaleRewards::kGroup));
  EXPECT_EQ(advantages_of(groups[0]), advantages_of(shifted[0]));
  EXPECT_EQ(advantages_of(groups[1]), advantages_of(shifted[1]));
}

TEST(Advantages, AreExactlyZeroWithoutSignal) {
  // The sum of three 0.1 is not 0.3: a mean in floating point misses equal rewards by rounding.
  for (const ScaleRewards scale : {ScaleRewards::kGroup, ScaleRewards::kBatch, ScaleRewards::kNone}) {
    std::vector<RolloutGroup> groups = {group_of({0.1, 0.1, 0.1}), group_of({0, 1, 1}),
                                        group_of({0.7, 0.7, 0.7 + 1e-12})};
    const RewardStats stats = compute_advantages(groups, scaled_by(scale));
    EXPECT_DOUBLE_EQ(stats.frac_reward_zero_std, 2.0 / 3);
    EXPECT_EQ(advantages_of(groups[0]), (std::vector<double>{0, 0, 0}));
    EXPECT_EQ(advantages_of(groups[2]), (std::vector<double>{0, 0, 0}));
    EXPECT_FALSE(has_signal(groups[0]));
    EXPECT_TRUE(has_signal(groups[1]));
    EXPECT_FALSE(has_signal(groups[2]));
  }
}

TEST(Advantages, LeaveUnusableCompletionsOut) {
  std::vector<RolloutGroup> groups = {group_of({1, 100, 0}), group_of({1, 0})}, without = {group_of({1, 0}), groups[1]};
  groups[0].completions[0].reward_parts = {std::nullopt, 1.0};
  groups[0].completions[1].reward_parts = {std::nullopt, std::nullopt};
  const RewardStats stats = compute_advantages(groups, scaled_by(ScaleRewards::kBatch));
  const RewardStats expected = compute_advantages(without, scaled_by(ScaleRewards::kBatch));
  EXPECT_EQ(stats.reward, expected.reward);
  EXPECT_EQ(stats.reward_std, expected.reward_std);
  EXPECT_EQ(advantages_of(groups[0]),
            (std::vector<double>{advantages_of(without[0])[0], 0, advantages_of(without[0])[1]}));

  groups = {group_of({1, 5}), group_of({3, 4})};
  groups[0].completions[1].reward_parts = {std::nullopt};
  EXPECT_FALSE(has_signal(groups[0]));  // one reward has no baseline
  compute_advantages(groups, scaled_by(ScaleRewards::kNone));
  EXPECT_EQ(advantages_of(groups[0]), (std::vector<double>{0, 0}));
}

TEST(Advantages, RejectRewardsThatAreNotFinite) {
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    std::vector<RolloutGroup> groups = {group_of({1, bad})};
    groups[0].prompt.id = "p7";
    try {
      compute_advantages(groups, {});
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kFailed);
      EXPECT_NE(std::string(error.what()).find("p7"), std::string::npos) << error.what();
    }
  }
}

TEST(Advantages, OfNothing) {
  std::vector<RolloutGroup> groups;
  const RewardStats stats = compute_advantages(groups, {});
  EXPECT_EQ(stats.reward, 0);
  EXPECT_EQ(stats.reward_std, 0);
  EXPECT_EQ(stats.frac_reward_zero_std, 0);
}

TEST(SubtractKl, TakesBetaTimesTheSumOverTokens) {
  RandomStream random = test_stream(3);
  const auto groups = random_groups({}, random);
  TrainBatch rollout = build_batch(groups);
  std::vector<double> ref;
  for (int64_t row = 0; row < rollout.num_rows(); ++row) ref.push_back(-random.next_uniform() * 3);
  rollout.ref_log_probs = tensor_of(ref).to(at::kFloat);
  ref = values_of(rollout.ref_log_probs);
  for (const KlEstimator estimator : {KlEstimator::kK1, KlEstimator::kK2, KlEstimator::kK3}) {
    GrpoConfig config;
    config.beta = 0.3, config.kl_estimator = estimator, config.kl_in = KlIn::kReward;
    auto changed = groups;
    subtract_kl(changed, rollout, config);
    auto next = ref.begin();
    for (size_t g = 0; g < groups.size(); ++g) {
      for (size_t c = 0; c < groups[g].completions.size(); ++c) {
        double kl = 0;
        for (const float log_prob : groups[g].completions[c].behavior_log_probs) {
          const double d = static_cast<double>(log_prob) - *next++;
          if (estimator == KlEstimator::kK1) kl += d;
          if (estimator == KlEstimator::kK2) kl += 0.5 * d * d;
          if (estimator == KlEstimator::kK3) kl += std::exp(-d) + d - 1;
        }
        EXPECT_NEAR(changed[g].completions[c].reward, groups[g].completions[c].reward - 0.3 * kl, 1e-12);
      }
    }
    config.beta.reset();
    changed = groups;
    subtract_kl(changed, build_batch(groups), config);  // no reference: nothing to subtract
    EXPECT_EQ(changed[0].completions[0].reward, groups[0].completions[0].reward);
  }
}

}  // namespace
}  // namespace hone::algo
