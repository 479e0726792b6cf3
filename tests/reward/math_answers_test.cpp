// Pairs of answers with known verdicts (tests/fixtures/math_answers.jsonl), and what must hold of all pairs: symmetry,
// transitivity, and that one changed digit is noticed.
#include <algorithm>

#include "hone/core/random.h"
#include "reward/math_tables.h"

namespace hone {
namespace {

using test::bare_right;
using test::boxed_right;
using test::json;

TEST(MathAnswers, KnownPairs) {
  for (const json& row : test::rows(test::fixture("math_answers.jsonl"))) {
    const std::string gold = row["gold"], pred = row["pred"];
    const MathVerdict verdict = compare_answers(gold, pred);
    EXPECT_EQ(verdict.right(), row["right"].get<bool>()) << gold << "  |  " << pred << "  |  " << verdict.reason;
    EXPECT_EQ(verdict.reason.empty(), verdict.right()) << gold << "  |  " << pred;
  }
}

TEST(MathAnswers, BoxedAndBareAgree) {
  for (const json& row : test::rows(test::fixture("math_answers.jsonl"))) {
    const std::string gold = row["gold"], pred = row["pred"];
    if (pred.find("boxed") != std::string::npos) continue;
    EXPECT_EQ(boxed_right(gold, pred), row["right"].get<bool>()) << gold << "  |  " << pred;
  }
}

TEST(MathAnswers, EveryAnswerIsItself) {
  for (const json& row : test::rows(test::fixture("math_answers.jsonl"))) {
    for (const char* const side : {"gold", "pred"}) {
      const std::string text = row[side];
      const MathVerdict verdict = compare_answers(text, text);
      EXPECT_TRUE(verdict.right() || verdict.verdict == Verdict::kUnusable) << text << ": " << verdict.reason;
    }
  }
}

// Each line is one value in several forms: all pairs are equal, both ways round.
const std::vector<std::vector<std::string>> kForms = {
    {"1/2", "0.5", ".5", "\\frac12", "\\dfrac{1}{2}", "\\frac{2}{4}", "2^{-1}", "\\frac{\\sqrt{4}}{4}", "½", "0.50"},
    {"1000", "1,000", "1{,}000", "10^3", "1e3", "1 \\times 10^{3}", "1000.0", "１０００"},
    {"-5", "−5", "- 5", "-5.0", "\\frac{-10}{2}", "0-5"},
    {"2\\sqrt{2}", "\\sqrt8", "\\sqrt{8}", "2*sqrt(2)", "2^{3/2}", "\\frac{4}{\\sqrt{2}}"},
    {"x^2-1", "(x-1)(x+1)", "-1+x^{2}", "x*x-1", "(x+1)(x-1)"},
    {"\\{1,2,3\\}", "\\{3,2,1\\}", "\\left\\{ 1, 2, 3 \\right\\}", "1,2,3", "3, 2 and 1"},
    {"(1,\\infty)", "(1,+\\infty)", "\\left(1,\\infty\\right)", "(1,2)\\cup[2,\\infty)"},
    {"\\begin{pmatrix}1\\\\2\\end{pmatrix}", "\\begin{bmatrix}1\\\\2\\end{bmatrix}",
     "\\begin{pmatrix}2/2\\\\\\sqrt{4}\\end{pmatrix}"},
    {"e^{i\\pi/2}", "i", "\\sqrt{-1}", "\\frac{2i}{2}"},
    {"\\sin(2x)", "2\\sin x\\cos x", "2\\cos{x}\\sin{x}"},
    {"3x+2y=6", "6x+4y=12", "y=3-\\frac{3x}{2}", "3x+2y-6=0"},
    {"x\\ge 5", "5\\le x", "x \\geq 5", "2x\\ge 10", "-x \\le -5"},
};

TEST(MathAnswers, EqualityIsSymmetricAndTransitive) {
  for (const auto& forms : kForms) {
    for (const std::string& a : forms) {
      for (const std::string& b : forms) EXPECT_TRUE(bare_right(a, b)) << a << "  |  " << b;
    }
  }
}

TEST(MathAnswers, DifferentValuesAreDifferent) {
  for (size_t i = 0; i < kForms.size(); ++i) {
    for (size_t j = 0; j < kForms.size(); ++j) {
      if (i == j) continue;
      for (const std::string& a : kForms[i]) {
        for (const std::string& b : kForms[j]) EXPECT_FALSE(bare_right(a, b)) << a << "  |  " << b;
      }
    }
  }
}

TEST(MathAnswers, AChangedDigitIsNoticed) {
  const std::vector<std::string> golds = {"\\frac{31}{27}",
                                          "125.37",
                                          "\\sqrt{53}",
                                          "(12,-7)",
                                          "\\{14,25,36\\}",
                                          "3x^{2}+17x-45",
                                          "52_8",
                                          "\\begin{pmatrix} 18 & 27 \\\\ 36 & 45 \\end{pmatrix}",
                                          "[13,27)",
                                          "x=23",
                                          "47\\%",
                                          "\\$128.50",
                                          "15^\\circ",
                                          "2\\pi+37",
                                          "1.27\\times10^{5}",
                                          "10,\\!280",
                                          "14\\frac{3}{8}",
                                          "12:34",
                                          "13\\text{ cm}",
                                          "29i+17",
                                          "\\log_{12} 37",
                                          "x<13",
                                          "17x+23y=31",
                                          "\\binom{17}{5}"};
  for (const std::string& gold : golds) {
    for (size_t i = 0; i < gold.size(); ++i) {
      if (gold[i] < '0' || gold[i] > '9') continue;
      std::string changed = gold;
      changed[i] = static_cast<char>('1' + (gold[i] - '0') % 9);
      // 12.50 -> 12.51 is another number; the digits of these golds all count.
      EXPECT_FALSE(bare_right(gold, changed)) << gold << "  |  " << changed;
    }
  }
}

TEST(MathAnswers, LargeIntegersAreExact) {
  const RandomStream base(7, RandomPurpose::kTest);
  RandomStream random = base;
  for (int round = 0; round < 200; ++round) {
    std::string digits(1, static_cast<char>('1' + random.next_below(9)));
    const uint64_t n = 1 + random.next_below(60);
    for (uint64_t i = 0; i < n; ++i) digits += static_cast<char>('0' + random.next_below(10));
    std::string other = digits;
    char& last = other[random.next_below(other.size() - 1) + 1];
    last = last == '9' ? '8' : static_cast<char>(last + 1);
    EXPECT_TRUE(bare_right(digits, digits + ".0"));
    EXPECT_FALSE(bare_right(digits, other)) << digits << "  |  " << other;
    EXPECT_FALSE(bare_right(digits + "x", other + "x")) << digits << "  |  " << other;
  }
}

TEST(MathAnswers, OptionsChangeTheRule) {
  EXPECT_FALSE(bare_right("1/3", "0.333"));
  EXPECT_TRUE(bare_right("1/3", "0.333", {.decimals = 3}));
  EXPECT_FALSE(bare_right("(1,2)", "1<x<2"));
  EXPECT_TRUE(bare_right("(1,2)", "1<x<2", {.relation_for_set = true}));
  EXPECT_FALSE(bare_right("f(x)", "f(y)"));
  EXPECT_TRUE(bare_right("f(x)", "f(y)", {.variable_names_matter = false}));
}

TEST(MathAnswers, AGoldWithoutAValueIsUnusable) {
  for (const char* const gold : {"", "  ", "$ $", "nan", "NaN", "\\text{nan}", "\xFF", "\\boxed{}"}) {
    EXPECT_EQ(compare_answers(gold, "5").verdict, Verdict::kUnusable) << gold;
    EXPECT_EQ(verify_math("\\boxed{5}", gold).verdict, Verdict::kUnusable) << gold;
  }
  EXPECT_EQ(verify_math("\\boxed{5}", std::vector<std::string>{}).verdict, Verdict::kUnusable);
}

TEST(MathAnswers, TheGoldMayBeASolutionOrAList) {
  EXPECT_TRUE(verify_math("\\boxed{18}", "She has 9 eggs.\n#### 18").right());
  EXPECT_TRUE(verify_math("\\boxed{\\frac12}", "Thus it is $\\boxed{0.5}$ or one half.").right());
  EXPECT_TRUE(verify_math("\\boxed{2,1}", std::vector<std::string>{"1", "2"}).right());
  EXPECT_FALSE(verify_math("\\boxed{1}", std::vector<std::string>{"1", "2"}).right());
}

TEST(MathAnswers, TheRewardReadsTheRecord) {
  const auto judge = [](const char* record, const char* text) {
    Prompt prompt;
    prompt.record = Record::parse(record, "test");
    Completion completion;
    completion.text = text;
    return RewardSet({{.weight = 1.0, .name = std::nullopt, .parameters = MathReward{}}}, 100)
        .judge(prompt, completion)
        .at(0);
  };
  EXPECT_EQ(judge(R"({"answer":"5"})", "\\boxed{5}").value, 1.0);
  EXPECT_EQ(judge(R"({"answer":5})", "\\boxed{5.0}").value, 1.0);
  EXPECT_EQ(judge(R"({"answer":0.5})", "\\boxed{1/2}").value, 1.0);
  EXPECT_EQ(judge(R"({"answer":["1","2"]})", "\\boxed{1} and \\boxed{2}").value, 1.0);
  EXPECT_EQ(judge(R"({"answer":[1,2]})", "\\boxed{2, 1}").value, 1.0);
  EXPECT_EQ(judge(R"({"answer":"5"})", "\\boxed{6}").value, 0.0);
  for (const char* const record : {"{}", R"({"answer":null})", R"({"answer":""})", R"({"answer":[]})",
                                   R"({"answer":[null]})", R"({"answer":{}})"}) {
    const RewardResult result = judge(record, "\\boxed{5}");
    EXPECT_EQ(result.value, std::nullopt) << record;
    EXPECT_EQ(result.verdict, Verdict::kUnusable) << record;
    EXPECT_FALSE(result.reason.empty()) << record;
  }
}

}  // namespace
}  // namespace hone
