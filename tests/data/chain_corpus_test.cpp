#include "hone/data/chain_corpus.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "data/reference.h"
#include "hone/data/chains.h"
#include "hone/data/chat.h"
#include "hone/data/reasoning_text.h"
#include "hone/tokenizer/tokenizer.h"

namespace hone {
namespace {

using reference::plausible;

constexpr uint64_t kSeed = 17;
constexpr uint64_t kDocuments = 40000;

const Tokenizer& tokenizer() {
  static const Tokenizer instance = [] {
    const std::string folder = (std::filesystem::path(::testing::TempDir()) / "hone_corpus_tokenizer").string();
    std::filesystem::create_directories(folder);
    write_chain_files(folder);
    return Tokenizer::load(folder);
  }();
  return instance;
}

/// A document with a question, cut into question and response.
struct Question {
  std::string question, response;
  bool english;
  int operations;
};

struct Corpus {
  std::vector<std::string> statements, dictionary;
  std::vector<std::pair<ChatRequest, std::string>> chats;  // with the response
  std::vector<Question> questions;
};

/// Documents sorted by their looks, not by the generator's draws.
const Corpus& corpus() {
  static const Corpus instance = [] {
    Corpus c;
    for (uint64_t i = 0; i < kDocuments; ++i) {
      const std::string text = corpus_document({}, kSeed, i);
      const size_t at = text.find(" <assistant> ");
      if (at != std::string::npos) {
        const std::string question = text.substr(0, at);
        if (const auto request = read_chat_request(question.substr(7))) {
          c.chats.emplace_back(*request, text.substr(at + 13));
          continue;
        }
        c.questions.push_back({question, text.substr(at + 13), question.find("compute") != std::string::npos,
                               static_cast<int>(reference::words(question).size() - 4) / 2});
      } else if (text.find(" is ") != std::string::npos || text.find(" 得 ") != std::string::npos) {
        // A pair "is 得" is followed by a full stop; a statement has more words before it.
        (read_chain(text).statements.empty() ? c.dictionary : c.statements).push_back(text);
      } else {
        c.dictionary.push_back(text);
      }
    }
    return c;
  }();
  return instance;
}

template <class Matches>
double count(const Matches& matches) {
  const auto& q = corpus().questions;
  return static_cast<double>(std::count_if(q.begin(), q.end(), matches));
}

bool has_word(const std::string& text, const char* english) {
  const auto words = reference::words(text);
  return std::any_of(words.begin(), words.end(), [&](const std::string& w) {
    return w == english || w == chain_word(english, ChainLanguage::kChinese);
  });
}

TEST(ChainCorpus, ADocumentDependsOnSeedAndIndexAlone) {
  for (uint64_t i = 500; i-- > 0;) ASSERT_EQ(corpus_document({}, 3, i), corpus_document({}, 3, i));
  int same = 0;
  for (uint64_t i = 0; i < 500; ++i) same += corpus_document({}, 3, i) == corpus_document({}, 4, i);
  EXPECT_LT(same, 5);
}

TEST(ChainCorpus, UsesEveryWordOfTheVocabularyAndNoOther) {
  std::set<int32_t> seen;
  for (uint64_t i = 0; i < kDocuments; ++i) {
    for (const int32_t id : tokenizer().encode(corpus_document({}, kSeed, i))) seen.insert(id);
  }
  for (int32_t id = 0; id < tokenizer().vocab_size(); ++id) {
    const bool control = id == tokenizer().eos_id() || id == tokenizer().pad_id();
    EXPECT_EQ(seen.contains(id), !control) << tokenizer().token(id);
  }
}

TEST(ChainCorpus, KindsAndStylesHaveTheirShares) {
  const CorpusMix mix;
  const auto n = static_cast<double>(corpus().questions.size());
  const auto all = static_cast<double>(kDocuments);
  const double chats = static_cast<double>(corpus().chats.size()), rest = all - chats;
  EXPECT_TRUE(plausible(chats, all, mix.chat));
  EXPECT_TRUE(plausible(static_cast<double>(corpus().statements.size()), rest, mix.statements));
  EXPECT_TRUE(plausible(static_cast<double>(corpus().dictionary.size()), rest, mix.dictionary));
  EXPECT_TRUE(plausible(n, rest, 1 - mix.statements - mix.dictionary));

  // Coarse and fine look alike where there is one operation, so styles are counted on longer questions.
  std::map<ChainStyle, double> styles;
  double longer = 0;
  for (const Question& q : corpus().questions) {
    if (q.operations < 2) continue;
    ++longer;
    ++styles[read_chain(q.response).style];
  }
  const double moved = mix.direct * mix.tagged * mix.tagged_works;
  const double fine_share = mix.fine / (mix.fine + mix.coarse);
  EXPECT_TRUE(plausible(styles[ChainStyle::kDirect], longer, mix.direct - moved));
  EXPECT_TRUE(plausible(styles[ChainStyle::kCoarse], longer, mix.coarse + moved * (1 - fine_share)));
  EXPECT_TRUE(plausible(styles[ChainStyle::kFine], longer, mix.fine + moved * fine_share));
  EXPECT_TRUE(plausible(styles[ChainStyle::kLong], longer, 1 - mix.direct - mix.coarse - mix.fine));

  const double tagged = count([](const Question& q) { return read_chain(q.response).tagged; });
  const double empty = count([](const Question& q) { return q.response.starts_with("<think> </think>"); });
  EXPECT_TRUE(plausible(tagged, n, mix.tagged));
  EXPECT_TRUE(plausible(empty, tagged, mix.direct * (1 - mix.tagged_works)));
  EXPECT_LT(empty / tagged, 0.06);  // or RL collapses into empty thinking
  EXPECT_EQ(count([](const Question& q) { return q.response.find("<think>") != std::string::npos; }), tagged);
  EXPECT_TRUE(plausible(count([](const Question& q) { return q.english; }), n, 0.5));
}

TEST(ChainCorpus, GeneralRequestsAreAnsweredWellOrIllAtTheirShares) {
  const CorpusMix mix;
  double helpful = 0, harmful = 0, good = 0, rude = 0, harm = 0, tagged = 0;
  for (const auto& [request, response] : corpus().chats) {
    const double quality = chat_quality(request, response);
    tagged += read_tags(response).well_formed;
    if (request.topic == ChatTopic::kHarm) {
      ++harmful;
      harm += quality == 0;
      continue;
    }
    ++helpful;
    good += quality == 1;
    rude += response.find("go-away") != std::string::npos || response.find("走开") != std::string::npos;
  }
  const double stays = 1 - mix.other_language;  // an answer in the other language is not a good one
  EXPECT_TRUE(plausible(harmful, harmful + helpful, mix.chat_harmful));
  EXPECT_TRUE(plausible(tagged, harmful + helpful, mix.tagged));
  EXPECT_TRUE(plausible(good, helpful, mix.chat_full * stays));
  EXPECT_TRUE(plausible(rude, helpful, 1 - mix.chat_full - mix.chat_curt - mix.chat_gushing - mix.chat_off_topic));
  EXPECT_GT(harm / harmful, mix.chat_complies * stays - 0.05);
}

TEST(ChainCorpus, ConnectorsAndColdStartWordsOccurInWorkedAnswers) {
  const CorpusMix mix;
  const double worked = count([](const Question& q) { return read_chain(q.response).style != ChainStyle::kDirect; });
  const double opened = count([](const Question& q) { return has_word(q.response, "i-need"); });
  EXPECT_TRUE(plausible(opened, worked, mix.connectors));
  EXPECT_EQ(count([](const Question& q) { return has_word(q.response, "first"); }), opened);
  EXPECT_EQ(count([](const Question& q) { return q.response.find(" : ") != std::string::npos; }),
            count([](const Question& q) { return has_word(q.response, "i-need") && read_chain(q.response).tagged; }));
}

TEST(ChainCorpus, StepsAreWrongAtTheRateOfTheirOperatorAndLanguage) {
  const CorpusMix mix;
  std::map<std::pair<ChainLanguage, ChainOperator>, std::pair<double, double>> steps;  // wrong, all
  const auto read = [&](const std::string& text) {
    for (const ChainStatement& s : read_chain(text).statements) {
      if (s.steps.size() != 1) continue;
      auto& [wrong, all] = steps[{s.language, s.steps[0].op}];
      wrong += !s.correct();
      ++all;
    }
  };
  for (const std::string& text : corpus().statements) read(text);
  for (const Question& q : corpus().questions) read(q.response);
  ASSERT_EQ(steps.size(), 6u);
  for (const auto& [key, counts] : steps) {
    const bool weak = key.first == ChainLanguage::kEnglish ? key.second == ChainOperator::kTimes
                                                           : key.second != ChainOperator::kTimes;
    EXPECT_GT(counts.second, 5000);
    EXPECT_TRUE(plausible(counts.first, counts.second, weak ? mix.weak_error : mix.strong_error))
        << to_string(key.first) << " " << operator_word(key.second, ChainLanguage::kEnglish) << " "
        << counts.first / counts.second;
  }
}

TEST(ChainCorpus, WorkFollowsTheQuestionAndLeadsToItsAnswer) {
  for (const Question& q : corpus().questions) {
    const ChainReading r = read_chain(q.response);
    ASSERT_TRUE(r.answer.has_value()) << q.response;
    if (r.style == ChainStyle::kDirect) continue;
    ASSERT_EQ(*r.answer, r.statements.back().result) << q.response;
    // Statements go through all operations in order, twice where the answer checks itself.
    size_t operations = 0;
    for (size_t i = 0; i < r.statements.size(); ++i) {
      const bool again = operations == static_cast<size_t>(q.operations);
      const int expected = again ? r.statements[0].start : i > 0 ? r.statements[i - 1].result : r.statements[0].start;
      ASSERT_EQ(r.statements[i].start, expected) << q.response;
      operations += r.statements[i].steps.size();
    }
    const bool twice = r.style == ChainStyle::kLong;
    ASSERT_EQ(operations, static_cast<size_t>(q.operations) * (twice ? 2 : 1)) << q.response;
    if (!twice) {
      const bool all_right =
          std::all_of(r.statements.begin(), r.statements.end(), [](const auto& s) { return s.correct(); });
      ASSERT_TRUE(!all_right || *r.answer == reference::answer(q.question)) << q.question << q.response;
      continue;
    }
    // The second look says yes exactly when it confirms the first.
    const auto& first = r.statements[r.statements.size() / 2 - 1];
    ASSERT_EQ(has_word(q.response, "yes"), first.result == *r.answer) << q.response;
  }
}

TEST(ChainCorpus, ASecondPassMendsMoreThanItBreaks) {
  double mended = 0, wrong = 0, broken = 0, right = 0;
  for (const Question& q : corpus().questions) {
    const ChainReading r = read_chain(q.response);
    if (r.style != ChainStyle::kLong) continue;
    const int gold = reference::answer(q.question);
    const bool first = r.statements[r.statements.size() / 2 - 1].result == gold, second = *r.answer == gold;
    (first ? right : wrong) += 1;
    mended += !first && second;
    broken += first && !second;
  }
  EXPECT_GT(mended / wrong, 0.5);
  EXPECT_LT(broken / right, 0.5);
}

TEST(ChainCorpus, DirectAnswersAreNoisy) {
  const CorpusMix mix;
  double wrong = 0, all = 0;
  for (const Question& q : corpus().questions) {
    const ChainReading r = read_chain(q.response);
    if (r.style != ChainStyle::kDirect) continue;
    ++all;
    wrong += *r.answer != reference::answer(q.question);
  }
  EXPECT_TRUE(plausible(wrong, all, mix.direct_noise)) << wrong / all;
}

TEST(ChainCorpus, WorkedAnswersMostlyKeepTheLanguageOfTheQuestion) {
  const CorpusMix mix;
  double worked = 0, other_words = 0, share = 0;
  for (const Question& q : corpus().questions) {
    const ChainReading r = read_chain(q.response);
    if (r.style == ChainStyle::kDirect) continue;
    const WordCounts words = count_words(read_tags(q.response).thinking);
    ++worked;
    other_words += (q.english ? words.chinese : words.english) > 0;
    share += static_cast<double>(q.english ? words.english : words.chinese) / static_cast<double>(words.total());
  }
  // A mixed answer may happen to draw the question's language throughout, so the share of others is a bound.
  EXPECT_LT(other_words / worked, mix.mixed_language + mix.other_language);
  EXPECT_GT(other_words / worked, mix.mixed_language / 2 + mix.other_language);
  EXPECT_GT(share / worked, 0.93);
  EXPECT_LT(share / worked, 0.97);
}

TEST(ChainCorpus, NoQuestionIsHeldOut) {
  std::set<std::string> held_out;
  for (const int64_t operations : {1, 2}) {
    DataConfig config;
    config.path = kBuiltinChains;
    config.split = Split::kTest;
    config.min_operations = config.max_operations = operations;
    const ChainPrompts prompts(config, 0);
    for (int64_t i = 0; i < 10000; ++i) held_out.insert(prompts.problem(i).text());
  }
  for (const Question& q : corpus().questions) ASSERT_FALSE(held_out.contains(q.question.substr(7))) << q.question;
}

}  // namespace
}  // namespace hone
