// Runs on several ranks as a user has them: equal to one rank, and ended, stopped and started again at any time.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
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

  const Result pretrain =
      hone(launch(2, {"run", source("configs/miniature/pretrain.yaml"), "--output", (folder / "pretrain").string()}));
  EXPECT_EQ(pretrain.exit_code, 2);
  EXPECT_NE(pretrain.err.find("one rank only"), std::string::npos) << pretrain.err;

  const Result cuda = hone(launch(2, small_run(folder / "cuda", {"--set", "runtime.device=cuda"})));
  EXPECT_EQ(cuda.exit_code, 2);
  EXPECT_NE(cuda.err.find("runtime.device"), std::string::npos) << cuda.err;
}

}  // namespace
}  // namespace hone::test
