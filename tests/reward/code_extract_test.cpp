#include "reward/code/extract.h"

#include <gtest/gtest.h>

#include "hone/core/random.h"
#include "reward/code/cpp_source.h"
#include "reward/code/judging.h"

namespace hone::code {
namespace {

std::optional<std::string> find(std::string_view completion, size_t language = 0) {
  static const auto languages = make_languages("");
  return find_program(completion, languages[language]);
}

TEST(CodeExtract, TheLastBlockOfTheLanguage) {
  EXPECT_EQ(find("print(1)"), "print(1)");
  EXPECT_EQ(find("    return 1\n"), "    return 1\n");  // indentation matters to continuations
  EXPECT_EQ(find("so\n```python\na\n```\nand\n```py\nb\nc\n```\nbye"), "b\nc\n");
  EXPECT_EQ(find("```python\na\n```\n```cpp\nb\n```"), "a\n");
  EXPECT_EQ(find("```python\na\n```\n```cpp\nb\n```", 1), "b\n");
  EXPECT_EQ(find("```\na\n```\n```text\nb\n```"), "a\n");
  EXPECT_EQ(find("```python\na\n```\n```\n1 2\n```"), "a\n");  // an unmarked block after it may be its output
  EXPECT_EQ(find("```text\nb\n```"), "```text\nb\n```");
  EXPECT_EQ(find("``` Python title=x\na\n```"), "a\n");
  EXPECT_EQ(find("```{.python}\na\n```"), "a\n");
  EXPECT_EQ(find("```C++\na\n```", 1), "a\n");
  EXPECT_EQ(find("~~~python\na\n~~~"), "a\n");
  EXPECT_EQ(find("```python\na"), "a\n");  // cut off
  EXPECT_EQ(find("```python\na\r\n```\r\nx"), "a\r\n");
  EXPECT_EQ(find(""), "");
}

TEST(CodeExtract, FencesWithinBlocks) {
  EXPECT_EQ(find("````python\n```\nx\n```\n````"), "```\nx\n```\n");
  EXPECT_EQ(find("```python\n'''\n    ```\n'''\n```"), "'''\n    ```\n'''\n");  // four blanks: no fence
  EXPECT_EQ(find("```python\n```python\n```"), "```python\n");                  // no end: it has a mark
  EXPECT_EQ(find("  ```python\n  a\n    b\n  ```"), "a\n  b\n");
  EXPECT_EQ(find("`code` and ``` x ``` y"), "`code` and ``` x ``` y");
}

TEST(CodeExtract, OnlyWhatFollowsTheThinking) {
  EXPECT_EQ(find("<think>\n```python\na\n```\n</think>\n```python\nb\n```"), "b\n");
  EXPECT_EQ(find("<think>```python\na\n```</think>print(2)"), "print(2)");
  EXPECT_EQ(find("x</think>y</think>z"), "z");
  EXPECT_EQ(find(" <think>\n```python\na\n```\n"), std::nullopt);
}

TEST(CodeExtract, AnyBytes) {
  RandomStream random(3, RandomPurpose::kTest);
  const std::vector<std::string> pieces = {"```", "```python\n", "\n", "~~~",  "</think>", "<think>", "    ", "x", "'",
                                           "\"",  "/*",          "//", "R\"(", "{",        "}",       "#",    "\\"};
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (uint64_t n = random.next_below(20); n > 0; --n) {
      text += random.next_bernoulli(0.8) ? pieces[random.next_below(pieces.size())]
                                         : std::string(1, static_cast<char>(random.next_below(256)));
    }
    const auto program = find(text);
    ASSERT_EQ(program, find(text));
    ASSERT_EQ(blank_out(text).size(), text.size());
    (void)find_cpp_function(text, "x");
  }
}

TEST(CodeExtract, DefinitionsInPython) {
  for (const char* text : {"def f(x): pass", "x\nasync def f (x):", "class f:", "f = lambda x: x",
                           "class f(object):\n pass", "f: int = 3"}) {
    EXPECT_TRUE(defines_in_python(text, "f")) << text;
  }
  for (const char* text : {"", "  def f(x): pass", "  f(3)", "    f = 3", "return f(x)", "def ff(x): pass", "f(3)",
                           "f == 3", "def g(f): pass", "# def f", "import f", "f"}) {
    EXPECT_FALSE(defines_in_python(text, "f")) << text;
  }
}

TEST(CppSource, BlanksOut) {
  EXPECT_EQ(blank_out("a /* { */ b"), "a         b");
  EXPECT_EQ(blank_out("a // {\nb"), "a     \nb");
  EXPECT_EQ(blank_out("x = \"{\\\"}\";"), "x =       ;");
  EXPECT_EQ(blank_out("c = '{'; n = 1'000;"), "c =    ; n = 1'000;");
  EXPECT_EQ(blank_out("#define X {\ny"), "           \ny");
  EXPECT_EQ(blank_out("R\"x({\")x\" {"),
            "          "
            "{");
}

TEST(CppSource, FindsFunctions) {
  const auto declaration = [](std::string_view source, std::string_view name) {
    const auto found = find_cpp_function(source, name);
    return found ? found->declaration : "";
  };
  EXPECT_EQ(declaration("#include <x>\nusing namespace std;\nlong add(vector<long> a) {", "add"),
            "long add(vector<long> a)");
  EXPECT_EQ(declaration("int f(int);\nint g() { return f(1); }\nint f(int x)\n{ return x; }", "f"), "int f(int x)");
  EXPECT_EQ(declaration("struct S { int f(int x) { return x; } };", "f"), "");
  EXPECT_EQ(declaration("int ff(int x) { }", "f"), "");
  EXPECT_EQ(declaration("int f(int x = 3) { }", "f"), "");
  EXPECT_EQ(declaration("// int f(int x) {\n", "f"), "");
  EXPECT_EQ(declaration("f(int x) { }", "f"), "");
  EXPECT_EQ(find_candidate_name("}\nint main() {\n    auto candidate = add_up;\n"), "add_up");
  EXPECT_EQ(find_candidate_name("int main() {}"), "");
  EXPECT_EQ(open_braces("{ '}' { \"}\" // }\n}"), 1);
}

}  // namespace
}  // namespace hone::code
