// Real benchmark files through their formats: every row is read, and the gold is right by the reward that judges it.
#include "hone/data/benchmarks.h"

#include <gtest/gtest.h>

#include "hone/core/error.h"
#include "hone/data/prompt_source.h"
#include "hone/eval/measure.h"
#include "reward/judging.h"
#include "reward/shared_data.h"

namespace hone {
namespace {

// The problems of a shared file; none where it is absent.
std::vector<Prompt> problems(Benchmark benchmark, const std::string& name) {
  DataConfig config;
  config.path = (test::shared_data() / name).string();
  if (!std::filesystem::exists(config.path)) return {};
  config.format = benchmark;
  config.shuffle = false;
  return PromptSource(config, 0).first(std::nullopt);
}

struct BenchmarkFile {
  Benchmark benchmark;
  std::string name;
  size_t rows;
  size_t without_gold;  ///< a null, or an answer that the verifier cannot read
};

class GoldOfBenchmark : public testing::TestWithParam<BenchmarkFile> {};

TEST_P(GoldOfBenchmark, IsRight) {
  const auto& [benchmark, name, rows, without_gold] = GetParam();
  const std::vector<Prompt> all = problems(benchmark, name);
  if (all.empty()) GTEST_SKIP() << name << " is not there (set HONE_SHARED_DATA)";
  EXPECT_EQ(all.size(), rows);
  const RewardSet judge({*judging_reward({}, benchmark)}, std::nullopt);
  size_t unusable = 0;
  for (const Prompt& p : all) {
    EXPECT_FALSE(p.text.empty()) << p.id;
    const auto golds = p.record.list("answer");
    std::string said = "I think it is";
    for (const std::string& gold : golds.value_or(std::vector<std::string>())) said += " $\\boxed{" + gold + "}$";
    const RewardResult result = judge.judge(p, completion(said)).front();
    unusable += result.verdict == Verdict::kUnusable;
    EXPECT_NE(result.verdict, Verdict::kWrong) << p.id << ": " << said << ": " << result.reason;
    EXPECT_NE(judge.judge(p, completion("I do not know")).front().verdict, Verdict::kRight) << p.id;
  }
  EXPECT_EQ(unusable, without_gold);
}

INSTANTIATE_TEST_SUITE_P(Shared, GoldOfBenchmark,
                         testing::Values(BenchmarkFile{Benchmark::kGsm8k, "gsm8k/test.jsonl", 1319, 0},
                                         BenchmarkFile{Benchmark::kMath, "math500/test.jsonl", 300, 0},
                                         BenchmarkFile{Benchmark::kMath, "math_train/train.jsonl", 7474, 4},
                                         BenchmarkFile{Benchmark::kAime, "aime_1983_2023/train.jsonl", 975, 0},
                                         BenchmarkFile{Benchmark::kMinerva, "minerva_math/test.jsonl", 272, 0},
                                         BenchmarkFile{Benchmark::kOlympiadBench, "olympiadbench/test.jsonl", 675, 0}),
                         [](const auto& tested) { return tested.param.name.substr(0, tested.param.name.find('/')); });

// Judges one completion of each; nothing where programs cannot be isolated here.
std::optional<RewardSet> code_judge() {
  try {
    return std::optional<RewardSet>(std::in_place, std::vector{config(CodeReward{})}, std::nullopt);
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::string fenced(const std::string& program) {
  return "```python\n" + program + "\n```";
}

TEST(CodeBenchmarks, ReferenceSolutionsPass) {
  const auto judge = code_judge();
  if (!judge) GTEST_SKIP() << "programs cannot be isolated here";
  const auto human = problems(Benchmark::kHumanEval, "humaneval/HumanEval.jsonl");
  const auto mbpp = problems(Benchmark::kMbpp, "mbpp/mbpp.jsonl");
  if (human.empty() || mbpp.empty()) GTEST_SKIP() << "no shared data (set HONE_SHARED_DATA)";
  EXPECT_EQ(human.size(), 82U);
  EXPECT_EQ(mbpp.size(), 974U);
  for (size_t i = 0; i < human.size(); i += 20) {
    const auto result = judge->judge(human[i], completion(fenced(*human[i].record.text("canonical_solution")))).front();
    EXPECT_EQ(result.verdict, Verdict::kRight) << human[i].id << ": " << result.reason;
  }
  for (size_t i = 0; i < mbpp.size(); i += 200) {
    const auto result = judge->judge(mbpp[i], completion(fenced(*mbpp[i].record.text("code")))).front();
    EXPECT_EQ(result.verdict, Verdict::kRight) << mbpp[i].id << ": " << result.reason;
    EXPECT_EQ(judge->judge(mbpp[i], completion(fenced("pass"))).front().verdict, Verdict::kWrong);
  }
}

TEST(CodeBenchmarks, LiveCodeBenchFunctionsAndStreams) {
  const auto judge = code_judge();
  if (!judge) GTEST_SKIP() << "programs cannot be isolated here";
  const auto all = problems(Benchmark::kLiveCodeBench, "stdio_problems/live_code_bench_sample.jsonl");
  if (all.empty()) GTEST_SKIP() << "no shared data (set HONE_SHARED_DATA)";
  ASSERT_EQ(all.size(), 3U);
  const std::string right[] = {
      "for _ in range(int(input())):\n"
      "    print('YES' if sum(a != b for a, b in zip(input(), 'abc')) <= 2 else 'NO')",
      "class Solution:\n"
      "    def countSeniors(self, details: List[str]) -> int:\n"
      "        return sum(int(d[11:13]) > 60 for d in details)",
      "n, s = int(input()), input()\n"
      "t = s.count('T')\n"
      "print('T' if 2 * t > n or (2 * t == n and s[-1] == 'A') else 'A')"};
  const std::string wrong[] = {
      "print('YES')", "class Solution:\n    def countSeniors(self, details: List[str]) -> int:\n        return 0",
      "print('T')"};
  for (size_t i = 0; i < all.size(); ++i) {
    const auto result = judge->judge(all[i], completion(fenced(right[i]))).front();
    EXPECT_EQ(result.verdict, Verdict::kRight) << all[i].id << ": " << result.reason;
    EXPECT_EQ(judge->judge(all[i], completion(fenced(wrong[i]))).front().verdict, Verdict::kWrong) << all[i].id;
  }
}

TEST(Ifeval, PromptsCanBeJudged) {
  const auto all = problems(Benchmark::kIfeval, "ifeval/input_data.jsonl");
  if (all.empty()) GTEST_SKIP() << "no shared data (set HONE_SHARED_DATA)";
  EXPECT_EQ(all.size(), 540U);
  const RewardSet judge({*judging_reward({}, Benchmark::kIfeval)}, std::nullopt);
  for (const Prompt& p : all) EXPECT_NE(judge.judge(p, completion("Yes.")).front().verdict, Verdict::kUnusable) << p.id;
}

TEST(JudgingReward, OfABenchmarkIsItsOwn) {
  EXPECT_EQ(judging_reward({}, Benchmark::kGpqa)->type(), "multiple_choice");
  EXPECT_EQ(judging_reward({config(AccuracyReward{})}, Benchmark::kMbpp)->type(), "code");
  MathReward bare;
  bare.answer = MathAnswer::kBare;
  EXPECT_EQ(judging_reward({config(AccuracyReward{}), config(bare)}, Benchmark::kAime), config(bare));
}

}  // namespace
}  // namespace hone
