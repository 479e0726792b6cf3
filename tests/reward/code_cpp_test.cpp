// C++ programs: stream tests, and function tests between two processes.
#include "reward/code_records.h"

namespace hone::testing {
namespace {

class CodeCpp : public CodeTest {
 protected:
  void SetUp() override {
    CodeTest::SetUp();
    if (!std::filesystem::exists("/usr/bin/g++")) GTEST_SKIP() << "no g++";
  }
};

const Json kSum = {
    {"language", "cpp"},
    {"prompt", "#include<bits/stdc++.h>\n// The sum of lst.\nlong total(std::vector<long> lst) {\n"},
    {"test",
     "}\nint main() {\n    auto candidate = total;\n    assert(candidate((std::vector<long>({1, 2}))) == (3));\n"
     "    assert(candidate((std::vector<long>())) == (0));\n}\n"}};
constexpr char kBody[] = "    long s = 0; for (long x : lst) s += x; return s;\n";

TEST_F(CodeCpp, Streams) {
  const Json task = {{"language", "cpp"},
                     {"test_cases", {{{"input", "2 3"}, {"output", "5"}}, {{"input", "1 1"}, {"output", "2"}}}}};
  const std::string head = "#include <iostream>\n#include <unistd.h>\n";
  expect("OK", task,
         "```cpp\n" + head + "int main() { int a, b; std::cin >> a >> b; std::cout << a + b << '\\n'; }\n```");
  expect("WA", task, "```c++\n" + head + "int main() { std::cout << 5; }\n```");
  expect("CE", task, head + "int main() { return x; }");
  expect("CE", task, "#include \"/etc/shadow\"\nint main() {}");
  expect("RE", task, head + "int main() { std::cout << 5 << std::endl; return 3; }");
  expect("RE", task, head + "int main() { return *(volatile int*)0; }");
  expect("WA", task, head + "struct X { X() { _exit(0); } } x; int main() { std::cout << 5; }");
  expect("WA", task,
         head + "int main() { puts(\"ALL TESTS PASSED\"); for (int i = 3; i < 65; ++i) write(i, \"passed\", 6); }");
}

TEST_F(CodeCpp, CompilingIsBounded) {
  const Json task = {{"language", "cpp"}, {"test_cases", {{{"input", ""}, {"output", "5"}}}}};
  expect("CE", task,
         "template<int N> struct A { static const long v = A<N - 1>::v + A<N - 2>::v; };\n#include __FILE__\nint "
         "main() {}");
  expect("CE", task, "char big[3000000000ull] = {1}; int main() {}");
  expect("CE", task, "#include \"/dev/stdin\"\n#include \"/dev/zero\"\nint main() {}");
}

TEST_F(CodeCpp, FunctionsRightAndWrong) {
  expect("OK", kSum, kBody);
  expect("OK", kSum, std::string(kBody) + "}\n");
  expect("OK", kSum,
         std::string("```cpp\nusing namespace std;\nlong total(vector<long> lst) {\n") + kBody +
             "}\nint main() { return 7; }\n```");
  expect("WA", kSum, "    return 3;\n");
  expect("RE", kSum, "    throw std::runtime_error(\"no\");\n");
  expect("CE", kSum, "    return s;\n");
  expect("CE", kSum, "```cpp\nint total(int x) { return 0; }\n```");
}

TEST_F(CodeCpp, FunctionsThatLeaveOrForge) {
  for (const char* body : {"    exit(0);\n", "    quick_exit(0);\n", "    abort();\n"}) expect("RE", kSum, body);
  const std::string function = std::string("long total(std::vector<long> lst) {\n") + kBody + "}\n";
  expect("RE", kSum, "```cpp\n#include <unistd.h>\nstruct X { X() { _exit(0); } } x;\n" + function + "```");
  expect("RE", kSum,
         "```cpp\n#include <unistd.h>\nstruct X { X() { for (int i = 0; i < 64; ++i) write(i, \"OK\\n\", 3); _exit(0); "
         "} } x;\n" +
             function + "```");
  // Without a prompt the program's own declaration counts, but only of plain types.
  Json bare = kSum;
  bare.erase("prompt");
  expect("OK", bare, "```cpp\n#include <vector>\n" + function + "```");
  expect("CE", bare,
         "```cpp\nstruct E { template <class T> bool operator==(T) const { return true; } };\nE "
         "total(std::vector<long> l) { return {}; }\n```");
  expect("CE", bare, "```cpp\n#define assert(x)\n#define main main_\n```");
}

TEST_F(CodeCpp, TypesThatTravel) {
  const Json task = {{"language", "cpp"}, {"entry_point", "f"}, {"test", R"(
int main() {
  std::vector<int> xs = {3, 1, 2};
  auto r = f(xs, "a", {{"k", 1.5}}, std::make_tuple(1L, std::optional<char>('c')), true);
  assert(xs == std::vector<int>({1, 2, 3}));
  assert(std::get<0>(r) == "a!" && std::get<1>(r).at("k") == 3.0 && std::get<2>(r) == std::nullopt);
  bool thrown = false;
  try { f(xs, "throw", {}, {}, false); } catch (const std::exception& e) { thrown = std::string(e.what()) == "asked"; }
  assert(thrown);
}
)"}};
  expect("OK", task, R"(```cpp
#include <bits/stdc++.h>
using namespace std;
tuple<string, map<string, double>, optional<int>> f(vector<int>& xs, const string& s, map<string, double> m, tuple<long, optional<char>> t, bool b) {
  if (s == "throw") throw runtime_error("asked");
  sort(xs.begin(), xs.end());
  for (auto& [k, v] : m) v *= 2;
  return {s + "!", m, b && get<1>(t) == 'c' ? nullopt : optional<int>(1)};
}
```)");
}

TEST_F(CodeCpp, ARecordAtFaultIsUnusable) {
  Json broken = kSum;
  broken["test"] = "}\nint main() {\n    auto candidate = total;\n    assert(candidate(;\n}\n";
  expect("IE", broken, kBody);
  Json own_type = kSum;
  own_type["prompt"] =
      "#include<bits/stdc++.h>\nunion U { long a; U(long x) : a(x) {} bool operator==(long x) { return a == x; } };\nU "
      "total(std::vector<long> lst) {\n";
  expect("IE", own_type, kBody);
}

}  // namespace
}  // namespace hone::testing
