#include "hone/tokenizer/tokenizer.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "fixtures.h"
#include "hone/core/error.h"

namespace hone {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

const std::string kFixture = HONE_SOURCE_DIR "/tests/fixtures/tokenizer";

using test::message_of;

Json read(const std::string& path) {
  return Json::parse(std::ifstream(path));
}

/// A folder with the two files, as the test changed them.
std::string folder_with(const Json& tokenizer, const Json& config) {
  const std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
  const fs::path folder = fs::path(::testing::TempDir()) / ("hone_tokenizer_" + name);
  fs::create_directories(folder);
  std::ofstream(folder / "tokenizer.json") << tokenizer.dump();
  std::ofstream(folder / "tokenizer_config.json") << config.dump();
  return folder;
}

std::string load_error(const std::function<void(Json&, Json&)>& change) {
  Json tokenizer = read(kFixture + "/tokenizer.json"), config = read(kFixture + "/tokenizer_config.json");
  change(tokenizer, config);
  const std::string folder = folder_with(tokenizer, config);
  return message_of([&] { Tokenizer::load(folder); });
}

// Compared with Hugging Face transformers (make_tokenizer.py).
TEST(Tokenizer, AgreesWithTransformers) {
  const Tokenizer t = Tokenizer::load(kFixture);
  const Json reference = read(kFixture + "/reference.json");
  ASSERT_EQ(t.vocab_size(), reference["vocabulary"].size());
  EXPECT_EQ(t.eos_id(), reference["eos_id"]);
  EXPECT_EQ(t.pad_id(), reference["pad_id"]);
  for (int32_t id = 0; id < t.vocab_size(); ++id) {
    EXPECT_EQ(t.token(id), reference["vocabulary"][static_cast<size_t>(id)]);
    EXPECT_EQ(t.id_of(t.token(id)), id);
  }
  ASSERT_GE(reference["cases"].size(), 40u);
  for (const Json& row : reference["cases"]) {
    const auto ids = row["ids"].get<std::vector<int32_t>>();
    EXPECT_EQ(t.encode(row["text"].get<std::string>()), ids) << row["text"];
    EXPECT_EQ(t.decode(ids, /*skip_special=*/false), row["decoded"]);
    EXPECT_EQ(t.decode(ids), row["decoded_without_special"]);
  }
}

TEST(Tokenizer, ReadsBackWhatItWrites) {
  const std::string folder = folder_with({}, {});
  const Tokenizer fixture = Tokenizer::load(kFixture);
  std::vector<std::string> vocabulary;
  for (int32_t id = 0; id < fixture.vocab_size(); ++id) vocabulary.push_back(fixture.token(id));
  write_word_tokenizer(folder, vocabulary, "<eos>", "<pad>");
  for (const char* file : {"/tokenizer.json", "/tokenizer_config.json"}) {
    EXPECT_EQ(read(folder + file), read(kFixture + file)) << file;
  }
}

TEST(Tokenizer, NamesTheUnknownWord) {
  const Tokenizer t = Tokenizer::load(kFixture);
  EXPECT_NE(message_of([&] { t.encode("compute elephant ?"); }).find("'elephant'"), std::string::npos);
  EXPECT_FALSE(t.id_of("elephant"));
  Json tokenizer = read(kFixture + "/tokenizer.json");
  tokenizer["model"] = {{"type", "BPE"}, {"vocab", {{"a", 0}}}, {"merges", Json::array()}, {"unk_token", "<unk>"}};
  tokenizer["added_tokens"] = Json::array();
  const Tokenizer bpe = Tokenizer::load(folder_with(tokenizer, Json::object()));
  EXPECT_EQ(bpe.encode("a"), (std::vector<int32_t>{0}));
  EXPECT_NE(message_of([&] { bpe.encode("ab"); }).find("'b'"), std::string::npos);
}

TEST(Tokenizer, UsesTheUnknownTokenWhereThereIsOne) {
  Json tokenizer = read(kFixture + "/tokenizer.json");
  tokenizer["model"]["unk_token"] = "?";
  const Tokenizer t = Tokenizer::load(folder_with(tokenizer, read(kFixture + "/tokenizer_config.json")));
  EXPECT_EQ(t.encode("seven elephant"), (std::vector<int32_t>{*t.id_of("seven"), *t.id_of("?")}));
}

TEST(Tokenizer, CutsTheLongestAddedToken) {
  const auto entry = [](int id, const char* content) {
    return Json{{"id", id}, {"content", content}, {"special", true}};
  };
  Json tokenizer = read(kFixture + "/tokenizer.json");
  tokenizer["added_tokens"] = {entry(1, "<e>"), entry(2, "<e><e>")};
  tokenizer["model"]["vocab"] = {{"a", 0}};
  const Tokenizer t =
      Tokenizer::load(folder_with(tokenizer, {{"eos_token", "<e>"}, {"pad_token", {{"content", "a"}}}}));
  EXPECT_EQ(t.vocab_size(), 3);
  EXPECT_EQ(t.encode("a<e><e><e> a"), (std::vector<int32_t>{0, 2, 1, 0}));
}

Json object(const char* type) {
  return {{"type", type}};
}

TEST(Tokenizer, RefusesWhatItDoesNotUnderstandByName) {
  const std::vector<std::pair<std::string, std::function<void(Json&, Json&)>>> cases = {
      {"version", [](Json& t, Json&) { t["version"] = "2.0"; }},
      {"model.type", [](Json& t, Json&) { t["model"]["type"] = "WordPiece"; }},
      {"model is no object", [](Json& t, Json&) { t["model"] = 5; }},
      {"model is no object", [](Json& t, Json&) { t.erase("model"); }},
      {"pre_tokenizer.type", [](Json& t, Json&) { t["pre_tokenizer"]["type"] = "BertPreTokenizer"; }},
      {"pre_tokenizer.pretokenizers[1].type",
       [](Json& t, Json&) {
         t["pre_tokenizer"] = {{"type", "Sequence"},
                               {"pretokenizers", {object("Whitespace"), object("UnicodeScripts")}}};
       }},
      {"pre_tokenizer.pattern.Regex",
       [](Json& t, Json&) {
         t["pre_tokenizer"] = {{"type", "Split"}, {"pattern", {{"Regex", "(a"}}}, {"behavior", "Isolated"}};
       }},
      {"pre_tokenizer.behavior",
       [](Json& t, Json&) {
         t["pre_tokenizer"] = {{"type", "Split"}, {"pattern", {{"String", "a"}}}, {"behavior", "Glued"}};
       }},
      {"normalizer.type", [](Json& t, Json&) { t["normalizer"] = object("Nmt"); }},
      {"normalizer.precompiled_charsmap",
       [](Json& t, Json&) {
         t["normalizer"] = {{"type", "Precompiled"}, {"precompiled_charsmap", "AAAA"}};
       }},
      {"post_processor.type", [](Json& t, Json&) { t["post_processor"] = object("BertProcessing"); }},
      {"post_processor.single", [](Json& t, Json&) { t["post_processor"] = object("TemplateProcessing"); }},
      {"decoder.type", [](Json& t, Json&) { t["decoder"] = object("WordPiece"); }},
      {"model.dropout",
       [](Json& t, Json&) {
         t["model"]["type"] = "BPE";
         t["model"]["dropout"] = 0.1;
       }},
      {"model.merges[0]",
       [](Json& t, Json&) {
         t["model"] = {{"type", "BPE"}, {"vocab", {{"a", 0}}}, {"merges", {"a b c"}}};
       }},
      {"model.merges[1]",
       [](Json& t, Json&) {
         t["model"] = {{"type", "BPE"}, {"vocab", {{"a", 0}, {"aa", 1}}}, {"merges", {"a a", "a aa"}}};
       }},
      {"model.vocab[1]",
       [](Json& t, Json&) {
         t["model"] = {{"type", "Unigram"},
                       {"vocab", Json::array({Json::array({"a", 0.0}), Json::array({"a", -1.0})})}};
       }},
      {"model.unk_id",
       [](Json& t, Json&) {
         t["model"] = {{"type", "Unigram"}, {"vocab", Json::array({Json::array({"a", 0.0})})}, {"unk_id", 7}};
       }},
      {"model.vocab", [](Json& t, Json&) { t["model"].erase("vocab"); }},
      {"model.vocab['seven']", [](Json& t, Json&) { t["model"]["vocab"]["seven"] = 3; }},
      {"model.vocab['seven']", [](Json& t, Json&) { t["model"]["vocab"]["seven"] = -1; }},
      {"model.vocab['seven']", [](Json& t, Json&) { t["model"]["vocab"]["seven"] = 1e12; }},
      {"model.vocab['seven']", [](Json& t, Json&) { t["model"]["vocab"]["seven"] = uint64_t{1} << 40; }},
      {"model.vocab['seven']", [](Json& t, Json&) { t["model"]["vocab"]["seven"] = "18"; }},
      {"id 18", [](Json& t, Json&) { t["model"]["vocab"]["seven"] = 100; }},
      {"added_tokens is no list", [](Json& t, Json&) { t["added_tokens"] = 1; }},
      {"added_tokens[0].content", [](Json& t, Json&) { t["added_tokens"][0].erase("content"); }},
      {"added_tokens[1].id", [](Json& t, Json&) { t["added_tokens"][1].erase("id"); }},
      {"added_tokens[1] has a bad id", [](Json& t, Json&) { t["added_tokens"][1]["id"] = 3; }},
      {"added_tokens[1].lstrip", [](Json& t, Json&) { t["added_tokens"][1]["lstrip"] = "yes"; }},
      {"eos_token", [](Json&, Json& c) { c["eos_token"] = "<end>"; }},
      {"pad_token", [](Json&, Json& c) { c["pad_token"] = "<padding>"; }},
      {"add_bos_token", [](Json&, Json& c) { c["add_bos_token"] = true; }},
      {"added_tokens_decoder['x']",
       [](Json&, Json& c) {
         c["added_tokens_decoder"] = {{"x", {{"content", "y"}}}};
       }},
  };
  for (const auto& [name, change] : cases) {
    const std::string message = load_error(change);
    EXPECT_NE(message.find(name), std::string::npos) << name << " in: " << message;
    EXPECT_NE(message.find("/tokenizer"), std::string::npos) << "no file in: " << message;
    EXPECT_EQ(message.find('\n'), std::string::npos);
  }
  EXPECT_EQ(message_of([] { Tokenizer::load(kFixture); }), "no error");
}

TEST(Tokenizer, AsksForTheEndOfTextOnlyWhenItIsNeeded) {
  Json config = read(kFixture + "/tokenizer_config.json");
  config.erase("eos_token");
  config.erase("pad_token");
  const Tokenizer t = Tokenizer::load(folder_with(read(kFixture + "/tokenizer.json"), config));
  EXPECT_TRUE(t.eos_ids().empty());
  EXPECT_NE(message_of([&] { t.eos_id(); }).find("eos_token"), std::string::npos);
}

TEST(Tokenizer, IgnoresTruncationAndPadding) {
  Json tokenizer = read(kFixture + "/tokenizer.json");
  tokenizer["truncation"] = {{"max_length", 3}};
  tokenizer["padding"] = {{"strategy", "BatchLongest"}};
  const Tokenizer t = Tokenizer::load(folder_with(tokenizer, read(kFixture + "/tokenizer_config.json")));
  EXPECT_EQ(t.encode("one two three four five").size(), 5);
}

}  // namespace
}  // namespace hone
