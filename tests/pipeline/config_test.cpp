// A bad config gives one clear line for each thing that is wrong with it: where, what, and what would be right.
#include "hone/pipeline/config.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "core/faults.h"
#include "hone/core/error.h"

namespace hone {
namespace {

std::string r1_zero() {
  std::ifstream file(std::string(HONE_SOURCE_DIR) + "/configs/miniature/r1_zero.yaml");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string pretrain() {
  std::ifstream file(std::string(HONE_SOURCE_DIR) + "/configs/miniature/pretrain.yaml");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

// The lines of the error, or nothing.
std::string problems(const std::string& text, const std::string& name = "c.yaml") {
  try {
    parse_run_config(name, text);
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    return error.what();
  }
}

struct Broken {
  std::string from, to;                ///< an edit of the good config
  std::vector<std::string> must_hold;  ///< of the one line
};

void expect_one_line(const std::string& good, const Broken& broken) {
  SCOPED_TRACE(broken.from + " -> " + broken.to);
  const std::string line = problems(replaced(good, broken.from, broken.to));
  EXPECT_FALSE(line.empty()) << "was accepted";
  EXPECT_EQ(std::ranges::count(line, '\n'), 0) << line;
  EXPECT_TRUE(line.starts_with("c.yaml:")) << line;
  for (const std::string& part : broken.must_hold) EXPECT_NE(line.find(part), std::string::npos) << line;
}

TEST(BrokenConfig, GrpoOneLineEach) {
  const std::vector<Broken> cases = {
      {"num_generations: 16", "num_generation: 16", {":17:5", "num_generation'", "did you mean", "num_generations"}},
      {"num_generations: 16", "num_generations: many", {":17:22", "num_generations", "many", "integer"}},
      {"num_generations: 16", "num_generations: 1", {"num_generations", "1", ">= 2"}},
      {"num_generations: 16", "num_generations: 1.5", {"num_generations", "1.5"}},
      {"num_generations: 16", "num_generations: '16'", {"num_generations", "16"}},
      {"num_generations: 16", "num_generations: null", {"num_generations", "null"}},
      {"num_generations: 16", "num_generations: [16]", {"num_generations", "list"}},
      {"num_generations: 16", "num_generations: 99999999999999999999", {"num_generations"}},
      {"num_generations: 16", "num_generations: 16\n    num_generations: 8", {"duplicate", "num_generations"}},
      {"num_minibatches: 4", "num_minibatches: 7", {"32 x num_generations 16 = 512", "7"}},
      {"loss_type: grpo", "loss_type: gpro", {"loss_type", "gpro", "grpo", "dapo"}},
      {"epsilon: 0.2", "epsilon: -0.2", {"epsilon", "-0.2"}},
      {"epsilon: 0.2", "epsilon: .nan", {"epsilon", "nan"}},
      {"epsilon: 0.2", "delta: 1.0", {"delta", "> 1"}},
      {"epsilon: 0.2", "delta: 1.1", {"delta 1.1", "epsilon_high"}},
      {"loss_type: grpo", "loss_type: cispo\n    delta: 3", {"delta", "cispo"}},
      {"epsilon: 0.2", "advantage_estimator: reinforce", {"advantage_estimator", "reinforce_plus_plus", "rloo"}},
      {"epsilon: 0.2",
       "use_adaptive_entropy: true\n    entropy_coef_min: 0.2\n    entropy_coef_max: 0.1",
       {"entropy_coef_min 0.2", "entropy_coef_max 0.1"}},
      {"epsilon: 0.2", "use_adaptive_entropy: true\n    entropy_coef: 2", {"entropy_coef 2", "entropy_coef_max 1"}},
      {"epsilon: 0.2", "importance_sampling_cap: 2", {"importance_sampling_cap", "recompute"}},
      {"beta: 0.001", "beta: yes", {"beta", "yes"}},
      {"temperature: 1.0", "temperature: 0", {"temperature", "greedy"}},
      {"max_completion_length: 96", "max_completion_length: 0", {"max_completion_length", ">= 1"}},
      {"max_completion_length: 96", "max_completion_length: 96, top_p: 0", {"top_p"}},
      {"max_completion_length: 96",
       "max_completion_length: 96, min_completion_length: 97",
       {"min_completion_length 97", "max_completion_length 96"}},
      {"type: grpo", "type: gppo", {"type", "gppo", "grpo", "pretrain"}},
      {"  type: grpo\n", "", {"stage.type"}},
      {"steps: 40", "step: 40", {"step", "did you mean", "steps"}},
      {"  steps: 40\n", "", {"missing", "stage.steps"}},
      {"steps: 40", "steps: -1", {"steps", "-1"}},
      {"template: r1_zero", "template: r1_zeor", {"template", "r1_zeor", "did you mean 'r1_zero'"}},
      {"template: r1_zero", "template: no/such/file.txt", {"template", "no such file"}},
      {"path: builtin:miniature", "path: builtin:minature", {"minature", "builtin:miniature"}},
      {"path: builtin:miniature", "path: no/such/model", {"model.path", "no/such/model", "no such folder"}},
      {"builtin:chains, split: train", "builtin:chain, split: train", {"data.path", "builtin:chains"}},
      {"path: builtin:chains", "path: no/such.jsonl", {"data.path", "no/such.jsonl", "no such file"}},
      {"path: builtin:chains", "path: /", {"data.path", "folder"}},
      {"path: builtin:chains", "path: /dev/null", {"eval.path", "held-out"}},
      {"path: builtin:chains, split: train", "path: builtin:chains, fields: { awnser: x }", {"awnser", "answer"}},
      {"  steps: 40", "  eval: { path: no/such.jsonl }\n  steps: 40", {"eval.path", "no such file"}},
      {"split: train", "split: train, format: gms8k", {"format", "gms8k", "gsm8k"}},
      {"split: train", "split: train, format: gsm8k", {"data.format", "builtin:chains"}},
      {"  steps: 40",
       "  sources: [ { name: x, path: builtin:chains, temperature: 0 } ]\n  steps: 40",
       {"sources.0.temperature", "greedy"}},
      {"  steps: 40", "  curriculum: { max_pass_rate: 0.9 }\n  steps: 40", {"curriculum", "builtin:chains"}},
      {"  steps: 40", "  checkpoint: { load_best_model_at_end: true }\n  steps: 40", {"metric_for_best_model"}},
      {"  steps: 40", "  checkpoint: { metric_for_best_model: accuracy }\n  steps: 40", {"eval.every"}},
      {"split: train", "split: dev", {"split", "dev", "train"}},
      {"split: train", "split: train, min_operations: 5, max_operations: 3", {"min_operations 5", "max_operations 3"}},
      {"{ type: format, weight: 1.0 }", "{ type: fromat, weight: 1.0 }", {"fromat", "format"}},
      {"{ type: format, weight: 1.0 }", "{ type: accuracy }", {"two rewards", "accuracy"}},
      {"{ type: format, weight: 1.0 }", "{ type: soft_overlong, cache: 97 }", {"cache 97", "96"}},
      {"{ type: format, weight: 1.0 }", "{ type: soft_overlong }", {"cache"}},
      {"{ type: format, weight: 1.0 }", "{ type: cosine, of: acuracy }", {"of", "did you mean 'accuracy'"}},
      {"{ type: format, weight: 1.0 }", "{ type: cosine, of: cosine }", {"of", "cosine"}},
      {"{ type: format, weight: 1.0 }", "{ type: regex, pattern: '(' }", {"pattern", "missing )"}},
      {"{ type: format, weight: 1.0 }", "{ type: command, argv: [no/such/program] }", {"argv", "no/such/program"}},
      {"{ type: format, weight: 1.0 }", "{ type: format, cache: 3 }", {"cache"}},
      {"lr: 1.0e-4", "lr: fast", {"lr", "fast"}},
      {"lr: 1.0e-4", "learning_rate: 1.0e-4", {"learning_rate"}},
      {"seed: 17", "seed: -1", {"seed", "-1"}},
      {"name: miniature_r1_zero", "name: ../elsewhere", {"name", "../elsewhere"}},
      {"name: miniature_r1_zero", "nmae: miniature_r1_zero", {"nmae", "did you mean", "name"}},
      {"seed: 17", "seed: 17\nstages: []", {"stage"}},
      {"seed: 17", "seed: &anchor 17", {":10:7", "anchors"}},
      {"seed: 17", "seed: 17\nruntime: { device: tpu }", {"device", "tpu", "cpu"}},
  };
  EXPECT_EQ(problems(r1_zero()), "");
  for (const Broken& broken : cases) expect_one_line(r1_zero(), broken);
}

TEST(BrokenConfig, PretrainOneLineEach) {
  const std::vector<Broken> cases = {
      {"hidden_size: 96", "hidden_size: 97", {"hidden_size 97", "num_attention_heads 4"}},
      {"hidden_size: 96", "hidden_size: 12", {"odd"}},
      {"num_key_value_heads: 4", "num_key_value_heads: 3", {"num_key_value_heads 3"}},
      {"tie_word_embeddings: true", "tie_word_embeddings: yes", {"tie_word_embeddings", "yes"}},
      {"lr_scheduler_type: cosine", "lr_scheduler_type: cos", {"lr_scheduler_type", "cosine"}},
      {"checkpoint: { every: 200 }", "checkpoint: { every: 0 }", {"every", ">= 1"}},
  };
  EXPECT_EQ(problems(pretrain()), "");
  for (const Broken& broken : cases) expect_one_line(pretrain(), broken);
}

TEST(BrokenConfig, SftOneLineEach) {
  const std::string good =
      "model: { path: builtin:miniature }\nstage:\n  type: sft\n  data: { path: /dev/null }\n  sft: { epochs: 2 }\n";
  const std::vector<Broken> cases = {
      {"/dev/null", "builtin:chains", {"data.path", "no completions"}},
      {"/dev/null", "no/such", {"data.path", "no such file"}},
      {"epochs: 2", "epochs: 0", {"epochs", "> 0"}},
      {"epochs: 2", "epoch: 2", {"epoch", "did you mean", "epochs"}},
      {"epochs: 2", "max_length: 1", {"max_length", ">= 2"}},
      {"sft: { epochs: 2 }", "eval: { path: no/such }", {"eval.path"}},
      {"sft: { epochs: 2 }", "rewards: []", {"rewards"}},
      {"model: { path: builtin:miniature }\n", "", {"model.path"}},
  };
  EXPECT_EQ(problems(good), "");
  for (const Broken& broken : cases) expect_one_line(good, broken);
}

TEST(BrokenConfig, WholeFiles) {
  EXPECT_NE(problems("").find("empty"), std::string::npos) << problems("");
  EXPECT_NE(problems("- a\n"), "");
  EXPECT_NE(problems(r1_zero() + "\n---\na: 1\n").find("document"), std::string::npos);
  EXPECT_NE(problems("a: " + std::string(3000, '[')), "");
  EXPECT_NE(problems("name: \xff\xfe\n"), "");
  EXPECT_NE(problems("{\"name\": \"x\",}", "c.json"), "");
  EXPECT_NE(problems("a: b: c\n"), "");
}

// All problems of a file come at once, in the order of the file.
TEST(BrokenConfig, AllAtOnce) {
  std::string text = replaced(r1_zero(), "num_generations: 16", "num_generation: 16");
  text = replaced(text, "seed: 17", "sed: 17");
  text = replaced(text, "lr: 1.0e-4", "lr: fast");
  const std::string lines = problems(text);
  EXPECT_EQ(std::ranges::count(lines, '\n'), 2) << lines;
  EXPECT_LT(lines.find("sed"), lines.find("num_generation'"));
  EXPECT_LT(lines.find("num_generation'"), lines.find("fast"));
}

TEST(Config, JsonSaysTheSame) {
  const RunConfig yaml = parse_run_config("c.yaml",
                                          "model: {path: builtin:miniature}\nstage:\n  type: grpo\n"
                                          "  data: {path: builtin:chains}\n  steps: 3\n"
                                          "  rewards: [{type: accuracy}]\n");
  const RunConfig json = parse_run_config(
      "c.json",
      R"({"model": {"path": "builtin:miniature"}, "stage": {"type": "grpo", "data": {"path": "builtin:chains"},)"
      R"( "steps": 3, "rewards": [{"type": "accuracy"}]}})");
  EXPECT_EQ(yaml, json);
  EXPECT_EQ(json.name, "c");
}

TEST(Config, DefaultsAreThatOfACommonGrpoRun) {
  const GrpoConfig grpo;
  EXPECT_EQ(grpo.num_generations, 16);
  EXPECT_EQ(grpo.epsilon, 0.2);
  EXPECT_EQ(grpo.epsilon_high, 0.28);
  EXPECT_EQ(grpo.loss_type, LossType::kDapo);
}

TEST(Config, ARewardIsAddedByTheCommandLine) {
  const test::TempFolder folder;
  std::ofstream(folder / "c.yaml") << r1_zero();
  const RunConfig config =
      load_run_config((folder / "c.yaml").string(), {"stage.rewards.2.type=language_consistency", "seed=3"});
  const auto& stage = std::get<GrpoStage>(config.stages[0]);
  ASSERT_EQ(stage.rewards.size(), 3U);
  EXPECT_EQ(stage.rewards[2].type(), "language_consistency");
  EXPECT_EQ(config.seed, 3);
}

TEST(Config, AStageComesFromAnotherFile) {
  const test::TempFolder folder;
  std::ofstream(folder / "zero.yaml") << r1_zero();
  std::ofstream(folder / "all.yaml") << "model: { path: builtin:miniature }\n"
                                        "stages:\n"
                                        "  - { name: first, config: zero.yaml }\n"
                                        "  - { name: second, config: zero.yaml }\n";
  const RunConfig config = load_run_config((folder / "all.yaml").string(), {"stages.1.steps=2"});
  ASSERT_EQ(config.stages.size(), 2U);
  EXPECT_EQ(stage_name(config.stages[1]), "second");
  EXPECT_EQ(stage_steps(config.stages[0]), 40);
  EXPECT_EQ(stage_steps(config.stages[1]), 2);
  try {
    load_run_config((folder / "all.yaml").string(), {"stages.0.name=second"});
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("two stages are named 'second'"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace hone
