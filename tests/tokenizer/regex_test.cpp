#include "tokenizer/regex.h"

#include <gtest/gtest.h>

#include "hone/core/error.h"

namespace hone {
namespace {

std::string refusal(const std::string& pattern) {
  const Json json = pattern;
  const std::string file = "tokenizer.json";
  try {
    const Regex regex(pattern, Node(json, file, "pattern"));
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    return error.what();
  }
  return "";
}

// The text with its matches in brackets.
std::string matches(const char* pattern, const std::string& text) {
  std::string out;
  size_t from = 0;
  Regex(pattern).for_each_match(text, [&](Range match) {
    out += text.substr(from, match.begin - from) + "[" + text.substr(match.begin, match.end - match.begin) + "]";
    from = match.end;
  });
  return out + text.substr(from);
}

// The expectations are what Oniguruma does in Hugging Face's library.
TEST(Regex, MeansWhatOnigurumaMeans) {
  EXPECT_EQ(matches("^a", "ab\nab"), "[a]b\n[a]b");
  EXPECT_EQ(matches("b$", "ab\nab"), "a[b]\na[b]");
  EXPECT_EQ(matches(".", "a\n\r"), "[a]\n[\r]");
  EXPECT_EQ(matches(R"(\p{N}{1,3}+)", "12345678"), "[12345678]");
  EXPECT_EQ(matches(R"(\p{N}{1,3})", "12345678"), "[123][456][78]");
  EXPECT_EQ(matches("[0-9]{3}?", "1234"), "[123]4[]");
  EXPECT_EQ(matches("a{,2}", "aaa"), "[aa][a]");
  EXPECT_EQ(matches("(?i:'s)", "a'\u017F'S"), "a['\u017F]['S]");
  EXPECT_EQ(matches(R"(\s)", "a\u180Eb\u200Bc\u0085d\u3000"), "a\u180Eb\u200Bc[\u0085]d[\u3000]");
  EXPECT_EQ(matches(R"([^\S])", "a b"), "a[ ]b");
  EXPECT_EQ(matches(R"(\w+)", "a\u24D0 \u2460 \u00B2 \u203Fx"), "[a\u24D0] \u2460 [\u00B2] [\u203Fx]");
  EXPECT_EQ(matches(R"([^\w\s]+)", "x \u00B2\u2460"), "x [\u00B2\u2460]");
  EXPECT_EQ(matches(R"(\p{Han}+)", "漢、字"), "[漢]、[字]");
  EXPECT_EQ(matches("[^a[bc]]+", "xabcx]y"), "[x]abc[x]y]");
  EXPECT_EQ(matches("x*", "axxb"), "[]a[xx]b[]");
  EXPECT_EQ(matches(R"(\s+(?!\S)|\s+)", "a   b  "), "a[  ][ ]b[  ]");
}

TEST(Regex, RefusesWhatOnigurumaReadsDifferently) {
  for (const char* pattern :
       {R"(\h)",   R"(\bab)",  R"(\R)",       R"(\X)",  R"(\K)", R"(\G)",   "[a-c&&[^b]]", "[a[^b]]",
        "[a-[b]]", "[a[b]-c]", "[[:alpha:]]", "(?m:.)", "(?s)a", "(?<n>a)", R"([\W])",     "a{",
        "(a",      "a)",       "[a",          "[]a]",   "\\",    R"(\pL)",  R"(\p{Foo})",  ""}) {
    const std::string message = refusal(pattern);
    EXPECT_NE(message.find("tokenizer.json: pattern"), std::string::npos) << pattern << ": " << message;
    EXPECT_EQ(message.find('\n'), std::string::npos);
  }
  EXPECT_EQ(refusal("a"), "");
}

TEST(Regex, EndsWhenAPatternExplodes) {
  const Regex regex("(?:a|aa)+$|(?:a|a)*b");
  EXPECT_THROW(regex.for_each_match(std::string(5000, 'a') + "c", [](Range) {}), Error);
}

TEST(Pattern, OfATextStandsForItself) {
  EXPECT_EQ(Pattern(std::string("a.")).replaced("a.ab", "X"), "Xab");
}

}  // namespace
}  // namespace hone
