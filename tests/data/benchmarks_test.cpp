// Rows of benchmarks' files as problems: small rows in each published form, and what is wrong with bad ones.
#include "hone/data/benchmarks.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "core/faults.h"
#include "hone/core/error.h"
#include "hone/data/prompt_source.h"

namespace hone {
namespace {

Record read(Benchmark benchmark, const std::string& row) {
  return read_benchmark(benchmark, Record::parse(row, "rows.jsonl:7"), "rows.jsonl:7");
}

std::string answer(Benchmark benchmark, const std::string& row) {
  return read(benchmark, row).json("answer").value_or("none");
}

void expect_problem(Benchmark benchmark, const std::string& row, const std::string& expected) {
  try {
    read(benchmark, row);
    ADD_FAILURE() << row << " was read";
  } catch (const Error& error) {
    const std::string line = error.what();
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    EXPECT_TRUE(line.starts_with("rows.jsonl:7")) << line;
    EXPECT_NE(line.find(enum_name(benchmark)), std::string::npos) << line;
    EXPECT_NE(line.find(expected), std::string::npos) << line;
  }
}

TEST(Benchmarks, Gsm8k) {
  const Record record =
      read(Benchmark::kGsm8k, R"({"question":"How many?","answer":"2 #### no\n1+1 = 2\n#### 1,080 "})");
  EXPECT_EQ(record.text("prompt"), "How many?");
  EXPECT_EQ(record.text("answer"), "1,080");
  EXPECT_EQ(record.text("solution"), "2 #### no\n1+1 = 2\n#### 1,080 ");
  expect_problem(Benchmark::kGsm8k, R"({"question":"How many?","answer":"2"})", "####");
  expect_problem(Benchmark::kGsm8k, R"({"question":"How many?","answer":"#### "})", "####");
  expect_problem(Benchmark::kGsm8k, R"({"problem":"How many?","answer":"#### 2"})", "a text question");
  expect_problem(Benchmark::kGsm8k, R"({"question":"How many?"})", "a text answer");
}

TEST(Benchmarks, MathTakesTheAnswerOrTheLastBox) {
  const auto box = [](const std::string& solution) {
    return answer(Benchmark::kMath, R"({"problem":"p","solution":")" + solution + R"("})");
  };
  EXPECT_EQ(box(R"(first \\boxed{1}, so $\\boxed{\\frac{1}{2}}$.)"), R"("\\frac{1}{2}")");
  EXPECT_EQ(box(R"(\\fbox{7})"), R"("7")");
  EXPECT_EQ(box(R"(so $\\boxed 5$.)"), R"("5")");
  EXPECT_EQ(box(R"(\\boxed{\\{1, 2\\}})"), R"("\\{1, 2\\}")");
  EXPECT_EQ(answer(Benchmark::kMath, R"({"problem":"p","solution":"\\boxed{1}","answer":"\\pi"})"), R"("\\pi")");
  EXPECT_EQ(answer(Benchmark::kMath, R"({"problem":"p","answer":null})"), "none");
  EXPECT_EQ(answer(Benchmark::kAmc, R"({"id":3,"problem":"p","answer":142.0})"), R"("142.0")");
  EXPECT_EQ(read(Benchmark::kMath, R"({"problem":"p","answer":"1","unique_id":"test/1.json"})").text("id"),
            "test/1.json");
  expect_problem(Benchmark::kMath, R"({"problem":"p","solution":"so it is 5"})", "\\boxed");
  expect_problem(Benchmark::kMinerva, R"({"problem":"p","solution":"\\boxed{5"})", "\\boxed");
  expect_problem(Benchmark::kMath, R"({"prompt":"p","answer":"1"})", "problem or question");
}

TEST(Benchmarks, AimeAnswersAreIntegersBelowAThousand) {
  const auto aime = [](const std::string& value) {
    return answer(Benchmark::kAime, R"({"Problem":"p","Answer":)" + value + "}");
  };
  EXPECT_EQ(aime("\"073\""), "\"73\"");
  EXPECT_EQ(aime("\"000\""), "\"0\"");
  EXPECT_EQ(aime("33"), "\"33\"");
  EXPECT_EQ(aime("33.0"), "\"33\"");
  EXPECT_EQ(answer(Benchmark::kAime, R"({"problem":"p","solution":"is \\boxed{073}"})"), "\"73\"");
  for (const char* bad : {"1000", "-1", "1.5", "\"x\"", "[1]", "\"\""}) {
    expect_problem(Benchmark::kAime, std::string(R"({"Problem":"p","Answer":)") + bad + "}", "answer");
  }
}

TEST(Benchmarks, OlympiadBenchHasSeveralGolds) {
  const Record record =
      read(Benchmark::kOlympiadBench, R"({"id":1,"context":"Given.","question":"q?","final_answer":["$1$","$2$"]})");
  EXPECT_EQ(record.text("prompt"), "Given.\nq?");
  EXPECT_EQ(record.list("answer"), (std::vector<std::string>{"$1$", "$2$"}));
  EXPECT_EQ(read(Benchmark::kOlympiadBench, R"({"context":null,"question":"q?","final_answer":["1"]})").text("prompt"),
            "q?");
  expect_problem(Benchmark::kOlympiadBench, R"({"question":"q?","final_answer":[]})", "final_answer");
  expect_problem(Benchmark::kOlympiadBench, R"({"question":"q?","final_answer":"1"})", "final_answer");
}

TEST(Benchmarks, ProgramsBringTheirTests) {
  const Record human = read(Benchmark::kHumanEval, R"({"task_id":"HumanEval/0","prompt":"def f():\n",)"
                                                   R"("entry_point":"f","test":"def check(c): assert c() == 1"})");
  EXPECT_EQ(human.text("id"), "HumanEval/0");
  const Record cpp = read(Benchmark::kHumanEval, R"({"name":"a","language":"cpp","prompt":"int f() {","tests":"}"})");
  EXPECT_EQ(cpp.text("test"), "}");
  expect_problem(Benchmark::kHumanEval, R"({"prompt":"def f():","test":"x"})", "entry_point");

  const Record mbpp =
      read(Benchmark::kMbpp, R"x({"task_id":11,"text":"Write f.","test_list":["assert f(1)","assert f(2)"]})x");
  EXPECT_EQ(mbpp.text("prompt"), "Write f.\nYour code should pass these tests:\n\nassert f(1)\nassert f(2)\n");
  EXPECT_EQ(mbpp.text("id"), "11");
  expect_problem(Benchmark::kMbpp, R"({"text":"Write f.","test_list":[]})", "test_list");
}

// The private tests are two calls, [1,2] and 3 to [4,5], [] and 1 to []; and one of streams, 3 to 9.
constexpr const char* kPackedCalls =
    "eJxrYJnawQABPS3R1UqZeQWlJUpWCkrRhjoKRrExecZKOgpK+aUlMGETHQXTWJBYSWpxSUllQSpINK00L7kkMz8vMUepVkcB2RSgCYZoJuDVHTtF"
    "DwAT5yxM";
constexpr const char* kPackedStreams =
    "eJxrYJlqwwABPRbR1UqZeQWlJUpWCkrGMXlKOgpK+aUlUAFLiEBJanFJSWVBKkiouCQlM0+pNnaKHgCWMBRP";

TEST(Benchmarks, LiveCodeBenchUnpacksItsTests) {
  const Record calls =
      read(Benchmark::kLiveCodeBench,
           std::string(R"({"question_id":"q1","question_content":"Add.","starter_code":"class Solution: pass",)") +
               R"("public_test_cases":"[{\"input\":\"[7]\\n1\",\"output\":\"[8]\",\"testtype\":\"functional\"}]",)" +
               R"("private_test_cases":")" + kPackedCalls + R"(","metadata":"{\"func_name\":\"add\"}"})");
  EXPECT_EQ(calls.text("id"), "q1");
  EXPECT_NE(calls.text("prompt")->find("class Solution: pass"), std::string::npos);
  const auto tests = calls.list("test_list");
  ASSERT_TRUE(tests && tests->size() == 3);
  EXPECT_EQ(tests->at(0), R"(assert Solution().add(*json.loads("[[7],1]")) == json.loads("[8]"))");
  EXPECT_EQ(tests->at(2), R"(assert Solution().add(*json.loads("[[],1]")) == json.loads("[]"))");
  EXPECT_TRUE(calls.has("program_imports"));

  const std::string rows = R"({"question_content":"Square.","starter_code":"","public_test_cases":"[]",)"
                           R"("private_test_cases":")";
  const Record streams = read(Benchmark::kLiveCodeBench, rows + kPackedStreams + R"("})");
  EXPECT_EQ(streams.json("test_cases"), R"([{"input":"3\n","output":"9\n"}])");
  EXPECT_FALSE(streams.has("test_list"));
  EXPECT_NE(streams.text("prompt")->find("standard input"), std::string::npos);

  expect_problem(Benchmark::kLiveCodeBench, rows + "[]\"}", "private_test_cases");
  expect_problem(Benchmark::kLiveCodeBench, rows + "aGk=\"}", "base64");
  expect_problem(Benchmark::kLiveCodeBench, rows + std::string(kPackedStreams).substr(0, 40) + "\"}", "base64");
}

TEST(Benchmarks, ChoicesHaveLetters) {
  const Record record = read(Benchmark::kMmlu, R"({"question":"q?","choices":["a","b","c"],"answer":2})");
  EXPECT_EQ(record.text("prompt"), "q?\n\nA) a\nB) b\nC) c\n");
  EXPECT_EQ(record.text("answer"), "C");
  EXPECT_EQ(answer(Benchmark::kMmlu, R"({"question":"q?","options":["a","b"],"answer":"B","answer_index":1})"),
            R"("B")");
  EXPECT_EQ(answer(Benchmark::kMmlu, R"({"question":"q?","A":"w","B":"x","C":"y","D":"z","answer":"D"})"), R"("D")");
  expect_problem(Benchmark::kMmlu, R"({"question":"q?","choices":["a","b"],"answer":2})", "an answer");
  expect_problem(Benchmark::kMmlu, R"({"question":"q?","choices":["a","b"],"answer":"C"})", "an answer");
  expect_problem(Benchmark::kMmlu, R"({"question":"q?","choices":["a"],"answer":0})", "choices");
}

TEST(Benchmarks, GpqaIsShuffledByItsTextsAlone) {
  const std::string options =
      R"("Correct Answer":" right\n","Incorrect Answer 1":"w1","Incorrect Answer 2":"w2","Incorrect Answer 3":"w3")";
  std::set<std::string> letters;
  for (int i = 0; i < 20; ++i) {
    const std::string question = fmt::format(R"({{"Record ID":"rec{0}","Question":"q{0}?",)", i);
    const Record record = read(Benchmark::kGpqa, question + options + "}");
    EXPECT_EQ(record.dump(), read(Benchmark::kGpqa, question + options + "}").dump());
    const char letter = record.text("answer")->front();
    EXPECT_EQ(record.list("choices")->at(static_cast<size_t>(letter - 'A')), "right");
    EXPECT_NE(record.text("prompt")->find(std::string(1, letter) + ") right\n"), std::string::npos);
    letters.insert(std::string(1, letter));
  }
  EXPECT_EQ(letters.size(), 4U) << "every place is the right one's sometimes";
  EXPECT_EQ(answer(Benchmark::kGpqa, R"({"question":"q?","choices":["a","b"],"answer":"A"})"), R"("A")")
      << "choices that the file gives an order keep it";
  expect_problem(Benchmark::kGpqa, R"({"Question":"q?","Correct Answer":"a","Incorrect Answer 1":"b"})",
                 "Incorrect Answer 2");
}

TEST(Benchmarks, Ifeval) {
  EXPECT_EQ(
      read(Benchmark::kIfeval, R"({"key":7,"prompt":"p","instruction_id_list":["a:b"],"kwargs":[{}]})").text("id"),
      "7");
  expect_problem(Benchmark::kIfeval, R"({"prompt":"p","instruction_id_list":["a:b"],"kwargs":[]})", "kwargs");
}

TEST(Benchmarks, AreReadByTheirName) {
  const test::TempFolder folder;
  std::ofstream(folder / "rows.jsonl") << R"({"question":"1+1?","answer":"It is\n#### 2"})"
                                       << "\n\n"
                                       << R"({"problem":"1+1?","answer":"2"})"
                                       << "\n";
  DataConfig config;
  config.path = (folder / "rows.jsonl").string();
  config.format = Benchmark::kGsm8k;
  try {
    const PromptSource source(config, 0);
    FAIL() << "the second row is no problem of GSM8K";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("rows.jsonl:3"), std::string::npos) << error.what();
  }
  // Fields come after the format, and can use what it made.
  std::ofstream(folder / "rows.jsonl") << R"({"question":"1+1?","answer":"It is\n#### 2"})";
  config.fields.from[0] = "{{prompt}} Think, then box it.";
  const Prompt prompt = PromptSource(config, 0).prompt(0);
  EXPECT_EQ(prompt.text, "1+1? Think, then box it.");
  EXPECT_EQ(prompt.record.text("answer"), "2");
}

}  // namespace
}  // namespace hone
