#include "hone/core/config_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "hone/core/error.h"
#include "hone/core/random.h"

namespace hone {
namespace {

enum class Colour { kRed, kGreen };
constexpr std::string_view kColourNames[] = {"red", "off"};
std::span<const std::string_view> enum_names(Colour) {
  return kColourNames;
}

struct Square {
  static constexpr std::string_view kType = "square";
  int64_t side = 1;
  bool operator==(const Square&) const = default;
};
struct Circle {
  static constexpr std::string_view kType = "circle";
  double radius = 1;
  std::optional<Colour> colour;
  bool operator==(const Circle&) const = default;
};
struct Shape {
  std::variant<Square, Circle> kind;
  std::string label;
  bool operator==(const Shape&) const = default;
};
struct Inner {
  int64_t count = 3;
  std::optional<double> share = 0.5;
  bool operator==(const Inner&) const = default;
};
struct Sample {
  bool flag = false;
  int64_t number = 0;
  double real = 0;
  std::string text;
  std::vector<std::string> texts;
  Colour colour = Colour::kGreen;
  std::optional<std::string> name;
  Inner inner;
  std::vector<Shape> shapes;
  bool operator==(const Sample&) const = default;
};

void describe(ConfigVisitor& v, Square& c) {
  v.field("side", c.side, at_least(1), "cm", "Side.");
}
void describe(ConfigVisitor& v, Circle& c) {
  v.required("radius", c.radius, above(0), "cm", "Radius.");
  v.field("colour", c.colour, any_value(), "", "Colour.");
}
void describe(ConfigVisitor& v, Shape& c) {
  v.tagged("type", c.kind, "Kind.");
  v.field("label", c.label, any_value(), "", "Label.");
}
void describe(ConfigVisitor& v, Inner& c) {
  v.field("count", c.count, between(1, 7), "", "Count.");
  v.field("share", c.share, above_up_to(0, 1), "", "Share.");
}
void describe(ConfigVisitor& v, Sample& c) {
  v.field("flag", c.flag, any_value(), "", "Flag.");
  v.field("number", c.number, between(-5, 9007199254740992.0), "", "Number.");
  v.field("real", c.real, any_value(), "", "Real.");
  v.field("text", c.text, any_value(), "", "Text.");
  v.field("texts", c.texts, any_value(), "", "Texts.");
  v.field("colour", c.colour, any_value(), "", "Colour.");
  v.field("name", c.name, any_value(), "", "Name.");
  v.section("inner", c.inner, "Inner.");
  v.list("shapes", c.shapes, "Shapes.", "shape");
}

constexpr const char* kShape = "shape: { type: square }\n";

Sample parse(const std::string& text, const std::vector<std::string>& overrides = {},
             const std::string& name = "f.yaml") {
  ConfigFile file(name, text);
  for (const std::string& assignment : overrides) file.set(assignment);
  Sample sample;
  file.read(sample);
  file.throw_problems();
  return sample;
}

std::string problems(const std::string& text, const std::vector<std::string>& overrides = {},
                     const std::string& name = "f.yaml") {
  try {
    parse(text, overrides, name);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    return error.what();
  }
  return "";
}

// The problem of one value of `key`, without its place.
std::string value_problem(const std::string& key, const std::string& value) {
  return problems(key + ": " + value + "\n" + kShape);
}

std::string to_text(Sample sample, bool comments = false) {
  return config_yaml([&](ConfigVisitor& v) { describe(v, sample); }, comments);
}

TEST(ConfigFileTest, ReadsEveryTypeOfValue) {
  const Sample s = parse(
      "flag: true\nnumber: +7\nreal: -2.5e-3\ntext: a b\ntexts: [x, 'y z', \"\\n\"]\ncolour: off\nname: ~\n"
      "inner: { count: 4, share: null }\nshapes:\n  - type: circle\n    radius: 2\n    colour: red\n  - { type: square "
      "}\n");
  EXPECT_TRUE(s.flag);
  EXPECT_EQ(s.number, 7);
  EXPECT_EQ(s.real, -2.5e-3);
  EXPECT_EQ(s.text, "a b");
  EXPECT_EQ(s.texts, (std::vector<std::string>{"x", "y z", "\n"}));
  EXPECT_EQ(s.colour, Colour::kGreen);
  EXPECT_EQ(s.name, std::nullopt);
  EXPECT_EQ(s.inner, (Inner{4, std::nullopt}));
  ASSERT_EQ(s.shapes.size(), 2u);
  EXPECT_EQ(std::get<Circle>(s.shapes[0].kind), (Circle{2.0, Colour::kRed}));
  EXPECT_EQ(std::get<Square>(s.shapes[1].kind), Square{});
}

TEST(ConfigFileTest, JsonIsReadWithItsOwnEscapesAndTabs) {
  const Sample s = parse(
      "{\n\t\"text\":\"\\ud83d\\ude00\\/\\\\ud83d\",\"real\" "
      ":\t1E2,\n\t\"shape\":{\"type\":\"square\",\"side\":2}\n}\n",
      {}, "f.json");
  EXPECT_EQ(s.text, "\xF0\x9F\x98\x80/\\ud83d");
  EXPECT_EQ(s.real, 100);
  EXPECT_EQ(std::get<Square>(s.shapes[0].kind).side, 2);
}

TEST(ConfigFileTest, ByteOrderMarkAndCarriageReturnsDoNotMatter) {
  EXPECT_EQ(parse("\xEF\xBB\xBFnumber: 3\r\n# note\r\nshape:\r\n  type: square\r\n"),
            parse(std::string("number: 3\n") + kShape));
}

TEST(ConfigFileTest, ValuesOutOfRangeOrOfAnotherTypeAreNamed) {
  EXPECT_EQ(value_problem("flag", "yes"), "f.yaml:1:7: flag: got 'yes', expected true or false (write true)");
  EXPECT_EQ(value_problem("flag", "off"), "f.yaml:1:7: flag: got 'off', expected true or false (write false)");
  EXPECT_EQ(value_problem("flag", "'true'"),
            "f.yaml:1:7: flag: got the text \"true\", expected true or false (remove the quotes)");
  EXPECT_EQ(value_problem("inner", "{ count: 0 }"), "f.yaml:1:17: inner.count: got '0', expected an integer in [1, 7]");
  EXPECT_EQ(value_problem("inner", "{ count: 2.0 }"),
            "f.yaml:1:17: inner.count: got '2.0', expected an integer in [1, 7]");
  EXPECT_EQ(value_problem("inner", "{ count: 0x2 }"),
            "f.yaml:1:17: inner.count: got '0x2', expected an integer in [1, 7]");
  EXPECT_EQ(value_problem("inner", "{ count: }"), "f.yaml:1:17: inner.count: got null, expected an integer in [1, 7]");
  EXPECT_EQ(value_problem("inner", "{ count: \"2\" }"),
            "f.yaml:1:17: inner.count: got the text \"2\", expected an integer in [1, 7] (remove the quotes)");
  EXPECT_EQ(value_problem("inner", "{ share: 0 }"),
            "f.yaml:1:17: inner.share: got '0', expected a number in (0, 1] or null");
  EXPECT_EQ(value_problem("inner", "3"), "f.yaml:1:8: inner: got '3', expected a map of keys");
  EXPECT_EQ(value_problem("number", "99999999999999999999"),
            "f.yaml:1:9: number: got '99999999999999999999', expected an integer in [-5, 9007199254740992]");
  for (const char* value : {".nan", ".inf", "-.inf", "nan", "inf", "1e999", "1..2", "1_000", "e", "+", "."}) {
    EXPECT_EQ(value_problem("real", value), std::string("f.yaml:1:7: real: got '") + value + "', expected a number");
  }
  EXPECT_EQ(value_problem("colour", "rad"),
            "f.yaml:1:9: colour: got 'rad', expected one of red, off (did you mean 'red'?)");
  EXPECT_EQ(value_problem("text", "[a]"), "f.yaml:1:7: text: got a list, expected text");
  EXPECT_EQ(value_problem("texts", "a"), "f.yaml:1:8: texts: got 'a', expected a list of texts");
  EXPECT_EQ(value_problem("texts", "[[a]]"),
            "f.yaml:1:8: texts: got a list, expected a list of texts (one element is a list)");
  EXPECT_EQ(problems("shape: { type: square, side: 2000000000 }"),
            "f.yaml:1:30: shape.side: got '2000000000', expected an integer >= 1 (at most 1000000000)");
}

TEST(ConfigFileTest, UnknownKeysAreNamedWithTheOneThatIsMeant) {
  EXPECT_EQ(problems(std::string("inner: { cuont: 1 }\n") + kShape),
            "f.yaml:1:10: unknown key 'inner.cuont', did you mean 'inner.count'?");
  EXPECT_EQ(problems(std::string("count: 1\n") + kShape),
            "f.yaml:1:1: unknown key 'count', did you mean 'inner.count'?");
  EXPECT_EQ(problems("shape: { type: square, radius: 1 }"),
            "f.yaml:1:24: unknown key 'shape.radius', which belongs to another type");
  EXPECT_EQ(problems(std::string("zzzzz: 1\n") + kShape), "f.yaml:1:1: unknown key 'zzzzz'");
  EXPECT_EQ(problems(std::string("<<: { number: 1 }\n") + kShape), "f.yaml:1:1: unknown key '<<'");
}

TEST(ConfigFileTest, ListsAndTypes) {
  EXPECT_EQ(problems("number: 1"), "f.yaml:1:1: missing key 'shape': expected a map of keys");
  EXPECT_EQ(problems("shape: { side: 1 }"), "f.yaml:1:1: missing key 'shape.type': expected one of square, circle");
  EXPECT_EQ(problems("shape: { type: circel, radios: 3 }"),
            "f.yaml:1:16: shape.type: got 'circel', expected one of square, circle (did you mean 'circle'?)");
  EXPECT_EQ(problems("shape: { type: circle }"), "f.yaml:1:1: missing key 'shape.radius': expected a number > 0");
  EXPECT_EQ(problems("shapes: []"), "f.yaml:1:9: shapes: got an empty list, expected at least one element");
  EXPECT_EQ(problems("shapes: { type: square }"), "f.yaml:1:9: shapes: got a map, expected a list of maps");
  EXPECT_EQ(problems("shapes: [square]"), "f.yaml:1:10: shapes.0: got 'square', expected a map of keys");
  EXPECT_EQ(problems("shape: [{ type: square }]"), "f.yaml:1:8: shape: got a list, expected a map of keys");
  EXPECT_EQ(problems("shape: { type: square }\nshapes: [{ type: square }]"),
            "f.yaml:2:1: both 'shape' and 'shapes' are given: expected one of them");
}

TEST(ConfigFileTest, AllProblemsAreReportedInTheOrderOfTheFile) {
  EXPECT_EQ(problems("numbr: 1\nflag: 2\nflag: true\nreal: x\n", {"inner.count=9"}),
            "f.yaml:1:1: missing key 'shape': expected a map of keys\n"
            "f.yaml:1:1: unknown key 'numbr', did you mean 'number'?\n"
            "f.yaml:2:7: flag: got '2', expected true or false\n"
            "f.yaml:3:1: duplicate key 'flag'; the first is at line 2\n"
            "f.yaml:4:7: real: got 'x', expected a number\n"
            "--set inner.count=9: inner.count: got '9', expected an integer in [1, 7]");
}

TEST(ConfigFileTest, WhatIsNotYamlForAConfigIsRefused) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "f.yaml:1:1: the file is empty: expected keys such as 'stage: ...'"},
      {"# only a comment\n", "f.yaml:1:1: the file is empty: expected keys such as 'stage: ...'"},
      {"---\n", "f.yaml:1:1: the file is empty: expected keys such as 'stage: ...'"},
      {"- a\n", "f.yaml:1:1: the file is not a map: expected keys such as 'stage: ...'"},
      {"text\n", "f.yaml:1:1: the file is not a map: expected keys such as 'stage: ...'"},
      {"a: 1\n---\nb: 2\n", "f.yaml:2:1: more text after the end of the document: expected one document"},
      {"{a: 1} b", "f.yaml:1:8: more text after the end of the document: expected one document"},
      {"a: [1, 2\n", "f.yaml:1:4: not valid YAML: the '[' has no ']'"},
      {"a: {b: 1\n", "f.yaml:1:4: not valid YAML: the '{' has no '}'"},
      {"a: \"b\n", "f.yaml:1:4: not valid YAML: the closing quote is missing"},
      {"a: 'it''s\n", "f.yaml:1:4: not valid YAML: the closing quote is missing"},
      {"a:\n\tb: 1\n",
       "f.yaml:2:3: not valid YAML: illegal map value (put text that holds ': ' in quotes, and check the indentation)"},
      {"a: 1\n\tb: 1\n", "f.yaml:2:1: not valid YAML: illegal tab when looking for indentation (indent with spaces)"},
      {"a: b: c\n",
       "f.yaml:1:5: not valid YAML: illegal map value (put text that holds ': ' in quotes, and check the indentation)"},
      {"a: @b\n", "f.yaml:1:4: not valid YAML: unknown token (put text that begins with @, % or ` in quotes)"},
      {"a: \xFF\n", "f.yaml:1:4: not UTF-8 text"},
      {"a: \xC0\x80\n", "f.yaml:1:4: not UTF-8 text"},
      {"a: \xED\xA0\x80\n", "f.yaml:1:4: not UTF-8 text"},
      {"\xC3\xA4: \xE4\n", "f.yaml:1:4: not UTF-8 text"},
      {std::string("a: 1\nb: \0c", 9), "f.yaml:2:4: the control character U+0000 is not allowed"},
      {"a: 1\x04\nb: 2\n", "f.yaml:1:5: the control character U+0004 is not allowed"},
      {"a: 1\rb: 2\n", "f.yaml:1:5: a carriage return ends no line here"},
      {"a: " + std::string(3000, '['), "f.yaml:1:20: nested deeper than 32 levels"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(problems(text), expected) << text.substr(0, 40);
  EXPECT_EQ(problems(std::string("number: &a 1\nreal: *a\n") + kShape),
            "f.yaml:1:9: anchors (&name) are not supported (write the value out)\n"
            "f.yaml:2:7: aliases (*name) are not supported (write the value out)\n"
            "f.yaml:2:7: real: got null, expected a number");
  EXPECT_EQ(problems(std::string("number: !!int 1\n") + kShape),
            "f.yaml:1:9: tags (!name) are not supported: got tag:yaml.org,2002:int");
  EXPECT_EQ(problems(std::string("? [a]\n: 1\n") + kShape), "f.yaml:1:3: a key must be text");
}

TEST(ConfigFileTest, SizeIsBounded) {
  std::string many = "texts: [";
  for (int i = 0; i < 20001; ++i) many += "a,";
  EXPECT_NE(problems(many + "]").find("too many values: expected at most 20000"), std::string::npos);
  std::string lines;
  for (int i = 0; i < 150; ++i) lines += "zzzzzzz" + std::to_string(i) + ": 1\n";
  const std::string report = problems(lines + kShape);
  EXPECT_EQ(std::count(report.begin(), report.end(), '\n'), 100);
  EXPECT_TRUE(report.ends_with("... and 50 more"));
}

TEST(ConfigFileTest, OverridesReplaceAndBuild) {
  const Sample s = parse("number: 1\nshapes:\n  - { type: square, side: 3 }\n",
                         {"number=2", "number=3", "inner.share=null", "shapes.0.side=4", "shapes.1.type=circle",
                          "shapes.1.radius=2.5", "texts=[a, 'b=c']", "text=x=y", "name=", "flag=true"});
  EXPECT_EQ(s.number, 3);
  EXPECT_EQ(s.inner.share, std::nullopt);
  ASSERT_EQ(s.shapes.size(), 2u);
  EXPECT_EQ(std::get<Square>(s.shapes[0].kind).side, 4);
  EXPECT_EQ(std::get<Circle>(s.shapes[1].kind).radius, 2.5);
  EXPECT_EQ(s.texts, (std::vector<std::string>{"a", "b=c"}));
  EXPECT_EQ(s.text, "x=y");
  EXPECT_TRUE(s.flag);
  EXPECT_EQ(parse("number: 1\n", {"shapes.0.type=square"}).shapes.size(), 1u);
  EXPECT_EQ(parse(std::string("number: many\n") + kShape, {"number=1"}).number, 1);
}

TEST(ConfigFileTest, BadOverridesAreNamed) {
  const std::string text = "shapes:\n  - { type: square }\n";
  const std::pair<std::string, std::string> cases[] = {
      {"number=many", "--set number=many: number: got 'many', expected an integer in [-5, 9007199254740992]"},
      {"numer=1", "--set numer=1: unknown key 'numer', did you mean 'number'?"},
      {"iner.count=1", "--set iner.count=1: unknown key 'iner', did you mean 'inner'?"},
      {"number", "--set number: not an override: expected section.key=value"},
      {"=1", "--set =1: not an override: expected section.key=value"},
      {"inner..count=1", "--set inner..count=1: not an override: expected section.key=value"},
      {"shapes.0.type.x=1", "--set shapes.0.type.x=1: 'shapes.0.type' is a value, not a section"},
      {"shapes.2.type=square",
       "--set shapes.2.type=square: 'shapes' has 1 elements: got 2, expected a number from 0 to 1, the last one to add "
       "an "
       "element"},
      {"text=[a", "--set text=[a: not valid YAML: the '[' has no ']'"},
      {"text=\xFF", "--set text=?: not UTF-8 text"},
      {"texts={a: 1, a: 2}",
       "--set texts={a: 1, a: 2}: duplicate key 'a'\n"
       "--set texts={a: 1, a: 2}: texts: got a map, expected a list of texts"},
  };
  for (const auto& [assignment, expected] : cases) EXPECT_EQ(problems(text, {assignment}), expected);
}

// Any text and number survives writing and reading.
TEST(ConfigFileTest, WrittenValuesAreReadBack) {
  const std::string texts[] = {"",
                               "a",
                               "true",
                               "Null",
                               "~",
                               "off",
                               "12",
                               "1e3",
                               ".5",
                               "-",
                               "- a",
                               "a: b",
                               "a:",
                               ":a",
                               "#",
                               "a #b",
                               "'",
                               "\"",
                               "\\",
                               "\n",
                               "\t",
                               "a\nb\n",
                               "builtin:chains",
                               "x/y.z",
                               "\xF0\x9F\x98\x80",
                               "\x01",
                               "@a",
                               "%a",
                               "{a}",
                               "[a]",
                               "*a",
                               "&a",
                               "!a",
                               "|",
                               ">",
                               "?",
                               "a,b",
                               " a ",
                               "\x7F",
                               "no",
                               "=",
                               "<<"};
  const double numbers[] = {0.0,           -0.0, 1.0,    0.1, 1e-6, 1e22, 1e300, 5e-324, 1.7976931348623157e308,
                            123456789.125, -2.5, 1.0 / 3};
  RandomStream random(1, RandomPurpose::kTest);
  for (int round = 0; round < 300; ++round) {
    const auto pick = [&] { return texts[random.next_below(std::size(texts))]; };
    Sample s;
    s.flag = random.next_bernoulli(0.5);
    s.number = static_cast<int64_t>(random.next_below(9007199254740992u)) - 5;
    s.real = numbers[random.next_below(std::size(numbers))];
    s.text = pick();
    for (uint64_t i = random.next_below(4); i > 0; --i) s.texts.push_back(pick());
    s.colour = random.next_bernoulli(0.5) ? Colour::kRed : Colour::kGreen;
    if (random.next_bernoulli(0.5)) s.name = pick();
    if (random.next_bernoulli(0.5)) s.inner.share.reset();
    for (uint64_t i = 1 + random.next_below(3); i > 0; --i) {
      Shape shape{.kind = Square{static_cast<int64_t>(i)}, .label = pick()};
      if (random.next_bernoulli(0.5))
        shape.kind = Circle{0.25, random.next_bernoulli(0.5) ? std::optional(Colour::kGreen) : std::nullopt};
      s.shapes.push_back(shape);
    }
    EXPECT_EQ(parse(to_text(s)), s) << to_text(s);
    EXPECT_EQ(parse(to_text(s, true)), s) << to_text(s, true);
  }
}

// Whatever the bytes: a value or an Error, in bounded time. Run with sanitizers, it also finds what only looks
// harmless.
TEST(ConfigFileTest, DamagedFilesGiveAnErrorOrAConfig) {
  Sample sample;
  sample.texts = {"a", "b c"};
  sample.shapes = {Shape{}, Shape{Circle{}, "l"}};
  const std::string seeds[] = {
      to_text(sample), to_text(sample, true),
      "{\"number\": 1, \"texts\": [\"a\\n\", \"\\ud83d\\ude00\"], \"shape\": {\"type\": \"square\"}}",
      "text: |\n  a\n  b\nname: >-\n  c\n\nshape:\n  ? type\n  : square\n"};
  const std::string_view pieces[] = {
      "[",  "]",     "{",     "}",           ":",  ": ",           ",",    "\n",   "\n  ", "\t",
      "- ", "? ",    "&a ",   "*a",          "!!", "|\n",          ">",    "'",    "\"",   "\\u",
      "#",  "---\n", "...\n", "%YAML 1.2\n", "\r", "\xEF\xBB\xBF", "\xC3", "<<: ", "~",    "@"};
  RandomStream random(2, RandomPurpose::kTest);
  int read = 0, refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string text = seeds[random.next_below(std::size(seeds))];
    for (uint64_t edits = 1 + random.next_below(4); edits > 0; --edits) {
      const size_t at = random.next_below(text.size() + 1);
      switch (random.next_below(5)) {
        case 0:
          text.resize(at);
          break;
        case 1:
          if (at < text.size()) text[at] = static_cast<char>(random.next_below(256));
          break;
        case 2:
          text.erase(at, random.next_below(8));
          break;
        case 3:
          text.insert(at, text.substr(random.next_below(text.size() + 1), random.next_below(30)));
          break;
        default:
          text.insert(at, pieces[random.next_below(std::size(pieces))]);
      }
    }
    try {
      parse(text, {}, round % 2 == 0 ? "f.yaml" : "f.json");
      ++read;
    } catch (const Error& error) {
      ++refused;
      ASSERT_EQ(error.kind(), ErrorKind::kInput) << error.what();
    }
  }
  EXPECT_GT(read, 1000);
  EXPECT_GT(refused, 10000);
}

TEST(ConfigFileTest, KeysAndSchemaListEveryField) {
  Sample sample;
  const DescribeConfig described = [&](ConfigVisitor& v) { describe(v, sample); };
  std::vector<std::string> paths;
  for (const ConfigKey& key : config_keys(described)) paths.push_back(key.path);
  EXPECT_EQ(paths, (std::vector<std::string>{"flag", "number", "real", "text", "texts", "colour", "name", "inner.count",
                                             "inner.share", "shapes", "shape.type", "shape.side", "shape.radius",
                                             "shape.colour", "shape.label"}));
  const auto schema = nlohmann::json::parse(config_schema(described));
  const auto& properties = schema["properties"];
  EXPECT_EQ(properties["inner"]["properties"]["share"]["exclusiveMinimum"], 0);
  EXPECT_EQ(properties["inner"]["properties"]["share"]["type"], nlohmann::json({"number", "null"}));
  EXPECT_EQ(properties["inner"]["additionalProperties"], false);
  const auto& circle = properties["shape"]["oneOf"][1];
  EXPECT_EQ(circle["properties"]["type"]["const"], "circle");
  EXPECT_EQ(circle["required"], nlohmann::json({"type", "radius"}));
  EXPECT_TRUE(circle["properties"].contains("label"));
  EXPECT_FALSE(circle["properties"].contains("side"));
}

TEST(ConfigFile, AnOverrideNeedsAKey) {
  ConfigFile file("c.yaml", "text: a\n");
  file.set("=5");
  EXPECT_TRUE(file.has_problems());
  EXPECT_EQ(file.text("text"), "a");
  EXPECT_EQ(file.keys(""), std::vector<std::string>{"text"});
}

}  // namespace
}  // namespace hone
