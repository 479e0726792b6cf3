#include "hone/report/html.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/faults.h"
#include "hone/core/error.h"
#include "hone/core/file.h"
#include "hone/core/random.h"

namespace hone {
namespace {

namespace fs = std::filesystem;
using test::TempFolder;

size_t count(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++n;
  return n;
}

/// The data from which the page draws its curves.
nlohmann::json data_of(const std::string& page) {
  const std::string open = "<script id=data type=application/json>";
  const size_t at = page.find(open) + open.size();
  return nlohmann::json::parse(page.substr(at, page.find("</script>", at) - at));
}

StageData stage_of(const std::string& name, int64_t steps) {
  StageData stage;
  stage.name = name;
  for (int64_t step = 1; step <= steps; ++step) {
    const auto x = static_cast<double>(step);
    stage.metrics.emplace_back(step, StepMetrics{{"reward", x / 8}, {"kl", step % 2 == 0 ? std::nan("") : x}});
  }
  return stage;
}

TEST(HtmlReport, HoldsEveryValueThatExists) {
  const std::string page =
      html_report({{"a", "seed: 1\n", {stage_of("00_grpo", 50)}}, {"b", "seed: 2\n", {stage_of("00_grpo", 7)}}});
  const auto runs = data_of(page)["runs"];
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[1]["name"], "b");
  const auto reward = runs[0]["stages"]["00_grpo"]["reward"], kl = runs[0]["stages"]["00_grpo"]["kl"];
  ASSERT_EQ(reward.size(), 100U);
  ASSERT_EQ(kl.size(), 50U);
  for (size_t i = 0; i < 50; ++i) {
    EXPECT_EQ(reward[2 * i], i + 1);
    EXPECT_EQ(reward[2 * i + 1].get<double>(), static_cast<double>(i + 1) / 8);
  }
  for (size_t i = 0; i < 25; ++i) EXPECT_EQ(kl[2 * i], 2 * i + 1);
  EXPECT_EQ(count(page, "data-metric=\"reward\""), 1U);
  EXPECT_EQ(runs[1]["stages"]["00_grpo"]["reward"].size(), 14U);
}

// Whatever a model, a config or a folder's name says, the page has our two scripts, our elements, and no address.
TEST(HtmlReport, ForeignTextStaysText) {
  const std::string evil =
      "</script></pre><script>alert(1)</script><img src=https://x onerror='y'>\" onload=\"z&amp;\x1b\xFF";
  StageData stage = stage_of("00_" + evil, 3);
  stage.metrics[0].second.emplace_back("rewards/" + evil + "/mean", 1);
  stage.evals = {{0, {{evil, 0.5}}, evil, evil}, {3, {{evil, 0.75}}, evil, "<think>" + evil + "</think>" + evil}};
  stage.first_samples = stage.last_samples = {{1, evil, evil, evil, {{evil, 1}}}};
  const std::string page = html_report({{evil, evil, {stage}}});
  const std::string plain = html_report({{"name", "config", {stage_of("00_grpo", 3)}}});
  EXPECT_EQ(count(page, "<script"), count(plain, "<script"));
  EXPECT_EQ(count(page, "</script"), count(plain, "</script"));
  EXPECT_EQ(count(page, "<img"), 0U);
  EXPECT_EQ(count(page.substr(0, page.find("<script id=data")), "\" onload"), 0U);
  EXPECT_EQ(count(page, "\x1b"), 0U);
  EXPECT_GT(count(page, "&lt;img src=https://x onerror=&#39;y&#39;&gt;&quot; onload=&quot;z&amp;amp;"), 5U);
  EXPECT_EQ(data_of(page)["runs"][0]["stages"].size(), 1U);
  EXPECT_EQ(count(page, "http-equiv=Content-Security-Policy content=\"default-src 'none';"), 1U);
  // The only address is the name of the SVG namespace, which nothing fetches.
  EXPECT_EQ(count(plain, "://"), 1U);
  EXPECT_EQ(count(plain, "http://www.w3.org/2000/svg"), 1U);
}

// A long run is thinned, but its extremes stay.
TEST(HtmlReport, LongCurveKeepsItsSpikes) {
  RandomStream random(3, RandomPurpose::kTest);
  for (const int64_t steps : {1999, 2000, 2001, 5000, 123457}) {
    StageData stage;
    stage.name = "00_grpo";
    const auto up = static_cast<int64_t>(random.next_below(static_cast<uint64_t>(steps)));
    const auto down = static_cast<int64_t>(random.next_below(static_cast<uint64_t>(steps)));
    for (int64_t step = 0; step < steps; ++step) {
      const double value = step == up ? 100 : step == down ? -100 : random.next_uniform();
      stage.metrics.emplace_back(step + 1, StepMetrics{{"kl", value}});
    }
    const auto flat = data_of(html_report({{"a", "", {stage}}}))["runs"][0]["stages"]["00_grpo"]["kl"];
    EXPECT_LE(flat.size() / 2, 2000U);
    EXPECT_GT(flat.size() / 2, 900U);
    double low = 0, high = 0;
    for (size_t i = 0; i < flat.size(); i += 2) {
      if (i > 0) {
        ASSERT_LT(flat[i - 2].get<int64_t>(), flat[i].get<int64_t>());
      }
      low = std::min(low, flat[i + 1].get<double>());
      high = std::max(high, flat[i + 1].get<double>());
    }
    EXPECT_EQ(high, 100);
    if (up != down) {
      EXPECT_EQ(low, -100);
    }
  }
}

TEST(HtmlReport, RunsOfOneNameAreTold) {
  const auto runs = data_of(html_report({{"a", "", {}}, {"b", "", {}}, {"a", "", {}}}))["runs"];
  EXPECT_EQ(runs[0]["name"], "a (1)");
  EXPECT_EQ(runs[1]["name"], "b");
  EXPECT_EQ(runs[2]["name"], "a (2)");
}

TEST(HtmlReport, EvaluationsMakeATableAndThenCurves) {
  StageData stage = stage_of("00_grpo", 3);
  stage.evals = {{0, {{"accuracy", 0.125}}, "p", "x"}, {3, {{"accuracy", 0.875}}, "p", "y"}};
  const std::string two = html_report({{"a", "", {stage}}});
  EXPECT_NE(two.find("<td class=from>0.125</td><td class=to>0.875</td><td class=change>+0.750</td>"),
            std::string::npos);
  EXPECT_FALSE(data_of(two)["runs"][0]["stages"]["00_grpo"].contains("eval/accuracy"));
  stage.evals.insert(stage.evals.begin() + 1, {2, {{"accuracy", 0.5}}, "p", "z"});
  const std::string three = html_report({{"a", "", {stage}}});
  EXPECT_EQ(data_of(three)["runs"][0]["stages"]["00_grpo"]["eval/accuracy"],
            (nlohmann::json{0, 0.125, 2, 0.5, 3, 0.875}));
}

class ReadRun : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(stage());
    write(run() / "config.yaml", "seed: 1\n");
  }
  fs::path run() const { return folder_ / "my run"; }
  fs::path stage() const { return run() / "stages/00_grpo"; }
  static void write(const fs::path& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }
  std::string message() const {
    try {
      static_cast<void>(read_run(run()));
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInput);
      return error.what();
    }
    return "read";
  }

 private:
  TempFolder folder_;
};

TEST_F(ReadRun, ReadsWhatARunWrites) {
  {
    MetricsLog log(stage() / "metrics.jsonl", 0);
    log.append(1, {{"reward", 0.5}, {"kl", std::nan("")}});
    log.append(2, {{"reward", 0.75}});
  }
  std::ofstream(stage() / "metrics.jsonl", std::ios::app) << R"({"step":3,"rew)";
  write(stage() / "eval.jsonl", eval_line({0, {{"accuracy", 0.1}}, "p", "c"}) + "\n");
  std::string samples;
  for (int step = 1; step <= 3; ++step) {
    for (int prompt = 0; prompt < 5; ++prompt) {
      for (int i = 0; i < 4; ++i) {
        samples += nlohmann::json{{"step", step},
                                  {"prompt", "p" + std::to_string(prompt)},
                                  {"completion", std::to_string(step * 100 + i)},
                                  {"finish_reason", "stop"},
                                  {"reward", 1.5},
                                  {"rewards", {{"format", 1}, {"accuracy", nullptr}}}}
                       .dump() +
                   "\n";
      }
    }
  }
  write(stage() / "samples.jsonl", samples + R"({"step":3,"prompt":"torn)");
  const RunData data = read_run(run().string() + "/");
  EXPECT_EQ(data.name, "my run");
  EXPECT_EQ(data.config, "seed: 1\n");
  ASSERT_EQ(data.stages.size(), 1U);
  const StageData& read = data.stages[0];
  ASSERT_EQ(read.metrics.size(), 2U);
  EXPECT_EQ(read.metrics[1], (std::pair<int64_t, StepMetrics>{2, {{"reward", 0.75}}}));
  EXPECT_EQ(read.evals.size(), 1U);
  ASSERT_EQ(read.first_samples.size(), 3U);
  ASSERT_EQ(read.last_samples.size(), 3U);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(read.first_samples[i].step, 1);
    EXPECT_EQ(read.first_samples[i].prompt, "p" + std::to_string(i));
    EXPECT_EQ(read.last_samples[i].step, 3);
    EXPECT_EQ(read.last_samples[i].prompt, "p" + std::to_string(i + 2));
  }
  ASSERT_EQ(read.first_samples[0].rewards.size(), 3U);
  EXPECT_EQ(read.first_samples[0].rewards[0], (std::pair<std::string, double>{"reward", 1.5}));
  EXPECT_NO_THROW(static_cast<void>(html_report({data})));
}

TEST_F(ReadRun, RunThatHasOnlyBegunIsARun) {
  EXPECT_EQ(read_run(run()).stages.at(0).metrics.size(), 0U);
  write(stage() / "samples.jsonl", "");
  write(stage() / "metrics.jsonl", "");
  EXPECT_NO_THROW(static_cast<void>(html_report({read_run(run())})));
}

TEST_F(ReadRun, DamageIsNamed) {
  write(stage() / "metrics.jsonl", "{\"step\":1}\n{\"step\":}\n");
  EXPECT_NE(message().find("metrics.jsonl:2: "), std::string::npos) << message();
  write(stage() / "metrics.jsonl", "{\"step\":1}\n");
  write(stage() / "samples.jsonl", "[]\n");
  EXPECT_NE(message().find("samples.jsonl: "), std::string::npos) << message();
  fs::remove(run() / "config.yaml");
  EXPECT_NE(message().find("no run here"), std::string::npos) << message();
}

}  // namespace
}  // namespace hone
