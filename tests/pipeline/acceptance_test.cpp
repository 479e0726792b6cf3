#include "pipeline/acceptance.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "hone/core/random.h"

namespace hone {
namespace {

TEST(LongestParagraph, CountsWordsOfOneLine) {
  EXPECT_EQ(longest_paragraph(""), 0);
  EXPECT_EQ(longest_paragraph("one two three\nfour five\n\nsix"), 3);
  EXPECT_EQ(longest_paragraph("计算 七 加 六"), 5);
}

TEST(RepeatedShare, IsOneMinusDifferentRunsOverAll) {
  EXPECT_EQ(repeated_share(""), 0);
  EXPECT_EQ(repeated_share("a b c d"), 0);
  EXPECT_EQ(repeated_share("a b c d e f g"), 0);
  EXPECT_DOUBLE_EQ(repeated_share("a a a a a a"), 2.0 / 3.0);      // three runs, all equal
  EXPECT_DOUBLE_EQ(repeated_share("a b c d a b c d"), 1.0 / 5.0);  // abcd bcda cdab dabc abcd
  EXPECT_DOUBLE_EQ(repeated_share("甲乙丙丁甲乙丙丁"), 1.0 / 5.0);
}

TEST(Similarity, IsTheJaccardIndexOfRunsOfThree) {
  EXPECT_EQ(similarity("a b c d", "a b c d"), 1);
  EXPECT_EQ(similarity("a b c d", "a  b\tc d"), 1);
  EXPECT_EQ(similarity("a b c", "d e f"), 0);
  EXPECT_DOUBLE_EQ(similarity("a b c d", "a b c e"), 1.0 / 3.0);  // abc; bcd, bce
  EXPECT_EQ(similarity("a", "a"), 1);
  EXPECT_EQ(similarity("a", "b"), 0);
  EXPECT_EQ(similarity("", ""), 1);
}

// Against similarity() of all pairs.
TEST(KeptTexts, FindsWhatComparingAllPairsFinds) {
  RandomStream random(5, RandomPurpose::kTest);
  for (const double limit : {0.0, 0.3, 0.6, 0.9, 1.0}) {
    KeptTexts kept(limit);
    std::vector<std::string> texts;
    int found = 0;
    for (int i = 0; i < 300; ++i) {
      // A few words of an earlier text are others.
      std::string text;
      const std::string from = texts.empty() ? "" : texts[random.next_below(texts.size())];
      for (size_t w = 0, n = random.next_below(30); w < n; ++w) {
        const bool same = 2 * w + 1 < from.size() && random.next_below(12) > 0;
        text += {same ? from[2 * w] : static_cast<char>('a' + random.next_below(6)), ' '};
      }
      const bool expected = std::ranges::any_of(
          texts, [&](const std::string& other) { return other == text || similarity(other, text) > limit; });
      EXPECT_EQ(kept.has_similar(text), expected) << limit << ": " << text;
      found += expected;
      texts.push_back(text);
      kept.add(text);
    }
    EXPECT_GT(found, 3) << limit;
    EXPECT_LT(found, 300) << limit;
  }
}

RewardConfig reward(RewardParameters parameters) {
  RewardConfig config;
  config.parameters = std::move(parameters);
  return config;
}

// Fates of completions to one question, whose gold answer is 4.
std::vector<std::string> fates(const RejectionSampleConfig& config, const std::vector<std::string>& texts,
                               FinishReason reason = FinishReason::kStop,
                               const std::string& record = R"({"prompt":"q","answer":"4","language":"en"})") {
  RejectionSampleStage stage;
  stage.rejection_sample = config;
  stage.rewards = {reward(MathReward{})};
  const RewardSet rewards(stage.rewards, 100);
  RolloutGroup group;
  group.prompt.record = Record::parse(record, "test");
  for (const std::string& text : texts) {
    Completion completion;
    completion.text = text;
    completion.ids.resize(text.size());
    completion.finish_reason = reason;
    group.completions.push_back(completion);
  }
  Scoring scoring(rewards);
  for (const Completion& completion : group.completions) scoring.add(group.prompt, completion);
  std::vector<RolloutGroup> groups = {group};
  // The completions that scoring was told of are those of `group`.
  std::swap(groups[0].completions, group.completions);
  const auto results = scoring.finish(groups);
  return Acceptance(stage, rewards).fates(groups[0], results[0]);
}

using Fates = std::vector<std::string>;

std::string think(const std::string& thinking) {
  return "<think>" + thinking + "</think> The answer is \\boxed{4}.";
}

TEST(Acceptance, KeepsTheFirstRightOnesOfAPrompt) {
  RejectionSampleConfig config;
  config.max_per_prompt = 2;
  EXPECT_EQ(fates(config, {think("one way to see this"), "\\boxed{5}", think("one way to see this"),
                           think("quite another road is this"), think("a third idea that works too")}),
            (Fates{"kept", "wrong/math", "near_duplicate", "kept", "over_cap"}));
}

TEST(Acceptance, DropsByEveryFilterAlone) {
  const std::string text = think("some words here");
  EXPECT_EQ(fates({}, {text}), Fates{"kept"});
  EXPECT_EQ(fates({}, {text}, FinishReason::kLength), Fates{"cut_off"});
  EXPECT_EQ(fates({}, {text}, FinishReason::kStop, R"({"prompt":"q"})"), Fates{"unusable/math"});
  RejectionSampleConfig config;
  config.min_reward = 1.5;
  EXPECT_EQ(fates(config, {text}), Fates{"low_reward"});
  config = {};
  config.min_language_consistency = 0.9;
  EXPECT_EQ(fates(config, {text, think("some 汉字 here")}), (Fates{"kept", "mixed_language"}));
  config = {};
  config.max_paragraph_words = 3;
  EXPECT_EQ(fates(config, {text, think("now these are four"), think("now these\nare four")}),
            (Fates{"kept", "long_paragraph", "kept"}));
  config = {};
  config.code_blocks = false;
  EXPECT_EQ(fates(config, {think("as code:\n```python\nprint(4)\n```")}), Fates{"code_block"});
  config = {};
  config.max_repetition = 0.3;
  EXPECT_EQ(fates(config, {think(" and so on and so on and so on and so on and so on ")}), Fates{"repetition"});
  config = {};
  config.max_length = 30;
  EXPECT_EQ(fates(config, {text}), Fates{"length"});
  config = {};
  config.min_length = 1000;
  EXPECT_EQ(fates(config, {text}), Fates{"length"});
}

TEST(Acceptance, WithoutALimitOfSimilarityEvenCopiesStay) {
  RejectionSampleConfig config;
  config.max_similarity.reset();
  EXPECT_EQ(fates(config, {think("a"), think("a")}), (Fates{"kept", "kept"}));
}

}  // namespace
}  // namespace hone
