#include "reward/language/identify.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "hone/core/random.h"
#include "hone/data/chat.h"
#include "hone/data/reasoning_text.h"
#include "hone/reward/reward.h"

namespace hone {
namespace {

using L = RewardLanguage;

RewardResult judge(const std::string& record, const std::string& prompt_text, const std::string& completion_text,
                   std::optional<L> target = std::nullopt) {
  RewardConfig config;
  config.parameters = LanguageConsistencyReward{target};
  Prompt prompt;
  prompt.text = prompt_text;
  prompt.record = Record::parse(record, "test");
  Completion completion;
  completion.text = completion_text;
  return RewardSet({config}, 100).judge(prompt, completion).at(0);
}

double share(const std::string& text, L language) {
  return language_share(text, language).value_or(-1);
}

struct Sentence {
  L language;
  std::string text;
};

std::vector<Sentence> sentences() {
  std::ifstream in(HONE_SOURCE_DIR "/tests/fixtures/language_sentences.tsv");
  std::vector<Sentence> out;
  for (std::string line; std::getline(in, line);) {
    const size_t tab = line.find('\t');
    out.push_back({language::language_of_code(line.substr(0, tab)).value(), line.substr(tab + 1)});
  }
  return out;
}

TEST(Language, TellsSentencesApart) {
  std::map<L, std::pair<int, int>> per;  // right, all
  for (const Sentence& s : sentences()) {
    const auto found = language::count_languages(s.text).main();
    EXPECT_EQ(found, s.language) << s.text;
    per[s.language].first += found == s.language;
    ++per[s.language].second;
    // A wrong guess of the wanted language is corrected by the text.
    const L other = s.language == L::kEnglish ? L::kFrench : L::kEnglish;
    EXPECT_LT(share(s.text, other), 0.2) << s.text;
    EXPECT_GT(share(s.text, s.language), 0.8) << s.text;
  }
  EXPECT_GE(per.size(), 36U);
  for (const auto& [language, counts] : per) {
    EXPECT_GE(counts.first, 0.95 * counts.second) << kRewardLanguageNames[static_cast<size_t>(language)];
  }
}

// Sentences of two languages in any order; the truth by words alone.
TEST(Language, MeasuresMixedTexts) {
  std::map<L, std::vector<std::pair<std::string, double>>> by_language;
  for (const Sentence& s : sentences()) {
    by_language[s.language].push_back(
        {s.text, static_cast<double>(language::count_languages(s.text, s.language).total())});
  }
  const std::pair<L, L> pairs[] = {
      {L::kEnglish, L::kChinese},   {L::kEnglish, L::kGerman},     {L::kEnglish, L::kFrench},
      {L::kSpanish, L::kItalian},   {L::kSpanish, L::kEnglish},    {L::kDutch, L::kGerman},
      {L::kPortuguese, L::kFrench}, {L::kPolish, L::kEnglish},     {L::kTurkish, L::kEnglish},
      {L::kSwedish, L::kEnglish},   {L::kVietnamese, L::kEnglish}, {L::kIndonesian, L::kEnglish},
      {L::kRussian, L::kEnglish},   {L::kJapanese, L::kEnglish},   {L::kThai, L::kEnglish},
      {L::kKorean, L::kChinese},    {L::kArabic, L::kEnglish},     {L::kHindi, L::kEnglish},
  };
  RandomStream random(7, RandomPurpose::kTest);
  int texts = 0;
  for (const auto& [wanted, other] : pairs) {
    for (int i = 0; i < 20; ++i, ++texts) {
      std::string text;
      double in_wanted = 0, all = 0;
      for (uint64_t n = 2 + random.next_below(6); n > 0; --n) {
        const bool is_wanted = random.next_bernoulli(0.5);
        const auto& from = by_language.at(is_wanted ? wanted : other);
        const auto& [sentence, words] = from[random.next_below(from.size())];
        text += sentence + " ";
        all += words;
        in_wanted += is_wanted ? words : 0;
      }
      EXPECT_NEAR(share(text, wanted), in_wanted / all, 0.1) << text;
    }
  }
  EXPECT_EQ(texts, 360);
}

TEST(Language, SwitchesWithinASentence) {
  EXPECT_NEAR(
      share("Wait, let me think about this again, weil das nicht richtig sein kann und wir noch einmal rechnen müssen.",
            L::kEnglish),
      0.38, 0.1);
  EXPECT_GT(
      share("The restaurant Le Bon Marché in Paris sells twelve croissants to each of the customers.", L::kEnglish),
      0.9);
  EXPECT_GT(
      share("Ich nehme das Wort Computer und die App von Apple, weil sie gut zu meinem Beispiel passen.", L::kGerman),
      0.9);
}

TEST(Language, CountsNoFormulasAndNoCode) {
  const std::pair<const char*, int64_t> texts[] = {
      {"", 0},
      {"16 - 3 = 13", 0},
      {"x + y = f(z)", 0},
      {"$\\frac{apples}{pears}$ and $$sum$$ and \\(one\\) and \\[two\\]", 3},
      {"\\boxed{apples} \\alpha three", 1},
      {"it costs $5 and the pear costs $3 now", 7},
      {"`print(x)` prints\n```python\ndef one(two): pass\n```\nthree", 2},
      {"```\nnever closed", 0},
      {"`not closed\nbut words", 4},
      {"<think> word </think>", 1},
      {"sin(x) snake_case x2y user@example", 0},
      {"mother-in-law's", 1},
      {"π Δ", 0},
      {"三 apples", 2},
  };
  for (const auto& [text, expected] : texts) {
    EXPECT_EQ(language::count_languages(text, L::kEnglish).total(), expected) << text;
  }
}

TEST(Language, ScriptsSayTheirLanguage) {
  const auto counts = [](const char* text) { return language::count_languages(text); };
  EXPECT_EQ(counts("我们计算").of(L::kChinese), 4);
  EXPECT_EQ(counts("計算します。我们").of(L::kChinese), 2);  // kana decide for their own sentence only
  EXPECT_GT(counts("計算します。我们").of(L::kJapanese), 1);
  EXPECT_EQ(counts("한국어 문장").of(L::kKorean), 2);
  EXPECT_GT(counts("ภาษาไทยไม่มีช่องว่าง").of(L::kThai), 3);
  EXPECT_EQ(counts("ᏣᎳᎩ").unknown, 1);
  EXPECT_EQ(counts("ᏣᎳᎩ").main(), std::nullopt);
  // Accents may be written as characters of their own.
  EXPECT_EQ(counts("chúng ta cần tìm câu trả lời").of(L::kVietnamese), 7);
  EXPECT_EQ(counts("chu\u0301ng ta ca\u0302\u0300n ti\u0300m ca\u0302u tra\u0309 lo\u031B\u0300i").of(L::kVietnamese),
            7);
}

TEST(Language, TargetOfTheReward) {
  const std::string english = "<think>First we need to find the number of apples.</think>3";
  EXPECT_EQ(judge("{}", "How many apples does she have left?", english).value, 1.0);
  EXPECT_EQ(judge("{}", "Wie viele Äpfel hat sie noch übrig?", english).value, 0.0);
  EXPECT_EQ(judge(R"({"language":"en"})", "Wie viele Äpfel hat sie noch übrig?", english).value, 1.0);
  EXPECT_EQ(judge(R"({"language":"en","target_language":"de"})", "", english).value, 0.0);
  EXPECT_EQ(judge(R"({"language":"de"})", "", english, L::kEnglish).value, 1.0);
  EXPECT_EQ(judge("{}", "1 + 1 = ?", english).verdict, Verdict::kUnusable);
  EXPECT_EQ(judge(R"({"language":"xx"})", "How many are left?", english).verdict, Verdict::kUnusable);
}

// All that the built-in model can say of problems. Its words are counted by their scripts alone.
TEST(Language, TheMiniatureIsMeasuredByScript) {
  const size_t problem_words = chain_vocabulary().size() - 2 * chat_dictionary().size();
  const std::vector<std::string> vocabulary(chain_vocabulary().begin(),
                                            chain_vocabulary().begin() + static_cast<std::ptrdiff_t>(problem_words));
  ASSERT_GT(vocabulary.size(), 50U);
  RandomStream random(11, RandomPurpose::kTest);
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (uint64_t n = random.next_below(40); n > 0; --n) text += vocabulary[random.next_below(vocabulary.size())] + " ";
    const WordCounts words = count_words(read_tags(text).thinking);
    for (const auto& [language, count] :
         {std::pair(L::kEnglish, words.english), std::pair(L::kChinese, words.chinese)}) {
      const double expected = words.total() == 0 ? -1 : static_cast<double>(count) / static_cast<double>(words.total());
      ASSERT_EQ(share(text, language), expected) << text;
    }
  }
}

TEST(Language, WhatTheMiniatureThinksOfRequestsIsInTheirLanguage) {
  RandomStream random(12, RandomPurpose::kTest);
  for (int i = 0; i < 2000; ++i) {
    const ChatRequest request = draw_chat_request(random, i % 6 == 0);
    const bool english = request.language == ChainLanguage::kEnglish;
    const std::string completion = chat_completion(request, "");
    ASSERT_EQ(share(completion, english ? L::kEnglish : L::kChinese), 1) << completion;
    ASSERT_EQ(share(completion, english ? L::kChinese : L::kEnglish), 0) << completion;
  }
}

TEST(Language, TimeIsLinearInTheText) {
  const std::vector<std::string> units = {"$",       "$a",     "$ ", "`",  "`a\n", "```",  "\\(",        "\\[",
                                          "$$",      "\\",     "<",  "<a", "ab ",  "a-",   "'",          "\xFF",
                                          "e\u0301", "\u0301", "あ", "漢", "ไทย",  "が。", "der the la "};
  const auto seconds = [](const std::string& unit, size_t size) {
    std::string text;
    while (text.size() < size) text += unit;
    double best = 1e9;
    for (int i = 0; i < 3; ++i) {
      const auto start = std::chrono::steady_clock::now();
      language::count_languages(text);
      best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    return best;
  };
  // Eight times the text takes about eight times as long; quadratic time would take 64 times.
  for (const std::string& unit : units) EXPECT_LT(seconds(unit, 400'000), 24 * seconds(unit, 50'000) + 0.05) << unit;
}

TEST(Language, RewardTraps) {
  const char* const shared = std::getenv("HONE_SHARED_DATA");
  const std::string path =
      (shared != nullptr ? std::string(shared) : HONE_SOURCE_DIR "/../shared/data") + "/reward_traps.jsonl";
  std::ifstream in(path);
  if (!in) GTEST_SKIP() << "no traps at " << path;
  int rows = 0;
  for (std::string line; std::getline(in, line);) {
    const auto row = nlohmann::json::parse(line);
    if (!row.contains("expected_language_range")) continue;
    const std::string record = fmt::format(R"({{"language":"{}"}})", row["prompt_language"].get<std::string>());
    const double value = judge(record, "", row["completion"]).value.value();
    EXPECT_GE(value, row["expected_language_range"][0].get<double>()) << line;
    EXPECT_LE(value, row["expected_language_range"][1].get<double>()) << line;
    ++rows;
  }
  EXPECT_GE(rows, 5);
}

}  // namespace
}  // namespace hone
