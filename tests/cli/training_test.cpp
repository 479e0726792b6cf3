// What a training run keeps, leaves and says of itself: the best model, early stopping, all that was sampled, sources
// with a temperature of their own, the curriculum.
#include <fmt/format.h>

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/hone.h"
#include "core/faults.h"
#include "hone/core/hash.h"

namespace hone::test {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class Training : public testing::Test {
 protected:
  // A small run with these settings.
  Result run(const std::string& name, const std::vector<std::string>& settings, const Environment& environment = {}) {
    Arguments more;
    for (const std::string& setting : settings) more.insert(more.end(), {"--set", setting});
    return hone(small_run(folder_ / name, more), environment);
  }
  fs::path stage(const std::string& name) const { return folder_ / name / "stages/00_grpo"; }
  std::vector<Json> lines(const std::string& name, const char* file) const {
    return json_lines<Json>(read(stage(name) / file));
  }

  const TempFolder folder_;
};

const std::vector<std::string> kBest = {"stage.steps=5", "stage.eval.every=1", "stage.checkpoint.every=1",
                                        "stage.checkpoint.metric_for_best_model=mean_length",
                                        "stage.checkpoint.load_best_model_at_end=true"};

TEST_F(Training, LeavesItsBestModelAndKeepsItsCheckpoint) {
  const Result result = run("best", kBest);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  int64_t best = 0;
  double largest = -1;
  for (const Json& eval : lines("best", "eval.jsonl")) {
    if (eval["step"] == 0 || eval["mean_length"] <= largest) continue;
    best = eval["step"];
    largest = eval["mean_length"];
  }
  EXPECT_NE(result.err.find(fmt::format("that of step {}", best)), std::string::npos) << result.err;
  EXPECT_TRUE(fs::exists(stage("best") / fmt::format("checkpoints/step-{:06}", best))) << "beside the two newest";
  const Arguments command = {"export",   (folder_ / "best").string(),    "--step", std::to_string(best),
                             "--output", (folder_ / "exported").string()};
  ASSERT_EQ(hone(command).exit_code, 0);
  EXPECT_EQ(sha256_file(folder_ / "exported/model.safetensors"),
            sha256_file(stage("best") / "model/model.safetensors"));

  // The other direction has another best model, and the last one is neither's business.
  std::vector<std::string> least = kBest;
  least.emplace_back("stage.checkpoint.greater_is_better=false");
  ASSERT_EQ(run("least", least).exit_code, 0);
  EXPECT_NE(sha256_file(stage("least") / "model/model.safetensors"),
            sha256_file(stage("best") / "model/model.safetensors"));
}

TEST_F(Training, KilledAnywhereLeavesTheSameBestModel) {
  ASSERT_EQ(run("whole", kBest).exit_code, 0);
  int kills = 0;
  for (int exit_code = -1; exit_code != 0; ++kills) {
    ASSERT_LT(kills, 100);
    const Result result =
        run("killed", kBest, {{"HONE_FAILPOINT", fmt::format("durable:kill:{}", 150 + 13 * (kills % 5))}});
    exit_code = result.exit_code;
    ASSERT_TRUE(exit_code == 0 || exit_code == 128 + SIGKILL) << result.err;
  }
  EXPECT_GE(kills, 3);
  EXPECT_EQ(fingerprint(folder_ / "killed"), fingerprint(folder_ / "whole"));
}

TEST_F(Training, StopsEarly) {
  // Nothing gets better by more than all there is, so the second evaluation in a row without it ends the stage.
  const std::vector<std::string> settings = {
      "stage.steps=6", "stage.eval.every=1", "stage.checkpoint.metric_for_best_model=accuracy",
      "stage.checkpoint.early_stopping_patience=2", "stage.checkpoint.early_stopping_threshold=1"};
  const Result result = run("early", settings);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("early stopping after step 3"), std::string::npos) << result.err;
  EXPECT_EQ(lines("early", "metrics.jsonl").size(), 3U);
  EXPECT_TRUE(fs::exists(stage("early") / "model/model.safetensors"));
  const auto before = fingerprint(folder_ / "early");
  EXPECT_EQ(run("early", settings).exit_code, 0);
  EXPECT_EQ(fingerprint(folder_ / "early"), before);
}

TEST_F(Training, PretrainingIsMeasuredToo) {
  std::ofstream(folder_ / "pretrain.yaml") << R"(
stage:
  type: pretrain
  data: { path: builtin:chains }
  architecture: { hidden_size: 16, intermediate_size: 32, num_hidden_layers: 1, num_attention_heads: 2, num_key_value_heads: 2 }
  documents_per_step: 8
  optimizer: { lr: 1.0e-2 }
  steps: 4
  checkpoint: { every: 1, metric_for_best_model: eval_loss, load_best_model_at_end: true }
  eval: { problems: 0, every: 2 }
)";
  const Result result = hone({"run", (folder_ / "pretrain.yaml").string(), "--output", (folder_ / "run").string()});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto evals = json_lines<Json>(read(folder_ / "run/stages/00_pretrain/eval.jsonl"));
  ASSERT_EQ(evals.size(), 2U);
  EXPECT_LT(evals[1]["eval_loss"], evals[0]["eval_loss"]);
  EXPECT_NE(result.err.find("that of step 4"), std::string::npos) << result.err;
}

TEST_F(Training, ChoosingNeedsAMetricAndEvaluations) {
  Result result = run("no", {"stage.checkpoint.early_stopping_patience=2"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("metric_for_best_model"), std::string::npos) << result.err;
  result = run("no", {"stage.checkpoint.metric_for_best_model=accuracy", "stage.eval.every=null"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("eval.every"), std::string::npos) << result.err;
  result = run("no", {"stage.checkpoint.metric_for_best_model=acuracy"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("one of accuracy"), std::string::npos) << result.err;
}

TEST_F(Training, MetricsAndSamplesAreOfAllThatWasSampled) {
  const std::vector<std::string> common = {"stage.steps=1", "stage.eval.problems=0"};
  std::vector<std::string> dropping = common;
  dropping.emplace_back("stage.grpo.dynamic_sampling=drop");
  ASSERT_EQ(run("off", common).exit_code, 0);
  const Result result = run("drop", dropping);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json off = lines("off", "metrics.jsonl").at(0), drop = lines("drop", "metrics.jsonl").at(0);
  for (const char* name :
       {"reward", "reward_std", "rewards/accuracy/mean", "rewards/format/std", "frac_reward_zero_std",
        "completions/mean_length", "completions/max_length", "completions/clipped_ratio", "language_consistency"}) {
    EXPECT_EQ(drop[name], off[name]) << name << ": the first step samples the same";
  }
  ASSERT_GT(drop["frac_reward_zero_std"].get<double>(), 0) << "something was dropped";
  EXPECT_DOUBLE_EQ(drop["frac_groups_kept"].get<double>(), 1 - drop["frac_reward_zero_std"].get<double>());
  EXPECT_FALSE(off.contains("frac_groups_kept"));
  const auto samples = lines("drop", "samples.jsonl"), all = lines("off", "samples.jsonl");
  ASSERT_EQ(samples.size(), all.size());
  size_t without_signal = 0;
  for (size_t i = 0; i < samples.size(); ++i) {
    EXPECT_EQ(samples[i]["id"], all[i]["id"]);
    EXPECT_EQ(samples[i]["completion"], all[i]["completion"]);
    without_signal += samples[i]["advantage"] == 0.0;
  }
  EXPECT_GT(without_signal, 0U);
}

constexpr const char* kSources = R"(
seed: 5
model: {{ path: builtin:miniature }}
stage:
  type: grpo
  data: {{ path: {file} }}
  sources:
    - {{ name: cold, path: builtin:chains, temperature: 0.001 }}
    - {{ name: filtered, path: builtin:chains, temperature: 1.7, top_p: 0.8, top_k: 20 }}
  curriculum: {{ max_pass_rate: 0.4, momentum: 0.25, revisit_rounds: 2 }}
  grpo: {{ num_generations: 4, prompts_per_step: 12, num_minibatches: 2, dynamic_sampling: "off" }}
  sampling: {{ max_completion_length: 40 }}
  rewards: [ {{ type: accuracy }}, {{ type: format }} ]
  optimizer: {{ lr: 1.0e-4, micro_batch_tokens: 300 }}
  steps: 8
  checkpoint: {{ every: 2 }}
  eval: {{ problems: 0 }}
)";

class Sources : public Training {
 protected:
  Sources() {
    std::ofstream data(folder_ / "data.jsonl");
    const char* digits[] = {"one", "two", "three", "four", "five", "six"};
    for (int i = 0; i < 6; ++i) {
      data << Json{{"id", fmt::format("r{}", i)},
                   {"prompt", fmt::format("compute {} plus one ?", digits[i])},
                   {"answer", i < 5 ? digits[i + 1] : "seven"},
                   {"language", "en"}}
           << '\n';
    }
    std::ofstream(folder_ / "sources.yaml")
        << fmt::format(kSources, fmt::arg("file", (folder_ / "data.jsonl").string()));
  }
  Result run(const std::string& name, const Environment& environment = {}) const {
    return hone({"run", (folder_ / "sources.yaml").string(), "--output", (folder_ / name).string()}, environment);
  }
};

TEST_F(Sources, HaveSamplingAndACurriculumAndResume) {
  const Result result = run("whole");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto metrics = lines("whole", "metrics.jsonl");
  for (const Json& step : metrics) {
    EXPECT_EQ(step["rollout/logprob_diff_max"], 0.0) << "training scores under the distribution that was drawn from";
    EXPECT_TRUE(step.contains("curriculum/in_band"));
  }
  // Four prompts of six records in a step: from the second round on some are known to be solved.
  EXPECT_EQ(metrics[0]["curriculum/passed_over"], 0.0);
  double passed_over = 0;
  for (const Json& step : metrics) passed_over += step["curriculum/passed_over"].get<double>();
  EXPECT_GT(passed_over, 0);
  EXPECT_GT(metrics.back()["curriculum/pass_rate"].get<double>(), 0);

  // At a temperature near 0 the completions of a prompt are all but equal, at a high one they are not.
  const auto samples = lines("whole", "samples.jsonl");
  const auto different = [&](size_t begin) {  // texts of 4 prompts with 4 completions each
    std::set<std::string> texts;
    for (size_t i = begin; i < begin + 16; ++i)
      texts.insert(fmt::format("{} {}", i / 4, samples[i]["completion"].dump()));
    return texts.size();
  };
  EXPECT_LE(different(16), 6U);
  EXPECT_GE(different(32), 12U);

  int kills = 0;
  for (int exit_code = -1; exit_code != 0; ++kills) {
    ASSERT_LT(kills, 100);
    exit_code = run("killed", {{"HONE_FAILPOINT", fmt::format("durable:kill:{}", 170 + 17 * (kills % 5))}}).exit_code;
    ASSERT_TRUE(exit_code == 0 || exit_code == 128 + SIGKILL);
  }
  EXPECT_GE(kills, 3);
  EXPECT_EQ(fingerprint(folder_ / "killed"), fingerprint(folder_ / "whole"));
}

}  // namespace
}  // namespace hone::test
