// Whole templates against jinja2: published ones, random ones that were kept, random ones made now, and damaged ones.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <random>
#include <string>

#include "chat_templates.h"

namespace hone {
namespace {

using test::Json;
using test::kFixtureTime;

class ChatTemplateFixtures : public testing::Test {
 protected:
  // strftime_now prints local time.
  void SetUp() override { setenv("TZ", "UTC", 1); }
};

/// The rows of a case file, or of what a command prints.
void check_case(const Json& row) {
  const auto text = row["template"].get<std::string>();
  try {
    const ChatTemplate chat = ChatTemplate::parse(text);
    const std::string rendered = chat.render(row["variables"].dump(), kFixtureTime);
    ASSERT_TRUE(row.contains("text")) << "jinja2: " << row["error"] << "\nours: " << rendered << "\n" << text;
    ASSERT_EQ(rendered, row["text"].get<std::string>()) << text << "\n" << row["variables"];
  } catch (const Error& error) {
    // Two differences are ours: integers of 64 bits, and how early Jinja decides which block a name belongs to.
    if (std::string(error.what()).find("beyond 64 bits") != std::string::npos) return;
    ASSERT_FALSE(row.contains("text")) << error.what() << "\njinja2: " << row["text"] << "\n" << text;
  }
}

TEST_F(ChatTemplateFixtures, PublishedTemplatesRenderByteForByte) {
  std::ifstream file = test::fixture("chat_templates.json");
  const Json fixture = Json::parse(file);
  ASSERT_GE(fixture["templates"].size(), 25U);
  for (const Json& entry : fixture["templates"]) {
    const ChatTemplate chat =
        ChatTemplate::parse(entry["template"].get<std::string>(), entry["name"].get<std::string>());
    for (const Json& row : entry["cases"]) {
      Json variables = fixture["defaults"];
      variables.update(row["chat"]);
      const std::string what = entry["name"].get<std::string>() + " " + row["chat"].dump();
      if (row.contains("text")) {
        const RenderedChat rendered = chat.render_spans(variables.dump(), fixture["now"].get<std::time_t>());
        EXPECT_EQ(rendered.text, row["text"].get<std::string>()) << what;
        EXPECT_EQ(test::spans_json(rendered), row.value("spans", Json::array())) << what;
        continue;
      }
      try {
        ADD_FAILURE() << what << chat.render(variables.dump());
      } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find(row["error"].get<std::string>()), std::string::npos) << error.what();
      }
    }
  }
}

TEST_F(ChatTemplateFixtures, RandomTemplatesThatWereKept) {
  std::ifstream file = test::fixture("chat_template_cases.jsonl");
  size_t count = 0;
  for (std::string line; std::getline(file, line); ++count) {
    const Json row = Json::parse(line);
    check_case(row);
    if (row["spans"].empty()) continue;
    const ChatTemplate chat = ChatTemplate::parse(row["template"].get<std::string>());
    EXPECT_EQ(test::spans_json(chat.render_spans(row["variables"].dump(), kFixtureTime)), row["spans"]);
  }
  EXPECT_GE(count, 300U);
}

TEST_F(ChatTemplateFixtures, RandomTemplatesMadeNow) {
  if (std::system("python3 -c 'import jinja2' >/dev/null 2>&1") != 0) GTEST_SKIP() << "no python3 with jinja2";
  const char* const count = std::getenv("HONE_FUZZ_CASES");
  const char* const seed = std::getenv("HONE_FUZZ_SEED");
  const std::string command = std::string("python3 -W ignore ") + HONE_SOURCE_DIR +
                              "/tests/fixtures/chat_template_oracle.py " + (count != nullptr ? count : "500") + " " +
                              (seed != nullptr ? seed : "1000000");
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  ASSERT_NE(pipe, nullptr);
  std::unique_ptr<char, void (*)(void*)> line(nullptr, std::free);
  char* buffer = nullptr;
  size_t size = 0, rows = 0;
  while (getline(&buffer, &size, pipe.get()) > 0) {
    check_case(Json::parse(buffer));
    ++rows;
  }
  line.reset(buffer);
  EXPECT_GT(rows, 0U);
}

TEST_F(ChatTemplateFixtures, DamagedTemplatesEndInGoodTime) {
  std::ifstream file = test::fixture("chat_templates.json");
  const Json fixture = Json::parse(file);
  const char* const given = std::getenv("HONE_FUZZ_CASES");
  const int rounds = given != nullptr ? std::atoi(given) : 40;
  std::mt19937_64 random(17);
  const std::string pieces[] = {"{{",
                                "}}",
                                "{%",
                                "%}",
                                "-",
                                "|",
                                "(",
                                ")",
                                "[",
                                "::-1]",
                                "'",
                                "{% for x in range(9) %}",
                                "{% endfor %}",
                                "{% if x %}",
                                "{% endif %}",
                                " ~ ",
                                "loop",
                                "\\u",
                                "#}",
                                "{#",
                                "\xe2",
                                "\n"};
  for (const Json& entry : fixture["templates"]) {
    const auto original = entry["template"].get<std::string>();
    for (int round = 0; round < rounds; ++round) {
      std::string text = original;
      for (size_t edits = 1 + random() % 6; edits > 0 && !text.empty(); --edits) {
        const size_t at = random() % text.size();
        switch (random() % 4) {
          case 0:
            text[at] = static_cast<char>(random());
            break;
          case 1:
            text.erase(at, 1 + random() % 20);
            break;
          case 2:
            text.insert(at, pieces[random() % std::size(pieces)]);
            break;
          default:
            text.insert(at, text.substr(random() % text.size(), random() % 60));
        }
      }
      Json variables = fixture["defaults"];
      variables.update(entry["cases"][random() % entry["cases"].size()]["chat"]);
      const auto start = std::chrono::steady_clock::now();
      try {
        ChatTemplate::parse(text).render(variables.dump());
      } catch (const Error&) {  // most are broken
      }
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
      ASSERT_LT(seconds.count(), 60) << text;
    }
  }
}

}  // namespace
}  // namespace hone
