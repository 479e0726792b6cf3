#include "hone/data/prompt_source.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "core/faults.h"
#include "hone/core/error.h"

namespace hone {
namespace {

class PromptSourceTest : public testing::Test {
 protected:
  DataConfig file(const std::string& text) {
    std::ofstream(folder_ / "data.jsonl") << text;
    DataConfig config;
    config.path = (folder_ / "data.jsonl").string();
    return config;
  }
  static void map(DataConfig& config, std::string_view key, const std::string& name) {
    for (size_t i = 0; i < std::size(kRecordFields); ++i) {
      if (kRecordFields[i].name == key) config.fields.from[i] = name;
    }
  }
  static std::string problem(const DataConfig& config) {
    try {
      const PromptSource source(config, 0);
      return "";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInput);
      return error.what();
    }
  }
  std::string numbered(int rows) {
    std::string text;
    for (int i = 0; i < rows; ++i) text += fmt::format("{{\"id\":\"r{0}\",\"prompt\":\"p{0}\"}}\n", i);
    return text;
  }

  const test::TempFolder folder_;
};

TEST_F(PromptSourceTest, ReadsRecords) {
  const PromptSource source(file(R"({"prompt":"a","answer":[1,2],"id":7})"
                                 "\n\n"
                                 R"({"messages":[{"role":"system","content":"s"},{"role":"user","content":"b"}]})"
                                 "\n"),
                            0);
  ASSERT_NE(source.file(), nullptr);
  const auto& rows = source.file()->rows();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].text, "a");
  EXPECT_EQ(rows[0].id, "7");
  EXPECT_EQ(rows[0].record.json("answer"), "[1,2]");
  EXPECT_EQ(rows[1].text, "b");
  EXPECT_TRUE(rows[1].id.ends_with("data.jsonl:3")) << rows[1].id;
  EXPECT_EQ(source.file()->place(1), rows[1].id);
}

TEST_F(PromptSourceTest, NamesAreMapped) {
  DataConfig config = file(R"({"Body":"b.","Question":"q?","answer":"x","gold":[1]})");
  map(config, "prompt", "{{Body}} {{ Question }}");
  map(config, "answer", "gold");
  map(config, "source", "answer");  // the file's, not the one that was just set
  const Prompt prompt = PromptSource(config, 0).prompt(0);
  EXPECT_EQ(prompt.text, "b. q?");
  EXPECT_EQ(prompt.record.json("answer"), "[1]");
  EXPECT_EQ(prompt.record.text("source"), "x");
  EXPECT_EQ(prompt.record.text("gold"), std::nullopt);
  EXPECT_TRUE(prompt.record.has("gold"));
}

TEST_F(PromptSourceTest, EveryRoundIsAnotherOrderOfAll) {
  const PromptSource source(file(numbered(50)), 7), again(file(numbered(50)), 7), other(file(numbered(50)), 8);
  std::vector<std::string> rounds[3];
  bool differs = false;
  for (int64_t i = 0; i < 150; ++i) {
    const Prompt prompt = source.prompt(i);
    EXPECT_EQ(prompt.index, i);
    rounds[i / 50].push_back(prompt.id);
    differs = differs || other.prompt(i).id != prompt.id;
  }
  for (const auto& round : rounds) EXPECT_EQ(std::set<std::string>(round.begin(), round.end()).size(), 50U);
  EXPECT_NE(rounds[0], rounds[1]);
  EXPECT_NE(rounds[1], rounds[2]);
  EXPECT_TRUE(differs);
  // A pure function of the index, in whatever order it is asked.
  for (const int64_t i : {140, 3, 99, 51, 0})
    EXPECT_EQ(again.prompt(i).id, rounds[i / 50][static_cast<size_t>(i % 50)]);
}

TEST_F(PromptSourceTest, OrTheFilesOrder) {
  DataConfig config = file(numbered(3));
  config.shuffle = false;
  const PromptSource source(config, 7);
  for (int64_t i = 0; i < 7; ++i) EXPECT_EQ(source.prompt(i).id, fmt::format("r{}", i % 3));
}

TEST_F(PromptSourceTest, BadRecordsAreNamed) {
  const auto expect = [&](const DataConfig& config, std::initializer_list<std::string_view> parts) {
    const std::string line = problem(config);
    for (const std::string_view part : parts) EXPECT_NE(line.find(part), std::string::npos) << line;
  };
  expect(file("{\"prompt\":\"a\"}\n{\"prompt\":"), {"data.jsonl:2", "not valid JSON"});
  expect(file("[1]\n"), {"data.jsonl:1", "not a JSON object"});
  expect(file("{\"prompt\":\"a\"}\n\n{\"question\":\"a\"}\n"), {"data.jsonl:3", "question", "data.fields"});
  expect(file("{\"messages\":[]}\n"), {"data.jsonl:1", "neither"});
  expect(file("\n \n"), {"no records"});
  DataConfig config = file("{\"prompt\":\"a\"}\n");
  map(config, "answer", "gold");
  expect(config, {"data.jsonl:1", "'gold'", "fields.answer"});
  map(config, "answer", "{{prompt");
  expect(config, {"fields.answer"});
  config.path += "x";
  expect(config, {"data.jsonlx", "No such file"});
}

TEST_F(PromptSourceTest, MixesSourcesByWeightWithinTheirSteps) {
  const DataConfig own = file(numbered(7));
  SourceConfig more;
  more.name = "more";
  more.data.path = std::string(kBuiltinChains);
  more.weight = 3;
  more.from_step = 2;
  more.until_step = 3;
  PromptMixture mixture(own, {more}, {}, 5);
  const PromptSource alone(own, 5), chains(more.data, 5);
  int64_t index = 0, of_own = 0, of_more = 0;
  for (int64_t step = 1; step <= 4; ++step) {
    const auto prompts = mixture.draw(step, 10);
    ASSERT_EQ(prompts.size(), 10U);
    const auto own_share = std::ranges::count(prompts, "data", &Prompt::source);
    EXPECT_EQ(own_share, step == 1 || step == 4 ? 10 : 3);  // 2.5, rounded
    for (const Prompt& prompt : prompts) {
      EXPECT_EQ(prompt.index, index++);  // no two prompts of a stage have the same random stream
      EXPECT_EQ(prompt.id, prompt.source == "data" ? alone.prompt(of_own++).id : chains.prompt(of_more++).id);
    }
  }
  EXPECT_EQ(mixture.drawn(), (std::vector<int64_t>{of_own, of_more}));

  PromptMixture resumed(own, {more}, {}, 5);
  resumed.continue_from(mixture.drawn());
  EXPECT_EQ(resumed.draw(5, 1)[0].id, mixture.draw(5, 1)[0].id);
}

}  // namespace
}  // namespace hone
