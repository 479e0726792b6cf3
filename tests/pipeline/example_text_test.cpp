// Prompts with completions against the tokens of the whole text.
#include "pipeline/example_text.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "core/faults.h"
#include "hone/core/base64.h"

namespace hone {
namespace {

using Ids = std::vector<int32_t>;

// A fixture's SentencePiece model as a folder.
class SentencePieceFolder {
 public:
  explicit SentencePieceFolder(const std::string& name) {
    const auto fixtures =
        nlohmann::json::parse(std::ifstream(HONE_SOURCE_DIR "/tests/fixtures/tokenizers.json", std::ios::binary));
    for (const auto& fixture : fixtures["sentencepiece"]) {
      if (fixture["name"] != name) continue;
      std::ofstream(folder_ / "tokenizer.model", std::ios::binary)
          << *decode_base64(fixture["model"].get<std::string>());
    }
  }
  std::string path() const { return folder_.path(); }

 private:
  test::TempFolder folder_;
};

TEST(ExampleText, CompletionsGoOnWhereThePromptEnds) {
  const SentencePieceFolder folder("llama");
  const Tokenizer tokenizer = Tokenizer::load(folder.path());
  const ExampleText text("none", folder.path());
  const auto whole = [&](const std::string& s) {
    Ids ids = tokenizer.encode(s);
    ids.push_back(tokenizer.eos_id());
    return ids;
  };
  for (const std::string completion : {" four", "four", "\nfour", "  four", "", " <think> 4"}) {
    EXPECT_EQ(text.with_completion(tokenizer.encode("Answer:"), completion), whole("Answer:" + completion))
        << completion;
  }
  // Behind a special token the text begins anew, as in a conversation.
  EXPECT_EQ(text.with_completion(tokenizer.encode("Hello</s>"), "four"), whole("Hello</s>four"));
}

}  // namespace
}  // namespace hone
