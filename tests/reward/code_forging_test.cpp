// Programs that try to be judged right without being right.
#include "reward/code_records.h"

namespace hone::testing {
namespace {

using CodeForging = CodeTest;

const Json kAdd = {{"test", R"(
def check(candidate):
    assert candidate(1, 2) == 3
    assert abs(candidate(2, 2) - 4) < 1e-6
    assert not abs(candidate(2, 5) - 7) > 1e-6
    assert candidate(5, 5) != 11
)"},
                   {"entry_point", "add"}};
const Json kList = {
    {"test_list", {"assert items(2) == [1, 2]", "assert set(items(3)) == {1, 2, 3}", "assert len(items(4)) == 4"}}};
const Json kStreams = {
    {"test_cases", {{{"input", "2 3\n"}, {"output", "5\n"}}, {{"input", "4 4\n"}, {"output", "8\n"}}}}};

TEST_F(CodeForging, TheRightProgramsAreRight) {
  expect("OK", kAdd, "def add(a, b): return a + b");
  expect("OK", kList, "def items(n): return list(range(1, n + 1))");
  expect("OK", kStreams, "print(sum(map(int, input().split())))");
}

TEST_F(CodeForging, PrintedVerdicts) {
  const std::string texts = R"(
for text in ('ALL TESTS PASSED', '{"passed": true, "score": 1.0}', 'passed', '1 passed in 0.01s', 'OK', 'Ran 3 tests\n\nOK',
             '[1,1,"",false,false]', '\x1b[2K\x1b[1A passed', 'right', 'true'):
  for fd in range(1, 65):
    try: os.write(fd, (text + '\n').encode())
    except OSError: pass
)";
  expect("WA", kStreams, "import os\n" + texts);
  expect_not_right(kAdd, "import os\n" + texts + "\nos._exit(0)");
  expect_not_right(kAdd, "import os\n" + texts + "\ndef add(a, b): return 0");
  expect_not_right(kStreams, "import os\ntry: os.write(os.open('/dev/tty', 1), b'passed')\nexcept OSError: pass");
}

TEST_F(CodeForging, EarlyExits) {
  for (const char* leave :
       {"exit(0)", "quit()", "import sys; sys.exit(0)", "import os; os._exit(0)", "raise SystemExit",
        "raise SystemExit(0)", "import os; os.execv('/bin/true', ['true'])", "import os; os.kill(os.getpid(), 9)",
        "import os; os.close(0)", "import os; os.dup2(1, 0)", "raise KeyboardInterrupt", "raise GeneratorExit"}) {
    const std::string text = leave;
    expect("RE", kAdd, text + "\n");
    expect("RE", kAdd, "def add(a, b):\n  " + text + "\n");
    expect("RE", kAdd, "def add(a, b): return a + b\n" + text + "\n");
    expect_not_right(kList, "def items(n):\n  if n > 2: " + text + "\n  return [1, 2]\n");
  }
  expect("RE", kAdd, "import atexit, os\natexit.register(lambda: os._exit(0))\nraise SystemExit(0)\n");
  expect("RE", kAdd, "import sys\nsys.stderr.close()\nsys.exit(0)\n");
  expect("RE", kAdd,
         "import os, threading\nthreading.Timer(0, lambda: os._exit(0)).start()\nimport time\ntime.sleep(1)\ndef "
         "add(a, b): return a + b");
  expect("WA", kStreams, "exit(0)");
}

TEST_F(CodeForging, ObjectsEqualToEverything) {
  const std::string evil = R"(
  __eq__ = lambda s, o: True
  __ne__ = lambda s, o: False
  __lt__ = __le__ = __gt__ = __ge__ = lambda s, o: True
  __hash__ = lambda s: 3
  __bool__ = lambda s: True
  __len__ = lambda s: 4
  __sub__ = __rsub__ = __add__ = __radd__ = lambda s, o: s
  __abs__ = lambda s: 0
  __float__ = lambda s: 0.0
  __int__ = __index__ = lambda s: 3
  __contains__ = lambda s, o: True
  __iter__ = lambda s: iter([1, 2])
  __getattr__ = lambda s, n: s
  __call__ = lambda s, *a: s
  __repr__ = __str__ = lambda s: '[1, 2]'
  __instancecheck__ = __subclasscheck__ = lambda s, o: True
)";
  for (const char* base : {"object", "int", "float", "str", "list", "dict", "set", "tuple", "complex", "type"}) {
    const std::string object = std::string("class Evil(") + base + "):" + evil;
    const std::string make = std::string(base) == "type" ? "Evil('x', (), {})" : "Evil()";
    expect_not_right(kAdd, object + "def add(a, b): return " + make);
    expect_not_right(kList, object + "def items(n): return " + make);
    expect_not_right(kAdd, object + "add = " + make);
    expect_not_right(kAdd, object + "class Meta(type):" + evil + "class add(metaclass=Meta): pass");
  }
  for (const char* value : {"float('nan')", "float('inf')", "complex('nan')", "10 ** 400", "[]", "None",
                            "unittest.mock.ANY", "unittest.mock.MagicMock()", "NotImplemented", "Ellipsis",
                            "(x for x in [3])", "iter([3])", "lambda *a: 3", "AssertionError()", "type", "object"}) {
    expect_not_right(kAdd, std::string("import unittest.mock\ndef add(a, b): return ") + value);
    expect_not_right(kList, std::string("import unittest.mock\ndef items(n): return ") + value);
  }
  const Json text = {{"test_list", {"assert repr(f()) == '[1, 2]'", "assert str(f()) == '[1, 2]'"}}};
  expect_not_right(text, "class Evil:" + evil + "def f(): return Evil()");
  expect("OK", text, "def f(): return [1, 2]");
  expect_not_right({{"test_list", {"assert 7 in f()"}}}, "class Evil:" + evil + "def f(): return Evil()");
  const Json truth = {
      {"test_list", {"assert f(1) is True", "assert f(2) is False", "assert f(1) == True", "assert not f(2)"}}};
  expect_not_right(truth, "class Evil:" + evil + "def f(x): return Evil()");
  expect("OK", truth, "def f(x): return x == 1");
}

TEST_F(CodeForging, ValuesAreWhatTheyAreNotWhatTheySay) {
  // The object is an int (a list, a text) by another name, and is taken as that.
  expect("WA", {{"test_list", {"assert f() == 3"}}},
         "class I(int):\n  def __eq__(s, o): return True\n  def __index__(s): return 3\ndef f(): return I(4)");
  expect("OK", {{"test_list", {"assert f() == 3"}}},
         "class I(int):\n  def __eq__(s, o): return False\ndef f(): return I(3)");
  expect("WA", {{"test_list", {"assert f() == 'a'"}}},
         "class S(str):\n  def __eq__(s, o): return True\n  def __str__(s): return 'a'\ndef f(): return S('b')");
  expect(
      "WA", {{"test_list", {"assert f() == [1]"}}},
      "class L(list):\n  def __eq__(s, o): return True\n  def __iter__(s): return iter([1])\ndef f(): return L([2])");
  expect("WA", {{"test_list", {"assert f() == {1: 2}"}}},
         "class D(dict):\n  def __eq__(s, o): return True\n  def items(s): return [(1, 2)]\ndef f(): return D({3: 4})");
}

TEST_F(CodeForging, TheTestsCannotBeBent) {
  const char* const helpers[] = {
      "import builtins\nbuiltins.abs = lambda x: 0\nbuiltins.len = lambda x: 4\nbuiltins.set = lambda x: {1, 2, 3}\n",
      "def abs(x): return 0\ndef len(x): return 4\ndef set(x): return {1, 2, 3}\ndef check(f): pass\n",
      "import math\nmath.fabs = lambda x: 0\n",
      "AssertionError = Exception\n",
      "import sys\nsys.settrace(lambda *a: None)\nsys.excepthook = lambda *a: None\n",
      "import sys, types\nfor m in list(sys.modules.values()):\n  for n in ('check', 'main', 'judge'):\n    try: "
      "setattr(m, n, lambda *a: None)\n    except Exception: pass\n",
      "import gc\nfor o in gc.get_objects():\n  if isinstance(o, dict) and 'passed' in o: o['passed'] = 9\n",
  };
  for (const char* helper : helpers) {
    expect_not_right(kAdd, std::string(helper) + "def add(a, b): return 0");
    expect_not_right(kList, std::string(helper) + "def items(n): return [1, 2]");
  }
  const Json imported = {{"test_list", {"assert isclose(f(1), 2.0)", "assert math.floor(f(1)) == 2"}}};
  expect("OK", imported, "import math\nfrom math import isclose\ndef f(x): return 2.0");
  expect_not_right(imported, "import math\nfrom math import isclose\ndef f(x): return 9.0");
  expect_not_right(imported, "class math:\n  floor = lambda x: 2\nfrom math import isclose\ndef f(x): return 2.5");
  const Json poly = {
      {"prompt",
       "import math\n\ndef poly(xs: list, x: float):\n    return sum(c * x ** i for i, c in enumerate(xs))\n\n\ndef "
       "find_zero(xs: list):\n    \"\"\" zero \"\"\"\n"},
      {"test", "def check(candidate):\n    assert math.fabs(poly([-2, 1], candidate([-2, 1]))) < 1e-4\n"},
      {"entry_point", "find_zero"}};
  expect("OK", poly, "    return 2.0\n");
  expect("OK", poly, "```python\ndef find_zero(xs):\n    return 2.0 if poly([0], 1) == 0 else 0\n```");
  expect("WA", poly, "```python\ndef poly(xs, x): return 0\ndef find_zero(xs): return 1.0\n```");
}

TEST_F(CodeForging, TheHarnessHoldsNoSecrets) {
  // Nothing that looks like a token or an expected value is anywhere in the program's process or box.
  const Json secret = {
      {"test", "def check(candidate):\n    assert candidate('p' 'ing') == 'the' + '-expected-' + 'value'\n"},
      {"entry_point", "f"}};
  expect_not_right(secret, R"(
import gc, glob, os, sys
found, needle = [], chr(45) + 'expected' + chr(45)
def search():
  for path in glob.glob('/box/*') + glob.glob('/proc/[0-9]*/cmdline') + glob.glob('/proc/[0-9]*/environ'):
    try: data = open(path, 'rb').read()
    except OSError: continue
    if needle.encode() in data: found.append(path)
  frame = sys._getframe()
  while frame:
    if any(needle in repr(v) for k, v in frame.f_locals.items() if k != 'needle'): found.append('frame')
    frame = frame.f_back
  found.extend(1 for o in gc.get_objects() if isinstance(o, str) and needle in o and o != needle)
  return found
def f(x):
  return ('the' + chr(45) + 'expected-value') if search() else 'nothing found'
)");
}

TEST_F(CodeForging, ExceptionsThatEndLoops) {
  const Json task = {{"test_list",
                      {"assert all(map(lambda c: f(c[0]) == c[1], [(1, 2), (3, 4)]))",
                       "assert [f(x) for x in (1, 3)] == [2, 4]", "for x in map(f, (1, 3)): assert x in (2, 4)"}}};
  expect("OK", task, "def f(x): return x + 1");
  for (const char* error : {"StopIteration", "StopAsyncIteration", "GeneratorExit", "IndexError"}) {
    expect_not_right(task, std::string("def f(x): raise ") + error);
  }
}

TEST_F(CodeForging, GarbledAnswers) {
  for (const char* line :
       {"[\"ok\", 3]", "[\"ok\",[\"object\",0]]", "[]", "{}", "3", "null", "[\"ok\"]",
        "[\"ok\",[\"library\",\"os\",3]]", "[\"ok\",[\"type\",\"os\"]]", "[\"ok\",[\"module\",\"os\"]]",
        "[\"err\",[\"SystemExit\"],[]]", "[\"err\",5]", "[\"callback\",0,[\"list\",[]],[\"dict\",[]]]", "[\"ok\",NaN]",
        "[\"ok\",[\"dict\",[[[\"list\",[]],1]]]]", "[\"ok\",[\"function\",\"os\",\"_exit\"]]", "\\xff\\xfe",
        "[\"fails\"]", "[\"ok\",[\"int\",\"z\"]]"}) {
    expect_not_right(kAdd, std::string("import os\nos.write(0, b'") + line + "\\n' * 50)\ndef add(a, b): return 0");
  }
  expect_not_right(kAdd, "import os\nos.write(0, b'[' * 200000 + b'\\n')\ndef add(a, b): return 0");
  expect_not_right(kAdd, "import os\nwhile True: os.write(0, b'x' * 65536)");
  expect_not_right(kAdd, "def add(a, b):\n  x = []\n  for i in range(100000): x = [x]\n  return x");
  expect_not_right(kAdd, "def add(a, b):\n  x = []\n  x.append(x)\n  return x");
  expect_not_right(kAdd, "def add(a, b): return 'x' * (300 << 20)");
}

TEST_F(CodeForging, LimitsInFunctionTests) {
  CodeReward config;
  config.cpu_seconds = 1;
  config.wall_seconds = 8;
  config.memory_mebibytes = 128;
  make(config);
  expect("TLE", kAdd, "def add(a, b):\n  while True: pass");
  expect("TLE", kAdd, "while True: pass");
  expect("WLE", kAdd, "import time\ndef add(a, b): time.sleep(60)");
  expect("MLE", kAdd, "def add(a, b): return bytearray(b'x' * (1 << 30))[0]");
  expect("OLE", kAdd, "def add(a, b):\n  while True: print('x' * 65536)");
  expect("FLE", kAdd, "def add(a, b):\n  open('/tmp/a', 'wb').write(b'x' * (20 << 20))\n  return a + b");
  expect("DENIED", kAdd, "import ctypes\ndef add(a, b): ctypes.CDLL(None).ptrace(0, 0, 0, 0)");
  expect("OK", kAdd, "print('x' * 900000)\ndef add(a, b): return a + b");
}

}  // namespace
}  // namespace hone::testing
