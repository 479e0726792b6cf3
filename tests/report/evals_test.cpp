#include "hone/report/evals.h"

#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "hone/core/error.h"
#include "hone/report/text.h"

namespace hone {
namespace {

const EvalRecord kBefore{
    .step = 0,
    .metrics = {{"accuracy", 0.0625}, {"format", 0.25}, {"mean_length", 17.53}, {"一致性", 0.95}, {"only_before", 1}},
    .prompt = "compute one plus two ?",
    .completion = "答案 三 ."};
const EvalRecord kAfter{.step = 40,
                        .metrics = {{"format", 1}, {"accuracy", 0.9375}, {"mean_length", 27.0}, {"一致性", 0.7}},
                        .prompt = "compute one plus two ?",
                        .completion = "<think> one plus two is 三 . </think>\n<answer> 三 </answer>"};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(Evals, LinesReadBack) {
  EvalRecord odd = kBefore;
  odd.metrics.emplace_back("nothing", std::nan(""));
  odd.completion = "\"\\\n\t\xFF";
  const std::string text = eval_line(odd) + "\n" + eval_line(kAfter) + "\n";
  const auto records = parse_evals(text + R"({"step":50,"accu)", "eval.jsonl");
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].prompt, odd.prompt);
  EXPECT_EQ(records[0].completion, "\"\\\n\t\uFFFD");
  EXPECT_TRUE(std::isnan(records[0].metrics.back().second));
  EXPECT_EQ(records[1].step, 40);
  EXPECT_EQ(records[1].metrics, in_log_order(kAfter.metrics));
  EXPECT_EQ(records[1].completion, kAfter.completion);
}

TEST(Evals, DamagedLineIsNamed) {
  for (const char* line : {"{\"step\":1,", "[1]", "{\"accuracy\":1}", "{\"step\":\"1\"}", ""}) {
    try {
      static_cast<void>(parse_evals(eval_line(kBefore) + "\n" + line + "\n", "eval.jsonl"));
      ADD_FAILURE() << line << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInput);
      EXPECT_NE(std::string(error.what()).find("eval.jsonl:2: "), std::string::npos) << error.what();
    }
  }
}

TEST(BeforeAfterTable, SaysWhatChanged) {
  const auto lines = lines_of(before_after_table(kBefore, kAfter));
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_EQ(lines[0], "             before  after  change");
  EXPECT_EQ(lines[1], "accuracy      0.062  0.938  +0.875");
  EXPECT_EQ(lines[3], "mean length    17.5   27.0    +9.5");
  for (const std::string& line : lines) EXPECT_EQ(display_width(line), display_width(lines[0])) << line;
}

TEST(BeforeAfterSample, ShowsBothAnswersHarmlessly) {
  EvalRecord hostile = kBefore;
  hostile.completion = "\x1b]0;title\x07";
  const std::string text = before_after_sample(hostile, kAfter);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(lines_of(text),
            (std::vector<std::string>{"prompt", "  compute one plus two ?", "before", "  \uFFFD]0;title\uFFFD", "after",
                                      "  <think> one plus two is 三 . </think>", "  <answer> 三 </answer>"}));
  hostile.completion = std::string(100000, 'x');
  EXPECT_LT(before_after_sample(hostile, kAfter).size(), 5000U);
}

}  // namespace
}  // namespace hone
