// The reward `reward_model` on the classifiers of fixtures/make_models.py, whose scores are those of transformers.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "hone/core/error.h"
#include "hone/reward/reward.h"
#include "hone/tokenizer/tokenizer.h"

namespace hone {
namespace {

namespace fs = std::filesystem;
using Ids = std::vector<int32_t>;

std::string fixture() {
  return std::string(HONE_SOURCE_DIR) + "/tests/fixtures/models/llama_classifier";
}

struct Scored {
  Ids ids;
  double score;
};
std::vector<Scored> reference() {
  std::vector<Scored> rows;
  for (const auto& row : nlohmann::json::parse(std::ifstream(fixture() + "/reference.json")))
    rows.push_back({row["ids"], row["score"]});
  return rows;
}

ModelReward parameters() {
  ModelReward reward;
  reward.path = fixture();
  return reward;
}
RewardSet reward_set(const ModelReward& reward) {
  return RewardSet({{.name = std::nullopt, .parameters = reward}}, 100);
}
RewardResult judge(const ModelReward& reward, const Prompt& prompt, const Completion& completion) {
  return reward_set(reward).judge(prompt, completion).at(0);
}

Tokenizer tokenizer() {
  return Tokenizer::load(fixture());
}
Prompt prompt_of(const Ids& ids) {
  Prompt prompt;
  prompt.ids = ids;
  prompt.text = tokenizer().decode(ids, /*skip_special=*/false);
  return prompt;
}
Prompt prompt_of(const std::string& text) {
  Prompt prompt;
  prompt.text = text;
  return prompt;
}
/// As the engine makes it: the text without special tokens.
Completion completion_of(const Ids& ids) {
  Completion completion;
  completion.ids = ids;
  completion.text = tokenizer().decode(ids);
  completion.finish_reason = FinishReason::kLength;
  return completion;
}
Completion completion_of(const std::string& text, FinishReason reason = FinishReason::kLength) {
  Completion completion;
  completion.text = text;
  completion.finish_reason = reason;
  return completion;
}
double score_of(const Ids& ids) {
  return *judge(parameters(), {}, completion_of(tokenizer().decode(ids, /*skip_special=*/false))).value;
}

// Special tokens within a completion are not in its text: only the ids give these scores.
TEST(ModelReward, ScoresTheSampledIds) {
  const RewardSet rewards = reward_set(parameters());
  for (const auto& [ids, score] : reference()) {
    const size_t half = ids.size() / 2;
    if (half == 0) continue;
    const auto middle = ids.begin() + static_cast<int64_t>(half);
    const auto result = rewards.judge(prompt_of(Ids(ids.begin(), middle)), completion_of(Ids(middle, ids.end())))[0];
    ASSERT_TRUE(result.value) << result.reason;
    EXPECT_NEAR(*result.value, score, 1e-5);
    EXPECT_EQ(result.verdict, Verdict::kNone);
  }
}

TEST(ModelReward, TextIsCutIntoTokensWhereTheIdsAreNotThisModels) {
  const double expected = score_of({4, 8, 5, 9, 6});  // one plus two is three
  Completion completion = completion_of("is three");
  Prompt prompt = prompt_of("one plus two");
  EXPECT_EQ(judge(parameters(), prompt, completion).value, expected);
  completion.ids = {9, 6}, prompt.ids = {4, 8, 5};
  EXPECT_EQ(judge(parameters(), prompt, completion).value, expected);
  for (const Ids& foreign : {Ids{9, 7}, Ids{900, 6}, Ids{-1}}) {
    completion.ids = foreign;
    EXPECT_EQ(judge(parameters(), prompt, completion).value, expected);
  }
  completion.ids = {9, 6}, prompt.ids = {6, 6, 6};
  EXPECT_EQ(judge(parameters(), prompt, completion).value, expected);
  // A completion that ended has its end.
  EXPECT_EQ(judge(parameters(), prompt_of("one plus two"), completion_of("is three", FinishReason::kStop)).value,
            score_of({4, 8, 5, 9, 6, 1}));
}

// The answer is read behind the prompt as the policy had it, with its template: as a reward model is trained.
TEST(ModelReward, TheAnswerAloneStandsBehindThePromptsOwnIds) {
  ModelReward reward = parameters();
  reward.part = ScoredPart::kAnswer;
  Prompt prompt = prompt_of("one plus two ?");
  prompt.ids = {2, 4, 8, 5, 15, 3};  // <user> one plus two ? <assistant>
  const Completion completion = completion_of("<think> two plus one </think> is three", FinishReason::kStop);
  EXPECT_EQ(judge(reward, prompt, completion).value, score_of({2, 4, 8, 5, 15, 3, 9, 6, 1}));
}

TEST(ModelReward, ATemplateStandsAround) {
  ModelReward reward = parameters();
  reward.text_template = "<user> {{prompt}} ? <assistant>{{completion}}<eos>";
  const double expected = score_of({2, 4, 8, 5, 15, 3, 9, 6, 1});
  EXPECT_EQ(judge(reward, prompt_of("one plus two"), completion_of("is three")).value, expected);
  // The end of the sampled ids is the template's business; what else they hold is kept.
  EXPECT_EQ(judge(reward, prompt_of(Ids{4, 8, 5}), completion_of(Ids{9, 6, 1})).value, expected);
  EXPECT_EQ(judge(reward, prompt_of(Ids{4, 8, 5}), completion_of(Ids{9, 2, 6})).value,
            score_of({2, 4, 8, 5, 15, 3, 9, 2, 6, 1}));
  reward.text_template = "{{completion}}";
  EXPECT_EQ(judge(reward, prompt_of("one plus two"), completion_of("is three")).value, score_of({9, 6}));
}

TEST(ModelReward, SigmoidSquashes) {
  ModelReward reward = parameters();
  reward.squash = Squash::kSigmoid;
  const Completion completion = completion_of("two plus two is four");
  const double raw = *judge(parameters(), {}, completion).value;
  EXPECT_NE(raw, 0);
  EXPECT_DOUBLE_EQ(*judge(reward, {}, completion).value, 1 / (1 + std::exp(-raw)));
}

TEST(ModelReward, TooLongTextsAndUnknownWordsAreUnusable) {
  const auto expect_unusable = [](const ModelReward& reward, const std::string& text, const std::string& why) {
    const RewardResult result = judge(reward, {}, completion_of(text));
    EXPECT_EQ(result.verdict, Verdict::kUnusable) << text;
    EXPECT_EQ(result.value, std::nullopt) << text;
    EXPECT_NE(result.reason.find(why), std::string::npos) << result.reason;
  };
  std::string text = "one";
  for (int i = 1; i < 24; ++i) text += " plus";
  EXPECT_TRUE(judge(parameters(), {}, completion_of(text)).value);
  expect_unusable(parameters(), text + " one", "25 tokens, more than 24");
  ModelReward shorter = parameters();
  shorter.max_tokens = 3;
  EXPECT_TRUE(judge(shorter, {}, completion_of("one plus two")).value);
  expect_unusable(shorter, "one plus two ?", "4 tokens, more than 3");
  expect_unusable(parameters(), "seventeen", "'seventeen'");
  expect_unusable(parameters(), "", "token");
}

TEST(ModelReward, WithoutATokenizerNothingIsUsable) {
  const fs::path folder = fs::path(::testing::TempDir()) / "classifier_without_tokenizer";
  fs::create_directories(folder);
  for (const char* file : {"config.json", "model.safetensors"})
    fs::copy_file(fs::path(fixture()) / file, folder / file, fs::copy_options::overwrite_existing);
  ModelReward reward = parameters();
  reward.path = folder.string();
  const RewardResult result = judge(reward, prompt_of(Ids{4}), completion_of(Ids{5}));
  EXPECT_EQ(result.verdict, Verdict::kUnusable);
  EXPECT_NE(result.reason.find("tokenizer.json"), std::string::npos) << result.reason;
  fs::remove_all(folder);
}

TEST(ModelReward, ThreadsGetTheSameBits) {
  const RewardSet one = reward_set(parameters()), other = reward_set(parameters());
  const auto rows = reference();
  std::vector<double> expected;
  for (const auto& row : rows) expected.push_back(*one.judge({}, completion_of(row.ids))[0].value);
  std::vector<std::thread> threads;
  std::atomic<int> different = 0;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      for (size_t i = 0; i < 20 * rows.size(); ++i) {
        const size_t at = (i + static_cast<size_t>(t)) % rows.size();
        different += (t % 2 == 0 ? one : other).judge({}, completion_of(rows[at].ids))[0].value != expected[at];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(different, 0);
}

TEST(ModelReward, BadParametersAreRefusedInOneLine) {
  const auto problem = [](const auto& edit) -> std::string {
    ModelReward reward = parameters();
    edit(reward);
    try {
      reward_set(reward);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInput);
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(problem([](ModelReward&) {}), "");
  const std::pair<std::string, const char*> templates[] = {{"no place", "{{completion}}"},
                                                           {"{{completion}} {{completion}}", "{{completion}}"},
                                                           {"{{question}} {{completion}}", "{{question}}"}};
  for (const auto& [text, part] : templates) {
    const std::string line = problem([&](ModelReward& r) { r.text_template = text; });
    EXPECT_NE(line.find(part), std::string::npos) << line;
  }
  EXPECT_NE(problem([](ModelReward& r) { r.max_tokens = 25; }).find("at most 24"), std::string::npos);
  EXPECT_NE(problem([](ModelReward& r) { r.path = "/nowhere"; }).find("/nowhere"), std::string::npos);
}

}  // namespace
}  // namespace hone
