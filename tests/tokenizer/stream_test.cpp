#include <random>

#include "fixtures.h"
#include "hone/tokenizer/utf8.h"

namespace hone {
namespace {

using Ids = std::vector<int32_t>;

TEST(Stream, HoldsACharacterBackUntilItIsWhole) {
  const Tokenizer t = test::load(test::fixture_with("model=byte_level_normalizer=none_pre=bytes"));
  const Ids ids = t.encode("\U00010348!");  // four bytes, none of which the vocabulary joins
  ASSERT_EQ(ids.size(), 5U);
  StreamDecoder stream(t);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(stream.push(ids[i]), "");
  EXPECT_EQ(stream.push(ids[3]), "\U00010348");
  EXPECT_EQ(stream.push(ids[4]), "!");
  EXPECT_EQ(stream.finish(), "");
}

TEST(Stream, ReplacesWhatIsCutOffAsTheWholeDoes) {
  const Tokenizer t = test::load(test::fixture_with("model=byte_level_normalizer=none_pre=bytes"));
  Ids ids = t.encode("a\U00010348");
  ids.pop_back();
  EXPECT_EQ(t.decode(ids), "a\uFFFD");  // one for all that could have become a character
  EXPECT_EQ(t.decode_bytes(ids), "a\xF0\x90\x8D");
  StreamDecoder stream(t);
  std::string text;
  for (const int32_t id : ids) text += stream.push(id);
  EXPECT_EQ(text, "a");
  EXPECT_EQ(stream.finish(), "\uFFFD");
  EXPECT_EQ(stream.push(ids[0]), "a");  // it begins anew
}

// For any ids and any decoder: the parts are UTF-8, and together they are the whole.
TEST(Stream, PartsMakeUpTheWhole) {
  std::mt19937 random(7);
  for (const test::Json& fixture : test::tokenizer_fixtures()["tokenizers"]) {
    const Tokenizer t = test::load(test::tokenizer_json(fixture));
    const auto size = static_cast<uint32_t>(t.vocab_size());
    for (int row = 0; row < 40; ++row) {
      Ids ids(random() % 12);
      for (int32_t& id : ids) id = static_cast<int32_t>(random() % (size + 3)) - 1;  // ids that are none, too
      const bool skip_special = row % 2 == 0;
      StreamDecoder stream(t, skip_special);
      std::string text;
      for (const int32_t id : ids) {
        const std::string part = stream.push(id);
        ASSERT_TRUE(is_valid_utf8(part)) << fixture["name"];
        text += part;
      }
      ASSERT_EQ(text + stream.finish(), t.decode(ids, skip_special)) << fixture["name"];
    }
  }
}

}  // namespace
}  // namespace hone
