// Damaged files give one clear line or a tokenizer that works; they never crash and never take much memory.
#include <random>

#include "fixtures.h"
#include "hone/core/base64.h"
#include "hone/core/error.h"

namespace hone {
namespace {

using test::Json;

/// Loads a folder and uses what came of it. Whether it loaded.
bool survives(const std::filesystem::path& folder) {
  try {
    const Tokenizer t = Tokenizer::load(folder);
    EXPECT_LT(t.vocab_size(), 1 << 20);
    const auto ids = t.encode("Hello <s> wörld 123 \xFF");
    t.decode(ids);
    return true;
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_FALSE(message.empty());
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    EXPECT_LT(message.size(), 2000U) << message;
    return false;
  }
}

std::string damaged(std::string bytes, std::mt19937& random) {
  for (size_t i = 1 + random() % 3; i-- > 0;) {
    const size_t at = random() % bytes.size();
    switch (random() % 4) {
      case 0:
        bytes[at] = static_cast<char>(static_cast<unsigned char>(random() & 0xFF));
        break;
      case 1:
        bytes.erase(at, 1 + random() % 8);
        break;
      case 2:
        bytes.insert(at, bytes.substr(random() % bytes.size(), random() % 16));
        break;
      default:
        bytes.resize(at);
    }
    if (bytes.empty()) bytes = "x";
  }
  return bytes;
}

TEST(Damage, OfJsonIsFound) {
  std::mt19937 random(5);
  const auto folder = test::new_folder();
  for (const char* parts :
       {"model=byte_level_normalizer=none_pre=qwen", "model=unigram_bytes", "normalizer=t5", "post=both"}) {
    const std::string bytes = test::fixture_with(parts).dump();
    for (int i = 0; i < 150; ++i) {
      test::write(folder / "tokenizer.json", damaged(bytes, random));
      survives(folder);
    }
  }
}

TEST(Damage, OfSentencePieceModelsIsFound) {
  std::mt19937 random(6);
  const auto folder = test::new_folder();
  for (const Json& fixture : test::tokenizer_fixtures()["sentencepiece"]) {
    const std::string bytes = *decode_base64(fixture["model"].get<std::string>());
    for (int i = 0; i < 60; ++i) {
      test::write(folder / "tokenizer.model", damaged(bytes, random));
      survives(folder);
    }
  }
}

TEST(Damage, OfKindsIsFound) {
  const auto folder = test::new_folder();
  std::string deep = R"({"version":"1.0","model":)";
  for (int i = 0; i < 100'000; ++i) deep += "[";
  const std::string texts[] = {"",
                               "{",
                               "[]",
                               "null",
                               "{}",
                               "\xFF\xFE",
                               deep,
                               R"({"model": {"type": "BPE", "vocab": [1]}})",
                               R"({"model": {"type": "BPE", "vocab": {"a": {}}}})",
                               R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [["a"]]}})",
                               R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [["a", "a", "a"]]}})",
                               R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [[["a"]]]}})",
                               R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": {"a": 1}}})",
                               R"({"model": {"type": "Unigram", "vocab": [["a", "b"]]}})",
                               R"({"model": {"type": "Unigram", "vocab": [[1, 2]]}})",
                               R"({"model": {"type": "WordLevel", "vocab": {"a": 4000000000}}})"};
  for (const std::string& text : texts) {
    test::write(folder / "tokenizer.json", text);
    EXPECT_FALSE(survives(folder)) << text.substr(0, 100);
  }
  std::filesystem::remove(folder / "tokenizer.json");
  for (const std::string& text :
       {std::string(), std::string("\n"), std::string(1000, '\0'), std::string("\x0A\xFF\xFF\xFF\xFF\xFF")}) {
    test::write(folder / "tokenizer.model", text);
    EXPECT_FALSE(survives(folder));
  }
}

}  // namespace
}  // namespace hone
