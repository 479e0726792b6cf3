// hone import: the tiny file of tests/fixtures/make_gguf.py becomes the model it was made from.
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>

#include "cli/hone.h"
#include "core/faults.h"

namespace hone::test {
namespace {

using Json = nlohmann::json;

// The bytes of every tensor, by name.
std::map<std::string, std::string> tensors(const std::filesystem::path& path) {
  const std::string bytes = read(path);
  uint64_t header = 0;
  std::memcpy(&header, bytes.data(), 8);
  std::map<std::string, std::string> out;
  const Json described = Json::parse(bytes.substr(8, header));
  for (const auto& [name, entry] : described.items()) {
    if (name == "__metadata__") continue;
    const size_t begin = entry["data_offsets"][0], end = entry["data_offsets"][1];
    out[name] = bytes.substr(8 + header + begin, end - begin);
  }
  return out;
}

TEST(Import, ALlamaCppFileBecomesAModelFolder) {
  const TempFolder folder;
  const auto output = folder / "model";
  const Result result = hone({"import", source("tests/fixtures/gguf/tiny.gguf"), "--output", output.string()});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json config = Json::parse(read(output / "config.json"));
  EXPECT_EQ(config["model_type"], "llama");
  EXPECT_EQ(config["num_key_value_heads"], 2);
  EXPECT_EQ(config["rms_norm_eps"], 1e-5);
  EXPECT_EQ(config["tie_word_embeddings"], false);
  EXPECT_EQ(Json::parse(read(output / "generation_config.json"))["eos_token_id"], 0);
  EXPECT_TRUE(tensors(output / "model.safetensors") == tensors(source("tests/fixtures/gguf/tiny.safetensors")));
  const Json tokenizer = Json::parse(read(output / "tokenizer.json"));
  EXPECT_EQ(tokenizer["model"]["merges"], Json::parse("[[\"a\", \"b\"], [\"\u0120\", \"ab\"]]"));
  EXPECT_EQ(tokenizer["model"]["vocab"]["\u0120ab"], 23);
  EXPECT_EQ(tokenizer["added_tokens"].size(), 1U);
  EXPECT_EQ(tokenizer["pre_tokenizer"]["pretokenizers"][0]["type"], "Digits");
  const Json tokenizer_config = Json::parse(read(output / "tokenizer_config.json"));
  EXPECT_EQ(tokenizer_config["eos_token"], "<|end|>");
  EXPECT_EQ(tokenizer_config["chat_template"], "{{ messages[0].content }}");
}

TEST(Import, Refuses) {
  const TempFolder folder;
  for (const Arguments& arguments :
       {Arguments{"import", source("README.md"), "--output", (folder / "a").string()},
        Arguments{"import", source("tests/fixtures/gguf/types.gguf"), "--output", (folder / "b").string()},
        Arguments{"import", source("tests/fixtures/gguf/tiny.gguf"), "--output", source("docs")}}) {
    const Result result = hone(arguments);
    EXPECT_EQ(result.exit_code, 2) << result.err;
    EXPECT_TRUE(result.err.starts_with("hone: ")) << result.err;
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "b"));
}

TEST(Export, ModelsAndCheckpointsOfARun) {
  const TempFolder folder;
  const auto run = folder / "run", model = run / "stages/00_grpo/model";
  ASSERT_EQ(hone(small_run(run)).exit_code, 0);
  const auto exported = [&](const char* name, const Arguments& more) {
    Arguments arguments = {"export", run.string(), "--output", (folder / name).string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Result result = hone(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return folder / name;
  };
  const auto whole = exported("whole", {}), last = exported("last", {"--step", "6"}),
             earlier = exported("earlier", {"--stage", "grpo", "--step", "4"});
  for (const char* name : {"config.json", "model.safetensors", "tokenizer.json", "templates/r1_zero.txt"}) {
    EXPECT_TRUE(read(whole / name) == read(model / name)) << name;
    EXPECT_TRUE(read(last / name) == read(model / name)) << name;
  }
  EXPECT_EQ(tensors(earlier / "model.safetensors").size(), tensors(model / "model.safetensors").size());
  EXPECT_FALSE(read(earlier / "model.safetensors") == read(model / "model.safetensors"));
  EXPECT_EQ(hone({"generate", "--model", earlier.string(), "--prompt", "compute one plus one ?"}).exit_code, 0);
  for (const Arguments& more : {Arguments{"--step", "3"}, Arguments{"--stage", "sft"}}) {
    Arguments arguments = {"export", run.string(), "--output", (folder / "none").string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    EXPECT_EQ(hone(arguments).exit_code, 2);
  }
  EXPECT_EQ(hone({"export", run.string(), "--output", whole.string()}).exit_code, 2) << "that is not empty";
}

}  // namespace
}  // namespace hone::test
