#include "hone/data/chains.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "data/reference.h"
#include "hone/core/error.h"
#include "hone/data/chat.h"
#include "hone/data/prompt_template.h"
#include "hone/tokenizer/tokenizer.h"

namespace hone {
namespace {

using reference::plausible;

DataConfig data(Split split, int64_t min_operations = 2, int64_t max_operations = 5) {
  DataConfig config;
  config.path = kBuiltinChains;
  config.split = split;
  config.min_operations = min_operations;
  config.max_operations = max_operations;
  return config;
}

// Compared with an evaluator that reads the text and takes one remainder at the end.
TEST(Chains, AnswersAreRight) {
  for (const Split split : {Split::kTrain, Split::kTest}) {
    const ChainPrompts prompts(data(split, 1, 7), 3);
    for (int64_t i = 0; i < 5000; ++i) {
      const ChainProblem p = prompts.problem(i);
      const Prompt prompt = prompts.prompt(i);
      ASSERT_EQ(p.answer(), reference::answer(prompt.text)) << prompt.text;
      ASSERT_EQ(digit_value(prompt.record.text("answer").value()), p.answer());
      ASSERT_EQ(prompt.record.text("language"), p.language == ChainLanguage::kEnglish ? "en" : "zh");
      ASSERT_EQ(reference::english(prompt.text), p.language == ChainLanguage::kEnglish);
      ASSERT_EQ(prompt.record.text("prompt"), prompt.text);
      ASSERT_EQ(prompt.index, i);
    }
  }
}

TEST(Chains, AProblemDependsOnSeedSplitAndIndexAlone) {
  const ChainPrompts train1(data(Split::kTrain), 1), again(data(Split::kTrain), 1), train2(data(Split::kTrain), 2);
  const ChainPrompts test1(data(Split::kTest), 1), test2(data(Split::kTest), 2);
  int same_seed = 0;
  for (int64_t i = 999; i >= 0; --i) {
    const std::string text = train1.prompt(i).text;
    ASSERT_EQ(text, again.prompt(i).text);
    ASSERT_EQ(test1.prompt(i).text, test2.prompt(i).text);
    same_seed += text == train2.prompt(i).text;
  }
  EXPECT_LT(same_seed, 5);
  EXPECT_EQ(train1.prompt(17).id, "chains/train/17");
  EXPECT_EQ(test1.prompt(0).id, "chains/test/0");
}

TEST(Chains, TrainingAndTestProblemsNeverMeet) {
  std::set<std::string> train, test;
  for (const int64_t operations : {1, 2, 3, 5}) {
    for (uint64_t seed = 0; seed < 4; ++seed) {
      const ChainPrompts prompts(data(Split::kTrain, operations, operations), seed);
      for (int64_t i = 0; i < 5000; ++i) train.insert(prompts.problem(i).text());
    }
    const ChainPrompts prompts(data(Split::kTest, operations, operations), 0);
    for (int64_t i = 0; i < 20000; ++i) test.insert(prompts.problem(i).text());
  }
  std::vector<std::string> both;
  std::set_intersection(train.begin(), train.end(), test.begin(), test.end(), std::back_inserter(both));
  EXPECT_TRUE(both.empty()) << both.size() << " problems, the first: " << both.front();
  EXPECT_GT(train.size() + test.size(), 70000u);
  // Of one operation there are 2 languages x 10 starts x 26 steps; both splits are drawn out, and miss none.
  const auto is_short = [](const std::string& text) { return reference::words(text).size() == 5; };
  EXPECT_EQ(std::count_if(train.begin(), train.end(), is_short) + std::count_if(test.begin(), test.end(), is_short),
            520);
}

TEST(Chains, OperationsAreDrawnEvenly) {
  const ChainPrompts prompts(data(Split::kTrain), 5);
  constexpr int kProblems = 20000;
  std::map<size_t, int> lengths;
  std::map<ChainOperator, int> operators;
  int english = 0, steps = 0;
  for (int64_t i = 0; i < kProblems; ++i) {
    const ChainProblem p = prompts.problem(i);
    ++lengths[p.steps.size()];
    english += p.language == ChainLanguage::kEnglish;
    ASSERT_TRUE(p.start >= 0 && p.start <= 9);
    for (const ChainStep& s : p.steps) {
      ++steps;
      ++operators[s.op];
      ASSERT_TRUE(s.operand >= (s.op == ChainOperator::kTimes ? 2 : 1) && s.operand <= 9);
    }
  }
  EXPECT_TRUE(plausible(english, kProblems, 0.5)) << english;
  ASSERT_EQ(lengths.size(), 4u);
  for (const size_t n : {2u, 3u, 4u, 5u}) EXPECT_TRUE(plausible(lengths[n], kProblems, 0.25)) << n;
  for (const auto& [op, count] : operators) EXPECT_TRUE(plausible(count, steps, 1.0 / 3)) << count;
}

TEST(Chains, VocabularyHoldsEveryWordOnce) {
  const auto& tokens = chain_vocabulary();
  EXPECT_EQ(tokens.size(), 11 + 2 * (chain_dictionary().size() + chat_dictionary().size()));
  EXPECT_EQ(std::set<std::string>(tokens.begin(), tokens.end()).size(), tokens.size());
  for (const auto& pairs : {chain_dictionary(), chat_dictionary()}) {
    for (const auto& [english, chinese] : pairs) {
      EXPECT_EQ(std::count(tokens.begin(), tokens.end(), english), 1) << english;
      EXPECT_EQ(std::count(tokens.begin(), tokens.end(), chinese), 1) << chinese;
      EXPECT_TRUE(reference::english(std::string(english)) && !reference::english(std::string(chinese)));
    }
  }
}

TEST(Chains, ModelFolderEncodesEveryPrompt) {
  const std::string folder = (std::filesystem::path(::testing::TempDir()) / "hone_chain_files").string();
  std::filesystem::create_directories(folder);
  write_chain_files(folder);
  const Tokenizer tokenizer = Tokenizer::load(folder);
  EXPECT_EQ(tokenizer.vocab_size(), static_cast<int64_t>(chain_vocabulary().size()));
  const PromptTemplate form = PromptTemplate::load("r1_zero", folder);
  const ChainPrompts prompts(data(Split::kTrain, 1, 7), 1);
  for (int64_t i = 0; i < 500; ++i) {
    const std::string text = form.fill(prompts.prompt(i));
    ASSERT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
    ASSERT_TRUE(text.starts_with("<user> ") && text.ends_with(" ? <assistant>")) << text;
  }
}

TEST(Chains, RefusesAnotherDataSetAndAnEmptyRange) {
  DataConfig other_path = data(Split::kTrain);
  other_path.path = "builtin:chain";
  EXPECT_THROW(ChainPrompts(other_path, 1), Error);
  EXPECT_THROW(ChainPrompts(data(Split::kTrain, 4, 3), 1), Error);
}

TEST(ReadAnswer, WantsExactlyOneValue) {
  EXPECT_EQ(read_answer("seven"), 7);
  EXPECT_EQ(read_answer(" 七\n"), 7);
  EXPECT_EQ(read_answer("7"), 7);
  EXPECT_EQ(read_answer("answer : 七"), 7);
  EXPECT_EQ(read_answer("seven eight"), std::nullopt);
  EXPECT_EQ(read_answer("seven 七"), std::nullopt);
  EXPECT_EQ(read_answer(""), std::nullopt);
  EXPECT_EQ(read_answer("sevens 17 seven."), std::nullopt);
}

TEST(ReadChain, ReadsStylesTagsAndStatements) {
  struct Case {
    const char* text;
    bool tagged;
    std::optional<int> answer;
    ChainStyle style;
    std::vector<bool> correct;  // of the statements
  };
  const Case cases[] = {
      {"answer six .", false, 6, ChainStyle::kDirect, {}},
      {"two plus three is five . five minus one is four . so four .", false, 4, ChainStyle::kFine, {true, true}},
      {"two plus three is six . 六 减 一 得 五 . 所以 五 .", false, 5, ChainStyle::kFine, {false, true}},
      {"two plus three minus one is four . so four .", false, 4, ChainStyle::kCoarse, {true}},
      {"<think> 二 加 三 得 五 . </think> <answer> 五 </answer>", true, 5, ChainStyle::kFine, {true}},
      {"<think> first two plus three is five . </think> <answer> answer : five </answer>",
       true,
       5,
       ChainStyle::kFine,
       {true}},
      {"<think> two plus one is four . wait check . two plus one is three . </think> <answer> three </answer>",
       true,
       3,
       ChainStyle::kLong,
       {false, true}},
      {"<think> answer three </think> <answer> four </answer>", true, 4, ChainStyle::kDirect, {}},
      {"<think> two plus three is five . </think> <answer> five </answer> .", false, 5, ChainStyle::kFine, {true}},
      {"<think> two plus three is five . </think> <answer> five six </answer>",
       true,
       std::nullopt,
       ChainStyle::kFine,
       {true}},
      {"two plus is five . three is three . plus two is two . seven", false, std::nullopt, ChainStyle::kDirect, {}},
      {"two plus three is", false, std::nullopt, ChainStyle::kDirect, {}},
      {"", false, std::nullopt, ChainStyle::kDirect, {}},
  };
  for (const Case& c : cases) {
    const ChainReading r = read_chain(c.text);
    EXPECT_EQ(r.tagged, c.tagged) << c.text;
    EXPECT_EQ(r.answer, c.answer) << c.text;
    EXPECT_EQ(r.style, c.style) << c.text;
    std::vector<bool> correct;
    for (const ChainStatement& s : r.statements) correct.push_back(s.correct());
    EXPECT_EQ(correct, c.correct) << c.text;
  }
  const ChainReading mixed = read_chain("two plus three is five . five 乘 二 得 zero . so zero .");
  ASSERT_EQ(mixed.statements.size(), 2u);
  EXPECT_EQ(mixed.statements[0].language, ChainLanguage::kEnglish);
  EXPECT_EQ(mixed.statements[1].language, ChainLanguage::kChinese);
  EXPECT_EQ(mixed.statements[1].start, 5);
  EXPECT_EQ(mixed.statements[1].steps.at(0).op, ChainOperator::kTimes);
  EXPECT_EQ(mixed.statements[1].steps.at(0).operand, 2);
  EXPECT_EQ(mixed.statements[1].result, 0);
}

TEST(ReadChain, TakesAnyTokens) {
  RandomStream random(11, RandomPurpose::kTest);
  const auto& tokens = chain_vocabulary();
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (uint64_t n = random.next_below(40); n > 0; --n) text += tokens[random.next_below(tokens.size())] + " ";
    const ChainReading r = read_chain(text);
    ASSERT_LE(r.statements.size(), 8u);
    ASSERT_EQ(r.statements.empty(), r.style == ChainStyle::kDirect);
  }
}

}  // namespace
}  // namespace hone
