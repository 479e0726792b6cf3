// RandomStream against an independent Philox4x32-10, which is itself checked with the published known answers, and
// against the distributions it promises.
#include "hone/core/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

namespace hone {
namespace {

using Words = std::array<uint32_t, 4>;
using Key = std::array<uint32_t, 2>;

/// Salmon et al. 2011, section 4.3, written from the paper.
Words philox(Words counter, Key key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53} * counter[0];
    const uint64_t b = uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(b),
               static_cast<uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(a)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

uint32_t low(uint64_t value) {
  return static_cast<uint32_t>(value);
}
uint32_t high(uint64_t value) {
  return static_cast<uint32_t>(value >> 32);
}

/// The documented chain: each key word is encrypted under the key so far.
Words reference(uint64_t seed, uint64_t purpose, const std::vector<uint64_t>& words, uint64_t counter) {
  Key key = {low(seed), high(seed)};
  std::vector<uint64_t> chain = {purpose};
  chain.insert(chain.end(), words.begin(), words.end());
  for (uint32_t i = 0; i < chain.size(); ++i) {
    const Words out = philox({low(chain[i]), high(chain[i]), i, 0x686f6e65U}, key);
    key = {out[0], out[1]};
  }
  return philox({low(counter), high(counter), 0, 0}, key);
}

TEST(Random, ReferenceGivesThePublishedAnswers) {
  // kat_vectors of the Random123 distribution, philox4x32 with 10 rounds.
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const uint32_t ones = 0xffffffff;
  EXPECT_EQ(philox({ones, ones, ones, ones}, {ones, ones}), (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, WordsAreAFunctionOfSeedPurposeKeyAndCounter) {
  for (const uint64_t seed : {uint64_t{0}, uint64_t{1}, uint64_t{0x123456789abcdef0}}) {
    for (const uint64_t counter : {uint64_t{0}, uint64_t{1}, uint64_t{0x1'0000'0000}, ~uint64_t{0}}) {
      EXPECT_EQ(RandomStream(seed, RandomPurpose::kTest).words(counter), reference(seed, 7, {}, counter));
      EXPECT_EQ(RandomStream(seed, RandomPurpose::kSampling, {1, 2, 3, ~uint64_t{0}}).words(counter),
                reference(seed, 1, {1, 2, 3, ~uint64_t{0}}, counter));
    }
  }
}

TEST(Random, NoTwoStreamsAreAlike) {
  // A key word that is absent, zero, moved or added to another must change the stream.
  std::set<Words> first_words;
  size_t streams = 0;
  const auto add = [&](const RandomStream& stream) {
    first_words.insert(stream.words(0));
    ++streams;
  };
  for (const uint64_t seed : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 32}) {
    for (const RandomPurpose purpose : {RandomPurpose::kSampling, RandomPurpose::kMinibatches, RandomPurpose::kTest}) {
      add(RandomStream(seed, purpose));
      add(RandomStream(seed, purpose, {0, 0}));
      add(RandomStream(seed, purpose, {0, 0, 0}));
      for (uint64_t i = 1; i <= 100; ++i) {
        add(RandomStream(seed, purpose, {i}));
        add(RandomStream(seed, purpose, {i, i + 1}));
        add(RandomStream(seed, purpose, {i + 1, i}));
        add(RandomStream(seed, purpose, {i << 32, 0}));
      }
    }
  }
  EXPECT_EQ(first_words.size(), streams);
}

TEST(Random, NeighbouringStreamsAreUncorrelated) {
  // Correlation of 20000 pairs has standard deviation 1/sqrt(n) = 0.007; 5 of them are allowed.
  constexpr int kCount = 20000;
  for (uint64_t lag = 1; lag <= 8; ++lag) {
    const RandomStream a(17, RandomPurpose::kSampling, {0, 3, 5, 0}), b(17, RandomPurpose::kSampling, {0, 3, 5, lag});
    double across = 0, along = 0;
    for (uint64_t i = 0; i < kCount; ++i) {
      across += (a.uniform(i) - 0.5) * (b.uniform(i) - 0.5);
      along += (a.uniform(i) - 0.5) * (a.uniform(i + lag) - 0.5);
    }
    EXPECT_LT(std::abs(across) * 12 / kCount, 5 / std::sqrt(kCount));
    EXPECT_LT(std::abs(along) * 12 / kCount, 5 / std::sqrt(kCount));
  }
}

/// Largest distance between the distribution of `values` and `cdf` (Kolmogorov-Smirnov), times sqrt(n).
template <typename Cdf>
double ks(std::vector<double> values, Cdf cdf) {
  std::sort(values.begin(), values.end());
  const double n = static_cast<double>(values.size());
  double distance = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double expected = cdf(values[i]), rank = static_cast<double>(i);
    distance = std::max({distance, (rank + 1) / n - expected, expected - rank / n});
  }
  return distance * std::sqrt(n);
}

constexpr double kKsLimit = 2.4;  // exceeded with probability 2 exp(-2 * 2.4^2) = 2e-5

TEST(Random, UniformsAreUniform) {
  RandomStream stream(1, RandomPurpose::kTest);
  std::vector<double> values;
  for (int i = 0; i < 100000; ++i) values.push_back(stream.next_uniform());
  EXPECT_GE(*std::min_element(values.begin(), values.end()), 0.0);
  EXPECT_LT(*std::max_element(values.begin(), values.end()), 1.0);
  EXPECT_LT(ks(values, [](double x) { return x; }), kKsLimit);
}

TEST(Random, NormalsAreNormal) {
  RandomStream stream(2, RandomPurpose::kTest);
  std::vector<double> values;
  for (int i = 0; i < 100000; ++i) values.push_back(stream.next_normal());
  EXPECT_LT(ks(values, [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }), kKsLimit);
}

TEST(Random, BelowIsUniformOverItsRange) {
  // Chi-square with n - 1 degrees of freedom: mean n - 1, variance 2 (n - 1); 5 standard deviations are allowed.
  for (const uint64_t n : {uint64_t{1}, uint64_t{2}, uint64_t{3}, uint64_t{10}, uint64_t{97}}) {
    RandomStream stream(3, RandomPurpose::kTest, {n});
    std::vector<double> counts(n, 0);
    const int draws = 100000;
    for (int i = 0; i < draws; ++i) counts.at(stream.next_below(n)) += 1;
    double chi_square = 0;
    const double expected = draws / static_cast<double>(n), freedom = static_cast<double>(n - 1);
    for (const double count : counts) chi_square += (count - expected) * (count - expected) / expected;
    EXPECT_LE(chi_square, freedom + 5 * std::sqrt(2 * freedom)) << n;
  }
}

TEST(Random, BelowRejectsTheUnevenRest) {
  // Without rejection, n = 3/4 of 2^64 would give the lower third of the range twice as often as the rest.
  const uint64_t n = uint64_t{3} << 62;
  RandomStream stream(4, RandomPurpose::kTest);
  int lower = 0;
  const int draws = 30000;
  for (int i = 0; i < draws; ++i) {
    const uint64_t value = stream.next_below(n);
    ASSERT_LT(value, n);
    lower += value < n / 3 ? 1 : 0;
  }
  EXPECT_NEAR(lower, draws / 3.0, 5 * std::sqrt(draws * 2.0 / 9.0));
}

TEST(Random, BernoulliHasItsMean) {
  RandomStream stream(5, RandomPurpose::kTest);
  int hits = 0;
  const int draws = 100000;
  for (int i = 0; i < draws; ++i) hits += stream.next_bernoulli(0.3) ? 1 : 0;
  EXPECT_NEAR(hits, draws * 0.3, 5 * std::sqrt(draws * 0.3 * 0.7));
  EXPECT_FALSE(stream.next_bernoulli(0.0));
  EXPECT_TRUE(stream.next_bernoulli(1.0));
}

TEST(Random, SequenceIsTheCountersInOrder) {
  RandomStream sequence(6, RandomPurpose::kTest, {9});
  const RandomStream table(6, RandomPurpose::kTest, {9});
  for (uint64_t i = 0; i < 10; ++i) EXPECT_EQ(sequence.next_uniform(), table.uniform(i));
}

}  // namespace
}  // namespace hone
