// The parts of the template language, each against what Jinja 3.1.6 renders; errors; limits.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "chat_templates.h"

namespace hone {
namespace {

using test::failure;
using test::Json;
using test::render;

TEST(ChatTemplate, TagsTakeTheWhiteSpaceThatJinjaTakes) {
  // trim_blocks, lstrip_blocks and the signs that change them.
  EXPECT_EQ(render("a\n  {% if true %}\nb\n  {% endif %}\nc"), "a\nb\nc");
  EXPECT_EQ(render("a\n  {%+ if true +%}\nb{% endif %}"), "a\n  \nb");
  EXPECT_EQ(render("a \n {%- if true -%} \n b {% endif %}"), "ab ");
  EXPECT_EQ(render("a\n  {{ 1 }}\n"), "a\n  1");
  EXPECT_EQ(render("a \n {{- 1 -}} \n b"), "a1b");
  EXPECT_EQ(render("a\n  {# no #}\nb\r\nc\rd"), "a\nb\nc\nd");
  EXPECT_EQ(render("{% raw %}{{ x }}{% endraw %}|{%- raw -%} {% y %} {%- endraw -%} |"), "{{ x }}|{% y %}|");
}

TEST(ChatTemplate, ValuesPrintAsInPython) {
  EXPECT_EQ(render("{{ [1, 2.0, 1e16, 1e-5, -0.0, true, none, 'it\\'s', \"a'b\\\"\", (1,), {'k': 'é\\n'}] }}"),
            "[1, 2.0, 1e+16, 1e-05, -0.0, True, None, \"it's\", 'a\\'b\"', (1,), {'k': 'é\\n'}]");
  EXPECT_EQ(render("{{ 7 // -2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** -1 }} {{ 2 ** 3 ** 2 }} {{ -7.5 // 2 }}"),
            "-4 2 3.5 0.5 64 -4.0");
  EXPECT_EQ(render("{{ x }}|{{ (x.y is defined) if x else 'none' }}|{{ 1 if false }}|{{ none }}"), "|none||None");
  EXPECT_EQ(render("{{ {'b': 1, 'a': [1.5, none, 'é<&>']} | tojson }}"), "{\"b\": 1, \"a\": [1.5, null, \"é<&>\"]}");
  EXPECT_EQ(render("{{ {'b': 1, 'a': []} | tojson(indent=2, sort_keys=true) }}"), "{\n  \"a\": [],\n  \"b\": 1\n}");
}

TEST(ChatTemplate, ScopesAreJinjas) {
  const Json xs = {{"xs", {1, 2, 3}}};
  EXPECT_EQ(render("{% set v = 0 %}{% for x in xs %}{% set v = v + x %}{{ v }} {% endfor %}{{ v }}", xs), "1 2 3 0");
  EXPECT_EQ(render("{% set n = namespace(v=0) %}{% for x in xs %}{% set n.v = n.v + x %}{% endfor %}{{ n.v }}", xs),
            "6");
  EXPECT_EQ(render("{% if true %}{% set v = 1 %}{% endif %}{{ v }}"), "1");
  EXPECT_EQ(render("{% with a = 1, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}"), "1");
  EXPECT_EQ(render("{% set v %}<{{ 1 }}>{% endset %}{{ v | upper }}{% filter upper %}x{% endfilter %}"), "<1>X");
}

TEST(ChatTemplate, SlicesOfRangesAreRanges) {
  EXPECT_EQ(render("{{ range(-2)[::3] }} {{ range(5)[::9] }} {{ range(5, 1, -2)[4:1:-2] }} {{ range(0)[::-1] }}"),
            "range(0, 0, 3) range(0, 5, 9) range(3, 3, 4) range(-1, -1, -1)");
  EXPECT_EQ(failure("{{ range(5)[::9223372036854775807] }}"), "chat template:1: an integer beyond 64 bits");
}

TEST(ChatTemplate, DefaultsSeeWhatTheBodySetsLater) {
  const Json s = {{"s", 1}};
  EXPECT_EQ(render("{% macro m(q=s) %}{{ q }}{% set s = 2 %}{{ s }}{% endmacro %}{{ m() }}", s), "12");
  EXPECT_EQ(render("{% macro m(q=s) %}{{ q }}{% set s %}x{% endset %}{{ s }}{% endmacro %}{{ m() }}", s), "1x");
  EXPECT_EQ(render("{% macro m() %}{{ caller(5) }}{% endmacro %}{% call(a, b=s) m() %}{{ a }}{{ b }}{% set s = 3 %}"
                   "{{ s }}{% endcall %}",
                   s),
            "513");
  EXPECT_EQ(render("{% macro m(s, q=s) %}{{ q }}{% set s = 2 %}{{ s }}{% endmacro %}{{ m(7) }}", s), "72");
}

TEST(ChatTemplate, LoopsKnowTheirPlace) {
  EXPECT_EQ(render("{% for x in 'abc' %}{{ loop.index }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.previtem }}"
                   "{{ loop.nextitem }} {% endfor %}"),
            "12Trueb 21Falseac 30Falseb ");
  EXPECT_EQ(render("{% for x in range(9) if x is odd %}{% if x == 5 %}{% continue %}{% endif %}{% if x == 7 %}"
                   "{% break %}{% endif %}{{ x }}{{ loop.length }} {% else %}never{% endfor %}"),
            "14 34 ");
  EXPECT_EQ(render("{% for x in [1, [2, [3]]] recursive %}{{ loop(x) if x is iterable else x ~ ':' ~ loop.depth }} "
                   "{% endfor %}"),
            "1:1 2:2 3:3   ");
  EXPECT_EQ(render("{% for x in nothing %}{% else %}empty{% endfor %}"), "empty");
}

TEST(ChatTemplate, MacrosTakeArgumentsAsJinjaDoes) {
  const std::string macro = "{% macro m(a, b='B') %}{{ a }}{{ b }}{{ varargs }}{{ kwargs }}{% endmacro %}";
  EXPECT_EQ(render(macro + "{{ m(1) }}|{{ m(1, 2, 3, z=4) }}|{{ m(b=1) }}"), "1B(){}|12(3,){'z': 4}|1(){}");
  EXPECT_EQ(render("{% macro m() %}<{{ caller(2) }}>{% endmacro %}{% call(x) m() %}{{ x }}{% endcall %}"), "<2>");
  EXPECT_EQ(failure("{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}"),
            "chat template:1: macro 'm' takes not more than 1 argument(s)");
}

TEST(ChatTemplate, GeneratorsAreTrueAndRunOnce) {
  const Json xs = {{"xs", Json::array()}};
  EXPECT_EQ(render("{{ 'yes' if xs | select }}{{ 'no' if xs | select | list }}", xs), "yes");
  EXPECT_EQ(render("{% set g = [1, 2] | map('string') %}{{ g | join }}{{ g | join }}"), "12");
}

TEST(ChatTemplate, GenerationBlocksAreFoundInTheText) {
  const ChatTemplate chat = ChatTemplate::parse(
      "{% for m in messages %}<é>{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}"
      "{% else %}{{ m.content }}{% endif %}{% endfor %}");
  const Json variables = {
      {"messages", {{{"role", "user"}, {"content", "q"}}, {{"role", "assistant"}, {"content", "ä!"}}}}};
  const RenderedChat rendered = chat.render_spans(variables.dump());
  ASSERT_EQ(rendered.assistant.size(), 1U);
  const TextSpan span = rendered.assistant[0];
  EXPECT_EQ(rendered.text.substr(span.begin, span.end - span.begin), "ä!");
  const ChatTemplate captured =
      ChatTemplate::parse("{% macro m() %}{% generation %}x{% endgeneration %}{% endmacro %}{{ m() }}");
  EXPECT_EQ(captured.render("{}"), "x");
  EXPECT_THROW(captured.render_spans("{}"), Error);
}

TEST(ChatTemplate, ErrorsAreOneLineWithTheLine) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"a\n{{ raise_exception('roles must alternate') }}", "chat template:2: roles must alternate"},
      {"\n\n{{ x.y }}", "chat template:3: 'x' is undefined"},
      {"{{ {}.a.b }}", "chat template:1: 'dict object' has no attribute 'a'"},
      {"{{ [].append(1) }}", "chat template:1: access to attribute 'append' of 'list' object is unsafe."},
      {"{% include 'x' %}", "chat template:1: the tag 'include' is not supported in chat templates"},
      {"\n{% extends 'x' %}", "chat template:2: the tag 'extends' is not supported in chat templates"},
      {"{% for x in y %}",
       "chat template:1: Unexpected end of template. The innermost block that needs to be closed is 'for'."},
      {"{{ 1 | nosuch }}", "chat template:1: No filter named 'nosuch'."},
      {"{{ cycler(1) }}", "chat template:1: the function 'cycler' is not supported in chat templates"},
      {"{{ 9223372036854775807 + 1 }}", "chat template:1: an integer beyond 64 bits"},
      {"{{ 'a' + 1 }}", "chat template:1: can only concatenate str (not \"int\") to str"},
      {"{% break %}", "chat template:1: 'break' outside a loop"},
      {"{{ 1 +", "chat template:1: unexpected 'end of template'"},
      {"\xff", "chat template:1: not UTF-8"},
  };
  for (const auto& [text, message] : cases) EXPECT_EQ(failure(text), message) << text;
}

TEST(ChatTemplate, NoTemplateOutgrowsItsLimits) {
  const auto nested = [](const std::string& open, const std::string& close, int depth) {
    std::string text = "{{ ";
    for (int i = 0; i < depth; ++i) text += open;
    text += "1";
    for (int i = 0; i < depth; ++i) text += close;
    return text + " }}";
  };
  std::string blocks, sum = "{{ 1";
  for (int i = 0; i < 5000; ++i) blocks += "{% if true %}";
  for (int i = 0; i < 5000; ++i) sum += " + 1";
  std::string names, ifs, keywords;
  for (int i = 0; i < 20'000; ++i) names += "{% set n" + std::to_string(i) + " = 1 %}";
  for (int i = 0; i < 10'000; ++i) ifs += "{% if x %}{% set n" + std::to_string(i) + " = 1 %}{% elif y %}{% endif %}";
  for (int i = 0; i < 50'000; ++i) keywords += "k" + std::to_string(i) + "=1, ";
  const std::string ten = "range(100000)";
  const std::vector<std::string> hostile = {
      nested("(", ")", 100'000),
      nested("[", "]", 100'000),
      nested("-", "", 100'000),
      nested("not ", "", 100'000),
      nested("{1:", "}", 100'000),
      nested("x[", "]", 100'000),
      blocks,
      sum + " }}",
      "{% for a in " + ten + " %}{% for b in " + ten + " %}{% endfor %}{% endfor %}",
      "{% for a in " + ten + " %}{{ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' * 100 }}{% endfor %}",
      names + "{% for a in range(100000) %}{% for b in range(9) %}{{ n19999 }}{% endfor %}{% endfor %}",
      "{% for a in range(100000) %}{{ n0 }}" + names + "{% endfor %}",
      ifs + "{{ 1 / 0 }}",
      "{{ dict(" + keywords + ") }}",
      "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
      "{% macro m() %}{% call m() %}{{ caller() }}{% endcall %}{% endmacro %}{{ m() }}",
      "{{ 'x' * 1000000000000 }}",
      "{{ [0] * 1000000000000 }}",
      "{{ 'x' | center(10000000000) }}",
      "{{ '%999999999999d' % 1 }}",
      "{{ '{:999999999}'.format(1) }}",
      "{{ 'a'.ljust(9999999999) }}",
      "{{ range(10000000000) }}",
      "{{ 10 ** 10 ** 10 }}",
      "{{ [1] | batch(99999999999, 1) | list }}",
      "{{ [1] | slice(99999999999) | list }}",
      "{{ {'a': 1} | tojson(indent=99999999) }}",
      "{% set n = namespace(x=[]) %}{% for i in range(1000) %}{% set n.x = [n.x] %}{% endfor %}{{ n.x }}",
      "{% set n = namespace(x=[]) %}{% for i in range(100) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}",
      "{% set n = namespace(x='ab') %}{% for i in range(100) %}{% set n.x = n.x | replace('', n.x) %}{% endfor %}",
      "{% set n = namespace(x=[1]) %}{% for i in range(1000) %}{% set n.x = n.x | map('string') %}{% endfor %}",
      "{% set n = namespace(x='a') %}{% for i in range(30) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
      "{% set big = 'ab' * 8000000 %}{% for i in range(100000) %}{{ big | wordcount }}{% endfor %}",
      "{% set big = 'a' * 8000000 %}{{ big.rfind('b' ~ 'a' * 4000000) }}{% for i in range(1000) %}"
      "{{ big.count('aaaaaaaab') }}{% endfor %}",
      "{% for a in [[1]] recursive %}{{ loop([a]) }}{% endfor %}",
  };
  for (const std::string& text : hostile) {
    const auto start = std::chrono::steady_clock::now();
    const std::string message = failure(text);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    EXPECT_EQ(message.rfind("chat template:", 0), 0U) << text.substr(0, 120) << "\n" << message.substr(0, 200);
    EXPECT_LT(seconds.count(), 120) << text.substr(0, 120);
  }
}

TEST(ChatTemplate, CyclesAreFreed) {
  // The sanitizer build would report what is leaked.
  EXPECT_EQ(render("{% set n = namespace() %}{% set n.self = n %}{{ n }}"), "<Namespace {'self': <Namespace {...}>}>");
  EXPECT_EQ(render("{% set n = namespace() %}{% macro m() %}{% endmacro %}{% set n.m = [m, n] %}{% for x in [n] %}"
                   "{% set n.l = loop %}{% endfor %}{{ n.l.index }}"),
            "1");
  EXPECT_EQ(
      render("{% set n = namespace() %}{% for a in [1] %}{% for b in [1] recursive %}{% set n.l = loop %}{% endfor %}"
             "{% set keep = n.l %}{% endfor %}{{ n.l.length }}"),
      "1");
}

TEST(ChatTemplate, VariablesKeepOrderAndBounds) {
  EXPECT_EQ(ChatTemplate::parse("{{ d }}").render(R"({"d": {"z": 1, "a": {"y": 2, "b": 3}, "z": 4}})"),
            "{'z': 4, 'a': {'y': 2, 'b': 3}}");
  const ChatTemplate any = ChatTemplate::parse("{{ d }}");
  EXPECT_THROW(any.render(R"({"d": 123456789012345678901})"), Error);
  EXPECT_THROW(any.render("[1]"), Error);
  EXPECT_THROW(any.render("{"), Error);
  EXPECT_THROW(any.render("{\"d\": " + std::string(100'000, '[') + std::string(100'000, ']') + "}"), Error);
}

}  // namespace
}  // namespace hone
