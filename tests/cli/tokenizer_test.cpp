// hone tokenizer: texts in, ids out, and back.
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/hone.h"

namespace hone::test {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

/// A tokenizer of three bytes and a token that begins a text.
std::string folder() {
  const Json tokenizer = {
      {"version", "1.0"},
      {"added_tokens", {{{"id", 4}, {"content", "<s>"}, {"special", true}, {"normalized", false}}}},
      {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}}},
      {"post_processor",
       {{"type", "TemplateProcessing"},
        {"single",
         {{{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}}, {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}}},
        {"special_tokens", {{"<s>", {{"id", "<s>"}, {"ids", {4}}, {"tokens", {"<s>"}}}}}}}},
      {"decoder", {{"type", "ByteLevel"}}},
      {"model",
       {{"type", "BPE"}, {"vocab", {{"a", 0}, {"<", 1}, {"s", 2}, {">", 3}, {"Ã", 5}}}, {"merges", Json::array()}}}};
  const fs::path path = fs::path(::testing::TempDir()) / "hone_tokenizer_command";
  fs::create_directories(path);
  std::ofstream(path / "tokenizer.json") << tokenizer.dump();
  return path;
}

Result tokenizer(const char* command, const std::string& input, const Arguments& more = {}) {
  Arguments arguments = {"tokenizer", command, "--tokenizer", folder()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return hone(arguments, {}, input);
}

TEST(TokenizerCommand, EncodesAsTheFilesSayOrAsItIsTold) {
  const std::string row = R"({"id":7,"text":"a<s>"})"
                          "\n";
  EXPECT_EQ(tokenizer("encode", row).out, "{\"id\":7,\"text\":\"a<s>\",\"ids\":[4,0,4]}\n");
  EXPECT_EQ(tokenizer("encode", row, {"--no-add-bos"}).out, "{\"id\":7,\"text\":\"a<s>\",\"ids\":[0,4]}\n");
  EXPECT_EQ(tokenizer("encode", row, {"--special", "plain", "--add-bos"}).out,
            "{\"id\":7,\"text\":\"a<s>\",\"ids\":[4,0,1,2,3]}\n");
}

TEST(TokenizerCommand, RefusesLinksThatLeadNowhere) {
  const fs::path path = fs::path(::testing::TempDir()) / "hone_link_loop";
  fs::remove_all(path);
  fs::create_directories(path);
  fs::create_symlink("tokenizer.json", path / "tokenizer.json");
  const Result result = hone({"tokenizer", "encode", "--tokenizer", path}, {}, "");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.err, "hone: " + (path / "tokenizer.json").string() + ": Too many levels of symbolic links\n");
}

TEST(TokenizerCommand, DecodesWithSpecialTokensOrWithout) {
  const std::string row = "{\"ids\":[4,0,4,5]}\n";
  EXPECT_EQ(tokenizer("decode", row).out, "{\"ids\":[4,0,4,5],\"text\":\"<s>a<s>\uFFFD\"}\n");
  EXPECT_EQ(tokenizer("decode", row, {"--special", "plain"}).out, "{\"ids\":[4,0,4,5],\"text\":\"a\uFFFD\"}\n");
}

TEST(TokenizerCommand, SaysWhatIsWrong) {
  const auto expect_refused = [](const Result& result, const std::string& reason) {
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_EQ(result.out, "");
    EXPECT_NE(result.err.find(reason), std::string::npos) << result.err;
  };
  expect_refused(tokenizer("encode", "{\"ids\":[1]}\n"), "standard input:1: no text \"text\"");
  expect_refused(tokenizer("decode", "{\"ids\":[6]}\n"), "standard input:1: token id outside the vocabulary");
  expect_refused(tokenizer("decode", "{\"ids\":[-1]}\n"), "no token id");
  expect_refused(tokenizer("encode", "", {"--special", "maybe"}), "--special");
  expect_refused(tokenizer("encode", "", {"--add-bos", "--no-add-bos"}), "--no-add-bos");
  expect_refused(hone({"tokenizer"}), "subcommand");
  expect_refused(hone({"tokenizer", "encode", "--tokenizer", "/no/such/folder"}), "/no/such/folder: no tokenizer");
  for (const Arguments& help :
       {Arguments{"tokenizer", "--help"}, {"tokenizer", "encode", "--help"}, {"tokenizer", "decode", "--help"}}) {
    const Result result = hone(help);
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_NE(result.out.find("hone tokenizer"), std::string::npos);
  }
}

}  // namespace
}  // namespace hone::test
