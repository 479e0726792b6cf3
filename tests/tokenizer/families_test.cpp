// Real tokenizers against their published vectors. The data do not ship with the source.
#include <chrono>

#include "fixtures.h"
#include "hone/core/error.h"
#include "reward/shared_data.h"

namespace hone {
namespace {

using test::Json;
using Ids = std::vector<int32_t>;

class Families : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    folder_ = test::shared_data() / "tokenizers" / GetParam();
    if (!std::filesystem::exists(folder_)) GTEST_SKIP() << "no " << folder_ << "; set HONE_SHARED_DATA";
  }
  std::filesystem::path folder_;
};

TEST_P(Families, GivesThePublishedIdsAndTheTextBack) {
  const Tokenizer t = Tokenizer::load(folder_);
  const auto rows = test::shared_rows(std::string("tokenizers/") + GetParam() + "/vectors.jsonl");
  ASSERT_GE(rows.size(), 40U);
  for (const Json& row : rows) {
    const std::string text = row["text"];
    const Ids ids = row["ids"];
    EXPECT_EQ(t.encode(text, {.parse_special = false, .add_bos = false}), ids) << text;
    EXPECT_EQ(t.decode(ids), text);
    EXPECT_EQ(t.decode_bytes(ids), text);
  }
}

TEST_P(Families, IsLinearInTheLengthOfAWord) {
  const Tokenizer t = Tokenizer::load(folder_);
  std::string marks = "a";
  while (marks.size() < 1'000'000) marks += "\xCC\xA3\xCC\x82\xCC\xA3";
  for (const std::string& text : {std::string(1'000'000, 'a'), std::string(1'000'000, ' '), marks}) {
    const auto begin = std::chrono::steady_clock::now();
    t.encode(text);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(60));  // a quadratic one takes hours
  }
}

INSTANTIATE_TEST_SUITE_P(Tokenizer, Families, ::testing::Values("gpt2", "qwen2.5", "llama2-spm", "llama3-tiktoken"),
                         [](const auto& family) {
                           std::string name = family.param;
                           std::erase_if(name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; });
                           return name;
                         });

TEST(MistralV1, GivesTheIdsOfAPublishedChat) {
  const auto folder = test::shared_data() / "tokenizers/mistral-v1-spm";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no " << folder << "; set HONE_SHARED_DATA";
  const Json chat = Json::parse(std::ifstream(folder / "no_tools_v1.json"));
  std::string text = "<s>";
  for (const Json& message : chat["sample"]["messages"]) {
    const std::string content = message["content"];
    text += message["role"] == "user" ? "[INST] " + content + " [/INST]" : " " + content + "</s>";
  }
  EXPECT_EQ(Tokenizer::load(folder).encode(text, {.add_bos = false}), chat["tokens"].get<Ids>());
}

TEST(Llama3, KnowsItsSpecialTokens) {
  const auto folder = test::shared_data() / "tokenizers/llama3-tiktoken";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no " << folder << "; set HONE_SHARED_DATA";
  const Tokenizer t = Tokenizer::load(folder);
  EXPECT_EQ(t.vocab_size(), 128256);
  EXPECT_EQ(t.encode("<|start_header_id|>user<|end_header_id|>"), (Ids{128000, 128006, 882, 128007}));
  EXPECT_EQ(t.eos_ids(), (Ids{128001, 128008, 128009}));
  EXPECT_GT(t.encode("<|eot_id|>", {.parse_special = false, .add_bos = false}).size(), 1U);
}

}  // namespace
}  // namespace hone
