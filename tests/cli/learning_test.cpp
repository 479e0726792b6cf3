// The shipped configs teach what they promise, on whatever seed.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/hone.h"
#include "core/faults.h"
#include "hone/core/hash.h"

namespace hone::test {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

std::vector<Json> evaluations(const fs::path& run) {
  std::vector<Json> out;
  std::istringstream lines(read(run / "stages/00_grpo/eval.jsonl"));
  for (std::string line; std::getline(lines, line);) out.push_back(Json::parse(line));
  return out;
}

// Greedy, on held-out problems.
void expect_r1_zero(const fs::path& run) {
  const auto evals = evaluations(run);
  ASSERT_EQ(evals.size(), 2U);
  const Json &before = evals[0], &after = evals[1];
  SCOPED_TRACE(after.dump());
  EXPECT_LE(before["accuracy"], 0.15);
  EXPECT_LE(before["format"], 0.35);
  EXPECT_GE(after["accuracy"], 0.85);
  EXPECT_GE(after["format"], 0.95);
  EXPECT_GE(after["mean_length"].get<double>(), 1.3 * before["mean_length"].get<double>());
  EXPECT_LT(after["language_consistency"], 0.90);  // the paper's language mixing
}

Result run_config(const std::string& config, const fs::path& output, uint64_t seed) {
  return hone({"run", source("configs/miniature/" + config), "--output", output.string(), "--set",
               fmt::format("seed={}", seed)});
}

TEST(Learning, R1Zero) {
  const TempFolder folder;
  ASSERT_EQ(run_config("r1_zero.yaml", folder / "run", 17).exit_code, 0);
  expect_r1_zero(folder / "run");
}

TEST(SlowLearning, R1ZeroOnOtherSeeds) {
  for (const uint64_t seed : {1, 2, 3, 4, 5, 6}) {
    SCOPED_TRACE(seed);
    const TempFolder folder;
    ASSERT_EQ(run_config("r1_zero.yaml", folder / "run", seed).exit_code, 0);
    expect_r1_zero(folder / "run");
  }
}

TEST(SlowLearning, ALanguageRewardKeepsTheLanguage) {
  for (const uint64_t seed : {1, 2, 3}) {
    SCOPED_TRACE(seed);
    const TempFolder folder;
    ASSERT_EQ(run_config("r1_zero_language.yaml", folder / "run", seed).exit_code, 0);
    const Json after = evaluations(folder / "run").back();
    EXPECT_GE(after["language_consistency"], 0.97) << after;
    EXPECT_GE(after["accuracy"], 0.80) << after;
  }
}

// The base model that ships is the one that its config makes.
TEST(SlowLearning, PretrainingMakesTheShippedBase) {
  const TempFolder folder;
  const Result result = hone({"run", source("configs/miniature/pretrain.yaml"), "--output", (folder / "run").string()});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const fs::path made = folder / "run/stages/00_pretrain/model", shipped = source("src/pipeline/miniature");
  for (const char* name : {"config.json", "tokenizer.json", "tokenizer_config.json", "templates/r1_zero.txt"}) {
    EXPECT_EQ(read(made / name), read(shipped / name)) << name;
  }
  EXPECT_EQ(sha256_file(made / "model.safetensors"), sha256_file(shipped / "model.safetensors"));
}

}  // namespace
}  // namespace hone::test
