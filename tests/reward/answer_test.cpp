// Finding the answer, exact_match, regex.
#include <gtest/gtest.h>

#include "hone/core/error.h"
#include "reward/answer_text.h"
#include "reward/judging.h"
#include "reward/normalize.h"

namespace hone {
namespace {

using Text = std::optional<std::string_view>;

TEST(LastBox, CountsBraces) {
  const auto inside = [](std::string_view text) -> Text {
    const auto box = last_box(text);
    return box && box->closed ? Text(box->inside) : std::nullopt;
  };
  EXPECT_EQ(inside(R"(so \boxed{5}.)"), "5");
  EXPECT_EQ(inside(R"(\boxed{4} or \boxed{5})"), "5");
  EXPECT_EQ(inside(R"(\boxed{\frac{1}{2}})"), R"(\frac{1}{2})");
  EXPECT_EQ(inside(R"(\boxed{\{1, 2\}})"), R"(\{1, 2\})");
  EXPECT_EQ(inside(R"(\boxed{a\\})"), R"(a\\)");
  EXPECT_EQ(inside("\\boxed  {5}"), "5");
  EXPECT_EQ(inside(R"(\boxed 5 is it)"), "5");
  EXPECT_EQ(inside(R"($\boxed 5$)"), "5");
  EXPECT_EQ(inside(R"(\fbox{5})"), "5");
  EXPECT_EQ(inside(R"(\boxed{4} \fbox{5})"), "5");
  EXPECT_EQ(inside(R"(\boxed{4} \boxedtext{5})"), "4");
  EXPECT_EQ(inside(R"(\boxed{\boxed{5}})"), "5");
  EXPECT_EQ(inside(R"(\boxed{})"), "");
  for (const char* open : {R"(\boxed{4} \boxed{5)", R"(\boxed{5\})", R"(\boxed)", R"(boxed{5})", "", R"(\boxed{5\)"}) {
    EXPECT_EQ(inside(open), std::nullopt) << open;
  }
}

TEST(FindAnswer, LooksBehindTheThinking) {
  struct Case {
    const char* text;
    Text any, tags, box, all;
  };
  const Case cases[] = {
      {"<think>a</think><answer> 5 </answer>", "5", "5", {}, "<answer> 5 </answer>"},
      {R"(<think>\boxed{4}</think> \boxed{5})", "5", {}, "5", R"(\boxed{5})"},
      {R"(<answer>\boxed{5}</answer>)", "5", R"(\boxed{5})", "5", R"(<answer>\boxed{5}</answer>)"},
      {R"(<answer>5</answer> \boxed{6})", "5", "5", "6", R"(<answer>5</answer> \boxed{6})"},
      {"5", "5", {}, {}, "5"},
      {"<think>5", {}, {}, {}, {}},
      {R"(\boxed{4} \boxed{5)", {}, {}, {}, R"(\boxed{4} \boxed{5)"},
      {"", "", {}, {}, ""},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(find_answer(c.text, {AnswerPlace::kAuto}).text, c.any) << c.text;
    EXPECT_EQ(find_answer(c.text, {AnswerPlace::kTags}).text, c.tags) << c.text;
    EXPECT_EQ(find_answer(c.text, {AnswerPlace::kBox}).text, c.box) << c.text;
    EXPECT_EQ(find_answer(c.text, {AnswerPlace::kText}).text, c.all) << c.text;
    for (const AnswerPlace place : {AnswerPlace::kAuto, AnswerPlace::kTags, AnswerPlace::kBox, AnswerPlace::kText}) {
      const FoundAnswer found = find_answer(c.text, {place});
      EXPECT_EQ(found.text.has_value(), found.reason.empty()) << c.text;
    }
  }
  EXPECT_EQ(find_answer("5", {AnswerPlace::kAuto, true}).text, std::nullopt) << "the prompt opened the thinking";
  EXPECT_EQ(find_answer("a</think>5", {AnswerPlace::kAuto, true}).text, "5");
}

TEST(Normalize, MakesEqualWhatIsEqual) {
  EXPECT_EQ(normalize(" a\n\u3000b ", {}), U"a b");
  EXPECT_EQ(normalize("\u00E9", {}), normalize("e\u0301", {}));
  EXPECT_EQ(normalize("a\u0323\u0307", {}), normalize("a\u0307\u0323", {})) << "two marks, in either order";
  EXPECT_EQ(normalize("\uAC00", {}), normalize("\u1100\u1161", {})) << "Hangul";
  EXPECT_NE(normalize("A", {}), normalize("a", {}));
  EXPECT_EQ(normalize("STRASSE", {.ignore_case = true}), normalize("Straße", {.ignore_case = true}));
  EXPECT_NE(normalize("7", {}), normalize("７", {})) << "full width is another form";
  EXPECT_EQ(normalize("The a-b, c.", {.ignore_case = true, .ignore_punctuation = true, .ignore_articles = true}),
            U"ab c");
  EXPECT_EQ(normalize("“七”。", {.ignore_punctuation = true}), U"七");
  EXPECT_EQ(normalize("\xFF\xFE", {}), U"\uFFFD\uFFFD");
}

TEST(ExactMatchReward, TruthTable) {
  const Prompt paris = prompt(R"({"answer":["Paris", "City of  Light"]})"), number = prompt(R"({"answer":42})");
  struct Case {
    const Prompt* p;
    const char* text;
    double expected;
  };
  const Case cases[] = {
      {&paris, "<think>a</think><answer> Paris\n</answer>", 1},
      {&paris, "<answer>City of\nLight</answer>", 1},
      {&paris, "Paris", 1},
      {&paris, "<think>a</think>\nParis", 1},
      {&paris, R"(It is \boxed{Paris}.)", 1},
      {&paris, "paris", 0},
      {&paris, "It is Paris.", 0},
      {&paris, "<think>Paris</think>", 0},
      {&paris, "<think>Paris", 0},
      {&paris, "", 0},
      {&number, "<answer>42</answer>", 1},
      {&number, "<answer>42.0</answer>", 0},
  };
  for (const Case& c : cases) {
    const RewardResult r = judge(config(ExactMatchReward{}), *c.p, completion(c.text));
    EXPECT_EQ(r.value, c.expected) << c.text;
    EXPECT_EQ(r.verdict, c.expected == 1 ? Verdict::kRight : Verdict::kWrong);
    EXPECT_EQ(r.reason.empty(), c.expected == 1) << c.text;
  }
  ExactMatchReward loose;
  loose.ignore_case = loose.ignore_punctuation = loose.ignore_articles = true;
  EXPECT_EQ(judge(config(loose), paris, completion("the city of light!")).value, 1.0);
  for (const char* record : {"{}", R"({"answer":""})", R"({"answer":[]})", R"({"answer":[" "]})", R"({"answer":{}})",
                             R"({"answer":null})", R"({"answer":[["a"]]})"}) {
    EXPECT_EQ(judge(config(ExactMatchReward{}), prompt(record), completion("")).verdict, Verdict::kUnusable) << record;
  }
  EXPECT_EQ(judge(config(loose), prompt(R"({"answer":"the"})"), completion("!")).verdict, Verdict::kUnusable)
      << "nothing of the gold counts";
}

TEST(RegexReward, MatchesThePattern) {
  const auto value = [](const RegexReward& reward, const char* text, const char* record = "{}") {
    return judge(config(reward), prompt(record), completion(text)).value;
  };
  const RegexReward number{.pattern = R"(\d+)"};
  EXPECT_EQ(value(number, "<think>a</think>it is 5"), 1.0);
  EXPECT_EQ(value(number, "<think>5</think>it is"), 0.0);
  EXPECT_EQ(value(number, "<think>5"), 0.0);
  EXPECT_EQ(value({.pattern = R"(\d+)", .part = RegexPart::kThinking}, "<think>5</think>a"), 1.0);
  EXPECT_EQ(value({.pattern = R"(\d+)", .part = RegexPart::kAll}, "<think>5"), 1.0);
  EXPECT_EQ(value({.pattern = R"(\d+)", .full = true}, "<think>a</think> 55\n"), 1.0);
  EXPECT_EQ(value({.pattern = R"(\d+)", .full = true}, "55 a"), 0.0);
  EXPECT_EQ(value({.pattern = "^七.$"}, "七七"), 1.0);

  EXPECT_EQ(value({}, "it is 55", R"({"answer":"5{2}"})"), 1.0);
  EXPECT_EQ(value({}, "it is 55", R"({"answer":["a{2}", "5{2}"]})"), 1.0);
  EXPECT_EQ(value({}, "it is 5", R"({"answer":"5{2}"})"), 0.0);
  EXPECT_EQ(value({}, "it is 5"), std::nullopt);
  EXPECT_EQ(value({}, "it is 5", R"({"answer":"("})"), std::nullopt);
}

TEST(RegexReward, ComparesAGroupOfTheLastMatch) {
  const RegexReward reward{.pattern = R"(####\s*(-?\d+)|none)", .answer_group = 1};
  const auto result = [&](const char* text) {
    return judge(config(reward), prompt(R"({"answer":42})"), completion(text));
  };
  EXPECT_EQ(result("#### 42").value, 1.0);
  EXPECT_EQ(result("#### 41 #### 42").value, 1.0);
  EXPECT_EQ(result("#### 42 #### 41").value, 0.0);
  EXPECT_EQ(result("#### 42 none").value, 0.0);
  EXPECT_EQ(result("42").value, 0.0);
  EXPECT_EQ(judge(config(reward), prompt("{}"), completion("#### 42")).verdict, Verdict::kUnusable);
  const RegexReward empty{.pattern = "(x*)", .answer_group = 1};
  EXPECT_EQ(judge(config(empty), prompt(R"({"answer":"xx"})"), completion("a xx b")).value, 0.0) << "ends with nothing";
}

TEST(RegexReward, RefusesBadPatterns) {
  EXPECT_THROW(RewardSet({config(RegexReward{.pattern = "("})}, 100), Error);
  EXPECT_THROW(RewardSet({config(RegexReward{.pattern = R"((a)\1)"})}, 100), Error) << "no back references in RE2";
  EXPECT_THROW(RewardSet({config(RegexReward{.pattern = "(a)", .answer_group = 2})}, 100), Error);
  EXPECT_THROW(RewardSet({config(RegexReward{.answer_group = 0})}, 100), Error);
}

}  // namespace
}  // namespace hone
