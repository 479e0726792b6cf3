#include "hone/data/reasoning_text.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "hone/core/random.h"

namespace hone {
namespace {

TEST(ReadTags, CutsAtTheTags) {
  struct Case {
    const char* text;
    bool well_formed;
    const char* thinking;
    std::optional<std::string_view> answer;
  };
  const Case cases[] = {
      {"<think>a</think><answer>7</answer>", true, "a", "7"},
      {" \n<think> a </think>\n <answer> 7 </answer>\n", true, " a ", " 7 "},
      {"<think></think><answer></answer>", true, "", ""},
      {"<think>a</think>", false, "a", std::nullopt},
      {"<answer>7</answer>", false, "<answer>7</answer>", "7"},
      {"plain", false, "plain", std::nullopt},
      {"", false, "", std::nullopt},
      {"x <think>a</think><answer>7</answer>", false, "a", "7"},
      {"<think>a</think> so <answer>7</answer>", false, "a", "7"},
      {"<think>a</think><answer>7</answer> .", false, "a", "7"},
      {"<think>a <answer>7</answer>", false, "a <answer>7</answer>", std::nullopt},  // the thinking never ends
      {"<think>a <answer>7</answer></think>", false, "a <answer>7</answer>", std::nullopt},
      {"a</think><answer>7</answer>", false, "a", "7"},  // opened by the prompt
      {"<think>a</think>b</think><answer>7</answer>", false, "a</think>b", "7"},
      {"<think>a</think><answer>7</answer></think>", false, "a</think><answer>7</answer>", std::nullopt},
      {"<think>a</think><answer>7</answer><answer>8</answer>", false, "a", "8"},
      {"<think>a</think><answer>7<answer>8</answer>", false, "a", "8"},
      {"<think>a</think><answer>7</answer><answer>8", false, "a", "7"},
      {"<think>a</think></answer>7<answer>", false, "a", std::nullopt},
      {"</think>a<think><answer>7</answer>", false, "<answer>7</answer>", std::nullopt},
      {"<think >a</think ><answer>7</answer>", false, "<think >a</think ><answer>7</answer>", "7"},
      {"<thіnk>a</thіnk><answer>7</answer>", false, "<thіnk>a</thіnk><answer>7</answer>", "7"},  // a Cyrillic letter
      {"<answer>7</answer><think>a</think>", false, "a", std::nullopt},
  };
  for (const Case& c : cases) {
    const TaggedText t = read_tags(c.text);
    EXPECT_EQ(t.well_formed, c.well_formed) << c.text;
    EXPECT_EQ(t.thinking, c.thinking) << c.text;
    EXPECT_EQ(t.answer, c.answer) << c.text;
  }
}

TEST(ReadTags, SaysWhatFollowsTheThinking) {
  struct Case {
    const char* text;
    bool opened;
    bool well_formed;  // the thinking
    std::optional<std::string_view> rest;
  };
  const Case cases[] = {
      {"<think>a</think>b", false, true, "b"},
      {"\n<think></think> b ", false, true, " b "},
      {"<think>a</think>", false, false, ""},
      {"<think>a</think> \n", false, false, " \n"},
      {"x<think>a</think>b", false, false, "b"},
      {"a</think>b", false, false, "b"},
      {"plain", false, false, "plain"},
      {"<think>a", false, false, std::nullopt},
      {"</think>a<think>b", false, false, std::nullopt},
      {"<think>a</think>b<think>c", false, false, std::nullopt},
      {"<think>a</think>b<think>c</think>d", false, false, "d"},
      {"<think>a</think>b</think>c", false, false, "c"},
      {"a</think>b", true, true, "b"},
      {"</think>b", true, true, "b"},
      {"plain", true, false, std::nullopt},
      {"<think>a</think>b", true, false, "b"},  // opened twice
      {"", true, false, std::nullopt},
      {"", false, false, ""},
  };
  for (const Case& c : cases) {
    const TaggedText t = read_tags(c.text, c.opened);
    EXPECT_EQ(t.thinking_well_formed, c.well_formed) << c.text;
    EXPECT_EQ(t.rest, c.rest) << c.text;
  }
  EXPECT_TRUE(read_tags("a</think><answer>7</answer>", true).well_formed);
  EXPECT_FALSE(read_tags("<think>a</think><answer>7</answer>", true).well_formed);
  EXPECT_EQ(read_tags("a</think>b", true).thinking, "a");
}

TEST(Trim, TakesWhiteSpaceOffBothEnds) {
  EXPECT_EQ(trim(" \n a b\t\u3000"), "a b");
  EXPECT_EQ(trim("a"), "a");
  EXPECT_EQ(trim("\xFF \xFE"), "\xFF \xFE");
  EXPECT_EQ(trim(" \n"), "");
  EXPECT_EQ(trim(""), "");
}

// Compared with a reader that knows the pieces that the text was put together from.
TEST(ReadTags, AgreesWithTheListOfPieces) {
  const std::vector<std::string> tags = {"<think>", "</think>", "<answer>", "</answer>"};
  const std::vector<std::string> others = {" ", "\n", "a", "7", "<", ">", "/", "think>", "\xE4", "七", "\u3000"};
  RandomStream random(1, RandomPurpose::kTest);
  int well_formed = 0;
  for (int i = 0; i < 200000; ++i) {
    std::string text, order, between;
    bool good = true;
    const auto put = [&](bool may_say_something) {
      for (uint64_t n = random.next_below(3); n > 0; --n) {
        const auto& piece =
            others[random.next_below(may_say_something || random.next_bernoulli(0.02) ? others.size() : 2)];
        text += piece;
        good = good && (may_say_something || piece == " " || piece == "\n" || piece == "\u3000");
      }
    };
    put(false);
    for (uint64_t t = 0; t < 4; ++t) {
      const uint64_t tag = random.next_bernoulli(0.9) ? t : random.next_below(4);
      good = good && tag == t;
      text += tags[tag];
      put(tag == 0 || tag == 2);
    }
    // Pieces may join to a tag ("<" + "think>"); such a text has more tags than were put there.
    size_t found = 0;
    for (const auto& tag : tags) {
      for (size_t at = text.find(tag); at != std::string::npos; at = text.find(tag, at + 1)) ++found;
    }
    good = good && found == 4;
    ASSERT_EQ(read_tags(text).well_formed, good) << text;
    well_formed += good;
  }
  EXPECT_GT(well_formed, 20000);
  EXPECT_LT(well_formed, 180000);
}

TEST(CountWords, ByScript) {
  struct Case {
    const char* text;
    int64_t english, chinese, other;
  };
  const Case cases[] = {
      {"seven plus six is three .", 5, 0, 0},
      {"七 加 六 得 三 .", 0, 5, 0},
      {"seven 加 six 得 三 . <think> </answer> : ?", 2, 3, 0},
      {"i-need compute", 2, 0, 0},
      {"I don't know; it’s naïve", 5, 0, 0},
      {"所以", 0, 2, 0},
      {"她吃3颗and", 1, 3, 0},
      {"16 - 3 = 9; 2² × π ≈ 6.28 😀 。，！", 0, 0, 0},
      {"сколько будет 七", 0, 1, 2},
      {"こたえ は 七", 0, 1, 2},
      {"", 0, 0, 0},
      {"\xFF\xFE\x80", 0, 0, 0},
      {"a < b and c>d", 5, 0, 0},
      {"<think>a", 1, 0, 0},
      {"ab\xE4"
       "cd",
       2, 0, 0},
  };
  for (const Case& c : cases) {
    const WordCounts w = count_words(c.text);
    EXPECT_EQ(w.english, c.english) << c.text;
    EXPECT_EQ(w.chinese, c.chinese) << c.text;
    EXPECT_EQ(w.other, c.other) << c.text;
    EXPECT_EQ(w.total(), c.english + c.chinese + c.other);
  }
}

TEST(ReasoningText, TakesAnyBytes) {
  RandomStream random(2, RandomPurpose::kTest);
  for (int i = 0; i < 50000; ++i) {
    std::string text;
    for (uint64_t n = random.next_below(60); n > 0; --n) {
      if (random.next_bernoulli(0.1)) {
        text += "</think>";
      } else {
        text += static_cast<char>(random.next_below(256));
      }
    }
    const TaggedText t = read_tags(text);
    const WordCounts w = count_words(text);
    ASSERT_LE(t.thinking.size(), text.size());
    ASSERT_LE(w.total(), static_cast<int64_t>(text.size()));
    // What is counted does not depend on white space around.
    ASSERT_EQ(count_words(" " + text + " ").total(), w.total());
  }
}

}  // namespace
}  // namespace hone
