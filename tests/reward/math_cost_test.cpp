// Hostile inputs: each verdict takes less than 50 ms of processor time, whatever is in the box or the gold.
#include "reward/math_tables.h"

namespace hone {
namespace {

std::string repeat(std::string_view part, size_t times) {
  std::string out;
  out.reserve(part.size() * times);
  for (size_t i = 0; i < times; ++i) out += part;
  return out;
}

/// The most that one verdict took with `text` as box, as gold, as both, and as whole completion.
void expect_cheap(const std::string& name, const std::string& text) {
  const auto measure = [&](const char* how, const std::string& completion, const std::string& gold,
                           const MathOptions& options) {
    const double start = test::cpu_ms();
    verify_math(completion, gold, options);
    EXPECT_LT(test::cpu_ms() - start, test::kMaxVerdictMs) << name << " as " << how;
  };
  const std::string box = "\\boxed{" + text + "}";
  measure("box", box, "5", {});
  measure("gold", "\\boxed{5}", text, {});
  measure("both", "\\boxed{1+" + text + "}", text, {});
  measure("list", box, "1,2,3", {});
  measure("expression", box, "x^2+\\sqrt{x}", {});
  measure("text", text, "5", {.answer = MathAnswer::kText});
  measure("text for a list", text, "1,2", {.answer = MathAnswer::kText});
  measure("thinking", "<think>" + text + "</think>" + box, "5", {});
}

TEST(MathCost, Powers) {
  for (const char* const text : {"10^{10^{10}}",
                                 "9^{9^{9^{9^{9}}}}",
                                 "2^{2^{2^{2^{2^{2}}}}}",
                                 "\\dfrac{5^{\\left(5^{\\left(5^{\\left(5^5\\right)}\\right)} - 4\\right)} - 5}{16}",
                                 "10^{(5^{5^{5^{5^{5}}} \\cdot \\log_{10}(5)} - 4)}",
                                 "(10^{400})^{400}",
                                 "x^{10^{9}}",
                                 "(x+y+z)^{1000000}",
                                 "(1+x)^{10^6}",
                                 "2^{-10^{15}}",
                                 "e^{e^{e^{e^{e^e}}}}",
                                 "\\sin(10^{10^5})",
                                 "\\sin(10^{400})",
                                 "\\sqrt[10^9]{2}",
                                 "2^{1/1000000007}",
                                 "1.0000001^{10^{12}}",
                                 "0.1^{10^{10}}",
                                 "(-1)^{10^{100}}",
                                 "i^{10^{30}}",
                                 "\\pi^{\\pi^{\\pi^{\\pi^\\pi}}}",
                                 "999999999999e999",
                                 "1e-999",
                                 "x^{y^{z^{w^{v}}}}"}) {
    expect_cheap(text, text);
  }
}

TEST(MathCost, Combinatorics) {
  for (const char* const text :
       {"1000000!", "100!!!!!!!!!!", "((100!)!)!", "\\binom{10^8}{5\\cdot 10^7}", "\\binom{1000000}{500000}",
        "\\frac{100000!}{99999!}", "\\gcd(10^{2000}, 7^{2000})", "\\sum_{k=1}^{10^{9}} k",
        "\\sum_{k=1}^{2000} \\sum_{j=1}^{2000} \\sum_{i=1}^{2000} ijk", "\\prod_{k=1}^{2000} k^{k}",
        "\\sum_{k=1}^{500} \\sqrt{k}", "\\sum_{k=1}^{500} \\sum_{j=1}^{500} \\sqrt{kj}", "\\prod_{n=1}^{400}\\sin(n)",
        "\\Gamma(10^5)", "\\lfloor 10^{300} \\pi \\rfloor", "100000\\bmod 7^{1000}"}) {
    expect_cheap(text, text);
  }
}

TEST(MathCost, Nesting) {
  for (const size_t n : {50, 1000, 8000, 200000}) {
    for (const auto& [open, close] : {std::pair{"{", "}"},
                                      {"(", ")"},
                                      {"[", "]"},
                                      {"\\{", "\\}"},
                                      {"\\frac{1}{", "}"},
                                      {"\\sqrt{", "}"},
                                      {"2^{", "}"},
                                      {"|", "|"},
                                      {"\\left(", "\\right)"},
                                      {"x_{", "}"},
                                      {"\\text{", "}"},
                                      {"\\boxed{", "}"},
                                      {"f(", ")"},
                                      {"\\sin ", ""},
                                      {"-", ""},
                                      {"\\frac", ""},
                                      {"\\sqrt", ""},
                                      {"\\begin{pmatrix}", "\\end{pmatrix}"},
                                      {"<think>", "</think>"}}) {
      expect_cheap(std::string(open) + " " + std::to_string(n), repeat(open, n) + "5" + repeat(close, n));
      expect_cheap(std::string(open) + " unclosed " + std::to_string(n), repeat(open, n));
    }
  }
}

// clang-format off
constexpr const char* kParts[] = {
    "9", "1,", "(1,2),", "x+", "x*", "1+", "\\sqrt{2}+", "\\sqrt{x}+", "a\\cup", "[0,1]\\cup", "=", "x=", "1<",
    "x<", "&", "\\\\", "1&", "1\\\\", "'", "!", "^", "_", "\\pm 1,", "\\pm1+", "\\{1\\},", "answer is ",
    "final answer is 5 ", "$1$", "$", "\\(", "\\[", "\\boxed{1},", "\\boxed", "\\", "1/", "5:", "x_1,",
    "\\text{a}", "\\text{or}", " ", "\n", "\\,", "，", "１", "²", "½", "\xF0\x9F\x98\x80", "\xFF", "<", "<think",
    "</think>", "<answer>", "</answer>", "%", "1e9,", "1.5e-7+", "\\begin{matrix}", "\\end{matrix}", "log", "sin",
    "abcdefgh ", "apples and ", "1 000 ", "1,000,", "0.\\overline{3}+",
};
// clang-format on

TEST(MathCost, Length) {
  for (const size_t n : {500, 4000, 200000}) {
    for (const char* const part : kParts) expect_cheap(std::string(part) + " " + std::to_string(n), repeat(part, n));
  }
}

TEST(MathCost, ListsAndSetsAgainstEachOther) {
  std::string roots, polynomials, intervals, shuffled;
  for (int i = 1; i <= 200; ++i) {
    roots += (i > 1 ? "," : "") + ("\\sqrt{" + std::to_string(i * i + 1)) + "}";
    polynomials += (i > 1 ? "," : "") + ("(x+" + std::to_string(i)) + ")^{9}";
    shuffled += (i > 1 ? "," : "") + ("\\sqrt{" + std::to_string((201 - i) * (201 - i) + 1)) + "}";
    intervals += (i > 1 ? "\\cup" : "") + ("(" + std::to_string(2 * i)) + "," + std::to_string(2 * i + 1) + ")";
  }
  for (const std::string& a : {roots, polynomials, shuffled, intervals}) {
    for (const std::string& b : {roots, polynomials, shuffled, intervals}) {
      const double start = test::cpu_ms();
      compare_answers(a, b);
      compare_answers("\\{" + a + "\\}", b);
      EXPECT_LT(test::cpu_ms() - start, 2 * test::kMaxVerdictMs);
    }
  }
}

TEST(MathCost, TenMegabytesOfThought) {
  const double start = test::cpu_ms();
  EXPECT_TRUE(verify_math("<think>" + repeat("blah ", 2000000) + "</think>\\boxed{5}", "5").right());
  EXPECT_LT(test::cpu_ms() - start, 1000);  // most of it for making the text
}

}  // namespace
}  // namespace hone
