// Runs as a user has them: interrupted anywhere, on other threads, with full disks, in folders that are taken.
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

const std::map<std::string, std::string>& undisturbed() {
  static const std::map<std::string, std::string> prints = [] {
    const TempFolder folder;
    const Result result = hone(small_run(folder / "run"));
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return fingerprint(folder / "run");
  }();
  return prints;
}

// The run again, until it is done: as the undisturbed one.
void expect_completed(const fs::path& run, const Arguments& more = {}) {
  const Result result = hone(small_run(run, more));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(fingerprint(run), undisturbed());
}

TEST(Run, LeavesWhatIsDocumented) {
  const TempFolder folder;
  const fs::path run = folder / "run", stage = run / "stages/00_grpo";
  const Result result = hone(small_run(run));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("before"), std::string::npos) << result.out;
  for (const char* name : {"config.yaml", "manifest.json", "state.json", "log.txt", "tensorboard/00_grpo"}) {
    EXPECT_TRUE(fs::exists(run / name)) << name;
  }
  for (const char* name :
       {"metrics.jsonl", "samples.jsonl", "eval.jsonl", "checkpoints/step-000006", "model/config.json",
        "model/model.safetensors", "model/tokenizer.json", "model/templates/r1_zero.txt"}) {
    EXPECT_TRUE(fs::exists(stage / name)) << name;
  }
  std::istringstream lines(read(stage / "metrics.jsonl"));
  int64_t step = 0;
  for (std::string line; std::getline(lines, line);) {
    const auto json = nlohmann::json::parse(line);
    EXPECT_EQ(json["step"], ++step);
    EXPECT_EQ(json["rollout/logprob_diff_max"], 0.0);
    for (const char* name : {"loss",
                             "reward",
                             "reward_std",
                             "rewards/accuracy/mean",
                             "rewards/format/std",
                             "frac_reward_zero_std",
                             "completions/mean_length",
                             "completions/max_length",
                             "completions/clipped_ratio",
                             "language_consistency",
                             "entropy",
                             "kl",
                             "clip_ratio/low_mean",
                             "clip_ratio/high_mean",
                             "grad_norm",
                             "learning_rate",
                             "num_tokens",
                             "step_time",
                             "time/gen",
                             "time/reward",
                             "time/old_log_prob",
                             "time/ref",
                             "time/update",
                             "time/save",
                             "tokens_per_second",
                             "memory/peak_mb"}) {
      EXPECT_TRUE(json.contains(name)) << name;
    }
  }
  EXPECT_EQ(step, 6);
}

TEST(Run, AFinishedRunSaysSo) {
  const TempFolder folder;
  ASSERT_EQ(hone(small_run(folder / "run")).exit_code, 0);
  const auto before = fs::last_write_time(folder / "run/stages/00_grpo/metrics.jsonl");
  const Result again = hone(small_run(folder / "run"));
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_NE(again.err.find("finished"), std::string::npos) << again.err;
  EXPECT_EQ(fs::last_write_time(folder / "run/stages/00_grpo/metrics.jsonl"), before);
}

TEST(Run, KilledTwentyTimesEndsAsUndisturbed) {
  const TempFolder folder;
  const fs::path run = folder / "run";
  RandomStream random(1, RandomPurpose::kTest);
  int kills = 0;
  // Most of the kills come before the first save; from then on the run advances.
  for (int tried = 0; kills < 20 && tried < 100; ++tried) {
    Process process(small_run(run));
    if (process.wait_for(0.1 + 1.2 * random.next_uniform())) {
      EXPECT_EQ(fingerprint(run), undisturbed());
      fs::remove_all(run);
      continue;
    }
    process.send(SIGKILL);
    kills += process.wait().exit_code == 128 + SIGKILL;  // it may just have ended
  }
  EXPECT_EQ(kills, 20);
  expect_completed(run);
}

// Dies at chosen ones of the several hundred calls that write, then runs to its end.
TEST(Run, KilledWhileWritingEndsAsUndisturbed) {
  for (const int call : {2, 9, 17, 26, 38, 55, 71, 90, 114, 139, 150}) {
    SCOPED_TRACE(call);
    const TempFolder folder;
    const Environment break_it = {{"HONE_FAILPOINT", "durable:kill:" + std::to_string(call)}};
    ASSERT_EQ(hone(small_run(folder / "run"), break_it).exit_code, 128 + SIGKILL);
    expect_completed(folder / "run");
  }
}

// A disk that is full once: the save is repeated after the next step, and nothing else changes.
// A file that is gone through several times, and a reward that a program gives while other completions still grow.
TEST(Run, RecordsOfAFileEndAsUndisturbed) {
  const TempFolder folder;
  std::ofstream data(folder / "data.jsonl");
  for (const char* digit : {"one", "two", "three", "four", "five"}) {
    data << fmt::format(R"({{"question":"compute {} plus one ?","gold":"{}"}})", digit, digit) << '\n';
  }
  data.close();
  std::ofstream(folder / "reward") << "while IFS= read -r l; do case $l in *one*) echo '{\"reward\": 1}';; "
                                      "*) echo '{\"reward\": 0}';; esac; done\n";
  const std::string path = (folder / "data.jsonl").string();
  const Arguments settings = {
      "--set", "stage.data.path=" + path,           "--set", "stage.eval.path=" + path,
      "--set", "stage.data.fields.prompt=question", "--set", "stage.data.fields.answer=gold",
      "--set", "stage.eval.fields.prompt=question", "--set", "stage.eval.fields.answer=gold",
      "--set", "stage.rewards.2.type=command",      "--set", "stage.rewards.2.jobs=2",
      "--set", "stage.rewards.2.argv.0=sh",         "--set", "stage.rewards.2.argv.1=" + (folder / "reward").string()};
  const Result whole = hone(small_run(folder / "whole", settings));
  ASSERT_EQ(whole.exit_code, 0) << whole.err;
  const Result killed = hone(small_run(folder / "killed", settings), {{"HONE_FAILPOINT", "durable:kill:30"}});
  EXPECT_EQ(killed.exit_code, 128 + SIGKILL);
  const std::string text = read(path);
  std::ofstream(path, std::ios::app) << text;
  const Result edited = hone(small_run(folder / "killed", settings));
  EXPECT_EQ(edited.exit_code, 2);
  EXPECT_NE(edited.err.find("data.jsonl: the file has changed since the stage began"), std::string::npos) << edited.err;
  std::ofstream(path) << text;
  const Result rest = hone(small_run(folder / "killed", settings));
  ASSERT_EQ(rest.exit_code, 0) << rest.err;
  EXPECT_EQ(fingerprint(folder / "killed"), fingerprint(folder / "whole"));
}

// Options that carry state or sequences through a step: the entropy's coefficient is in the checkpoint, and log-probs
// of sampler and trainer stay equal.
TEST(Run, AdaptiveEntropyEndsAsUndisturbed) {
  const TempFolder folder;
  const Arguments settings = {"--set", "stage.grpo.use_adaptive_entropy=true",
                              "--set", "stage.grpo.entropy_target=3",
                              "--set", "stage.grpo.entropy_coef_max=0.05",
                              "--set", "stage.grpo.importance_sampling_level=sequence",
                              "--set", "stage.grpo.delta=3",
                              "--set", "stage.grpo.advantage_estimator=reinforce_plus_plus",
                              "--set", "stage.grpo.old_log_probs=recompute",
                              "--set", "stage.grpo.importance_sampling_cap=2"};
  const Result whole = hone(small_run(folder / "whole", settings));
  ASSERT_EQ(whole.exit_code, 0) << whole.err;
  const Result killed = hone(small_run(folder / "killed", settings), {{"HONE_FAILPOINT", "checkpoint.begin:kill:3"}});
  EXPECT_EQ(killed.exit_code, 128 + SIGKILL);
  const Result rest = hone(small_run(folder / "killed", settings));
  ASSERT_EQ(rest.exit_code, 0) << rest.err;
  EXPECT_EQ(fingerprint(folder / "killed"), fingerprint(folder / "whole"));

  // Four updates a step, each 0.005 up, to the bound.
  const auto metrics = json_lines<nlohmann::json>(read(folder / "whole/stages/00_grpo/metrics.jsonl"));
  ASSERT_EQ(metrics.size(), 6U);
  for (size_t step = 0; step < 6; ++step) {
    EXPECT_NEAR(metrics[step]["entropy_coef"], std::min(0.05, 0.02 * static_cast<double>(step + 1)), 1e-12);
    EXPECT_EQ(metrics[step]["rollout/logprob_diff_max"], 0.0);
  }
}

TEST(Run, FineTuningLearnsAndEndsAsUndisturbed) {
  const TempFolder folder;
  const char* const digits[] = {"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"};
  std::ofstream data(folder / "data.jsonl");
  for (int a = 0; a < 10; ++a) {
    for (int b = 1; b < 5; ++b) {
      const char* const sum = digits[(a + b) % 10];
      data
          << fmt::format(
                 R"({{"prompt":"compute {0} plus {1} ?","response":"<think> {0} plus {1} is {2} . </think> <answer> {2} </answer>"}})",
                 digits[a], digits[b], sum)
          << '\n';
    }
  }
  std::string long_text = "one";
  for (int i = 0; i < 600; ++i) long_text += " one";
  data << R"({"prompt":"compute one plus one ?","response":")" << long_text << "\"}\n";
  data.close();
  std::ofstream(folder / "sft.yaml") << "model: { path: builtin:miniature }\n"
                                        "stage:\n"
                                        "  type: sft\n"
                                        "  data: { path: "
                                     << (folder / "data.jsonl").string()
                                     << ", fields: { completion: response } }\n"
                                        "  sft: { epochs: 4, examples_per_step: 10 }\n"
                                        "  optimizer: { lr: 1.0e-3, lr_scheduler_type: linear }\n"
                                        "  checkpoint: { every: 2 }\n"
                                        "  eval: { path: "
                                     << (folder / "data.jsonl").string()
                                     << ", fields: { completion: response }, every: 5 }\n";
  const Arguments run = {"run", (folder / "sft.yaml").string(), "--output"};
  const auto in = [&](const char* name) {
    Arguments arguments = run;
    arguments.push_back((folder / name).string());
    return arguments;
  };
  const Result whole = hone(in("whole"));
  ASSERT_EQ(whole.exit_code, 0) << whole.err;
  EXPECT_NE(whole.err.find("1 of 41 examples have more than 512 tokens"), std::string::npos) << whole.err;
  std::istringstream evals(read(folder / "whole/stages/00_sft/eval.jsonl"));
  std::vector<double> losses;
  for (std::string line; std::getline(evals, line);) losses.push_back(nlohmann::json::parse(line)["eval_loss"]);
  ASSERT_EQ(losses.size(), 5U);  // before, after 5, 10 and 15 steps, and at the end: 4 times around 40 in tens
  EXPECT_LT(losses.back(), 0.5 * losses.front());

  for (const int call : {9, 25}) {
    const std::string name = fmt::format("killed{}", call);
    EXPECT_EQ(hone(in(name.c_str()), {{"HONE_FAILPOINT", fmt::format("durable:kill:{}", call)}}).exit_code,
              128 + SIGKILL);
    const Result rest = hone(in(name.c_str()));
    ASSERT_EQ(rest.exit_code, 0) << rest.err;
    EXPECT_EQ(fingerprint(folder / name), fingerprint(folder / "whole"));
  }
  EXPECT_NE(hone(in("whole")).err.find("finished"), std::string::npos);
}

TEST(Run, SurvivesAFailedSave) {
  const TempFolder folder;
  const Result result = hone(small_run(folder / "run"), {{"HONE_FAILPOINT", "checkpoint.before_manifest:full"}});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("warning: step 2 could not be saved"), std::string::npos) << result.err;
  EXPECT_EQ(fingerprint(folder / "run"), undisturbed());
}

TEST(Run, StopsAndContinuesOnSignals) {
  for (const int signal : {SIGTERM, SIGINT}) {
    const TempFolder folder;
    const fs::path run = folder / "run";
    Process process(small_run(run));
    while (!fs::exists(run / "stages/00_grpo/metrics.jsonl")) ASSERT_FALSE(process.wait_for(0.005));
    process.send(signal);
    const Result stopped = process.wait();
    ASSERT_EQ(stopped.exit_code, 128 + signal) << stopped.err;
    EXPECT_NE(hone({"status", run.string()}).out.find("stopped by signal"), std::string::npos);
    expect_completed(run);
  }
}

TEST(Run, SavesOnRequest) {
  const TempFolder folder;
  const fs::path run = folder / "run";
  // No save before the end, but for the one asked for.
  Process process(small_run(run, {"--set", "stage.checkpoint.every=null"}));
  while (!fs::exists(run / "stages/00_grpo/metrics.jsonl")) ASSERT_FALSE(process.wait_for(0.005));
  process.send(SIGUSR1);
  const Result result = process.wait();
  ASSERT_EQ(result.exit_code, 0) << result.err;
  int64_t checkpoints = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(run / "stages/00_grpo/checkpoints")) {
    checkpoints += entry.path().filename().string().starts_with("step-");
  }
  EXPECT_EQ(checkpoints, 2);
  EXPECT_EQ(fingerprint(run), undisturbed());
}

// Speed and memory only: threads, slots, cache, micro-batches, instruction set, the separate pass for old log-probs.
TEST(Run, SpeedSettingsChangeNoBit) {
  const std::vector<std::pair<Arguments, Environment>> variants = {
      {{}, {{"OMP_NUM_THREADS", "1"}}},
      {{"--set", "runtime.threads=3"}, {}},
      {{"--set", "stage.sampling.max_num_seqs=5"}, {}},
      {{"--set", "stage.sampling.kv_cache_blocks=24"}, {}},
      {{"--set", "stage.optimizer.micro_batch_tokens=50"}, {}},
      {{"--set", "stage.optimizer.micro_batch_tokens=100000"}, {}},
  };
  for (const auto& [more, environment] : variants) {
    SCOPED_TRACE(more.empty() ? "OMP_NUM_THREADS=1" : more.back());
    const TempFolder folder;
    ASSERT_EQ(hone(small_run(folder / "run", more), environment).exit_code, 0);
    auto prints = fingerprint(folder / "run");
    auto expected = undisturbed();
    EXPECT_EQ(prints["samples.jsonl"], expected["samples.jsonl"]);
    EXPECT_EQ(prints["model/model.safetensors"], expected["model/model.safetensors"]);
  }
}

TEST(Run, ASeparatePassForOldLogProbsChangesNothing) {
  const Arguments one_update = {"--set", "stage.grpo.num_minibatches=1", "--set", "stage.grpo.num_iterations=1"};
  Arguments recompute = one_update;
  recompute.insert(recompute.end(), {"--set", "stage.grpo.old_log_probs=recompute"});
  const TempFolder folder;
  ASSERT_EQ(hone(small_run(folder / "a", one_update)).exit_code, 0);
  ASSERT_EQ(hone(small_run(folder / "b", recompute)).exit_code, 0);
  EXPECT_EQ(fingerprint(folder / "a"), fingerprint(folder / "b"));
}

TEST(Run, AFolderThatIsTakenIsRefused) {
  const TempFolder folder;
  Process first(small_run(folder / "run", {"--set", "stage.steps=30"}));
  while (!fs::exists(folder / "run/state.json")) ASSERT_FALSE(first.wait_for(0.005));
  const Result second = hone(small_run(folder / "run"));
  EXPECT_EQ(second.exit_code, 2);
  EXPECT_NE(second.err.find("another run uses this folder"), std::string::npos) << second.err;
  EXPECT_EQ(first.wait().exit_code, 0);

  EXPECT_EQ(hone(small_run(folder / "run", {"--fresh"})).exit_code, 2);
  std::ofstream(folder.path() / "notes.txt") << "mine";
  const Result foreign = hone(small_run(folder.path()));
  EXPECT_EQ(foreign.exit_code, 2);
  EXPECT_NE(foreign.err.find("holds other files"), std::string::npos) << foreign.err;
}

TEST(Run, AnEditedConfigIsRefusedWarnedOrFree) {
  const TempFolder folder;
  const fs::path run = folder / "run";
  ASSERT_EQ(hone(small_run(run)).exit_code, 0);
  const Result refused = hone(small_run(run, {"--set", "stage.grpo.beta=0.01"}));
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.err.find("beta was 0.001, is 0.01"), std::string::npos) << refused.err;
  EXPECT_EQ(std::ranges::count(refused.err, '\n'), 1) << refused.err;
  const Result free = hone(small_run(run, {"--set", "stage.checkpoint.every=3", "--set", "runtime.threads=1"}));
  EXPECT_EQ(free.exit_code, 0);
  EXPECT_EQ(free.err.find("warning"), std::string::npos) << free.err;
  const Result longer = hone(small_run(run, {"--set", "stage.steps=8"}));
  EXPECT_EQ(longer.exit_code, 0) << longer.err;
  EXPECT_NE(longer.err.find("steps was 6, is 8"), std::string::npos) << longer.err;
  EXPECT_TRUE(fs::exists(run / "stages/00_grpo/checkpoints/step-000008"));
}

TEST(Run, GuardsStopARunThatGoesNowhere) {
  struct Case {
    Arguments settings;
    std::string guard;
  };
  const std::vector<Case> cases = {
      {{"--set", "stage.rewards=[{type: format}]", "--set", "stage.sampling.max_completion_length=3", "--set",
        "stage.guards.max_no_signal_steps=2"},
       "max_no_signal_steps"},
      {{"--set", "stage.sampling.max_completion_length=2", "--set", "stage.guards.max_no_stop_steps=3"},
       "max_no_stop_steps"},
  };
  for (const Case& c : cases) {
    const TempFolder folder;
    const Result result = hone(small_run(folder / "run", c.settings));
    EXPECT_EQ(result.exit_code, 3) << result.err;
    EXPECT_NE(result.err.find("guard " + c.guard), std::string::npos) << result.err;
    EXPECT_NE(hone({"status", (folder / "run").string()}).out.find("failed: guard"), std::string::npos);
  }
}

TEST(Run, DryRunWritesNothing) {
  const TempFolder folder;
  const Result result = hone(small_run(folder / "run", {"--dry-run"}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("6 steps, 8 prompts x 4 completions"), std::string::npos) << result.out;
  EXPECT_FALSE(fs::exists(folder / "run"));
}

// What no machine has: refused before a step, with the plan and the keys that help.
TEST(Run, DryRunRefusesWhatDoesNotFit) {
  const TempFolder folder;
  const Result result = hone({"run", source("configs/miniature/pretrain.yaml"), "--dry-run", "--output",
                              (folder / "run").string(), "--set", "stage.optimizer.micro_batch_tokens=1000000000"});
  EXPECT_EQ(result.exit_code, 2) << result.err;
  EXPECT_NE(result.out.find("activations"), std::string::npos) << result.out;
  EXPECT_NE(result.err.find("does not fit into the memory"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("optimizer.gradient_checkpointing"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("micro_batch_tokens"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace hone::test
