// Runs on several ranks as a user has them: equal to one rank, and ended, stopped and started again at any time.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "cli/hone.h"
#include "core/faults.h"

namespace hone::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

Arguments launch(int ranks, Arguments run, const Arguments& options = {}) {
  Arguments arguments = {"launch", "--nproc-per-node", std::to_string(ranks)};
  arguments.insert(arguments.end(), options.begin(), options.end());
  arguments.emplace_back("--");
  arguments.insert(arguments.end(), run.begin(), run.end());
  return arguments;
}

// Processes of a run whose environment says RANK=..., by the run's folder in their command line.
std::vector<pid_t> processes_of(const fs::path& run, const std::string& rank) {
  std::vector<pid_t> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const std::string words = read(entry.path() / "cmdline"), variables = '\0' + read(entry.path() / "environ");
    if (words.find(run.string()) == std::string::npos) continue;
    if (variables.find(std::string(1, '\0') + "RANK=" + rank + '\0') == std::string::npos) continue;
    found.push_back(static_cast<pid_t>(std::stoi(name)));
  }
  return found;
}

pid_t process_of(const fs::path& run, const std::string& rank) {
  const auto found = processes_of(run, rank);
  return found.size() == 1 && found.front() > 1 ? found.front() : -1;
}

void wait_for_steps(const fs::path& run, size_t steps) {
  for (int i = 0; i < 6000; ++i) {
    const std::string lines = read(run / "stages/00_grpo/metrics.jsonl");
    if (static_cast<size_t>(std::count(lines.begin(), lines.end(), '\n')) >= steps) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  FAIL() << "no step " << steps;
}

void expect_no_ranks(const fs::path& run) {
  for (int i = 0; i < 300; ++i) {
    if (processes_of(run, "0").empty() && processes_of(run, "1").empty()) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  FAIL() << "a rank is left";
}

const std::map<std::string, std::string>& undisturbed() {
  static const std::map<std::string, std::string> prints = [] {
    const TempFolder folder;
    const Result result = hone(launch(2, small_run(folder / "run")));
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return fingerprint(folder / "run");
  }();
  return prints;
}

void expect_completed(const fs::path& run) {
  const Result result = hone(launch(2, small_run(run)));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(fingerprint(run), undisturbed());
}

// Runs on two ranks and does `disturb` to rank 1 (or 0) after step 3; the job must end within 10 s.
Result disturbed(const fs::path& run, const std::string& rank, int signal) {
  Process job(launch(2, small_run(run)));
  wait_for_steps(run, 3);
  const pid_t victim = process_of(run, rank);
  EXPECT_GT(victim, 1);
  if (victim > 1) ::kill(victim, signal);
  const auto result = job.wait_for(10);
  EXPECT_TRUE(result.has_value()) << "still runs after 10 s";
  expect_no_ranks(run);
  return result.value_or(Result{});
}

std::set<std::string> files_of(const fs::path& run) {
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(run)) {
    if (entry.path().string().find("tensorboard") == std::string::npos) names.insert(fs::relative(entry.path(), run));
  }
  return names;
}

// Samples of the first step bit for bit, rewards of all steps, losses to rounding.
void expect_equal_runs(const fs::path& one, const fs::path& other, const std::string& stage) {
  EXPECT_EQ(files_of(one), files_of(other));
  const auto samples = [&](const fs::path& run) {
    std::string first;
    for (const json& row : json_lines<json>(read(run / "stages" / stage / "samples.jsonl"))) {
      if (row["step"] == 1) first += row.dump() + "\n";
    }
    return first;
  };
  EXPECT_EQ(samples(one), samples(other));
  const auto a = json_lines<json>(read(one / "stages" / stage / "metrics.jsonl"));
  const auto b = json_lines<json>(read(other / "stages" / stage / "metrics.jsonl"));
  ASSERT_EQ(a.size(), b.size());
  ASSERT_FALSE(a.empty());
  for (size_t i = 0; i < a.size(); ++i) {
    for (const char* name : {"rewards/accuracy/mean", "rewards/format/mean", "num_tokens", "completions/mean_length",
                             "rollout/logprob_diff_max", "loss_tokens"}) {
      ASSERT_EQ(a[i].contains(name), b[i].contains(name));
      EXPECT_EQ(a[i].value(name, 0.0), b[i].value(name, 0.0)) << name << " of step " << i + 1;
    }
    EXPECT_NEAR(a[i]["loss"].get<double>(), b[i]["loss"].get<double>(), 1e-6);
    const double norm = a[i]["grad_norm"];
    EXPECT_NEAR(norm, b[i]["grad_norm"].get<double>(), 1e-5 * norm);
  }
}

TEST(Launch, RanksGiveOneRanksResult) {
  const TempFolder folder;
  const Arguments steps = {"--set", "stage.steps=4"};
  ASSERT_EQ(hone(small_run(folder / "one", steps)).exit_code, 0);
  for (const int ranks : {2, 3, 4}) {
    SCOPED_TRACE(ranks);
    const fs::path run = folder / std::to_string(ranks);
    const Result result = hone(launch(ranks, small_run(run, steps)));
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_NE(result.out.find("before"), std::string::npos) << result.out;
    expect_equal_runs(folder / "one", run, "00_grpo");
    expect_no_ranks(run);
  }
}

TEST(Launch, RanksGiveOneRanksResultOfRefilledPromptsAndFilters) {
  const TempFolder folder;
  const Arguments settings = {"--set", "stage.steps=3",
                              "--set", "stage.grpo.dynamic_sampling=refill",
                              "--set", "stage.grpo.max_refill_rounds=3",
                              "--set", "stage.grpo.old_log_probs=recompute",
                              "--set", "stage.sampling.top_p=0.95",
                              "--set", "stage.grpo.prompts_per_step=6"};
  const Result one = hone(small_run(folder / "one", settings));
  ASSERT_EQ(one.exit_code, 0) << one.err;
  const Result two = hone(launch(2, small_run(folder / "two", settings)));
  ASSERT_EQ(two.exit_code, 0) << two.err;
  expect_equal_runs(folder / "one", folder / "two", "00_grpo");
}

TEST(Launch, TwoRunsOnTwoRanksAreEqualBitForBit) {
  const TempFolder folder;
  expect_completed(folder / "run");
}

TEST(Launch, FineTunesOnRanks) {
  const TempFolder folder;
  std::ofstream data(folder / "data.jsonl");
  for (const char* digit : {"one", "two", "three", "four", "five", "six", "seven"}) {
    data << json{{"prompt", std::string("compute ") + digit + " plus one ?"}, {"completion", digit}}.dump() << "\n";
  }
  data.close();
  std::ofstream(folder / "sft.yaml") << "model: { path: builtin:miniature }\nstage:\n  type: sft\n  data: { path: "
                                     << (folder / "data.jsonl").string() << " }\n  sft: { examples_per_step: 5 }\n"
                                     << "  eval: { path: " << (folder / "data.jsonl").string()
                                     << ", every: 2 }\n  optimizer: { lr: 1e-3 }\n  steps: 4\n";
  const auto run = [&](const char* name) {
    return Arguments{"run", (folder / "sft.yaml").string(), "--output", (folder / name).string()};
  };
  const Result one = hone(run("one"));
  ASSERT_EQ(one.exit_code, 0) << one.err;
  const Result two = hone(launch(2, run("two")));
  ASSERT_EQ(two.exit_code, 0) << two.err;
  expect_equal_runs(folder / "one", folder / "two", "00_sft");
}

TEST(Launch, ARankThatIsKilledEndsTheJobWhichGoesOn) {
  for (const char* rank : {"1", "0"}) {
    const TempFolder folder;
    const Result result = disturbed(folder / "run", rank, SIGKILL);
    EXPECT_EQ(result.exit_code, 128 + SIGKILL) << result.err;
    EXPECT_NE(result.err.find(std::string("rank ") + rank + " (process"), std::string::npos) << result.err;
    EXPECT_NE(result.err.find("was killed by signal 9"), std::string::npos) << result.err;
    EXPECT_NE(result.err.find("it did last: step "), std::string::npos) << result.err;
    expect_completed(folder / "run");
  }
}

TEST(Launch, ARankThatIsStoppedEndsTheJob) {
  const TempFolder folder;
  const Result result = disturbed(folder / "run", "1", SIGSTOP);
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_NE(result.err.find("rank 1 (process"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("is stopped"), std::string::npos) << result.err;
  expect_completed(folder / "run");
}

TEST(Launch, ASignalSavesAllAtOneStep) {
  for (const int signal : {SIGTERM, SIGINT}) {
    const TempFolder folder;
    const fs::path run = folder / "run";
    Process job(launch(2, small_run(run)));
    wait_for_steps(run, 2);
    job.send(signal);
    const auto result = job.wait_for(10);
    ASSERT_TRUE(result.has_value());
    EXPECT_EQ(result->exit_code, 128 + signal) << result->err;
    EXPECT_NE(result->err.find("after saving"), std::string::npos) << result->err;
    expect_no_ranks(run);
    expect_completed(run);
  }
}

TEST(Launch, ASignalToOneRankStopsAll) {
  const TempFolder folder;
  const Result result = disturbed(folder / "run", "1", SIGTERM);
  EXPECT_NE(result.err.find("after saving"), std::string::npos) << result.err;
  expect_completed(folder / "run");
}

// The rank that writes dies again and again, each time some saves further on.
TEST(Launch, StartsAgain) {
  const TempFolder folder;
  const fs::path run = folder / "run";
  const Result result =
      hone(launch(2, small_run(run), {"--max-restarts", "20"}), {{"HONE_FAILPOINT", "durable:kill:150"}});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("1 of 20 times"), std::string::npos) << result.err;
  EXPECT_EQ(fingerprint(run), undisturbed());
}

TEST(Launch, RanksDieWithTheLauncher) {
  const TempFolder folder;
  const fs::path run = folder / "run";
  Process job(launch(2, small_run(run)));
  wait_for_steps(run, 1);
  job.send(SIGKILL);
  job.wait();
  expect_no_ranks(run);
}

TEST(Launch, SaysWhatIsWrong) {
  const TempFolder folder;
  const Result bad_key = hone(launch(2, small_run(folder / "run", {"--set", "stage.grpo.betta=1"})));
  EXPECT_EQ(bad_key.exit_code, 2) << bad_key.err;
  EXPECT_NE(bad_key.err.find("betta"), std::string::npos) << bad_key.err;
  EXPECT_FALSE(fs::exists(folder / "run"));

  const Result other = hone({"launch", "--nproc-per-node", "2", "--", "score"});
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_NE(other.err.find("`run` only"), std::string::npos) << other.err;

  const Result cuda = hone(launch(2, small_run(folder / "cuda", {"--set", "runtime.device=cuda"})));
  EXPECT_EQ(cuda.exit_code, 2);
  EXPECT_NE(cuda.err.find("runtime.device"), std::string::npos) << cuda.err;
}

// One micro-batch a rank and update: the stages are equal bit for bit, weights, samples, metrics and all.
TEST(Launch, ZeroStagesGiveTheSameRun) {
  const TempFolder folder;
  std::map<std::string, std::string> replicated;
  for (const char* stage : {"0", "1", "2", "3"}) {
    SCOPED_TRACE(stage);
    const fs::path run = folder / stage;
    const Result result = hone(launch(2, small_run(run, {"--set", "stage.steps=3", "--set", "stage.checkpoint.every=1",
                                                         "--set", std::string("runtime.zero_stage=") + stage})));
    ASSERT_EQ(result.exit_code, 0) << result.err;
    if (replicated.empty()) replicated = fingerprint(run);
    EXPECT_EQ(fingerprint(run), replicated);
    const bool spread = *stage != '0';
    EXPECT_EQ(fs::exists(run / "stages/00_grpo/checkpoints/step-000003/state-00001-of-00002.safetensors"), spread);
  }
}

// Stopped in the middle, and gone on with by other ranks at another stage: prompts and rewards of the steps after it
// are those of the undisturbed run, losses up to rounding.
TEST(Launch, AnotherNumberOfRanksGoesOnAtAnotherStage) {
  const TempFolder folder;
  const auto settings = [](const char* stage) {
    return Arguments{"--set", "stage.steps=4",
                     "--set", "stage.checkpoint.every=1",
                     "--set", std::string("runtime.zero_stage=") + stage};
  };
  const fs::path straight = folder / "straight";
  ASSERT_EQ(hone(launch(2, small_run(straight, settings("0")))).exit_code, 0);
  for (const auto& [ranks, stage] : std::vector<std::pair<int, const char*>>{{1, "0"}, {3, "2"}, {2, "3"}}) {
    SCOPED_TRACE(ranks);
    const fs::path run = folder / std::to_string(ranks);
    Process job(launch(2, small_run(run, settings("3"))));
    wait_for_steps(run, 2);
    job.send(SIGTERM);
    ASSERT_TRUE(job.wait_for(20).has_value());
    const Result result = hone(launch(ranks, small_run(run, settings(stage))));
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const auto a = json_lines<json>(read(straight / "stages/00_grpo/metrics.jsonl"));
    const auto b = json_lines<json>(read(run / "stages/00_grpo/metrics.jsonl"));
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a[i]["num_tokens"], b[i]["num_tokens"]) << "step " << i + 1;
      EXPECT_EQ(a[i]["reward"], b[i]["reward"]) << "step " << i + 1;
      EXPECT_NEAR(a[i]["loss"].get<double>(), b[i]["loss"].get<double>(), 1e-6) << "step " << i + 1;
    }
    if (ranks == 2) {
      EXPECT_EQ(fingerprint(run), fingerprint(straight));
    }
  }
}

// Kills a rank at a random time, again and again, while every rank writes its part of each checkpoint.
TEST(SlowLaunch, KilledTenTimesAtRandom) {
  const TempFolder folder;
  const Arguments settings = {"--set", "runtime.zero_stage=3", "--set", "stage.checkpoint.every=1",
                              "--set", "stage.steps=24"};
  ASSERT_EQ(hone(launch(2, small_run(folder / "straight", settings))).exit_code, 0);
  const fs::path run = folder / "run";
  std::srand(7);
  int killed = 0;
  for (int i = 0; i < 10; ++i) {
    Process job(launch(2, small_run(run, settings)));
    const std::string rank = std::to_string(std::rand() % 2);
    pid_t victim = -1;
    for (int tries = 0; tries < 1000 && victim < 2; ++tries) {
      victim = process_of(run, rank);
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ASSERT_GT(victim, 1);
    std::this_thread::sleep_for(std::chrono::milliseconds(std::rand() % 2000));
    ::kill(victim, SIGKILL);
    const auto result = job.wait_for(10);
    ASSERT_TRUE(result.has_value()) << "still runs 10 s after rank " << rank << " was killed";
    expect_no_ranks(run);
    killed += result->exit_code == 128 + SIGKILL ? 1 : 0;
  }
  EXPECT_EQ(killed, 10);
  const Result last = hone(launch(2, small_run(run, settings)));
  ASSERT_EQ(last.exit_code, 0) << last.err;
  EXPECT_EQ(fingerprint(run), fingerprint(folder / "straight"));
}

// Without a launcher: rank 0 waits for one that does not come, and says which.
TEST(Launch, NamesARankThatNeverJoins) {
  const TempFolder folder;
  const Result result =
      hone(small_run(folder / "run", {"--set", "runtime.ddp_timeout=3"}),
           {{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "127.0.0.1"}, {"MASTER_PORT", "29671"}});
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_NE(result.err.find("rank 1 did not join within 3 s"), std::string::npos) << result.err;
}

// A pipeline of the stages that only sample, and of those that learn from examples.
TEST(Launch, OtherStagesRunOnRanks) {
  const TempFolder folder;
  std::ofstream likes(folder / "likes.jsonl");
  for (int i = 0; i < 12; ++i) {
    likes << json{{"id", std::to_string(i)}, {"prompt", "one"}, {"chosen", "two three"}, {"rejected", "four"}}.dump()
          << "\n";
  }
  likes.close();
  std::ofstream(folder / "all.yaml") << R"(
name: all
model: { path: builtin:miniature }
stages:
  - name: samples
    type: rejection_sample
    data: { path: builtin:chains, split: train }
    rejection_sample: { prompts: 30, prompts_per_step: 10, num_generations: 4, max_per_prompt: 1 }
    rewards: [ { type: accuracy } ]
  - name: judged
    type: eval
    data: { path: builtin:chains, split: test }
    models: [ { path: base, name: start } ]
    eval: { problems: 12, num_generations: 2 }
    rewards: [ { type: accuracy } ]
  - name: likes
    type: reward_model
    data: { path: )" << (folder / "likes.jsonl").string()
                                     << R"( }
    reward_model: { examples_per_step: 6 }
    steps: 3
  - name: base
    type: pretrain
    data: { path: builtin:chains }
    documents_per_step: 16
    eval: { problems: 4 }
    steps: 3
)";
  const auto run = [&](const char* name, const char* stage) {
    return Arguments{"run",      (folder / "all.yaml").string(),
                     "--output", (folder / name).string(),
                     "--set",    std::string("runtime.zero_stage=") + stage};
  };
  const Result one = hone(run("one", "0"));
  ASSERT_EQ(one.exit_code, 0) << one.err;
  for (const char* stage : {"0", "3"}) {
    SCOPED_TRACE(stage);
    const Result two = hone(launch(2, run(stage, stage)));
    ASSERT_EQ(two.exit_code, 0) << two.err;
    if (*stage == '0') {  // at others the ranks write parts of checkpoints
      EXPECT_EQ(files_of(folder / "one"), files_of(folder / stage));
    }
    for (const char* file : {"00_samples/accepted.jsonl", "00_samples/counts.json", "00_samples/samples.jsonl",
                             "01_judged/results.json", "01_judged/samples.jsonl"}) {
      EXPECT_EQ(read(folder / "one/stages" / file), read(folder / stage / "stages" / file)) << file;
    }
    for (const char* name : {"02_likes", "03_base"}) {
      const auto a = json_lines<json>(read(folder / "one/stages" / name / "metrics.jsonl"));
      const auto b = json_lines<json>(read(folder / stage / "stages" / name / "metrics.jsonl"));
      ASSERT_EQ(a.size(), 3U);
      ASSERT_EQ(b.size(), 3U);
      for (size_t i = 0; i < a.size(); ++i) {
        EXPECT_NEAR(a[i]["loss"].get<double>(), b[i]["loss"].get<double>(), 2e-6) << name << " step " << i + 1;
        EXPECT_EQ(a[i]["num_tokens"], b[i]["num_tokens"]);
      }
    }
  }
}

// A program of the path, or nothing.
std::string program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string at; std::getline(folders, at, ':');) {
    if (::access((fs::path(at) / name).c_str(), X_OK) == 0) return fs::path(at) / name;
  }
  return {};
}

void expect_started_by(const std::string& command) {
  const TempFolder folder;
  std::string words;
  for (const std::string& word : small_run(folder / "run", {"--set", "stage.steps=2"})) words += " '" + word + "'";
  const std::string line = command + " " + HONE_BINARY + words + " > '" + (folder / "log").string() + "' 2>&1";
  ASSERT_EQ(std::system(line.c_str()), 0) << line << "\n" << read(folder / "log");
  ASSERT_EQ(hone(launch(2, small_run(folder / "own", {"--set", "stage.steps=2"}))).exit_code, 0);
  EXPECT_EQ(fingerprint(folder / "run"), fingerprint(folder / "own"));
}

TEST(Launch, MpirunStartsIt) {
  const std::string mpirun = program("mpirun");
  if (mpirun.empty()) GTEST_SKIP() << "no mpirun in the path (Debian: openmpi-bin)";
  expect_started_by("MASTER_PORT=29673 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 '" + mpirun +
                    "' --oversubscribe -np 2");
}

TEST(Launch, TorchrunStartsIt) {
  const char* given = std::getenv("HONE_TORCHRUN");
  const std::string torchrun = given != nullptr ? given : program("torchrun");
  if (torchrun.empty()) GTEST_SKIP() << "no torchrun in the path (HONE_TORCHRUN names another)";
  expect_started_by("'" + torchrun + "' --no-python --nproc-per-node 2 --master-port 29675");
}

}  // namespace
}  // namespace hone::test
