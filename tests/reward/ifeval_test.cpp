#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "hone/core/random.h"
#include "hone/reward/reward.h"
#include "reward/ifeval/text.h"

namespace hone {
namespace {

using Json = nlohmann::json;

RewardResult judge(const Json& record, const std::string& response, IfevalReward parameters = {}) {
  RewardConfig config;
  config.parameters = parameters;
  Prompt prompt;
  prompt.record = Record::parse(record.dump(), "test");
  Completion completion;
  completion.text = response;
  return RewardSet({config}, 100).judge(prompt, completion).at(0);
}

Json record_of(const std::string& id, const std::string& kwargs) {
  return {{"instruction_id_list", {id}}, {"kwargs", {Json::parse(kwargs)}}};
}

struct Case {
  const char* id;
  const char* kwargs;
  std::vector<const char*> followed, not_followed;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> kCases = {
      {"keywords:existence", R"({"keywords":["Cat","c++"]})", {"concat in C++", "CATS, c++"}, {"c++", "cat in C+"}},
      {"keywords:frequency",
       R"({"keyword":"aa","relation":"at least","frequency":2})",
       {"aaaa", "aA xx Aa"},
       {"aaa", "b"}},
      {"keywords:frequency", R"({"keyword":"so","relation":"less than","frequency":2})", {"also", "-"}, {"So so"}},
      {"keywords:forbidden_words",
       R"({"forbidden_words":["rock","C++"]})",
       {"rocks", "a_rock", "C+"},
       {"Rock.", "c++!"}},
      {"keywords:letter_frequency",
       R"({"letter":"N","let_relation":"at least","let_frequency":3})",
       {"NnN", "banana n"},
       {"banana"}},
      {"keywords:letter_frequency", R"({"letter":"!","let_relation":"less than","let_frequency":1})", {"a"}, {"a!"}},
      {"language:response_language",
       R"({"language":"de"})",
       {"Das ist eine kurze Antwort auf die Frage.", "ALLES IST GUT UND NICHT SCHLECHT"},
       {"This is a short answer to the question.", "12345"}},
      {"language:response_language", R"({"language":"zh-cn"})", {"这是答案。"}, {"これは答えです。"}},
      {"length_constraints:number_sentences",
       R"({"relation":"at least","num_sentences":3})",
       {"One. Two? Three!", "Is it? \"Yes.\" It is."},
       {"Mr. Smith met Dr. Jones. They ate.", "Version 3.5 is out. Get it", "Well... maybe. Yes"}},
      {"length_constraints:number_words",
       R"({"relation":"less than","num_words":4})",
       {"one two three", "1, 2, 3."},
       {"don't do it", "one two three four"}},
      {"length_constraints:number_paragraphs",
       R"({"num_paragraphs":2})",
       {"a\n***\nb", "***\na\n***\nb\n***", "a *** b"},
       {"a\n\nb", "a\n***\n***\nb", "a\n***\nb\n***\nc"}},
      {"length_constraints:nth_paragraph_first_word",
       R"({"num_paragraphs":2,"nth_paragraph":2,"first_word":"Well"})",
       {"a\n\nwell, yes", "a\n\n\"Well\" yes", "a\n\nWELL"},
       {"well\n\nb", "a\n\nwell\n\nb", "a\n\nwells", "a\nwell"}},
      {"detectable_content:number_placeholders",
       R"({"num_placeholders":2})",
       {"[a] [b]", "[[a] and []"},
       {"[a]", "[a\n] [b]"}},
      {"detectable_content:postscript",
       R"({"postscript_marker":"P.S."})",
       {"Bye\nP.S. x", "p. s. x"},
       {"PS x", "P.S x"}},
      {"detectable_content:postscript", R"({"postscript_marker":"P.P.S"})", {"P.P.S x", "p. p. s"}, {"P.S. x"}},
      {"detectable_content:postscript", R"({"postscript_marker":"NB:"})", {"nb: x"}, {"nb x"}},
      {"detectable_format:number_bullet_lists",
       R"({"num_bullets":2})",
       {"* a\n* b", "- a\n\n  - b", "* a\n- b"},
       {"* a", "* a\n* b\n* c", "** a **\n* b"}},
      {"detectable_format:number_highlighted_sections",
       R"({"num_highlights":2})",
       {"*a* *b*", "*a* and **b**", "**a** **b**"},
       {"*a* * *", "**a**", "*a\n* *b*"}},
      {"detectable_format:multiple_sections",
       R"({"section_spliter":"Section","num_sections":2})",
       {"Section 1\na\nSection 2\nb", "Section1 Section2"},
       {"Section 1", "section 1 section 2", "Section A Section B", "Section  1 Section  2"}},
      {"detectable_format:title", "{}", {"<<a>>", "x\n<<a b>> y"}, {"<<>>", "<a>", "<< >>", "<<a\nb>>"}},
      {"detectable_format:constrained_response",
       "{}",
       {"My answer is no.", "Hm. My answer is maybe."},
       {"My answer is no"}},
      {"detectable_format:json_format",
       "{}",
       {R"({"a":[1,2]})", "```json\n[1]\n```", "```\n\"a\"\n```", "3"},
       {"{a:1}", "Here: [1]", "[1", "```json\n[1]\n``` done"}},
      {"combination:two_responses", "{}", {"a\n******\nb", "a******b******"}, {"a", "a******a", "a******b******c"}},
      {"combination:repeat_prompt", R"({"prompt_to_repeat":"Say It. "})", {"say it. Yes", "SAY IT."}, {"Yes. Say it."}},
      {"startend:end_checker",
       R"({"end_phrase":"The End."})",
       {"x the end.", "\"x The End.\" "},
       {"The End", "the end. x"}},
      {"startend:quotation", "{}", {"\"a\"", " \"\" "}, {"\"a", "\"", "'a'"}},
      {"change_case:capital_word_frequency",
       R"({"capital_relation":"at least","capital_frequency":3})",
       {"THIS IS BIG", "DON'T. STOP", "A-B *NOW* OK?"},
       {"THIS Is BIG", "TWO WORDS", "1 2 3"}},
      {"change_case:capital_word_frequency",
       R"({"capital_relation":"less than","capital_frequency":1})",
       {"none Here"},
       {"ONE here"}},
      {"change_case:english_capital",
       "{}",
       {"THIS IS THE ANSWER TO IT.", "YES PLEASE"},
       {"THIS IS the END", "DAS IST NICHT GUT UND DIE", "YES"}},
      {"change_case:english_lowercase",
       "{}",
       {"this is the answer to it."},
       {"This is it", "123", "das ist nicht gut und die"}},
      {"punctuation:no_comma", "{}", {"a; b"}, {"a, b"}},
  };
  return kCases;
}

TEST(Ifeval, EveryTypeOfInstruction) {
  std::map<std::string, int> types;
  for (const Case& c : cases()) {
    ++types[c.id];
    for (const bool expected : {true, false}) {
      for (const char* const response : expected ? c.followed : c.not_followed) {
        const RewardResult r = judge(record_of(c.id, c.kwargs), response);
        EXPECT_EQ(r.value, expected ? 1.0 : 0.0) << c.id << " " << c.kwargs << ": " << response;
        EXPECT_EQ(r.reason, expected ? "" : std::string("not followed: ") + c.id) << response;
      }
    }
    EXPECT_EQ(judge(record_of(c.id, c.kwargs), " \n").value, 0.0) << c.id;
  }
  EXPECT_EQ(types.size(), 25U);
}

TEST(Ifeval, AllOrShare) {
  const Json record = {{"instruction_id_list", {"punctuation:no_comma", "startend:quotation"}},
                       {"kwargs", {{}, nullptr}}};
  const IfevalReward share{.value = IfevalValue::kShare};
  EXPECT_EQ(judge(record, "\"a\"").verdict, Verdict::kRight);
  EXPECT_EQ(judge(record, "\"a, b\"").value, 0.0);
  EXPECT_EQ(judge(record, "\"a, b\"").reason, "not followed: punctuation:no_comma");
  EXPECT_EQ(judge(record, "\"a, b\"", share),
            (RewardResult{0.5, Verdict::kNone, "not followed: punctuation:no_comma"}));
  EXPECT_EQ(judge(record, "\"a\"", share).value, 1.0);
}

TEST(Ifeval, LooseForgivesWhatThePaperForgives) {
  const IfevalReward loose{.mode = IfevalMode::kLoose};
  const Json quoted = record_of("startend:quotation", "{}");
  for (const char* const text :
       {"Sure:\n\"a\"", "\"a\"\nHope it helps", "Sure:\n\"a\"\nBye", "*\"a\"*", "Sure:\n**\"a\"**\nBye"}) {
    EXPECT_EQ(judge(quoted, text).value, 0.0) << text;
    EXPECT_EQ(judge(quoted, text, loose).value, 1.0) << text;
  }
  EXPECT_EQ(judge(quoted, "Sure: \"a\"", loose).value, 0.0);
  EXPECT_EQ(judge(quoted, "a\nb", loose).value, 0.0);
}

TEST(Ifeval, OnlyTheAnswerIsJudged) {
  const Json record = record_of("punctuation:no_comma", "{}");
  EXPECT_EQ(judge(record, "<think>a, b</think>c").value, 1.0);
  EXPECT_EQ(judge(record, "a, b</think><answer>c</answer>").value, 1.0);
  EXPECT_EQ(judge(record, "<think>a</think>b, c").value, 0.0);
  EXPECT_EQ(judge(record, "<think>a").reason, "the thinking never ends");
  EXPECT_EQ(judge(record, "<think>a</think>").reason, "an empty response");
  EXPECT_EQ(judge(record_of("startend:quotation", "{}"), "<think>a</think> <answer>\"b\"</answer>\n").value, 1.0);
}

TEST(Ifeval, UnreadableRecordsAreUnusable) {
  const char* const records[] = {
      "{}",
      R"({"instruction_id_list":[],"kwargs":[]})",
      R"({"instruction_id_list":"punctuation:no_comma"})",
      R"({"instruction_id_list":["no:such"],"kwargs":[{}]})",
      R"({"instruction_id_list":[7],"kwargs":[{}]})",
      R"({"instruction_id_list":["punctuation:no_comma"],"kwargs":[{},{}]})",
      R"({"instruction_id_list":["punctuation:no_comma"],"kwargs":{"a":1}})",
      R"({"instruction_id_list":["punctuation:no_comma"],"kwargs":[3]})",
      R"({"instruction_id_list":["length_constraints:number_words"],"kwargs":[{}]})",
      R"({"instruction_id_list":["length_constraints:number_words"]})",
      R"({"instruction_id_list":["length_constraints:number_words"],"kwargs":[{"relation":"at least","num_words":"3"}]})",
      R"({"instruction_id_list":["length_constraints:number_words"],"kwargs":[{"relation":"at least","num_words":1.5}]})",
      R"({"instruction_id_list":["length_constraints:number_words"],"kwargs":[{"relation":"at least","num_words":-1}]})",
      R"({"instruction_id_list":["length_constraints:number_words"],"kwargs":[{"relation":"at least","num_words":1e300}]})",
      R"({"instruction_id_list":["length_constraints:number_words"],"kwargs":[{"relation":"about","num_words":3}]})",
      R"({"instruction_id_list":["keywords:existence"],"kwargs":[{"keywords":"a"}]})",
      R"({"instruction_id_list":["keywords:existence"],"kwargs":[{"keywords":["a",null]}]})",
      R"({"instruction_id_list":["keywords:existence"],"kwargs":[{"keywords":[""]}]})",
      R"({"instruction_id_list":["keywords:letter_frequency"],"kwargs":[{"letter":"ab","let_relation":"at least","let_frequency":1}]})",
      R"({"instruction_id_list":["language:response_language"],"kwargs":[{"language":"xx"}]})",
      R"({"instruction_id_list":["length_constraints:nth_paragraph_first_word"],"kwargs":[{"num_paragraphs":1,"nth_paragraph":0,"first_word":"a"}]})",
  };
  for (const char* const record : records) {
    const RewardResult r = judge(Json::parse(record), "text");
    EXPECT_EQ(r.verdict, Verdict::kUnusable) << record;
    EXPECT_EQ(r.value, std::nullopt) << record;
    EXPECT_FALSE(r.reason.empty()) << record;
  }
  Json huge = record_of("keywords:existence", R"({"keywords":[]})");
  huge["kwargs"][0]["keywords"] = std::vector<std::string>(100000, "a");
  EXPECT_EQ(judge(huge, "a").verdict, Verdict::kUnusable);
  huge["kwargs"][0]["keywords"] = {std::string(5'000'000, 'a')};
  EXPECT_EQ(judge(huge, "a").verdict, Verdict::kUnusable);
  // What is not used is null in some copies of the data, and whole numbers may be written with a point.
  EXPECT_EQ(judge(record_of("length_constraints:number_words",
                            R"({"relation":"at least","num_words":1.0,"keyword":null,"letter":null})"),
                  "a")
                .value,
            1.0);
}

TEST(Ifeval, HostileResponsesCostLittle) {
  Json all = {{"instruction_id_list", Json::array()}, {"kwargs", Json::array()}};
  for (const Case& c : cases()) {
    all["instruction_id_list"].push_back(c.id);
    all["kwargs"].push_back(Json::parse(c.kwargs));
  }
  all["instruction_id_list"].push_back("keywords:existence");
  all["kwargs"].push_back({{"keywords", {std::string(50'000, 'a') + "b"}}});
  const std::vector<std::string> units = {"[",  "a",  "*",    "**", "<<",  "\n",  "\xFF",     "{\"a\":[",
                                          "p.", ". ", "a.b ", "$",  "-",   "...", "Section ", "'",
                                          "\"", "あ", "ไทย",  "`",  "\\(", "ab "};
  for (const std::string& unit : units) {
    std::string text;
    while (text.size() < 300'000) text += unit;
    const auto start = std::chrono::steady_clock::now();
    const RewardResult r = judge(all, text, {.mode = IfevalMode::kLoose, .value = IfevalValue::kShare});
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    EXPECT_TRUE(r.value.has_value()) << unit;
    EXPECT_LT(took.count(), 10) << unit;  // quadratic time would be minutes
  }
  EXPECT_EQ(judge(all, std::string(3'000'000, 'a')).reason, "too long to be judged");
}

TEST(Ifeval, JudgesAnyBytes) {
  const std::vector<std::string> pieces = {"*", "**",   "***", "\n",  "<<",        ">>",   "[",
                                           "]", "P.S.", "\"",  "```", "Section 1", " the "};
  RandomStream random(5, RandomPurpose::kTest);
  for (int i = 0; i < 3000; ++i) {
    std::string text;
    for (uint64_t n = random.next_below(30); n > 0; --n) {
      text += random.next_bernoulli(0.6) ? pieces[random.next_below(pieces.size())]
                                         : std::string(1, static_cast<char>(random.next_below(256)));
    }
    const Case& c = cases()[random.next_below(cases().size())];
    const IfevalReward loose{.mode = IfevalMode::kLoose};
    const RewardResult strict = judge(record_of(c.id, c.kwargs), text),
                       forgiving = judge(record_of(c.id, c.kwargs), text, loose);
    ASSERT_TRUE(strict.value && forgiving.value) << text;
    ASSERT_LE(*strict.value, *forgiving.value) << c.id << text;
  }
}

TEST(Ifeval, CountsOfSentences) {
  const std::pair<const char*, int64_t> texts[] = {
      {"", 0},
      {"Hello", 1},
      {"Hello. World", 2},
      {"Hello.World", 1},
      {"Dr. No came at 5 p.m. on Monday. He left.", 2},
      {"1. First item\n2. Second item", 3},
      {"1. first item", 1},
      {"He said \"Stop!\" and left.", 2},
      {"(It works.) Then it did not.", 2},
      {"It ended.\" ", 1},
      {"J. R. Smith wrote it.", 1},
      {"Hmm... The end", 2},
      {"Hmm... quite", 1},
      {"What?! Yes!!", 3},
      {"No end. )", 1},
  };
  for (const auto& [text, expected] : texts) EXPECT_EQ(ifeval::count_sentences(ifeval::decode(text)), expected) << text;
}

// The verdicts that the original implementation gave real responses, but for the rows listed with their reasons.
TEST(Ifeval, AgreesWithKnownVerdicts) {
  const char* const shared = std::getenv("HONE_SHARED_DATA");
  const std::string folder = (shared != nullptr ? std::string(shared) : HONE_SOURCE_DIR "/../shared/data") + "/ifeval/";
  std::ifstream inputs(folder + "input_data.jsonl"), responses(folder + "gpt4_responses_with_verdicts.jsonl");
  if (!inputs || !responses) GTEST_SKIP() << "no known verdicts in " << folder;

  std::map<std::string, std::string> explained;  // "key mode index" -> why
  std::ifstream list(HONE_SOURCE_DIR "/tests/fixtures/ifeval_disagreements.txt");
  for (std::string line; std::getline(list, line);) {
    if (!line.starts_with('#')) explained[line.substr(0, line.find(':'))] = line;
  }
  int rows = 0, verdicts = 0, agreeing = 0;
  for (std::string input, response; std::getline(inputs, input) && std::getline(responses, response); ++rows) {
    const Json record = Json::parse(input), known = Json::parse(response);
    ASSERT_EQ(record["prompt"], known["prompt"]);
    for (const IfevalMode mode : {IfevalMode::kStrict, IfevalMode::kLoose}) {
      const std::string name(kIfevalModeNames[static_cast<size_t>(mode)]);
      for (size_t i = 0; i < record["instruction_id_list"].size(); ++i) {
        const Json one = {{"instruction_id_list", {record["instruction_id_list"][i]}},
                          {"kwargs", {record["kwargs"][i]}}};
        const RewardResult r = judge(one, known["response"], {.mode = mode});
        ASSERT_TRUE(r.value) << r.reason;
        const std::string place = fmt::format("{} {} {}", record["key"].dump(), name, i);
        const bool same = (*r.value == 1.0) == known[name][i].get<bool>();
        EXPECT_EQ(same, explained.erase(place) == 0) << place << " " << one << " ours: " << *r.value;
        agreeing += same;
        ++verdicts;
      }
    }
  }
  EXPECT_EQ(rows, 540);
  EXPECT_TRUE(explained.empty()) << "listed, but the verdicts agree: " << explained.begin()->second;
  EXPECT_GE(agreeing, 0.995 * verdicts);
}

}  // namespace
}  // namespace hone
