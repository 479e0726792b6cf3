// The sampler's frequencies and filters against their definitions.
#include "hone/rollout/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "hone/core/error.h"
#include "hone/core/random.h"

namespace hone {
namespace {

constexpr float kLogits[] = {0.5F, 2.0F, -1.0F, 2.0F, 1.0F};

std::vector<double> softmax(double temperature) {
  std::vector<double> p;
  double total = 0;
  for (const float z : kLogits) total += p.emplace_back(std::exp(static_cast<double>(z) / temperature));
  for (double& v : p) v /= total;
  return p;
}

TEST(Sampler, FrequenciesFollowTheSoftmax) {
  SamplingConfig config;
  config.temperature = 0.8;
  const auto p = softmax(0.8);
  const RandomStream random(3, RandomPurpose::kTest);
  std::map<int32_t, int> counts;
  constexpr int kDraws = 40000;
  for (int i = 0; i < kDraws; ++i) {
    const SampledToken t = sample_token(kLogits, 5, config, {}, random.uniform(static_cast<uint64_t>(i)));
    ++counts[t.id];
    EXPECT_NEAR(t.log_prob, std::log(p[static_cast<size_t>(t.id)]), 1e-5);
    EXPECT_TRUE(t.kept.empty());
  }
  double chi_squared = 0;
  for (int32_t i = 0; i < 5; ++i) {
    const double expected = kDraws * p[static_cast<size_t>(i)];
    chi_squared += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  EXPECT_LT(chi_squared, 23.5);  // 4 degrees of freedom, p = 1e-4
}

TEST(Sampler, UniformPicksByTheCumulativeSum) {
  const auto p = softmax(1.0);
  double below = 0;
  for (int32_t i = 0; i < 5; ++i) {
    EXPECT_EQ(sample_token(kLogits, 5, {}, {}, below + 1e-6).id, i);
    below += p[static_cast<size_t>(i)];
    EXPECT_EQ(sample_token(kLogits, 5, {}, {}, below - 1e-6).id, i);
  }
}

TEST(Sampler, FiltersKeepWhatTheyShould) {
  const auto kept = [](auto change, std::vector<int32_t> banned = {}) {
    SamplingConfig config;
    change(config);
    return sample_token(kLogits, 5, config, banned, 0.5).kept;
  };
  using Ids = std::vector<int32_t>;
  EXPECT_EQ(kept([](auto& c) { c.top_k = 1; }), Ids({1}));  // a tie goes to the smaller id
  EXPECT_EQ(kept([](auto& c) { c.top_k = 3; }), Ids({1, 3, 4}));
  EXPECT_EQ(kept([](auto& c) { c.top_k = 9; }), Ids({0, 1, 2, 3, 4}));
  const auto p = softmax(1.0);
  EXPECT_EQ(kept([&](auto& c) { c.top_p = p[1] + p[3] - 1e-9; }), Ids({1, 3}));
  EXPECT_EQ(kept([&](auto& c) { c.top_p = p[1] + p[3] + 1e-9; }), Ids({1, 3, 4}));
  EXPECT_EQ(kept([](auto& c) { c.top_p = 1e-9; }), Ids({1}));
  EXPECT_EQ(kept([](auto& c) { c.min_p = 0.36; }), Ids({1, 3, 4}));  // e^-1 = 0.368 of the likeliest
  EXPECT_EQ(kept([](auto& c) { c.min_p = 0.37; }), Ids({1, 3}));
  EXPECT_EQ(kept([](auto& c) { c.top_k = 3, c.min_p = 0.9; }), Ids({1, 3}));
  EXPECT_EQ(kept([](auto&) {}, {1}), Ids({0, 2, 3, 4}));
  EXPECT_EQ(kept([](auto&) {}, {1, 4}), Ids({0, 2, 3}));
}

TEST(Sampler, LogProbsAreThoseOfTheFilteredDistribution) {
  SamplingConfig config;
  config.top_k = 3, config.temperature = 0.5;
  const auto p = softmax(0.5);
  const SampledToken t = sample_token(kLogits, 5, config, {}, 0.999);
  EXPECT_EQ(t.id, 4);
  EXPECT_NEAR(t.log_prob, std::log(p[4] / (p[1] + p[3] + p[4])), 1e-5);
}

TEST(Sampler, GreedyRespectsTheBan) {
  SamplingConfig config;
  config.temperature = 0.0, config.top_k = 2;
  EXPECT_EQ(sample_token(kLogits, 5, config, {}, 0.9).id, 1);
  const int32_t banned[] = {1};
  EXPECT_EQ(sample_token(kLogits, 5, config, banned, 0.9).id, 3);
}

TEST(Sampler, RefusesLogitsThatAreNotFinite) {
  const float bad[] = {0.0F, std::nanf(""), 1.0F};
  EXPECT_THROW(sample_token(bad, 3, {}, {}, 0.5), Error);
}

}  // namespace
}  // namespace hone
