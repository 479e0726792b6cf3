// hone eval: models and given completions against what is known of them.
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/hone.h"
#include "core/faults.h"

namespace hone::test {
namespace {

using Json = nlohmann::json;

TEST(Eval, GivenCompletions) {
  const TempFolder folder;
  std::ofstream(folder / "c.jsonl") << R"({"id":"a","gold":"1/2","pred":"so \\boxed{0.5}"})"
                                       "\n"
                                       R"({"id":"b","gold":"3","pred":"so \\boxed{4}","tokens":12})"
                                       "\n"
                                       R"({"id":"a","gold":"1/2","pred":"so \\boxed{2}","finish_reason":"length"})"
                                       "\n"
                                       R"({"id":"b","gold":"3","pred":"\\boxed{3}"})"
                                       "\n";
  const Result result = hone({"eval", "--completions", (folder / "c.jsonl").string(), "--field", "completion=pred",
                              "--field", "answer=gold", "--output", (folder / "out").string(), "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json json = Json::parse(result.out);
  EXPECT_EQ(json["problems"], 2);
  EXPECT_EQ(json["completions"], 4);
  EXPECT_EQ(json["pass@1"], 0.5);
  EXPECT_EQ(json["pass@2"], 1.0);
  EXPECT_EQ(json["cons@2"], 0.5);
  EXPECT_EQ(json["clipped_ratio"], 0.25);
  EXPECT_EQ(json["mean_length"], 12.0);
  const auto samples = json_lines<Json>(read(folder / "out/samples.jsonl"));
  ASSERT_EQ(samples.size(), 4U);
  EXPECT_EQ(samples[0]["verdict"], "right");
  EXPECT_EQ(samples[0]["found"], "0.5");
  EXPECT_EQ(samples[1]["id"], "a");  // the second completion of the first problem
  EXPECT_EQ(samples[1]["reason"], "another answer");
  EXPECT_EQ(Json::parse(read(folder / "out/results.json")).at(0), json);
}

TEST(Eval, ModelsInOneTable) {
  const TempFolder folder;
  std::ofstream(folder / "data.jsonl") << R"({"question":"compute seven plus six ?","answer":"three"})"
                                          "\n"
                                          R"({"question":"compute one plus one ?","answer":"two"})"
                                          "\n";
  const Arguments arguments = {"eval",
                               "--model",
                               "builtin:miniature",
                               "--model",
                               "builtin:miniature",
                               "--data",
                               (folder / "data.jsonl").string(),
                               "--field",
                               "prompt=question",
                               "--reward",
                               "accuracy",
                               "--template",
                               "r1_zero",
                               "--k",
                               "8",
                               "--max-completion-length",
                               "24",
                               "--output",
                               (folder / "out").string()};
  const Result table = hone(arguments);
  ASSERT_EQ(table.exit_code, 0) << table.err;
  EXPECT_NE(table.out.find("pass@8"), std::string::npos) << table.out;
  Arguments as_json = arguments;
  as_json.push_back("--json");
  const auto models = json_lines<Json>(hone(as_json).out);
  ASSERT_EQ(models.size(), 2U);
  EXPECT_EQ(models[0], models[1]) << "a function of model, problems and seed";
  EXPECT_EQ(models[0]["completions"], 16);
  const auto samples = json_lines<Json>(read(folder / "out/samples.jsonl"));
  ASSERT_EQ(samples.size(), 32U);
  // What was counted is what can be read there.
  double right = 0;
  for (size_t i = 0; i < 16; ++i) right += samples[i]["verdict"] == "right";
  EXPECT_DOUBLE_EQ(models[0]["pass@1"].get<double>(), right / 16);
}

TEST(Eval, BenchmarksInOneTable) {
  const TempFolder folder;
  std::ofstream(folder / "gsm.jsonl") << R"({"question":"compute seven plus six ?","answer":"7 + 6 = 13\n#### 3"})"
                                      << "\n"
                                      << R"({"question":"compute one plus one ?","answer":"#### 2"})"
                                      << "\n";
  std::ofstream(folder / "math.jsonl") << R"({"problem":"compute one plus one ?","solution":"It is $\\boxed{2}$."})";
  Arguments arguments = {"eval",
                         "--k",
                         "2",
                         "--template",
                         "r1_zero",
                         "--max-completion-length",
                         "8",
                         "--data",
                         "gsm8k=" + (folder / "gsm.jsonl").string(),
                         "--data",
                         "math=" + (folder / "math.jsonl").string(),
                         "--output",
                         (folder / "out").string()};
  for (int model = 0; model < 2; ++model) arguments.insert(arguments.end(), {"--model", "builtin:miniature"});
  const Result table = hone(arguments);
  ASSERT_EQ(table.exit_code, 0) << table.err;
  EXPECT_NE(table.out.find("gsm8k/pass@1"), std::string::npos) << table.out;
  EXPECT_NE(table.out.find("math/mean length"), std::string::npos) << table.out;
  EXPECT_EQ(table.out.find("reflection"), std::string::npos) << table.out;
  const Json results = Json::parse(read(folder / "out/results.json"));
  ASSERT_EQ(results.size(), 4U);  // two models, two benchmarks
  EXPECT_EQ(results[0]["data"], "gsm8k");
  EXPECT_EQ(results[0]["problems"], 2);
  EXPECT_EQ(results[1]["data"], "math");
  EXPECT_EQ(results[1]["unusable"], 0);
  Json second = results[2];
  EXPECT_EQ(second, results[0]);
  EXPECT_EQ(json_lines<Json>(read(folder / "out/samples.jsonl")).size(), 12U);
}

TEST(Eval, CompletionsOfABenchmark) {
  const TempFolder folder;
  const auto judged = [&](const std::string& format, const std::string& row) {
    std::ofstream(folder / "c.jsonl") << row << "\n";
    return hone({"eval", "--completions", (folder / "c.jsonl").string(), "--format", format, "--output",
                 (folder / "out").string(), "--json"});
  };
  const auto share = [&](const std::string& format, const std::string& row) {
    const Result result = judged(format, row);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.exit_code == 0 ? Json::parse(result.out)["pass@1"].get<double>() : -1;
  };
  EXPECT_EQ(share("gsm8k", R"({"question":"q","answer":"so\n#### 1,080","completion":"\\boxed{1080}"})"), 1);
  EXPECT_EQ(share("mmlu", R"({"question":"q","choices":["x","y"],"answer":1,"completion":"The answer is B."})"), 1);
  EXPECT_EQ(share("mmlu", R"({"question":"q","choices":["x","y"],"answer":1,"completion":"The answer is A."})"), 0);
  const Result wrong = judged("gsm8k", R"({"problem":"q","answer":"#### 1","completion":"1"})");
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_NE(wrong.err.find("c.jsonl:1: not a row of gsm8k"), std::string::npos) << wrong.err;
  const Result unknown = judged("gms8k", "{}");
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_NE(unknown.err.find("gsm8k"), std::string::npos) << unknown.err;
}

}  // namespace
}  // namespace hone::test
