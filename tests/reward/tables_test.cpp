// The verdicts of other projects' own tests, the format's traps, and the countdown cases.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "hone/data/reasoning_text.h"
#include "reward/judging.h"
#include "reward/shared_data.h"

namespace hone {
namespace {

using Json = nlohmann::json;

// Our reward for the function of a row; nothing where we have none.
std::optional<RewardConfig> reward_of(const Json& row) {
  const auto function = row["reward"].get<std::string>();
  const Json& params = row["params"];
  const bool open_r1 = function.starts_with("open-r1.");
  const std::string name = function.substr(function.find('.') + 1);
  const LengthUnit unit = open_r1 ? LengthUnit::kCharacters : LengthUnit::kTokens;
  if (name == "format_reward") return config(FormatReward{});
  if (name == "think_format_reward" || name == "think_format") return config(FormatReward{.answer_tags = false});
  if (name == "tag_count_reward") return config(TagCountReward{});
  if (name == "code_format_reward") return config(CodeFormatReward{params["language"].get<std::string>()});
  if (name == "reasoning_steps_reward") return config(ReasoningStepsReward{});
  if (name == "len_reward") return config(LengthReward{"math", unit});
  if (name == "soft_overlong_punishment") {
    return config(SoftOverlongReward{params["max_completion_len"], params["soft_punish_cache"]});
  }
  if (name == "repetition_penalty_reward") {
    return config(RepetitionReward{params["ngram_size"], params["max_penalty"],
                                   open_r1 ? RepetitionUnit::kWords : RepetitionUnit::kTokens});
  }
  if (name == "cosine_scaled_reward") {
    return config(CosineReward{.of = "math",
                               .unit = unit,
                               .max_length = params["max_len"],
                               .min_value_correct = params["min_value_correct"],
                               .max_value_correct = params["max_value_correct"],
                               .min_value_wrong = params["min_value_wrong"],
                               .max_value_wrong = params["max_value_wrong"]});
  }
  return std::nullopt;
}

// What the text functions of verifiers give: what follows the thinking, and the body of the answer tag.
std::optional<std::string> text_of(const Json& row) {
  const auto text = row["completion"].get<std::string>();
  if (row["reward"] == "verifiers.xml_parser.answer") {
    const auto answer = read_tags(text).answer;
    return answer ? std::optional(std::string(trim(*answer))) : std::nullopt;
  }
  return std::string(trim(read_tags(text, /*thinking_opened=*/true).rest.value_or("")));
}

Completion completion_of(const Json& row, const std::string& text) {
  Completion c = completion(text, FinishReason::kStop, row.value("n_tokens", size_t{0}));
  if (row.contains("token_ids")) c.ids = row["token_ids"].get<std::vector<int32_t>>();
  return c;
}

TEST(Tables, RewardFunctionsOfOthers) {
  const auto rows = test::shared_rows("reward_function_cases.jsonl");
  if (rows.empty()) GTEST_SKIP() << "no reward_function_cases.jsonl in " << test::shared_data();
  // A gold that is words: TRL has no value for it and open-r1 takes every answer for right; ours compares the words
  // (docs/rewards_math.md).
  const std::set<std::string> differs = {"rf-094", "rf-020"};
  int judged = 0;
  for (const Json& row : rows) {
    const auto id = row["id"].get<std::string>();
    if (row["reward"].get<std::string>().ends_with("parse") || row["reward"].get<std::string>().ends_with("answer")) {
      const auto text = text_of(row);
      EXPECT_EQ(text ? Json(*text) : Json(), row["expected"]) << id;
      ++judged;
      continue;
    }
    const auto reward = reward_of(row);
    ASSERT_TRUE(reward) << id << " " << row["reward"];
    if (differs.contains(id)) continue;
    std::vector<Completion> completions;
    for (const Json& text : row.value("group", Json::array({row.value("completion", "")}))) {
      completions.push_back(completion_of(row, text));
    }
    const Json gold = row.contains("gold") && row["gold"].is_array() ? row["gold"][0] : row.value("gold", Json());
    const Prompt p = prompt(Json{{"answer", gold}}.dump());
    const auto results = RewardSet({*reward}, 100).judge(p, completions);
    const Json expected = row["expected"].is_array() ? row["expected"] : Json::array({row["expected"]});
    for (size_t i = 0; i < results.size(); ++i) {
      const auto& value = results[i][0].value;
      ASSERT_EQ(value.has_value(), !expected[i].is_null()) << id << " " << results[i][0].reason;
      if (!value) continue;
      EXPECT_NEAR(*value, expected[i].get<double>(), 1e-12) << id;
    }
    ++judged;
  }
  EXPECT_GE(judged, static_cast<int>(rows.size()) - 2);
}

std::string decode_base64(const std::string& text) {
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    static const std::string kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const size_t digit = kAlphabet.find(c);
    if (digit == std::string::npos) break;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    if ((count += 6) >= 8) out += static_cast<char>(bits >> (count -= 8) & 0xFF);
  }
  return out;
}

TEST(Tables, FormatTraps) {
  const auto rows = test::shared_rows("reward_traps.jsonl");
  if (rows.empty()) GTEST_SKIP() << "no reward_traps.jsonl in " << test::shared_data();
  int judged = 0;
  for (const Json& row : rows) {
    std::string text = row.value("completion", "");
    for (const Json& part : row.value("completion_parts", Json::array()))
      text += repeated(part[0].get<std::string>(), part[1]);
    if (row.contains("completion_b64")) text = decode_base64(row["completion_b64"]);
    const FormatReward policy{.require_thinking = false, .answer_tags = false};
    EXPECT_EQ(judge(config(policy), {}, completion(text)).value, row["expected_format"].get<bool>() ? 1.0 : 0.0)
        << row["id"] << row["why"];
    ++judged;
  }
  EXPECT_GE(judged, 80);
}

TEST(Tables, Countdown) {
  const auto cases = test::shared_rows("countdown/scoring_cases.jsonl");
  if (cases.empty()) GTEST_SKIP() << "no countdown/scoring_cases.jsonl in " << test::shared_data();
  for (const Json& row : cases) {
    const RewardResult r = judge(config(CountdownReward{}), prompt(row.dump()), completion(row["completion"]));
    EXPECT_EQ(r.verdict == Verdict::kRight, row["expected"].get<bool>()) << row["id"] << r.reason;
  }
  for (const Json& row : test::shared_rows("countdown/tasks.jsonl")) {
    const auto solution = row["solution"].get<std::string>();
    const RewardResult r =
        judge(config(CountdownReward{}), prompt(row.dump()), completion("<answer>" + solution + "</answer>"));
    EXPECT_EQ(r.verdict, Verdict::kRight) << solution << r.reason;
  }
}

}  // namespace
}  // namespace hone
