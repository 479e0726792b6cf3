// Which records are asked, by hand, and what a mixture of sources makes of it.
#include "hone/data/curriculum.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "core/faults.h"
#include "hone/core/error.h"
#include "hone/data/prompt_source.h"

namespace hone {
namespace {

CurriculumConfig band(double low, double high) {
  CurriculumConfig config;
  config.min_pass_rate = low;
  config.max_pass_rate = high;
  return config;
}

TEST(Curriculum, PassesOverWhatIsOutOfTheBand) {
  Curriculum curriculum(band(0.2, 0.8), 4);
  EXPECT_TRUE(curriculum.admits(0)) << "unknown";
  curriculum.learn(0, 0.2);
  curriculum.learn(1, 0.8);
  curriculum.learn(2, 1.0);
  curriculum.learn(3, 0.0);
  EXPECT_TRUE(curriculum.admits(0));
  EXPECT_TRUE(curriculum.admits(1));
  for (int round = 0; round < 3; ++round) {
    EXPECT_FALSE(curriculum.admits(2)) << round;
    EXPECT_FALSE(curriculum.admits(3)) << round;
  }
  EXPECT_TRUE(curriculum.admits(2)) << "after revisit_rounds";
  EXPECT_FALSE(curriculum.admits(2)) << "and again not";
  EXPECT_EQ(curriculum.stats().known, 4);
  EXPECT_EQ(curriculum.stats().in_band, 2);
  EXPECT_DOUBLE_EQ(curriculum.stats().pass_rate, 0.5);
}

TEST(Curriculum, RatesRun) {
  Curriculum curriculum(band(0.2, 0.8), 1);
  curriculum.learn(0, 1.0);
  EXPECT_FALSE(curriculum.admits(0));
  curriculum.learn(0, 0.5);  // 0.75
  EXPECT_TRUE(curriculum.admits(0));
  EXPECT_DOUBLE_EQ(curriculum.stats().pass_rate, 0.75);
  CurriculumConfig last = band(0.2, 0.8);
  last.momentum = 0;
  Curriculum forgetful(last, 1);
  forgetful.learn(0, 1.0);
  forgetful.learn(0, 0.3);
  EXPECT_DOUBLE_EQ(forgetful.stats().pass_rate, 0.3);
}

TEST(Curriculum, GoesOnFromACheckpoint) {
  Curriculum curriculum(band(0.3, 0.7), 3), other(band(0.3, 0.7), 3);
  curriculum.learn(1, 1.0 / 3);
  curriculum.learn(1, 0.1);
  curriculum.admits(1);
  other.from_text(curriculum.to_text());
  EXPECT_EQ(other.to_text(), curriculum.to_text());
  EXPECT_EQ(other.stats().pass_rate, curriculum.stats().pass_rate) << "to the last bit";
  Curriculum larger(band(0.3, 0.7), 4);
  EXPECT_THROW(larger.from_text(curriculum.to_text()), Error);
}

class CurriculumOfAMixture : public testing::Test {
 protected:
  CurriculumOfAMixture() {
    std::ofstream file(folder_ / "data.jsonl");
    for (int i = 0; i < 6; ++i) file << fmt::format("{{\"id\":\"r{0}\",\"prompt\":\"p{0}\"}}\n", i);
    config_.path = (folder_ / "data.jsonl").string();
  }

  // Asks `count` prompts one by one; r0 and r1 are always solved, r5 never.
  static std::vector<std::string> ask(PromptMixture& mixture, int count) {
    std::vector<std::string> ids;
    for (int i = 0; i < count; ++i) {
      const Prompt prompt = mixture.draw(1, 1).front();
      ids.push_back(prompt.id);
      mixture.learn(prompt, prompt.id < "r2" ? 1.0 : prompt.id == "r5" ? 0.0 : 0.5);
    }
    return ids;
  }

  const test::TempFolder folder_;
  DataConfig config_;
};

TEST_F(CurriculumOfAMixture, AsksWhatCanBeLearnt) {
  PromptMixture mixture(config_, {}, band(0.1, 0.9), 3);
  ask(mixture, 6);  // all once
  EXPECT_EQ(mixture.passed_over(), 0);
  std::map<std::string, int> counts;
  for (const std::string& id : ask(mixture, 9)) ++counts[id];  // three rounds
  EXPECT_EQ(counts, (std::map<std::string, int>{{"r2", 3}, {"r3", 3}, {"r4", 3}}));
  EXPECT_GE(mixture.passed_over(), 6);
  EXPECT_EQ(mixture.curriculum().in_band, 3);
  counts.clear();
  for (const std::string& id : ask(mixture, 6)) ++counts[id];
  EXPECT_EQ(counts.size(), 6U) << "in the fourth round they are asked again";
}

TEST_F(CurriculumOfAMixture, ContinuesAndNamesEachPromptOnce) {
  PromptMixture whole(config_, {}, band(0.1, 0.9), 3), first(config_, {}, band(0.1, 0.9), 3);
  ask(whole, 10);
  ask(first, 10);
  PromptMixture second(config_, {}, band(0.1, 0.9), 3);
  second.continue_from(first.drawn(), first.curricula());
  EXPECT_EQ(ask(second, 12), ask(whole, 12));
  int64_t last = -1;
  for (const Prompt& prompt : whole.draw(1, 20)) {
    EXPECT_GT(prompt.index, last) << "names a random stream";
    last = prompt.index;
  }
}

TEST_F(CurriculumOfAMixture, AsksSomethingWhereNothingFits) {
  PromptMixture mixture(config_, {}, band(0.95, 0.99), 3);
  EXPECT_EQ(ask(mixture, 20).size(), 20U);
}

}  // namespace
}  // namespace hone
