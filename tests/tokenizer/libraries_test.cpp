// Every component against Hugging Face's library, and small SentencePiece models against Google's.
#include "fixtures.h"
#include "hone/core/base64.h"

namespace hone {
namespace {

using test::Json;
using Ids = std::vector<int32_t>;

std::string streamed(const Tokenizer& tokenizer, const Ids& ids, bool skip_special) {
  StreamDecoder decoder(tokenizer, skip_special);
  std::string text;
  for (const int32_t id : ids) text += decoder.push(id);
  return text + decoder.finish();
}

TEST(Libraries, HuggingFaceTokenizersAreTheSame) {
  const Json& fixtures = test::tokenizer_fixtures();
  ASSERT_GE(fixtures["tokenizers"].size(), 100U);
  for (const Json& fixture : fixtures["tokenizers"]) {
    const Tokenizer t = test::load(test::tokenizer_json(fixture));
    for (const Json& row : fixture["cases"]) {
      const std::string text = fixtures["texts"][row["text"].get<size_t>()];
      SCOPED_TRACE(fixture["name"].get<std::string>() + ": " + text);
      const Ids ids = row["ids"];
      EXPECT_EQ(t.encode(text), ids);
      Ids plain = t.encode(text, {.parse_special = false, .add_bos = false});
      // The library leaves out what stands behind a text, too.
      const bool adds_eos = fixture["name"].get<std::string>().find("post=both") != std::string::npos;
      if (adds_eos) plain.pop_back();
      EXPECT_EQ(plain, row["plain"].get<Ids>());
      if (!row.contains("decoded")) continue;
      EXPECT_EQ(t.decode(ids, /*skip_special=*/false), row["decoded"]);
      EXPECT_EQ(t.decode(ids), row["without_special"]);
      EXPECT_EQ(streamed(t, ids, false), row["decoded"]);
      EXPECT_EQ(streamed(t, ids, true), row["without_special"]);
    }
  }
}

TEST(Libraries, SentencePieceModelsAreTheSame) {
  const Json& fixtures = test::tokenizer_fixtures();
  ASSERT_GE(fixtures["sentencepiece"].size(), 9U);
  for (const Json& fixture : fixtures["sentencepiece"]) {
    const auto folder = test::new_folder();
    test::write(folder / "tokenizer.model", *decode_base64(fixture["model"].get<std::string>()));
    const Tokenizer t = Tokenizer::load(folder);
    EXPECT_EQ(t.bos_id(), fixture["bos"]);
    EXPECT_EQ(t.eos_id(), fixture["eos"]);
    for (const Json& row : fixture["cases"]) {
      const std::string text = fixtures["texts"][row["text"].get<size_t>()];
      SCOPED_TRACE(fixture["name"].get<std::string>() + ": " + text);
      Ids ids = row["ids"];
      EXPECT_EQ(t.encode(text, {.parse_special = false, .add_bos = false}), ids);
      if (row.contains("decoded")) {
        EXPECT_EQ(t.decode(ids), row["decoded"]);
        EXPECT_EQ(streamed(t, ids, true), row["decoded"]);
      }
      ids.insert(ids.begin(), *t.bos_id());
      EXPECT_EQ(t.encode(text, {.parse_special = false}), ids);
    }
  }
}

// <unk>, "▁" at -8.1, "#" at -0.3 and "##" at -0.2: "#" and "##" in either order have the same sum, so rounding
// decides; the ids are those of SentencePiece 0.2.3.
TEST(Libraries, SentencePieceSumsInFloat) {
  const std::string model =
      "Cg4KBTx1bms+FQAAAAAYAgoMCgPiloEVmpkBwRgBCgoKASMVmpmZvhgBCgsKAiMjFc3MTL4YARIoGAEgBMgC////////////AdAC////////////"
      "AdgC////////////ARoQCghpZGVudGl0eRgBIAEoAQ==";
  const auto folder = test::new_folder();
  test::write(folder / "tokenizer.model", *decode_base64(model));
  const Tokenizer t = Tokenizer::load(folder);
  EXPECT_EQ(t.encode("###"), (Ids{1, 2, 3}));
  EXPECT_EQ(t.encode("### ###"), (Ids{1, 2, 3, 1, 2, 3}));
  EXPECT_EQ(t.encode("xy ###"), (Ids{1, 0, 1, 2, 3}));
}

// User-defined "a" and "bb" among "x" at 0, "ax" at -0.05, "ab" at 0.15, "b" at 0.125 and "xbb" at 0.5; ids as above.
TEST(Libraries, SentencePieceTakesUserDefinedPieces) {
  const std::string model =
      "Cg4KBTx1bms+"
      "FQAAAAAYAgoKCgF4FQAAAAAYAQoLCgJheBXNzEy9GAEKCgoBYRUAAAAAGAQKCwoCYWIVmpkZPhgBCgoKAWIVAAAAPhgBCgwKA3hiYhUAAAA/"
      "GAEKCwoCYmIVAAAAABgEEiYYAcgC////////////AdAC////////////AdgC////////////ARoMCghpZGVudGl0eRgA";
  const auto folder = test::new_folder();
  test::write(folder / "tokenizer.model", *decode_base64(model));
  const Tokenizer t = Tokenizer::load(folder);
  EXPECT_EQ(t.encode("ax"), (Ids{3, 1}));
  EXPECT_EQ(t.encode("ab"), (Ids{4}));
  EXPECT_EQ(t.encode("xbb"), (Ids{6}));
  EXPECT_EQ(t.encode("bba"), (Ids{5, 5, 3}));
}

}  // namespace
}  // namespace hone
