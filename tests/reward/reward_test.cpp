#include "hone/reward/reward.h"

#include <gtest/gtest.h>

#include <cmath>

#include "data/reference.h"
#include "hone/core/error.h"
#include "hone/data/chain_corpus.h"
#include "hone/data/chains.h"
#include "hone/data/chat.h"
#include "hone/data/reasoning_text.h"
#include "reward/judging.h"

namespace hone {
namespace {

TEST(AccuracyReward, TruthTable) {
  const Prompt seven = prompt(R"({"answer":"seven"})");
  const std::pair<const char*, double> cases[] = {
      {"<think> a </think> <answer> seven </answer>", 1},
      {"<think> a </think> <answer> 七 </answer>", 1},
      {"<think> a </think> <answer> 7 </answer>", 1},
      {"<think>a</think><answer>answer : seven</answer>", 1},
      {"<think> a </think> <answer> eight </answer>", 0},
      {"<think> a </think> <answer> seven eight </answer>", 0},
      {"<think> a </think> <answer> seven seven </answer>", 0},
      {"<think> a </think> <answer> </answer>", 0},
      {"<think> a </think> so seven .", 0},
      {"<answer> seven </answer>", 1},                                            // no thinking: the format's concern
      {"<think> <answer> seven </answer>", 0},                                    // inside a thought that never ends
      {"<think> <answer> seven </answer> </think> <answer> eight </answer>", 0},  // only what follows the thinking
      {"<think> a </think> b </think> <answer> seven </answer>", 1},
      {"<think> a </think> <answer> eight </answer> <answer> seven </answer>", 1},  // the last block
      {"seven", 0},
      {"", 0},
  };
  for (const auto& [text, expected] : cases) {
    for (const FinishReason reason : {FinishReason::kStop, FinishReason::kLength}) {
      const RewardResult r = judge(config(AccuracyReward{}), seven, completion(text, reason));
      EXPECT_EQ(r.value, expected) << text;
      EXPECT_EQ(r.verdict, expected == 1 ? Verdict::kRight : Verdict::kWrong) << text;
      EXPECT_EQ(r.reason.empty(), expected == 1) << text;
    }
  }
}

TEST(AccuracyReward, WithoutAReadableGoldItIsUnusable) {
  for (const char* record : {"{}", R"({"answer":"twelve"})", R"({"answer":["seven"]})", R"({"answer":null})"}) {
    const RewardResult r = judge(config(AccuracyReward{}), prompt(record), completion("<answer> seven </answer>"));
    EXPECT_EQ(r.value, std::nullopt) << record;
    EXPECT_EQ(r.verdict, Verdict::kUnusable) << record;
  }
  EXPECT_EQ(judge(config(AccuracyReward{}), prompt(R"({"answer":7})"), completion("<answer> 七 </answer>")).value, 1.0);
}

TEST(FormatReward, TruthTable) {
  struct Case {
    const char* text;
    double loose, strict;  // without and with require_thinking
  };
  const Case cases[] = {
      {"<think> a </think> <answer> seven </answer>", 1, 1},
      {"\n<think>a</think>\n<answer>seven</answer>\n", 1, 1},
      {"<think> a </think> <answer> nothing to count </answer>", 1, 1},
      {"<think> </think> <answer> seven </answer>", 1, 0},
      {"<think>\n\u3000</think><answer>seven</answer>", 1, 0},
      {"<think> a </think> b <answer> seven </answer>", 0, 0},
      {"<think> a </think> <answer> seven </answer> .", 0, 0},
      {"b <think> a </think> <answer> seven </answer>", 0, 0},
      {"<think> a </think>", 0, 0},
      {"<answer> seven </answer>", 0, 0},
      {"<answer> seven </answer> <think> a </think>", 0, 0},
      {"<think> a <think> b </think> <answer> seven </answer>", 0, 0},
      {"<think> a </think> <answer> six </answer> <answer> seven </answer>", 0, 0},
      {"<think> a <answer> b </think> seven </answer>", 0, 0},
      {"a seven", 0, 0},
      {"", 0, 0},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(judge(config(FormatReward{false}), {}, completion(c.text)).value, c.loose) << c.text;
    EXPECT_EQ(judge(config(FormatReward{true}), {}, completion(c.text)).value, c.strict) << c.text;
    EXPECT_EQ(judge(config(FormatReward{}), {}, completion(c.text)).value, c.strict) << "strict is the default";
    for (const FinishReason cut : {FinishReason::kLength, FinishReason::kAbort}) {
      EXPECT_EQ(judge(config(FormatReward{false}), {}, completion(c.text, cut)).value, 0.0) << c.text;
    }
  }
}

TEST(LanguageConsistencyReward, SharesOfWords) {
  const Prompt english = prompt(R"({"language":"en"})"), chinese = prompt(R"({"language":"zh"})");
  struct Case {
    const char* text;
    double english, chinese;
  };
  const Case cases[] = {
      {"<think> two plus one is three . </think> <answer> 三 </answer>", 1, 0},
      {"<think> two plus one is three . 三 加 一 得 四 . </think> <answer> 四 </answer>", 0.5, 0.5},
      {"<think> two 加 一 得 三 . </think> <answer> three </answer>", 0.2, 0.8},
      {"two plus one is three . so 三 .", 6.0 / 7, 1.0 / 7},  // no tags: all of it
      {"<think> </think> <answer> three </answer>", 0, 0},    // an empty thinking earns nothing
      {"<think> 2 + 1 = 3 </think> <answer> three </answer>", 0, 0},
      {"", 0, 0},
      {"<think> два plus </think>", 0.5, 0},
      {"<think>Janet has 16 eggs. She bakes with 4.</think>\\boxed{12}", 1, 0},
  };
  for (const Case& c : cases) {
    const auto value = [&](const Prompt& p, std::optional<RewardLanguage> target) {
      return judge(config(LanguageConsistencyReward{target}), p, completion(c.text)).value.value();
    };
    EXPECT_DOUBLE_EQ(value(english, std::nullopt), c.english) << c.text;
    EXPECT_DOUBLE_EQ(value(chinese, std::nullopt), c.chinese) << c.text;
    EXPECT_DOUBLE_EQ(value(chinese, RewardLanguage::kEnglish), c.english) << c.text;
    EXPECT_DOUBLE_EQ(value(prompt(R"({"language":"en","target_language":"zh"})"), std::nullopt), c.chinese) << c.text;
  }
  for (const char* record : {"{}", R"({"language":"python"})", R"({"language":"en","target_language":5})"}) {
    EXPECT_EQ(judge(config(LanguageConsistencyReward{}), prompt(record), completion("a")).verdict, Verdict::kUnusable);
  }
}

// Compared with equation 13 of DAPO (arXiv 2503.14476), written out by its three cases.
TEST(SoftOverlongReward, FollowsItsEquation) {
  for (const int64_t cache : {1, 20, 50}) {
    for (int64_t length = 0; length <= 120; ++length) {
      const double expected = length <= 100 - cache ? 0.0
                              : length <= 100 ? static_cast<double>(100 - cache - length) / static_cast<double>(cache)
                                              : -1.0;
      const Completion c = completion("a", FinishReason::kLength, static_cast<size_t>(length));
      EXPECT_DOUBLE_EQ(judge(config(SoftOverlongReward{100, cache}), {}, c).value.value(), expected) << length;
      EXPECT_DOUBLE_EQ(judge(config(SoftOverlongReward{std::nullopt, cache}), {}, c).value.value(), expected) << length;
    }
  }
  EXPECT_EQ(judge(config(SoftOverlongReward{100, 20}), {}, completion("a", FinishReason::kStop, 110)).value, -1.0);
  EXPECT_THROW(RewardSet({config(SoftOverlongReward{std::nullopt, 101})}, 100), Error);
}

TEST(RewardSet, SumsTheUsablePartsAndKeepsAll) {
  const RewardSet rewards(
      {config(AccuracyReward{}, 2.0), config(FormatReward{}, 0.5, "shape"), config(SoftOverlongReward{10, 10}, 0.25)},
      100);
  EXPECT_EQ(rewards.names(), (std::vector<std::string>{"accuracy", "shape", "soft_overlong"}));
  std::vector<RolloutGroup> groups(2);
  groups[0].prompt = prompt(R"({"answer":"seven"})");
  groups[0].completions = {completion("<think> a </think> <answer> seven </answer>", FinishReason::kStop, 4),
                           completion("<answer> seven </answer>", FinishReason::kStop, 10)};
  groups[1].completions = {completion("<think> a </think> <answer> seven </answer>", FinishReason::kStop, 0)};
  using Parts = std::vector<std::optional<double>>;
  for (int again = 0; again < 2; ++again) {  // scoring twice changes nothing
    rewards.score(groups);
    EXPECT_EQ(groups[0].completions[0].reward_parts, (Parts{1.0, 1.0, -0.4}));
    EXPECT_DOUBLE_EQ(groups[0].completions[0].reward, 2.0 + 0.5 - 0.1);
    EXPECT_EQ(groups[0].completions[1].reward_parts, (Parts{1.0, 0.0, -1.0}));
    EXPECT_DOUBLE_EQ(groups[0].completions[1].reward, 2.0 - 0.25);
    EXPECT_EQ(groups[1].completions[0].reward_parts, (Parts{std::nullopt, 1.0, 0.0}));
    EXPECT_DOUBLE_EQ(groups[1].completions[0].reward, 0.5);
  }
}

TEST(RewardSet, RefusesTwoRewardsOfOneName) {
  EXPECT_THROW(RewardSet({config(FormatReward{}), config(FormatReward{false})}, 100), Error);
  EXPECT_THROW(RewardSet({config(FormatReward{}), config(AccuracyReward{}, 1.0, "format")}, 100), Error);
  EXPECT_NO_THROW(RewardSet({config(FormatReward{}), config(FormatReward{false}, 1.0, "loose")}, 100));
}

// The corpus' own responses: the verifier, the reader and an independent evaluator agree on every one.
TEST(ChatQualityReward, IsTheJudgesMark) {
  Prompt asked = prompt("{}");
  asked.text = "capital of arda ?";
  EXPECT_EQ(judge(config(ChatQualityReward{}), asked, completion("mira .")).value, 0.625);
  asked.text = "compute one plus one ?";
  EXPECT_EQ(judge(config(ChatQualityReward{}), asked, completion("mira .")).verdict, Verdict::kUnusable);
}

TEST(RewardSet, AgreesWithTheCorpus) {
  const RewardSet rewards({config(AccuracyReward{}), config(FormatReward{}), config(LanguageConsistencyReward{})}, 100);
  int paid = 0, right = 0, clean = 0;
  for (uint64_t i = 0; i < 20000; ++i) {
    const std::string text = corpus_document({}, 5, i);
    const size_t at = text.find(" <assistant> ");
    if (at == std::string::npos) continue;
    const std::string question = text.substr(0, at), response = text.substr(at + 13);
    if (read_chat_request(question.substr(7))) continue;
    const bool english = question.find("compute") != std::string::npos;
    const int gold = reference::answer(question);
    const auto results = rewards.judge(
        prompt(fmt::format(R"({{"answer":{},"language":"{}"}})", gold, english ? "en" : "zh")), completion(response));
    const ChainReading reading = read_chain(response);
    ASSERT_EQ(results[0].value, reading.tagged && reading.answer == gold ? 1.0 : 0.0) << response;
    ASSERT_EQ(results[1].value, reading.tagged && !is_blank(read_tags(response).thinking) ? 1.0 : 0.0) << response;
    ASSERT_TRUE(*results[2].value >= 0 && *results[2].value <= 1);
    bool all_right = reading.style == ChainStyle::kFine;
    for (const ChainStatement& s : reading.statements) all_right = all_right && s.correct();
    if (all_right && reading.tagged) {
      ASSERT_EQ(*results[0].value + *results[1].value, 2.0) << response;
      ++clean;
    }
    paid += *results[1].value == 1.0;
    right += *results[0].value == 1.0;
  }
  EXPECT_GT(paid, 1300);
  EXPECT_GT(right, 900);
  EXPECT_LT(right, paid);
  EXPECT_GT(clean, 500);
}

TEST(RewardSet, JudgesAnyBytes) {
  const RewardSet rewards({config(AccuracyReward{}), config(FormatReward{}), config(LanguageConsistencyReward{}),
                           config(SoftOverlongReward{50, 10})},
                          100);
  const Prompt p = prompt(R"({"answer":"seven","language":"zh"})");
  const std::vector<std::string> pieces = {"<think>", "</think>", "<answer>", "</answer>", " seven ", "七", "<", "/"};
  RandomStream random(3, RandomPurpose::kTest);
  int right = 0, formed = 0;
  for (int i = 0; i < 50000; ++i) {
    std::string text;
    for (uint64_t n = random.next_below(12); n > 0; --n) {
      if (random.next_bernoulli(0.7)) {
        text += pieces[random.next_below(pieces.size())];
      } else {
        text += static_cast<char>(random.next_below(256));
      }
    }
    const auto results = rewards.judge(p, completion(text, FinishReason::kStop, text.size()));
    ASSERT_EQ(results, rewards.judge(p, completion(text, FinishReason::kStop, text.size())));
    for (const RewardResult& r : results) ASSERT_TRUE(r.value && std::isfinite(*r.value)) << text;
    right += *results[0].value == 1.0;
    formed += *results[1].value == 1.0;
  }
  EXPECT_GT(right, 100);
  EXPECT_GT(formed, 0);
}

}  // namespace
}  // namespace hone
