// What the files beside a vocabulary say, and which file is read.
#include "fixtures.h"
#include "hone/core/base64.h"
#include "hone/core/error.h"
#include "tokenizer/byte_level.h"

namespace hone {
namespace {

using test::Json;
using Ids = std::vector<int32_t>;

using test::message_of;

std::string sentencepiece_model(const std::string& name) {
  for (const Json& fixture : test::tokenizer_fixtures()["sentencepiece"]) {
    if (fixture["name"] == name) return *decode_base64(fixture["model"].get<std::string>());
  }
  return {};
}

/// A byte-level tokenizer that puts <s> before a text.
Json with_bos() {
  return test::fixture_with("pre=gpt2_decoder=bytes_post=bos");
}

TEST(Folder, AddBosTokenCountsMoreThanTheTemplate) {
  const int32_t bos = *test::load(with_bos()).id_of("<s>");
  const auto first = [](const Tokenizer& t, const EncodeOptions& options = {}) { return t.encode("x", options)[0]; };
  EXPECT_EQ(first(test::load(with_bos())), bos);
  EXPECT_EQ(test::load(with_bos()).bos_id(), bos);
  EXPECT_NE(first(test::load(with_bos()), {.add_bos = false}), bos);
  const Json off = {{"add_bos_token", false}, {"bos_token", "<s>"}};
  EXPECT_NE(first(test::load(with_bos(), off)), bos);
  EXPECT_EQ(first(test::load(with_bos(), off), {.add_bos = true}), bos);
  Json none = with_bos();
  none["post_processor"] = nullptr;
  EXPECT_NE(first(test::load(none)), bos);
  EXPECT_EQ(first(test::load(none, {{"add_bos_token", true}, {"bos_token", {{"content", "<s>"}}}})), bos);
  EXPECT_NE(message_of([&] { test::load(none).encode("x", {.add_bos = true}); }).find("begins a text"),
            std::string::npos);
}

TEST(Folder, AddEosTokenEndsTheText) {
  const Tokenizer t = test::load(with_bos(), {{"add_eos_token", true}, {"eos_token", "</s>"}});
  EXPECT_EQ(t.encode("x").back(), t.id_of("</s>"));
}

TEST(Folder, EndsAreTheUnionOfTheFiles) {
  const auto folder = test::new_folder();
  test::write(folder / "tokenizer.json", with_bos().dump());
  test::write(folder / "generation_config.json", R"({"eos_token_id": [7, 5, 100000000]})");
  EXPECT_EQ(Tokenizer::load(folder).eos_id(), 7);
  test::write(folder / "config.json", R"({"eos_token_id": 3})");
  test::write(folder / "special_tokens_map.json", R"({"eos_token": {"content": "</s>"}})");
  const Tokenizer t = Tokenizer::load(folder);
  EXPECT_EQ(t.eos_id(), t.id_of("</s>"));
  EXPECT_EQ(t.pad_id(), t.eos_id());
  EXPECT_EQ(t.eos_ids(), (Ids{3, 5, 7, t.eos_id()}));
  test::write(folder / "config.json", R"({"eos_token_id": "end"})");
  EXPECT_NE(message_of([&] { Tokenizer::load(folder); }).find("config.json: eos_token_id"), std::string::npos);
}

TEST(Folder, AddedTokensDecoderAddsAndChangesTokens) {
  const auto size = static_cast<int>(test::load(with_bos()).vocab_size());
  const std::string next = std::to_string(size + 2);  // with a hole
  const Json config = {
      {"added_tokens_decoder",
       {{next, {{"content", "<think>"}, {"special", true}, {"rstrip", true}, {"normalized", false}}}}}};
  const Tokenizer t = test::load(with_bos(), config);
  EXPECT_EQ(t.vocab_size(), size + 3);
  EXPECT_EQ(t.token(size), "");
  EXPECT_EQ(t.encode("<think> <think>", {.add_bos = false}), (Ids{size + 2, size + 2}));
  EXPECT_EQ(t.decode({size + 2, size, size + 1000, -1}, false), "<think>");
  EXPECT_TRUE(t.is_special(size + 2));
  EXPECT_FALSE(t.is_special(size + 1000));
  const Json clash = {{"added_tokens_decoder", {{"3", {{"content", "<s>"}}}}}};
  EXPECT_NE(message_of([&] { test::load(with_bos(), clash); }).find("another id"), std::string::npos);
}

TEST(Folder, SentencePieceFollowsTheConventions) {
  const auto folder = test::new_folder();
  test::write(folder / "tokenizer.model.v1", sentencepiece_model("llama"));
  const Tokenizer t = Tokenizer::load(folder);
  const int32_t bos = *t.bos_id(), space = *t.id_of("▁");
  EXPECT_EQ(t.encode("")[0], bos);
  // Every text behind a token gets the space of its own; plain, the token's name is text.
  const Ids twice = t.encode("zq<s>zq");
  EXPECT_EQ(std::ranges::count(twice, space), 2);
  EXPECT_EQ(std::ranges::count(twice, bos), 2);
  EXPECT_EQ(std::ranges::count(t.encode("zq<s>zq", {.parse_special = false}), bos), 1);
  test::write(folder / "tokenizer_config.json", R"({"legacy": false, "add_bos_token": false})");
  const Ids once = Tokenizer::load(folder).encode("zq<s>zq");
  EXPECT_EQ(std::ranges::count(once, space), 1);
  EXPECT_EQ(std::ranges::count(once, bos), 1);
  test::write(folder / "tokenizer_config.json", R"({"legacy": false})");
  test::write(folder / "tokenizer.model.v1", sentencepiece_model("unigram"));
  const Tokenizer unigram = Tokenizer::load(folder);
  EXPECT_EQ(unigram.decode(unigram.encode("he<s>he", {.add_bos = false}), false), "he<s>he");
}

TEST(Folder, ControlTokensAreTokensOrText) {
  const auto folder = test::new_folder();
  test::write(folder / "tokenizer.model", sentencepiece_model("control"));
  const Tokenizer t = Tokenizer::load(folder);
  EXPECT_EQ(t.encode("[INST]", {.add_bos = false}), (Ids{*t.id_of("[INST]")}));
  const Ids plain = t.encode("[INST]", {.parse_special = false, .add_bos = false});
  EXPECT_GT(plain.size(), 2U);
  EXPECT_EQ(t.decode(plain), "[INST]");
}

// GPT-2's two files, of a small vocabulary, whose configuration says how it cuts text.
TEST(Folder, VocabAndMergesNeedAFamily) {
  const Json gpt2 = test::fixture_with("model=byte_level_normalizer=none_pre=gpt2");
  const auto folder = test::new_folder();
  std::string merges = "#version: 0.2\n";
  for (const Json& merge : gpt2["model"]["merges"]) {
    merges += merge[0].get<std::string>() + " " + merge[1].get<std::string>() + "\r\n";
  }
  test::write(folder / "vocab.json", gpt2["model"]["vocab"].dump());
  test::write(folder / "merges.txt", merges);
  EXPECT_NE(message_of([&] { Tokenizer::load(folder); }).find("vocab.json: nothing says how"), std::string::npos);
  test::write(folder / "tokenizer_config.json", R"({"tokenizer_class": "RobertaTokenizer"})");
  EXPECT_NE(message_of([&] { Tokenizer::load(folder); }).find("tokenizer_class"), std::string::npos);
  test::write(folder / "tokenizer_config.json", R"({"tokenizer_class": "GPT2TokenizerFast"})");
  const Tokenizer t = Tokenizer::load(folder);
  const std::string text = "Hello wörld, it's 12345  <|endoftext|>";
  Ids expected = test::load(gpt2).encode("Hello wörld, it's 12345  ");
  expected.push_back(t.eos_id());
  EXPECT_EQ(t.encode(text), expected);
  test::write(test::new_folder() / "x", "");
  test::write(folder / "vocab.json", gpt2["model"]["vocab"].dump());
  test::write(folder / "merges.txt", merges);
  test::write(folder / "config.json", R"({"model_type": "qwen3"})");
  EXPECT_EQ(Tokenizer::load(folder).decode(Tokenizer::load(folder).encode("e\u0301 1")), "é 1");  // NFC
}

TEST(Folder, TiktokenFilesOfUnknownSizeAreRefused) {
  const auto folder = test::new_folder();
  test::write(folder / "x.tiktoken", "aGk= 0\nYQ== 1\n");
  EXPECT_NE(message_of([&] { Tokenizer::load(folder); }).find("128000 (Llama 3)"), std::string::npos);
  test::write(folder / "x.tiktoken", "aGk= 0\n!! 1\n");
  EXPECT_NE(message_of([&] { Tokenizer::load(folder); }).find("x.tiktoken:2"), std::string::npos);
  test::write(folder / "y.tiktoken", "aGk= 0\n");
  EXPECT_NE(message_of([&] { Tokenizer::load(folder); }).find("more than one"), std::string::npos);
}

TEST(Folder, SaysWhatItLooksFor) {
  EXPECT_NE(message_of([] { Tokenizer::load(test::new_folder()); }).find("tokenizer.json"), std::string::npos);
  EXPECT_NE(message_of([] { Tokenizer::load("/no/such/folder"); }).find("/no/such/folder"), std::string::npos);
}

}  // namespace
}  // namespace hone
