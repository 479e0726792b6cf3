// The best of a stage's evaluations, by hand.
#include "pipeline/best_model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "hone/core/error.h"

namespace hone {
namespace {

std::vector<EvalRecord> evals(const std::string& metric, const std::vector<double>& values) {
  std::vector<EvalRecord> records;
  for (size_t i = 0; i < values.size(); ++i) {
    records.push_back(
        {.step = static_cast<int64_t>(5 * i), .metrics = {{metric, values[i]}}, .prompt = {}, .completion = {}});
  }
  return records;
}

CheckpointConfig by(const std::string& metric) {
  CheckpointConfig config;
  config.metric_for_best_model = metric;
  return config;
}

TEST(BestModel, IsTheFirstWithTheLargestMeasure) {
  const BestModel best = best_model(evals("accuracy", {0.9, 0.2, 0.5, 0.5, 0.4}), by("accuracy"));
  EXPECT_EQ(best.step, 10) << "the model before the stage does not count";
  EXPECT_EQ(best.value, 0.5);
  EXPECT_EQ(best.without_improvement, 2);
}

TEST(BestModel, OrTheLeastLoss) {
  EXPECT_EQ(best_model(evals("eval_loss", {3, 2, 1, 2}), by("eval_loss")).step, 10);
  EXPECT_EQ(best_model(evals("eval_loss", {3, 2, 1, 2}), by("loss")).step, 10) << "transformers' name for it";
  CheckpointConfig config = by("mean_length");
  config.greater_is_better = false;
  EXPECT_EQ(best_model(evals("mean_length", {3, 2, 1, 2}), config).step, 10);
}

TEST(BestModel, ThresholdIsOfEarlyStoppingAlone) {
  CheckpointConfig config = by("accuracy");
  config.early_stopping_threshold = 0.1;
  const BestModel best = best_model(evals("accuracy", {0, 0.50, 0.55, 0.58}), config);
  EXPECT_EQ(best.step, 15);
  EXPECT_EQ(best.without_improvement, 2);
  EXPECT_EQ(best_model(evals("accuracy", {0, 0.50, 0.55, 0.68}), config).without_improvement, 0);
}

TEST(BestModel, WhatIsNoNumberIsNoBetter) {
  const BestModel best = best_model(evals("accuracy", {0, NAN, 0.1, NAN}), by("accuracy"));
  EXPECT_EQ(best.step, 10);
  EXPECT_EQ(best.without_improvement, 1);
  EXPECT_EQ(best_model(evals("accuracy", {NAN, NAN}), by("accuracy")).step, std::nullopt);
}

TEST(BestModel, NothingIsBestWithoutAMetric) {
  EXPECT_EQ(best_model(evals("accuracy", {0, 1}), {}).step, std::nullopt);
  try {
    best_model(evals("accuracy", {0}), by("acuracy"));
    FAIL() << "there is no such measure";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    EXPECT_NE(std::string(error.what()).find("one of accuracy"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace hone
