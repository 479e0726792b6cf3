// The other commands: help, configs, generate, logprobs, status, report.
#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/hone.h"
#include "core/faults.h"

namespace hone::test {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

TEST(Commands, HaveHelpWithAnExample) {
  for (const char* name : {"run", "validate", "config", "init", "status", "report", "generate", "chat", "logprobs",
                           "tokenizer", "score", "eval", "export", "import", "bench", "doctor"}) {
    const Result result = hone({name, "--help"});
    EXPECT_EQ(result.exit_code, 0) << name;
    EXPECT_NE(result.out.find("hone " + std::string(name), result.out.find("Example:")), std::string::npos)
        << result.out;
  }
}

TEST(Commands, BadCommandLinesEndWithTwo) {
  const std::vector<Arguments> bad = {{},
                                      {"no_such_command"},
                                      {"run"},
                                      {"run", "no/such/file.yaml"},
                                      {"run", source("configs/miniature/r1_zero.yaml"), "--no-such-option"},
                                      {"run", source("configs/miniature/r1_zero.yaml"), "--set", "stage.steps"},
                                      {"generate", "--model", "no/such/model", "--prompt", "x"},
                                      {"generate", "--model", "builtin:miniature", "--temperature", "-1"},
                                      {"logprobs", "--model", "builtin:miniature", "--input", "no/such/file"},
                                      {"score"},
                                      {"score", "--reward", "fromat"},
                                      {"score", "--reward", "format", "--input", "no/such/file"},
                                      {"score", "--reward", "format", "--params", "{\"anser_tags\": true}"},
                                      {"score", "--reward", "format", "--params", "[1]"},
                                      {"score", "--reward", "regex", "--params", "{\"pattern\": \"(\"}"},
                                      {"score", "--reward", "soft_overlong", "--params", "{\"cache\": 5}"},
                                      {"score", "--reward", "command", "--params", "{\"argv\": [\"no/such\"]}"},
                                      {"eval"},
                                      {"eval", "--model", "builtin:miniature"},
                                      {"eval", "--model", "builtin:miniature", "--completions", "x", "--data", "y"},
                                      {"eval", "--model", "builtin:miniature", "--data", "no/such/file"},
                                      {"eval", "--completions", "no/such/file"},
                                      {"eval", "--completions", "x", "--field", "answr=gold"},
                                      {"export", "no/such/run", "--output", "/tmp/x"},
                                      {"status", "no/such/run"},
                                      {"report", "no/such/run"},
                                      {"init", "no_such_recipe", "somewhere"},
                                      {"config", "keys", "no.such.key"},
                                      {"bench", "nothing", "--model", "builtin:miniature"}};
  for (const Arguments& arguments : bad) {
    const Result result = hone(arguments);
    EXPECT_EQ(result.exit_code, 2) << fmt::format("{} words", arguments.size()) << result.err;
    EXPECT_FALSE(result.err.empty() && result.out.empty());
  }
}

TEST(Commands, ShippedConfigsAreValidAndComeBack) {
  const TempFolder folder;
  int64_t count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(source("configs"))) {
    if (entry.path().extension() != ".yaml") continue;
    ++count;
    EXPECT_EQ(hone({"validate", entry.path().string()}).exit_code, 0) << entry.path();
    const Result shown = hone({"config", "show", entry.path().string()});
    ASSERT_EQ(shown.exit_code, 0);
    std::ofstream(folder / "shown.yaml") << shown.out;
    EXPECT_EQ(hone({"config", "show", (folder / "shown.yaml").string()}).out, shown.out) << entry.path();
    const Result plan = hone({"run", entry.path().string(), "--dry-run", "--output", (folder / "run").string()});
    // What the program does not carry itself is not always here.
    const bool absent =
        plan.err.find("no such f") != std::string::npos && shown.out.find("source: ") != std::string::npos;
    EXPECT_EQ(plan.exit_code, absent ? 2 : 0) << plan.err;
  }
  EXPECT_GE(count, 3);
}

TEST(Commands, AnAbsentFileOfKnownSourceIsNotedAndRefusedByARun) {
  const TempFolder folder;
  const std::string config = (folder / "c.yaml").string();
  const auto write = [&](const std::string& source) {
    std::ofstream(config) << "model: { path: " << (folder / "no_model").string() << source << " }\n"
                          << "stage:\n  type: grpo\n  data: { path: " << (folder / "no.jsonl").string() << source
                          << " }\n  rewards: [ { type: math } ]\n  eval: { path: " << (folder / "not.jsonl").string()
                          << source << " }\n  steps: 1\n";
  };
  write(", source: the shop around the corner");
  const Result valid = hone({"validate", config});
  EXPECT_EQ(valid.exit_code, 0) << valid.err;
  EXPECT_EQ(std::ranges::count(valid.err, '\n'), 3) << valid.err;
  for (const char* name : {"model.path", "no_model", "no.jsonl", "stage.eval.path", "not.jsonl", "around the corner"}) {
    EXPECT_NE(valid.err.find(name), std::string::npos) << valid.err;
  }
  const Result run = hone({"run", config, "--output", (folder / "run").string()});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_EQ(std::ranges::count(run.err, '\n'), 3) << run.err;
  EXPECT_NE(run.err.find("no such folder: the shop around the corner"), std::string::npos) << run.err;
  EXPECT_NE(run.err.find("no such file: the shop around the corner"), std::string::npos) << run.err;
  EXPECT_FALSE(fs::exists(folder / "run"));
  write("");
  EXPECT_EQ(hone({"validate", config}).exit_code, 2);
  // A source is no excuse for what is there and wrong.
  std::ofstream(config) << "model: { path: " << config << ", source: a shop }\nstage:\n  type: grpo\n"
                        << "  data: { path: builtin:chain, source: a shop }\n  rewards: [ { type: accuracy } ]\n"
                        << "  eval: { problems: 0 }\n  steps: 1\n";
  const Result wrong = hone({"validate", config});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_EQ(std::ranges::count(wrong.err, '\n'), 2) << wrong.err;
}

TEST(Commands, InitWritesConfigsThatRun) {
  for (const char* recipe : {"r1_zero", "r1", "miniature", "grpo", "distill"}) {
    const TempFolder folder;
    ASSERT_EQ(hone({"init", recipe, (folder / "made").string()}).exit_code, 0);
    for (const auto& entry : fs::directory_iterator(folder / "made")) {
      const Result result = hone({"run", entry.path().string(), "--dry-run"});
      EXPECT_EQ(result.exit_code, 0) << entry.path() << result.err;
    }
    EXPECT_EQ(hone({"init", recipe, (folder / "made").string()}).exit_code, 2);
  }
}

TEST(Commands, InitSftSaysWhatToBring) {
  const TempFolder folder;
  ASSERT_EQ(hone({"init", "sft", (folder / "made").string()}).exit_code, 0);
  const Result result = hone({"validate", (folder / "made/sft.yaml").string()});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("examples.jsonl"), std::string::npos) << result.err;
}

TEST(Commands, ConfigSchemaAndKeys) {
  const Json schema = Json::parse(hone({"config", "schema"}).out);
  EXPECT_TRUE(schema.contains("properties"));
  const Json keys = Json::parse(hone({"config", "keys", "--json"}).out);
  EXPECT_GT(keys.size(), 60U);
  std::set<std::string> names;
  for (const Json& key : keys) {
    names.insert(key["key"].get<std::string>());
    EXPECT_FALSE(key["meaning"].get<std::string>().empty()) << key;
  }
  EXPECT_TRUE(names.contains("stages.N.grpo.num_generations") || names.contains("stage.grpo.num_generations"));
}

// To mend it: the first lines of docs/keys.md as they are, then the output of the command.
TEST(Commands, ThePageOfKeysIsTrue) {
  const std::string page = read(source("docs/keys.md")), table = hone({"config", "keys", "--markdown"}).out;
  EXPECT_TRUE(page.starts_with("# Keys\n"));
  EXPECT_TRUE(page.ends_with("\n\n" + table));
}

// What sampling says of its tokens is what scoring says of them, to the bit.
TEST(Commands, GenerateAndLogprobsAgree) {
  const std::string input = R"({"prompt": "<user> compute two plus three times four ? <assistant>", "id": "a"})"
                            "\n\n"
                            R"({"prompt": "<user> 计算 二 加 三 ? <assistant> <think>"})"
                            "\n";
  const Arguments arguments = {
      "generate", "--model", "builtin:miniature", "--num-generations", "3", "--seed", "4", "--max-completion-length",
      "40"};
  const Result result = hone(arguments, {}, input);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(hone(arguments, {{"OMP_NUM_THREADS", "1"}}, input).out, result.out);
  const auto generated = json_lines<Json>(result.out);
  ASSERT_EQ(generated.size(), 2U);
  EXPECT_EQ(generated[0]["id"], "a");

  // A sequence that is all completion but for its first token.
  const std::string start = hone({"generate", "--model", "builtin:miniature", "--seed", "1"}, {},
                                 R"({"prompt": "<user>"})"
                                 "\n")
                                .out;
  const Json completion = json_lines<Json>(start)[0]["completions"][0];
  Json ids = {2};
  for (const Json& id : completion["ids"]) ids.push_back(id);
  const Result scored =
      hone({"logprobs", "--model", "builtin:miniature"}, {}, Json{{"ids", ids}, {"id", "kept"}}.dump() + "\n");
  ASSERT_EQ(scored.exit_code, 0) << scored.err;
  EXPECT_EQ(json_lines<Json>(scored.out)[0]["logprobs"], completion["logprobs"]);
  EXPECT_EQ(json_lines<Json>(scored.out)[0]["id"], "kept");
}

TEST(Commands, BadRowsNameTheirPlace) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"{\"ids\": [1, 2]}\n[1]\n", ":2: not a JSON object"},
      {"{\"text\": 1}\n", ":1: no list \"ids\""},
      {"{\"ids\": [1, 100000]}\n", ":1: token id outside the vocabulary"},
      {"{\"ids\": [1, -1]}\n", "no token id"},
  };
  for (const auto& [input, message] : cases) {
    const Result result = hone({"logprobs", "--model", "builtin:miniature"}, {}, input);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_NE(result.err.find(message), std::string::npos) << result.err;
  }
}

TEST(Commands, StatusAndReportOfAKilledRun) {
  const TempFolder folder;
  const fs::path run = folder / "run";
  ASSERT_EQ(hone(small_run(run), {{"HONE_FAILPOINT", "checkpoint.begin:kill:3"}}).exit_code, 137);
  const Result status = hone({"status", run.string()});
  EXPECT_NE(status.out.find("killed"), std::string::npos) << status.out;
  const Json json = Json::parse(hone({"status", run.string(), "--json"}).out);
  EXPECT_EQ(json["stages"][0]["step"], 4);
  EXPECT_EQ(json["stages"][0]["last_metrics"]["step"], 6);
  EXPECT_EQ(hone({"report", run.string()}).exit_code, 0);
  EXPECT_NE(read(run / "report.html").find("</html>"), std::string::npos);
}

TEST(Commands, DoctorAndBenchPrintFigures) {
  EXPECT_NE(hone({"doctor"}).out.find("LibTorch"), std::string::npos);
  const Json figures = Json::parse(hone({"bench", "step", "--model", "builtin:miniature", "--sequences", "8",
                                         "--completion-length", "8", "--repetitions", "1"})
                                       .out);
  for (const char* phase : {"generate", "logprobs", "update"}) {
    EXPECT_GT(figures["tokens_per_second"][phase]["median"], 0) << phase;
  }
}

}  // namespace
}  // namespace hone::test
