// hone score: rows in, the same rows with rewards out.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/hone.h"

namespace hone::test {
namespace {

using Json = nlohmann::ordered_json;

Result score(const std::string& reward, const std::string& params, const std::string& input, Arguments more = {}) {
  Arguments arguments = {"score", "--reward", reward};
  if (!params.empty()) arguments.insert(arguments.end(), {"--params", params});
  arguments.insert(arguments.end(), more.begin(), more.end());
  return hone(arguments, {}, input);
}

TEST(Score, AddsToTheRow) {
  const Result result =
      score("countdown", "",
            R"({"id":"a","completion":"<answer>3*5+7</answer>","numbers":[3,5,7],"target":22})"
            "\n\n"
            R"({"target":22,"numbers":[3,5,7],"completion":"<answer>3*5</answer>","mine":{"x":[1,null]}})"
            "\n"
            R"({"completion":"<answer>3*5</answer>"})"
            "\n");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(
      result.out,
      R"({"id":"a","completion":"<answer>3*5+7</answer>","numbers":[3,5,7],"target":22,)"
      R"("reward":1.0,"verdict":"right","parts":{"countdown":1.0},"reason":""})"
      "\n"
      R"({"target":22,"numbers":[3,5,7],"completion":"<answer>3*5</answer>","mine":{"x":[1,null]},)"
      R"("reward":0.0,"verdict":"wrong","parts":{"countdown":0.0},"reason":"7 is not used"})"
      "\n"
      R"({"completion":"<answer>3*5</answer>",)"
      R"("reward":null,"verdict":"unusable","parts":{"countdown":null},"reason":"the record has no readable numbers and target"})"
      "\n");
  EXPECT_TRUE(result.err.starts_with("countdown: 3 completions, 1 right, 1 wrong, 1 unusable, mean reward 0.5000"))
      << result.err;
}

TEST(Score, JudgesListsAsGroups) {
  const std::string group =
      R"({"completions":["x",{"text":"x","ids":[1,2,3,4],"finish_reason":"length"},"y"],"answer":"x","tokens":3})"
      "\n";
  const Json matched = json_lines<Json>(score("exact_match", "", group).out).at(0);
  EXPECT_EQ(matched["reward"], Json({1.0, 1.0, 0.0}));
  EXPECT_EQ(matched["verdict"], Json({"right", "right", "wrong"}));
  EXPECT_EQ(matched["parts"][2], Json({{"exact_match", 0.0}}));
  EXPECT_EQ(matched["reason"][2], "another text");

  // By length in the group; a graded reward has no verdict.
  const Json shorter = json_lines<Json>(score("length", R"({"of":"exact_match","unit":"characters"})",
                                              R"({"completions":["x","<answer>x</answer>","y"],"answer":"x"})"
                                              "\n")
                                            .out)
                           .at(0);
  EXPECT_EQ(shorter["reward"], Json({0.5, -0.5, 0.0}));
  EXPECT_FALSE(shorter.contains("verdict"));

  // As `hone generate` writes them.
  const std::string generated = hone({"generate", "--model", "builtin:miniature", "--num-generations", "3"}, {},
                                     R"({"prompt":"<user> compute two plus three ? <assistant>","answer":5})"
                                     "\n")
                                    .out;
  const Result result = score("soft_overlong", R"({"cache":10,"max_length":20})", generated);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(json_lines<Json>(result.out).at(0)["reward"].size(), 3U);
}

TEST(Score, CountsTokensWhereItMust) {
  const auto reward = [](const std::string& row) {
    const Result result = score("soft_overlong", R"({"cache":10,"max_length":20})", row + "\n");
    return result.exit_code == 0 ? json_lines<Json>(result.out).at(0)["reward"] : Json(result.err);
  };
  EXPECT_EQ(reward(R"({"completion":"a","tokens":15})"), -0.5);
  EXPECT_EQ(reward(R"({"completion":"a","ids":[1,2,3,4,5,6,7,8,9,10,11,12]})"), -0.2);
  EXPECT_NE(reward(R"({"completion":"a"})").get<std::string>().find("\"tokens\""), std::string::npos);
  EXPECT_NE(reward(R"({"completion":"a","tokens":-1})").get<std::string>().find("\"tokens\""), std::string::npos);
  EXPECT_EQ(score("repetition", R"({"unit":"tokens"})", "{\"completion\":\"a\",\"tokens\":9}\n").exit_code, 2);
  EXPECT_EQ(score("repetition", "", "{\"completion\":\"a\"}\n").exit_code, 0);
}

TEST(Score, KeepsTheOrderWithManyJobs) {
  std::string input;
  for (int i = 0; i < 5000; ++i) {
    input += fmt::format(R"({{"id":{},"completion":"{}","answer":"{}"}})", i, i % 7, i % 3) + "\n";
  }
  const std::string one = score("exact_match", "", input, {"--jobs", "1"}).out;
  EXPECT_EQ(score("exact_match", "", input, {"--jobs", "7"}).out, one);
  EXPECT_EQ(score("exact_match", "", input).out, one);
  const auto out = json_lines<Json>(one);
  ASSERT_EQ(out.size(), 5000U);
  for (int i = 0; i < 5000; ++i) {
    ASSERT_EQ(out[static_cast<size_t>(i)]["id"], i);
    ASSERT_EQ(out[static_cast<size_t>(i)]["reward"], i % 7 == i % 3 ? 1.0 : 0.0);
  }
}

TEST(Score, AsksAProgram) {
  const std::string program =
      R"(while read -r line; do case "$line" in *good*) echo "{\"reward\": 1}" ;; *) exit 1 ;; esac; done)";
  const Json params = {{"argv", {"sh", "-c", program}}, {"weight", 2.0}, {"name", "mine"}};
  const auto out =
      json_lines<Json>(score("command", params.dump(), "{\"completion\":\"good\"}\n{\"completion\":\"bad\"}\n").out);
  ASSERT_EQ(out.size(), 2U);
  EXPECT_EQ(out[0]["reward"], 2.0);
  EXPECT_EQ(out[0]["parts"], Json({{"mine", 1.0}}));
  EXPECT_EQ(out[1]["verdict"], "unusable");
  EXPECT_EQ(out[1]["reason"], "the program ended with exit code 1");
}

TEST(Score, SaysWhatIsWrong) {
  struct Case {
    std::string reward, params, input, message;
  };
  const Case cases[] = {
      {"fromat", "", "", "did you mean 'format'"},
      {"format", R"({"anser_tags":true})", "", "unknown key 'anser_tags', did you mean 'answer_tags'"},
      {"format", R"({"answer_tags":1})", "", "answer_tags: got '1'"},
      {"format", R"({"cache":1})", "", "unknown key 'cache'"},
      {"repetition", R"({"ngram_size":0})", "", "ngram_size"},
      {"regex", R"({"pattern":"("})", "", "missing )"},
      {"cosine", R"({"of":"exact_match"})", "", "max_length"},
      {"cosine", R"({"of":"exact_mach","max_length":9})", "", "did you mean 'exact_match'"},
      {"format", "", "[1]\n", "standard input:1: not a JSON object"},
      {"format", "", "{\"completion\":\"a\"}\n{\"prompt\":\"a\"}\n", "standard input:2: needs \"completion\""},
      {"format", "", "{\"completion\":5}\n", "standard input:1: a completion is not a text"},
      {"format", "", "{\"completions\":[]}\n", "standard input:1: \"completions\" is no list"},
      {"format", "", "{\"completions\":[{\"ids\":[1]}]}\n", "standard input:1: no text \"text\""},
      {"format", "", "{\"completion\":\"a\",\"finish_reason\":\"tired\"}\n", "unknown finish_reason"},
  };
  for (const Case& c : cases) {
    const Result result = score(c.reward, c.params, c.input);
    EXPECT_EQ(result.exit_code, 2) << c.message;
    EXPECT_NE(result.err.find(c.message), std::string::npos) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }
}

}  // namespace
}  // namespace hone::test
