// The shipped configs teach what they promise, on whatever seed.
#include <fmt/format.h>

#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/hone.h"
#include "core/faults.h"
#include "hone/core/hash.h"
#include "hone/core/random.h"

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

// A row of the table of an evaluation stage.
Json row_of(const fs::path& results, const std::string& model) {
  for (const Json& row : Json::parse(read(results))) {
    if (row["model"] == model) return row;
  }
  ADD_FAILURE() << "no " << model << " in " << results;
  return {};
}

// The shape of the paper's table of stages: R1-Zero reasons and mixes languages, the cold start is readable and weaker,
// RL with the language reward recovers, and what follows keeps it.
TEST(SlowLearning, R1HasThePapersShape) {
  for (const uint64_t seed : {1, 2, 3}) {
    SCOPED_TRACE(seed);
    const TempFolder folder;
    const Result result = run_config("r1.yaml", folder / "run", seed);
    ASSERT_EQ(result.exit_code, 0) << result.err;
    SCOPED_TRACE(result.out);
    const fs::path results = folder / "run/stages/09_evaluation/results.json";
    const Json zero = row_of(results, "R1-Zero"), cold = row_of(results, "cold start"),
               reasoning = row_of(results, "reasoning RL"), sft = row_of(results, "SFT"), r1 = row_of(results, "R1");
    EXPECT_GE(zero["accuracy"], 0.90);
    EXPECT_LT(zero["language_consistency"], 0.90);
    EXPECT_LT(cold["accuracy"], zero["accuracy"].get<double>() - 0.05);
    EXPECT_GE(cold["language_consistency"], 0.95);
    for (const Json& row : {reasoning, sft, r1}) {
      EXPECT_GE(row["accuracy"], 0.90) << row;
      EXPECT_GE(row["language_consistency"], 0.97) << row;
    }
    EXPECT_GE(r1["accuracy"], sft["accuracy"].get<double>() - 0.02);
    // What only all-scenario RL teaches: people's preferences, and to refuse.
    EXPECT_GE(r1["helpful/chat_quality"], sft["helpful/chat_quality"].get<double>() + 0.04);
    EXPECT_GE(r1["harmful/chat_quality"], sft["harmful/chat_quality"].get<double>() + 0.2);
  }
}

// The hashes of all that the stages leave, by their manifests, and of what has none.
std::map<std::string, std::string> artefacts(const fs::path& run) {
  auto out = fingerprint(run);
  for (const auto& stage : fs::directory_iterator(run / "stages")) {
    out[stage.path().filename().string() + "/manifest.json"] = read(stage.path() / "manifest.json");
  }
  return out;
}

// The stage that a run was in when its process died.
std::string running_stage(const fs::path& run) {
  if (!fs::exists(run / "state.json")) return "none";
  const Json state = Json::parse(read(run / "state.json"));
  for (const Json& stage : state["stages"]) {
    if (stage["status"] != "finished") return stage["name"];
  }
  return "end";
}

// The whole recipe, killed 20 times at random moments that are spread over it, leaves what it leaves undisturbed.
TEST(SlowLearning, TwentyKillsOverR1ChangeNothing) {
  constexpr int kKills = 20;
  const TempFolder folder;
  const auto command = [&](const std::string& name) {
    return Arguments{"run", source("configs/miniature/r1.yaml"), "--output", (folder / name).string()};
  };
  const auto start = std::chrono::steady_clock::now();
  ASSERT_EQ(hone(command("whole")).exit_code, 0);
  const double whole = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const auto undisturbed = artefacts(folder / "whole");
  const size_t stages = Json::parse(read(folder / "whole/state.json"))["stages"].size();
  // A checkpoint each step, which changes no result: little is done again, so that the kills are spread over it all.
  Arguments often;
  for (size_t i = 0; i < stages; ++i) {
    often.insert(often.end(), {"--set", fmt::format("stages.{}.checkpoint.every=1", i)});
  }

  RandomStream random(20, RandomPurpose::kTest);
  std::set<std::string> hit;
  int kills = 0;
  for (int run = 0; kills < kKills; ++run) {  // one that got to its end too soon is followed by another
    const std::string name = fmt::format("killed{}", run);
    bool finished = false;
    while (!finished) {
      Arguments arguments = command(name);
      arguments.insert(arguments.end(), often.begin(), often.end());
      Process process(arguments);
      const double seconds = whole / kKills * (0.5 + 1.4 * random.next_uniform());
      const auto result = kills < kKills ? process.wait_for(seconds) : std::optional(process.wait());
      finished = result.has_value();
      if (finished) {
        ASSERT_EQ(result->exit_code, 0) << result->err;
        break;
      }
      process.send(SIGKILL);
      process.wait();
      ++kills;
      hit.insert(running_stage(folder / name));
    }
    EXPECT_EQ(artefacts(folder / name), undisturbed) << name;
  }
  EXPECT_GE(hit.size(), (stages + 1) / 2) << "they were to be spread over the stages";
}

TEST(SlowLearning, DistillationBeatsTheStudentsOwnRl) {
  const TempFolder folder;
  const Result result = run_config("distill.yaml", folder / "run", 17);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const fs::path results = folder / "run/stages/05_evaluation/results.json";
  EXPECT_GT(row_of(results, "distilled")["accuracy"], row_of(results, "its own RL")["accuracy"]);
  EXPECT_GE(row_of(results, "distilled")["accuracy"], 0.95);
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
