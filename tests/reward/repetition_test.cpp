#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "hone/core/random.h"
#include "reward/judging.h"

namespace hone {
namespace {

double value(const std::string& text, RepetitionReward reward = {}) {
  return judge(config(reward), {}, completion(text)).value.value();
}

TEST(RepetitionReward, ByHand) {
  EXPECT_DOUBLE_EQ(value("a b c a b c"), -0.25);  // 4 trigrams, 3 different
  EXPECT_DOUBLE_EQ(value("a a a a"), -0.5);
  EXPECT_DOUBLE_EQ(value("A a  A\na\u3000a"), -(1 - 1.0 / 3));
  EXPECT_DOUBLE_EQ(value("a b"), 0);
  EXPECT_DOUBLE_EQ(value(""), 0);
  EXPECT_DOUBLE_EQ(value("ÉTÉ été Été", {.ngram_size = 1}), -(1 - 1.0 / 3));
  EXPECT_DOUBLE_EQ(value("七加六七加六", {.ngram_size = 3}), -0.25) << "no spaces in Chinese";
  EXPECT_DOUBLE_EQ(value("七a七a", {.ngram_size = 2}), -(1 - 2.0 / 3));
  EXPECT_DOUBLE_EQ(value("a a a", {.ngram_size = 1, .max_penalty = -3}), -2);
}

// Compared with n-grams as lists in a set.
TEST(RepetitionReward, AgreesWithTheSlowCount) {
  RandomStream random(8, RandomPurpose::kTest);
  int repeating = 0;
  for (int i = 0; i < 3000; ++i) {
    const auto n = 1 + random.next_below(6), words = random.next_below(40), alphabet = 1 + random.next_below(4);
    std::vector<int32_t> ids;
    std::string text;
    for (uint64_t w = 0; w < words; ++w) {
      ids.push_back(static_cast<int32_t>(random.next_below(alphabet)));
      text += "w" + std::to_string(ids.back()) + " ";
    }
    double expected = 0;
    if (ids.size() >= n) {
      std::set<std::vector<int32_t>> different;
      const size_t total = ids.size() - n + 1;
      for (size_t at = 0; at < total; ++at) {
        different.insert({ids.begin() + static_cast<ptrdiff_t>(at), ids.begin() + static_cast<ptrdiff_t>(at + n)});
      }
      expected = -(1 - static_cast<double>(different.size()) / static_cast<double>(total));
    }
    Completion c = completion(text);
    c.ids = ids;
    const auto size = static_cast<int64_t>(n);
    ASSERT_DOUBLE_EQ(*judge(config(RepetitionReward{.ngram_size = size}), {}, c).value, expected) << text;
    c.text.clear();
    ASSERT_DOUBLE_EQ(*judge(config(RepetitionReward{.ngram_size = size, .unit = RepetitionUnit::kTokens}), {}, c).value,
                     expected);
    repeating += expected < 0;
  }
  EXPECT_GT(repeating, 1000);
}

}  // namespace
}  // namespace hone
