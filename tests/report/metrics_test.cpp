#include "hone/report/metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

#include "core/faults.h"
#include "hone/core/error.h"
#include "hone/core/random.h"

namespace hone {
namespace {

using test::TempFolder;

double any_double(RandomStream& random) {
  const uint64_t bits = (random.next_below(uint64_t{1} << 32) << 32) | random.next_below(uint64_t{1} << 32);
  return std::bit_cast<double>(bits);
}

TEST(MetricsLine, KeepsEveryBitInTheShortestText) {
  RandomStream random(1, RandomPurpose::kTest);
  for (int i = 0; i < 20000; ++i) {
    const double value = any_double(random);
    if (!std::isfinite(value) || value == 0) continue;
    const std::string line = metrics_line(1, {{"x", value}});
    const std::string number = line.substr(14, line.size() - 15);
    ASSERT_EQ(std::bit_cast<uint64_t>(std::strtod(number.c_str(), nullptr)), std::bit_cast<uint64_t>(value)) << number;
    // No precision of printf gives a shorter text that reads back.
    for (int digits = 1; digits <= 17; ++digits) {
      char other[64];
      std::snprintf(other, sizeof other, "%.*g", digits, value);
      if (std::strtod(other, nullptr) == value) {
        ASSERT_LE(number.size(), std::strlen(other)) << number << " or " << other;
      }
    }
  }
}

TEST(MetricsLine, IsJsonWithNullForWhatIsNotFinite) {
  const double inf = std::numeric_limits<double>::infinity();
  const auto json = nlohmann::json::parse(
      metrics_line(7, {{"a\"b", 1.5}, {"nan", std::nan("")}, {"up", inf}, {"down", -inf}, {"big", 1e300}, {"n", 69}}));
  EXPECT_EQ(json, (nlohmann::json{{"step", 7},
                                  {"a\"b", 1.5},
                                  {"nan", nullptr},
                                  {"up", nullptr},
                                  {"down", nullptr},
                                  {"big", 1e300},
                                  {"n", 69}}));
}

TEST(MetricsLine, DoesNotDependOnTheOrderOfMeasuring) {
  StepMetrics metrics;
  for (const char* name :
       {"loss", "reward", "reward_std", "frac_reward_zero_std", "completions/mean_length", "language_consistency",
        "entropy", "kl", "clip_ratio/low_mean", "grad_norm", "num_tokens", "step_time", "time/gen", "time/save",
        "tokens_per_second", "memory/peak_mb", "rollout/logprob_diff_max"}) {
    metrics.emplace_back(name, static_cast<double>(metrics.size()));
  }
  const std::string line = metrics_line(3, metrics);
  std::mt19937 shuffle(5);
  for (int i = 0; i < 50; ++i) {
    std::ranges::shuffle(metrics, shuffle);
    ASSERT_EQ(metrics_line(3, metrics), line);
  }
}

TEST(MetricsLine, RewardsStandTogetherAndNewNamesLast) {
  EXPECT_EQ(
      metrics_line(1, {{"mine/b", 1},
                       {"kl", 2},
                       {"rewards/z/mean", 3},
                       {"rewards/z/std", 4},
                       {"rewards/a/mean", 5},
                       {"mine/a", 6},
                       {"reward", 7}}),
      R"({"step":1,"reward":7,"rewards/z/mean":3,"rewards/z/std":4,"rewards/a/mean":5,"kl":2,"mine/b":1,"mine/a":6})");
}

TEST(FindMetric, IsEmptyForWhatIsMissingOrNotFinite) {
  const StepMetrics metrics = {{"a", 2}, {"b", std::nan("")}};
  EXPECT_EQ(find_metric(metrics, "a"), 2);
  EXPECT_EQ(find_metric(metrics, "b"), std::nullopt);
  EXPECT_EQ(find_metric(metrics, "c"), std::nullopt);
}

// A run that is killed at any step and resumes from any earlier checkpoint leaves the file of an undisturbed run.
TEST(MetricsLog, ResumedFileEqualsTheUndisturbedOne) {
  const TempFolder folder;
  const auto write = [](MetricsLog& log, int64_t from, int64_t to) {
    for (int64_t step = from; step <= to; ++step) log.append(step, {{"loss", 1.0 / static_cast<double>(step)}});
    log.sync();
  };
  constexpr int64_t kSteps = 12;
  {
    MetricsLog log(folder / "whole", 0);
    write(log, 1, kSteps);
  }
  const std::string whole = read_file(folder / "whole", 1 << 20);
  for (int64_t saved = 0; saved <= kSteps; ++saved) {
    for (int64_t killed = saved; killed <= kSteps; ++killed) {
      uint64_t size = 0;
      {
        MetricsLog log(folder / "resumed", 0);
        write(log, 1, saved);
        size = log.size();
        write(log, saved + 1, killed);
      }
      MetricsLog log(folder / "resumed", size);
      write(log, saved + 1, kSteps);
      ASSERT_EQ(log.size(), whole.size());
      ASSERT_EQ(read_file(folder / "resumed", 1 << 20), whole);
    }
  }
}

TEST(Metrics, OtherNames) {
  const StepMetrics metrics = {{"reward", 1}, {"rewards/accuracy/mean", 2}, {"time/gen", 3}};
  EXPECT_EQ(in_verl_names(metrics),
            (StepMetrics{{"critic/rewards/mean", 1}, {"rewards/accuracy/mean", 2}, {"timing_s/gen", 3}}));
  EXPECT_EQ(in_eval_group({{"accuracy", 1}}), (StepMetrics{{"eval/accuracy", 1}}));
}

}  // namespace
}  // namespace hone
