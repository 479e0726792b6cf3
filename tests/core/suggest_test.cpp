#include "hone/core/suggest.h"

#include <gtest/gtest.h>

#include <vector>

namespace hone {
namespace {

const std::vector<std::string> kWords = {"steps", "seed", "stage", "num_generations", "num_iterations"};

TEST(SuggestTest, FindsOneEdit) {
  // Each kind of edit at each place of a word leads back to it.
  const std::string word = "num_generations";
  for (size_t i = 0; i < word.size(); ++i) {
    std::string removed = word, added = word, replaced = word, swapped = word;
    removed.erase(i, 1);
    added.insert(i, "x");
    replaced[i] = 'x';
    if (i + 1 < word.size()) std::swap(swapped[i], swapped[i + 1]);
    for (const std::string& typo : {removed, added, replaced, swapped})
      EXPECT_EQ(nearest_word(typo, kWords), word) << typo;
  }
}

TEST(SuggestTest, CountsASwapAsOneEdit) {
  // A word of five letters may have two edits. A swap and a replacement are two; as two replacements each, three.
  const std::vector<std::string> words = {"steps"};
  EXPECT_EQ(nearest_word("tsexs", words), "steps");
  EXPECT_EQ(nearest_word("xxxps", words), std::nullopt);
}

TEST(SuggestTest, LeavesOtherWordsAlone) {
  for (const char* word : {"", "q", "temperature", "x"}) EXPECT_EQ(nearest_word(word, kWords), std::nullopt) << word;
  EXPECT_EQ(nearest_word(std::string(100000, 's'), kWords), std::nullopt);
  EXPECT_EQ(did_you_mean("sed", kWords), ", did you mean 'seed'?");
  EXPECT_EQ(did_you_mean("temperature", kWords), "");
}

}  // namespace
}  // namespace hone
