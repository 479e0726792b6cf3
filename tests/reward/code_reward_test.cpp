// The reward `code`: forms of records and completions, verdicts, partial credit.
#include <thread>

#include "hone/reward/reward.h"
#include "reward/code_records.h"

namespace hone::testing {
namespace {

using CodeRewards = CodeTest;

TEST_F(CodeRewards, HumanEvalForm) {
  const Json task = {
      {"prompt", "from typing import List\n\n\ndef total(xs: List[int]) -> int:\n    \"\"\" The sum. \"\"\"\n"},
      {"test",
       "METADATA = {}\n\n\ndef check(candidate):\n    assert candidate([1, 2]) == 3\n    assert candidate([]) == 0\n"},
      {"entry_point", "total"}};
  expect("OK", task, "    return sum(xs)\n");
  expect("OK", task,
         "```python\ndef total(xs: List[int]) -> int:\n    return sum(xs)\n```");  // the prompt imports List
  expect("OK", task,
         "<think>hm</think>Here:\n```python\nfrom typing import List\ndef total(xs):\n    return sum(xs)\n```\nDone.");
  expect("OK", task, "```python\n    return sum(xs)\n```");
  expect("OK", task, "```python\ntotal = lambda xs: sum(xs)\n```");
  expect("WA", task, "    return 0\n");
  expect("RE", task, "    return xs[7]\n");
  expect("CE", task, "    return (\n");
  expect("RE", task, "    return undefined\n");
  expect("RE", {{"test", task["test"]}, {"entry_point", "total"}}, "def other(x): pass");
  expect("WA", task, "<think>I am still thinking");
  for (const char* test : {"def check(candidate):\n  assert candidate(", "", "x = 3", "def check(candidate): pass"}) {
    Json broken = task;
    broken["test"] = test;
    expect("IE", broken, "    return sum(xs)\n");
  }
  expect("IE", {{"test_list", {"import no_such_module\nassert f() == 1"}}}, "def f(): return 1");
  expect("RE", {{"test_list", {"assert f() == 1"}}}, "def f(): import no_such_module");
  Json recursive = task;
  recursive["prompt"] = "import no_such_module\ndef total(xs):\n";
  expect("RE", recursive, "    return sum(xs)\n");  // the program has to live with its prompt
  recursive["prompt"] = "def total(xs):\n";
  expect("OK", recursive, "    if not xs: return 0\n    total(xs[1:])\n    return sum(xs)\n");
  Json no_entry = task;
  no_entry.erase("entry_point");
  expect("IE", no_entry, "def total(xs): return sum(xs)");
}

TEST_F(CodeRewards, MbppForm) {
  const Json task = {{"test_list", {"assert total([1, 2]) == 3", "assert total([]) == 0"}}};
  expect("OK", task, "def total(xs): return sum(xs)");
  expect("WA", task, "def total(xs): return 3");
  expect("OK", {{"test_list", {"assert sum([1, 2]) == 5"}}}, "def sum(xs): return 5");  // the function under test
  expect("OK",
         {{"test_list", {"assert f(r) == 3"}},
          {"test_setup_code", "r = Node(1)\nr.next = Node(2)\nr.next.next = Node(5)"}},
         "class Node:\n  def __init__(s, v): s.v, s.next = v, None\ndef f(n):\n  c = 0\n  while n: c, n = c + 1, "
         "n.next\n  return c");
  expect("OK", {{"test_list", {"assert math.isclose(f(), 1)"}}, {"test_imports", {"import math"}}},
         "def f(): return 1.0");
  expect("OK", {{"test_list", "[\"assert f() == 1\"]"}}, "def f(): return 1");  // a list as text
  expect("IE", {{"test_list", {"f()"}}}, "def f(): return 1");
  expect("IE", {{"test_list", {"assert f( == 1"}}}, "def f(): return 1");
  expect("IE", {{"test_list", {3}}}, "def f(): return 1");
}

TEST_F(CodeRewards, ValuesThatTravel) {
  const std::pair<const char*, const char*> cases[] = {
      {"assert f() == {1: [2, (3, None)], 'x': {4, 5}, (1, 2): True}",
       "{1: [2, (3, None)], 'x': {4, 5}, (1, 2): True}"},
      {"assert f() == b'a' and type(f()) is bytes", "b'a'"},
      {"assert f() == 2 ** 70 and f() + 1 == 2 ** 70 + 1", "2 ** 70"},
      {"assert f() == 10 ** 6000", "10 ** 6000"},
      {"assert f() == 0.1 + 0.2", "0.1 + 0.2"},
      {"assert f() == float('inf')", "float('inf')"},
      {"import math\nassert math.isnan(f())", "float('nan')"},
      {"assert f() == 1 + 2j", "1 + 2j"},
      {"assert f() == '\\ud800 \\u00e9 \\n'", "'\\ud800 \\u00e9 \\n'"},
      {"assert f() == {'a': 2}", "__import__('collections').Counter('aa')"},
      {"assert f() == {'a': 2}", "__import__('collections').defaultdict(int, a=2)"},
      {"from collections import deque\nassert f() == deque([1])", "__import__('collections').deque([1])"},
      {"from fractions import Fraction\nassert f() == Fraction(1, 3)", "__import__('fractions').Fraction(1, 3)"},
      {"from decimal import Decimal\nassert f() == Decimal('0.1')", "__import__('decimal').Decimal('0.1')"},
      {"import datetime\nassert f() == datetime.date(2024, 2, 29)", "__import__('datetime').date(2024, 2, 29)"},
      {"assert f() == (1, 2)", "__import__('collections').namedtuple('P', 'x y')(1, 2)"},
      {"assert list(f()) == [1, 2]", "(x for x in (1, 2))"},
      {"assert list(f()) == [1, 2]", "map(int, '12')"},
      {"assert next(f()) == 1", "iter([1, 2])"},
      {"assert f() == range(3)", "range(3)"},
      {"assert f() == {1: 2}.keys()", "{1: 2}.keys()"},
      {"assert sorted(f()) == [1, 2]", "{1: 1, 2: 2}.values()"},
      {"assert f() is int", "int"},
      {"assert f()(20) == 21", "lambda x: x + 1"},
      {"assert f() is None", "None"},
      {"assert isinstance(f(), bool) and not isinstance(f(), str)", "False"},
      {"assert f() == frozenset({1})", "frozenset({1})"},
  };
  for (const auto& [test, value] : cases) {
    expect("OK", {{"test_list", {test}}}, std::string("def f(): return ") + value);
  }
  expect("WA", {{"test_list", {"assert f() == [1]"}}}, "def f(): return iter([1])");
}

TEST_F(CodeRewards, ArgumentsThatTravel) {
  expect("OK", {{"test_list", {"x = [3, 1, [2]]\nf(x)\nassert x == [1, 3, [2, 9]]"}}},
         "def f(x):\n  x[2].append(9)\n  x[:2] = sorted(x[:2])");
  expect("OK", {{"test_list", {"d = {1: {2}}\nf(d)\nassert d == {1: {2, 3}, 4: 5}"}}},
         "def f(d):\n  d[1].add(3)\n  d[4] = 5");
  expect("OK", {{"test_list", {"assert f(lambda x: x * 2, [1, 2]) == [2, 4]"}}},
         "def f(g, xs): return [g(x) for x in xs]");
  expect("OK", {{"test_list", {"assert f(max, len, str.upper) == [3, 2, 'A']"}}},
         "def f(a, b, c): return [a(1, 3), b('xy'), c('a')]");
  expect("OK", {{"test_list", {"assert f(*[1, 2], c=3) == 6"}}}, "def f(a, b, c=0): return a + b + c");
  expect("OK", {{"test_list", {"assert f(map(int, '12')) == 3"}}}, "def f(xs): return sum(xs)");
  expect("OK", {{"test_list", {"def g(x):\n  if x: raise KeyError('k')\n  return 1\nassert f(g) == 'caught'"}}},
         "def f(g):\n  try: return g(1)\n  except KeyError: return 'caught'");
}

TEST_F(CodeRewards, ExceptionsAndClasses) {
  const Json raises = {{"test", R"(
def check(candidate):
    try:
        candidate(-1)
        assert False
    except ValueError as error:
        assert 'negative' in str(error)
    assert candidate(4) == 2
)"},
                       {"entry_point", "root"}};
  expect("OK", raises, "def root(x):\n  if x < 0: raise ValueError('negative')\n  return x ** 0.5");
  expect("OK", raises,
         "class Bad(ValueError): pass\ndef root(x):\n  if x < 0: raise Bad('negative')\n  return x ** 0.5");
  expect("WA", raises, "def root(x): return abs(x) ** 0.5");
  expect("RE", raises, "def root(x):\n  if x < 0: raise TypeError('negative')\n  return x ** 0.5");
  expect("OK", {{"test_list", {"try:\n  f()\n  assert False\nexcept Mine: pass"}}},
         "class Mine(Exception): pass\ndef f(): raise Mine()");
  const Json classes = {{"test_list",
                         {"s = Stack()\ns.push(1)\ns.push(2)\nassert s.pop() == 2 and len(s) == 1 and s.items == [1]",
                          "v = V(1, 2) + V(3, 4)\nassert v == V(4, 6) and v.x == 4 and not v == V(0, 0)",
                          "assert str(V(1, 2)) == '(1, 2)' and V(1, 2) * 2 == V(2, 4)",
                          "assert [i for i in Stack()] == [] and isinstance(3, int)",
                          "assert isinstance(Stack(), Stack) and not isinstance(3, Stack)"}}};
  expect("OK", classes, R"(
class Stack:
  def __init__(self): self.items = []
  def push(self, x): self.items.append(x)
  def pop(self): return self.items.pop()
  def __len__(self): return len(self.items)
  def __iter__(self): return iter(self.items)
class V:
  def __init__(self, x, y): self.x, self.y = x, y
  def __add__(self, o): return V(self.x + o.x, self.y + o.y)
  def __mul__(self, k): return V(self.x * k, self.y * k)
  def __eq__(self, o): return (self.x, self.y) == (o.x, o.y)
  def __str__(self): return '(%d, %d)' % (self.x, self.y)
)");
}

TEST_F(CodeRewards, Streams) {
  const Json task = {{"test_cases", {{{"input", "2 3\n"}, {"output", "5\n"}}, {{"input", "-1 1"}, {"output", "0"}}}}};
  expect("OK", task, "```python\na, b = map(int, input().split())\nprint(a + b)\n```");
  expect("OK", task, "import sys\nprint(sum(map(int, sys.stdin.read().split())))\nexit()");
  expect("OK", task, "if __name__ == '__main__':\n  print(sum(map(int, open(0).read().split())))");
  expect("WA", task, "print(5)");
  expect("RE", task, "print(int(input()))");
  expect("RE", task, "print(5)\nexit(3)");
  expect("CE", task, "print(5");
  expect("WA", task, "");
  Json wrapped = task;
  wrapped.erase("test_cases");
  wrapped["test"] = R"([{"input":{"stdin":"2 3"},"output":{"stdout":"5"}}])";
  expect("OK", wrapped, "print(sum(map(int, input().split())))");
  for (const Json& broken :
       {Json::array(), Json::array({3}), Json::array({{{"input", "x"}}}), Json::object(), Json("text")}) {
    expect("IE", {{"test_cases", broken}}, "print(5)");
  }
  expect("IE", Json::object(), "print(5)");
  expect("IE", {{"test_cases", task["test_cases"]}, {"language", "cobol"}}, "print(5)");
}

TEST_F(CodeRewards, Checker) {
  Json task = {{"test_cases", {{{"input", "12"}, {"output", "any"}}}},
               {"checker",
                "def check(given, expected, output):\n  a, b = map(int, output.split())\n  return a * b == int(given) "
                "and expected == 'any'\n"}};
  expect("OK", task, "print(3, 4)");
  expect("OK", task, "print(2, 6)");
  expect("WA", task, "print(5, 5)");
  task["test_cases"][0]["output"] = "1 12";
  task["checker"] =
      "def check(given, expected, output):\n  a, b = map(int, output.split())\n  return a * b == int(given)\n";
  expect("WA", task, "print('x')");  // it fails, but copes with the expected output
  task["checker"] = "def check(given, expected, output): return 1 / 0";
  expect("IE", task, "print(3, 4)");
}

TEST_F(CodeRewards, ToleranceAndLines) {
  CodeReward config;
  config.float_tolerance = 1e-6;
  make(config);
  const Json task = {{"test_cases", {{{"input", ""}, {"output", "0.333333333 yes"}}}}};
  expect("OK", task, "print(1 / 3, 'yes')");
  expect("WA", task, "print(0.3333, 'yes')");
  config.float_tolerance = std::nullopt;
  config.comparison = CodeComparison::kLines;
  make(config);
  expect("OK", {{"test_cases", {{{"input", ""}, {"output", "a b\nc\n"}}}}}, "print('a b ')\nprint('c')\nprint()");
  expect("WA", {{"test_cases", {{{"input", ""}, {"output", "a b\nc\n"}}}}}, "print('a  b')\nprint('c')");
}

class CodeRewardValues : public ::testing::Test {
 protected:
  RewardResult value(const CodeReward& config, const Json& fields, const std::string& text) {
    try {
      const RewardSet rewards({{.weight = 1, .name = std::nullopt, .parameters = config}}, 100);
      Prompt prompt;
      prompt.record = record(fields);
      Completion completion;
      completion.text = text;
      return rewards.judge(prompt, completion).at(0);
    } catch (const Error& error) {
      skipped_ = error.what();
      return {};
    }
  }
  std::string skipped_;
};

TEST_F(CodeRewardValues, RightWrongUnusableAndShares) {
  const Json list = {{"test_list", {"assert f(1) == 1", "assert f(2) == 4", "assert f(3) == 9", "assert f(0) == 0"}}};
  const RewardResult right = value({}, list, "def f(x): return x * x");
  if (!skipped_.empty()) GTEST_SKIP() << skipped_;
  EXPECT_EQ(right, (RewardResult{1.0, Verdict::kRight, ""}));
  const RewardResult wrong = value({}, list, "def f(x): return x");
  EXPECT_EQ(wrong.value, 0.0);
  EXPECT_EQ(wrong.verdict, Verdict::kWrong);
  EXPECT_EQ(wrong.reason.rfind("WA: AssertionError", 0), 0U) << wrong.reason;
  const RewardResult unusable = value({}, {{"x", 1}}, "def f(x): return x");
  EXPECT_EQ(unusable.value, std::nullopt);
  EXPECT_EQ(unusable.verdict, Verdict::kUnusable);

  CodeReward partial;
  partial.partial_credit = true;
  EXPECT_EQ(value(partial, list, "def f(x): return x * x").value, 1.0);
  EXPECT_EQ(value(partial, list, "def f(x): return x").value, 0.5);
  EXPECT_EQ(value(partial, list, "def f(x): return x").verdict, Verdict::kWrong);
  EXPECT_EQ(value(partial, list, "def f(x):\n  if x == 2: exit()\n  return x * x").value,
            0.25);  // nobody is left to ask
  EXPECT_EQ(value(partial, list, "def f(x:").value, 0.0);
  const Json streams = {{"test_cases", {{{"input", "1"}, {"output", "1"}}, {{"input", "2"}, {"output", "4"}}}}};
  EXPECT_EQ(value(partial, streams, "print(int(input()))").value, 0.5);
  EXPECT_EQ(value(partial, streams, "print(int(input()) ** 2)").value, 1.0);
}

TEST_F(CodeRewards, ThreadsAgree) {
  const Json task = {{"test_list", {"assert f(2) == 4"}}};
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&, i] {
      for (int k = 0; k < 4; ++k) {
        const bool right = (i + k) % 2 == 0;
        const CodeVerdict verdict = judge(task, right ? "def f(x): return x * x" : "def f(x): return 5");
        EXPECT_EQ(verdict.status, right ? CodeStatus::kOk : CodeStatus::kWrongAnswer) << verdict.reason;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(CodeRewards, TheSameBytesGiveTheSameVerdict) {
  // Hash seeds, addresses and the order of sets do not vary from run to run.
  const Json task = {{"test_list", {"assert f() == 0"}}};
  std::set<std::string> reasons;
  for (int i = 0; i < 4; ++i) {
    reasons.insert(
        judge(task, "def f(): raise ValueError(str((hash('x'), id(object()), list({'a', 'b', 'c', 'd'}))))").reason);
  }
  EXPECT_EQ(reasons.size(), 1U);
}

TEST(CodeReport, NamesTheLanguages) {
  const auto lines = code_report();
  ASSERT_FALSE(lines.empty());
  if (lines[0].rfind("sandbox: works", 0) != 0) GTEST_SKIP() << lines[0];
  EXPECT_EQ(lines.end()[-2].rfind("python: ", 0), 0U);
  EXPECT_EQ(lines.back().rfind("cpp: ", 0), 0U);
}

TEST(CodeAbsent, AMissingInterpreterIsRefused) {
  CodeReward config;
  config.python = "/no/such/python";
  EXPECT_THROW(CodeJudge{config}, Error);
}

}  // namespace
}  // namespace hone::testing
