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

}  // namespace
}  // namespace hone::test
