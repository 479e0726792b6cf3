// Any bytes, any size, from many threads: the same number, soon.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "hone/core/parallel.h"
#include "hone/core/random.h"
#include "reward/judging.h"

namespace hone {
namespace {

std::vector<RewardConfig> all_text_rewards() {
  RewardConfig opened = config(FormatReward{.require_thinking = false, .answer_tags = false}, 1.0, "loose");
  ExactMatchReward loose;
  loose.ignore_case = loose.ignore_punctuation = loose.ignore_articles = true;
  return {config(FormatReward{}),
          opened,
          config(LanguageConsistencyReward{}),
          config(SoftOverlongReward{50, 10}),
          config(TagCountReward{}),
          config(CodeFormatReward{"python"}),
          config(ReasoningStepsReward{}),
          config(CosineReward{.of = "exact_match"}),
          config(LengthReward{"exact_match", LengthUnit::kCharacters}),
          config(LengthTargetReward{.of = "exact_match", .target = 10}),
          config(RepetitionReward{}),
          config(ExactMatchReward{}),
          config(loose, 1.0, "loose_match"),
          config(RegexReward{.pattern = R"((a+)+\d|(\w+\s*)*$)"}),
          config(RegexReward{.pattern = R"(a.*b|(a))", .answer_group = 1}, 1.0, "group"),
          config(MultipleChoiceReward{}),
          config(CountdownReward{})};
}
const Prompt kPrompt = prompt(R"({"answer":"B","language":"en","numbers":[3,5],"target":8,"choices":["x","y","z"]})");

std::vector<std::string> hostile_texts(size_t size) {
  const auto many = [&](std::string_view text) { return repeated(text, size / text.size()); };
  std::vector<std::string> texts = {many("a"),
                                    many("<think>"),
                                    many("</think>"),
                                    many("\\boxed{"),
                                    many("{"),
                                    many("("),
                                    many("-"),
                                    many("9"),
                                    many("\xFF"),
                                    many("e\u0301"),
                                    many(" "),
                                    many("\n"),
                                    many("the answer is "),
                                    many("Answer: B "),
                                    many("```python"),
                                    many("七"),
                                    many("Step 1: "),
                                    many("\\"),
                                    many("A, "),
                                    many("<answer>"),
                                    many("a1 "),
                                    many("\u0327\u0301"),
                                    many("(3+"),
                                    many("</answer><answer>")};
  std::vector<std::string> wrapped;
  for (const std::string& text : texts) {
    wrapped.push_back(text);
    wrapped.push_back("<think>a</think><answer>" + text + "</answer>");
    wrapped.push_back("<think>" + text + "</think>\\boxed{" + text + "}");
  }
  return wrapped;
}

// A bound that a busy machine keeps; quadratic work on 1 MB would take minutes.
TEST(HostileText, MegabytesCostLittle) {
  for (const RewardConfig& reward : all_text_rewards()) {
    const RewardSet set({reward}, 100);
    for (const std::string& text : hostile_texts(1'000'000)) {
      const auto begin = std::chrono::steady_clock::now();
      const RewardResult r = set.judge(kPrompt, completion(text)).at(0);
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
      EXPECT_LT(seconds.count(), 5) << reward.label() << " on " << text.substr(0, 60);
      EXPECT_TRUE(r.value && std::isfinite(*r.value)) << reward.label() << " on " << text.substr(0, 60) << r.reason;
    }
  }
}

TEST(HostileText, ThreadsChangeNothing) {
  const RewardSet set(all_text_rewards(), 100);
  const std::vector<std::string> pieces = {
      "<think>", "</think>", "<answer>", "</answer>", "\\boxed{", "}",        " B ", "3", "+",  "5",
      "(",       ")",        "七",       "answer is", "```",      "python\n", "a",   "-", "\n", "y"};
  RandomStream random(11, RandomPurpose::kTest);
  std::vector<std::string> texts;
  for (int i = 0; i < 3000; ++i) {
    std::string text;
    for (uint64_t n = random.next_below(16); n > 0; --n) {
      text += random.next_bernoulli(0.8) ? pieces[random.next_below(pieces.size())]
                                         : std::string(1, static_cast<char>(random.next_below(256)));
    }
    texts.push_back(text);
  }
  std::vector<std::vector<RewardResult>> alone, together(texts.size());
  for (const std::string& text : texts) alone.push_back(set.judge(kPrompt, completion(text)));
  parallel_for(texts.size(), 4, [&](size_t i) { together[i] = set.judge(kPrompt, completion(texts[i])); });
  std::vector<int> paid(set.names().size());
  for (size_t i = 0; i < texts.size(); ++i) {
    ASSERT_EQ(alone[i], together[i]) << texts[i];
    for (size_t r = 0; r < paid.size(); ++r) paid[r] += alone[i][r].value.value_or(0) > 0;
  }
  for (const char* name : {"multiple_choice", "regex", "tag_count", "loose"}) {
    const auto at = std::ranges::find(set.names(), name) - set.names().begin();
    EXPECT_GT(paid[static_cast<size_t>(at)], 0) << name;
  }
}

}  // namespace
}  // namespace hone
