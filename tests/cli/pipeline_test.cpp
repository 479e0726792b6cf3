// Pipelines as a user has them: stages that build on each other, killed anywhere, edited, done again in part.
#include <fmt/format.h>

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/hone.h"
#include "core/faults.h"
#include "hone/core/random.h"

namespace hone::test {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// Every type of stage but `export`, each small: R1-Zero, its right answers, a model that learns from them, preferences
// between right and wrong answers, a reward model, RL with it, a table.
constexpr const char* kPipeline = R"(
name: small
seed: 3
model: {{ path: builtin:miniature }}
stages:
  - name: zero
    type: grpo
    data: {{ path: builtin:chains, split: train }}
    grpo: {{ num_generations: 4, prompts_per_step: 8, num_minibatches: 2 }}
    sampling: {{ max_completion_length: 48 }}
    rewards: [ {{ type: accuracy }}, {{ type: format }} ]
    optimizer: {{ lr: 1.0e-4 }}
    steps: 2
    checkpoint: {{ every: 1 }}
    eval: {{ problems: 8 }}
  - name: samples
    type: rejection_sample
    data: {{ path: builtin:chains, split: train }}
    rejection_sample: {{ prompts: 60, prompts_per_step: 20, num_generations: 4, max_per_prompt: 1 }}
    sampling: {{ max_completion_length: 48 }}
    rewards: [ {{ type: accuracy }} ]
    checkpoint: {{ every: 1 }}
  - name: tuned
    type: sft
    model: {{ path: base }}
    data: {{ path: "stage:samples/accepted.jsonl" }}
    sft: {{ examples_per_step: 4 }}
    optimizer: {{ lr: 1.0e-4 }}
    steps: {sft_steps}
    checkpoint: {{ every: 1 }}
  - name: likes
    type: reward_model
    data: {{ path: {preferences} }}
    reward_model: {{ examples_per_step: 8 }}
    optimizer: {{ lr: 1.0e-3 }}
    steps: 3
    checkpoint: {{ every: 1, metric_for_best_model: eval_loss, load_best_model_at_end: true }}
    eval: {{ path: {preferences}, examples: 16, every: 1 }}
  - name: scenarios
    type: grpo
    model: {{ path: "stage:tuned" }}
    data: {{ path: builtin:chains, split: train }}
    sources:
      - {{ name: liked, path: builtin:chains, split: train, min_operations: 2, max_operations: 2, from_step: 2 }}
    grpo: {{ num_generations: 4, prompts_per_step: 8, num_minibatches: 2 }}
    sampling: {{ max_completion_length: 48, temperature: 0.7 }}
    rewards:
      - {{ type: accuracy, sources: [data] }}
      - {{ type: format }}
      - {{ type: reward_model, path: "stage:likes", squash: sigmoid, sources: [liked] }}
    optimizer: {{ lr: 1.0e-4 }}
    steps: 3
    checkpoint: {{ every: 1 }}
    eval: {{ problems: 8 }}
  - name: table
    type: eval
    models:
      - {{ path: base }}
      - {{ name: tuned model, path: "stage:tuned" }}
    data: {{ path: builtin:chains, split: test }}
    sources:
      - {{ name: easy, path: builtin:chains, split: test, max_operations: 2 }}
      - {{ name: chat, path: builtin:helpful, split: test }}
    eval: {{ problems: 12, num_generations: 2, max_completion_length: 48 }}
    rewards:
      - {{ type: accuracy, sources: [data, easy] }}
      - {{ type: reward_model, path: "stage:likes", sources: [data] }}
      - {{ type: chat_quality, sources: [chat] }}
    checkpoint: {{ every: 1 }}
)";

class Pipeline : public testing::Test {
 protected:
  Pipeline() {
    std::ofstream file(folder_ / "preferences.jsonl");
    for (const char* digit : {"one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "zero"}) {
      file << Json{{"prompt", fmt::format("compute {} plus one ?", digit)},
                   {"chosen", fmt::format("<think> </think> <answer> {} </answer>", digit)},
                   {"rejected", fmt::format("so {} .", digit)}}
           << '\n';
    }
    write_config(2);
  }

  void write_config(int sft_steps) const {
    std::ofstream(folder_ / "small.yaml") << fmt::format(
        kPipeline, fmt::arg("sft_steps", sft_steps), fmt::arg("preferences", (folder_ / "preferences.jsonl").string()));
  }
  Arguments command(const std::string& run, const Arguments& more = {}) const {
    Arguments all = {"run", (folder_ / "small.yaml").string(), "--output", (folder_ / run).string()};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  Result run(const std::string& name, const Arguments& more = {}, const Environment& environment = {}) const {
    return hone(command(name, more), environment);
  }
  fs::path stage(const std::string& run, const std::string& name) const { return folder_ / run / "stages" / name; }
  Json json(const fs::path& path) const { return Json::parse(read(path)); }
  // With the manifests: here runs have one config.
  std::map<std::string, std::string> prints(const std::string& run) const {
    auto prints = fingerprint(folder_ / run);
    for (const auto& stage : fs::directory_iterator(folder_ / run / "stages")) {
      const fs::path manifest = stage.path() / "manifest.json";
      if (fs::exists(manifest)) prints[manifest.parent_path().filename().string()] = read(manifest);
    }
    return prints;
  }

  const TempFolder folder_;
};

TEST_F(Pipeline, RunsToItsEndAndAgainDoesNothing) {
  const Result result = run("run");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("tuned model"), std::string::npos) << result.out;

  // What was sampled was kept or dropped for a reason, and the file holds what was kept.
  const Json counts = json(stage("run", "01_samples/counts.json"));
  int64_t all = counts["kept"];
  for (const auto& [reason, count] : counts["dropped"].items()) all += count.get<int64_t>();
  EXPECT_EQ(counts["prompts"], 60);
  EXPECT_EQ(counts["sampled"], 240);
  EXPECT_EQ(all, 240);
  const auto accepted = json_lines<Json>(read(stage("run", "01_samples/accepted.jsonl")));
  EXPECT_EQ(counts["kept"], accepted.size());
  ASSERT_FALSE(accepted.empty());
  for (const char* field : {"id", "prompt", "completion", "answer", "language", "reward"}) {
    EXPECT_TRUE(accepted[0].contains(field)) << field;
  }

  // A stage's manifest names what it was made from: here the samples.
  const Json manifest = json(stage("run", "02_tuned/manifest.json"));
  EXPECT_EQ(manifest["inputs"]["data.path"],
            json(stage("run", "01_samples/manifest.json"))["outputs"]["accepted.jsonl"]);
  EXPECT_TRUE(manifest["outputs"].contains("model/model.safetensors"));

  const Json table = json(stage("run", "05_table/results.json"));
  ASSERT_EQ(table.size(), 2U);
  for (const char* key : {"accuracy", "accuracy/greedy", "pass@2", "format", "rewards/reward_model/mean",
                          "easy/accuracy", "easy/pass@2", "chat/chat_quality"}) {
    EXPECT_TRUE(table[1].contains(key)) << key;
  }
  EXPECT_FALSE(table[1].contains("chat/accuracy"));

  // From step 2 on half of the prompts have the other reward.
  const auto steps = json_lines<Json>(read(stage("run", "04_scenarios/metrics.jsonl")));
  EXPECT_EQ(steps[0]["rewards/reward_model/std"], 0.0);
  EXPECT_GT(steps[1]["rewards/reward_model/std"], 0.0);
  for (const char* name : {"reward_model", "accuracy", "format"}) {
    EXPECT_EQ(steps[1][fmt::format("rewards/{}/unusable", name)], 0.0) << name;
  }

  const auto before = prints("run");
  const Result again = run("run");
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(again.out, "");
  EXPECT_EQ(prints("run"), before);
}

TEST_F(Pipeline, KilledAnywhereEndsAsUndisturbed) {
  ASSERT_EQ(run("whole").exit_code, 0);
  const auto whole = prints("whole");
  // Each process dies at some later write of its own, until one gets to the end.
  RandomStream random(11, RandomPurpose::kTest);
  int kills = 0;
  for (int exit_code = -1; exit_code != 0;) {
    const auto call = 10 + random.next_below(300);
    const Result result = run("killed", {}, {{"HONE_FAILPOINT", fmt::format("durable:kill:{}", call)}});
    exit_code = result.exit_code;
    ASSERT_TRUE(exit_code == 0 || exit_code == 128 + SIGKILL) << result.err;
    kills += exit_code != 0;
    ASSERT_LT(kills, 200);
  }
  EXPECT_GE(kills, 3);
  EXPECT_EQ(prints("killed"), whole);
}

TEST_F(Pipeline, DoesAStageAgainAndRefusesWhatNoLongerFits) {
  ASSERT_EQ(run("run", {"--until", "tuned"}).exit_code, 0);
  EXPECT_FALSE(fs::exists(stage("run", "03_likes")));
  // The stages to come may be edited, one that has begun may not.
  const auto first = prints("run");
  const Result edited = run("run", {"--set", "stages.4.grpo.num_minibatches=1", "--until", "likes"});
  EXPECT_EQ(edited.exit_code, 0) << edited.err;
  const Result refused = run("run", {"--set", "stages.2.sft.examples_per_step=5"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.err.find("--from"), std::string::npos) << refused.err;

  const Arguments other = {"--set", "stages.2.sft.examples_per_step=5"};
  Arguments redo = other;
  redo.insert(redo.end(), {"--from", "tuned", "--until", "tuned"});
  const Result redone = run("run", redo);
  ASSERT_EQ(redone.exit_code, 0) << redone.err;
  EXPECT_TRUE(fs::exists(stage("run", "02_tuned.old/model/model.safetensors")));
  const auto second = prints("run");
  EXPECT_EQ(second.at("01_samples/accepted.jsonl"), first.at("01_samples/accepted.jsonl"));
  EXPECT_NE(second.at("02_tuned/model/model.safetensors"), first.at("02_tuned/model/model.safetensors"));
  // The reward model came from the model before.
  const Result stale = run("run", other);
  EXPECT_EQ(stale.exit_code, 2);
  EXPECT_NE(stale.err.find("--from likes"), std::string::npos) << stale.err;
}

TEST_F(Pipeline, ReadsAnInputAgainOnlyWhenItMayHaveChanged) {
  ASSERT_EQ(run("run").exit_code, 0);
  // Size and time of before stand for what is in a file.
  const fs::path preferences = folder_ / "preferences.jsonl";
  const auto time = fs::last_write_time(preferences);
  std::string text = read(preferences);
  text.replace(text.find("seven"), 5, "SEVEN");
  std::ofstream(preferences) << text;
  fs::last_write_time(preferences, time);
  EXPECT_EQ(run("run").exit_code, 0);
  fs::last_write_time(preferences, time + std::chrono::seconds(1));
  const Result changed = run("run");
  EXPECT_EQ(changed.exit_code, 2);
  EXPECT_NE(changed.err.find("--from likes"), std::string::npos) << changed.err;
  // Another time alone is no change.
  text.replace(text.find("SEVEN"), 5, "seven");
  std::ofstream(preferences) << text;
  const Result again = run("run");
  EXPECT_EQ(again.exit_code, 0) << again.err;
}

TEST_F(Pipeline, DropsNearDuplicatesOfOtherPrompts) {
  // Ten prompts whose answers differ in a word: of all texts together a few stay, the same ones after a kill.
  const Arguments settings = {"--only", "samples",
                              "--set",  "stages.1.model.path=base",
                              "--set",  "stages.1.rejection_sample.duplicates_over=all",
                              "--set",  "stages.1.rejection_sample.max_similarity=0.2"};
  ASSERT_EQ(run("all", settings).exit_code, 0);
  Arguments within = settings;
  within[5] = "stages.1.rejection_sample.duplicates_over=prompt";
  ASSERT_EQ(run("prompt", within).exit_code, 0);
  const Json all = json(stage("all", "01_samples/counts.json")),
             prompt = json(stage("prompt", "01_samples/counts.json"));
  EXPECT_LT(all["kept"], prompt["kept"]);
  EXPECT_GT(all["kept"], 0);
  int kills = 0;
  for (int exit_code = -1; exit_code != 0; ++kills) {
    ASSERT_LT(kills, 60);
    exit_code =
        run("killed", settings, {{"HONE_FAILPOINT", fmt::format("durable:kill:{}", 180 + 27 * (kills % 3))}}).exit_code;
    ASSERT_TRUE(exit_code == 0 || exit_code == 128 + SIGKILL);
  }
  EXPECT_GE(kills, 2);
  EXPECT_EQ(prints("killed"), prints("all"));
}

TEST_F(Pipeline, OnlyRunsAStageWhoseInputsAreThere) {
  const Result refused = run("run", {"--only", "tuned"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.err.find("stage:samples/accepted.jsonl"), std::string::npos) << refused.err;
  ASSERT_EQ(run("run", {"--only", "zero"}).exit_code, 0);
  EXPECT_TRUE(fs::exists(stage("run", "00_zero/model")));
  EXPECT_FALSE(fs::exists(stage("run", "01_samples")));
  const Result unknown = run("run", {"--only", "zeor"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_NE(unknown.err.find("zero, samples, tuned, likes, scenarios, table"), std::string::npos) << unknown.err;
}

TEST_F(Pipeline, DryRunSaysWhatIsDone) {
  const Result fresh = run("run", {"--dry-run"});
  ASSERT_EQ(fresh.exit_code, 0) << fresh.err;
  for (const char* name : {"00 zero", "01 samples", "03 likes", "05 table"}) {
    EXPECT_NE(fresh.out.find(name), std::string::npos) << fresh.out;
  }
  ASSERT_EQ(run("run", {"--only", "zero"}).exit_code, 0);
  const Result later = run("run", {"--dry-run"});
  EXPECT_NE(later.out.find("finished"), std::string::npos) << later.out;
}

TEST_F(Pipeline, ExportsToAFolder) {
  std::ofstream(folder_ / "export.yaml") << fmt::format(
      "model: {{ path: builtin:miniature }}\nstage: {{ type: export, path: {} }}\n", (folder_ / "out").string());
  const Arguments command = {"run", (folder_ / "export.yaml").string(), "--output", (folder_ / "run").string()};
  ASSERT_EQ(hone(command).exit_code, 0);
  EXPECT_TRUE(fs::exists(folder_ / "out/config.json"));
  EXPECT_TRUE(fs::exists(folder_ / "out/templates/r1_zero.txt"));
  EXPECT_EQ(hone(command).exit_code, 0);
}

}  // namespace
}  // namespace hone::test
