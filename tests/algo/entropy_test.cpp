// The adaptive coefficient against the sequence that the paper's rule gives.
#include "hone/algo/entropy.h"

#include <gtest/gtest.h>

namespace hone::algo {
namespace {

GrpoConfig adaptive() {
  GrpoConfig config;
  config.use_adaptive_entropy = true, config.entropy_target = 0.5, config.entropy_coef_delta = 0.25;
  config.entropy_coef_max = 0.5;
  return config;
}

TEST(EntropyControl, IsConstantWithoutAdaptation) {
  GrpoConfig config;
  EXPECT_EQ(EntropyControl(config).weight(), 0);
  config.entropy_coef = 0.01;
  EntropyControl control(config);
  for (const double entropy : {0.1, 2.0, 0.0}) {
    EXPECT_EQ(control.weight(), 0.01);
    control.update(entropy);
  }
}

// Skywork-OR1: a_k = c_k 1[e_k <= target]; c goes up below the target and down above it.
TEST(EntropyControl, MovesTowardsTheTarget) {
  EntropyControl control(adaptive());
  struct Update {
    double entropy, coefficient, weight;
  };
  const Update updates[] = {{0.4, 0.25, 0.25}, {0.5, 0.5, 0.5}, {0.1, 0.5, 0.5}, {0.6, 0.25, 0},   {0.4, 0.5, 0.5},
                            {0.7, 0.25, 0},    {0.8, 0, 0},     {0.9, 0, 0},     {0.3, 0.25, 0.25}};
  EXPECT_EQ(control.weight(), 0);
  for (const auto& [entropy, coefficient, weight] : updates) {
    control.update(entropy);
    EXPECT_EQ(control.coefficient(), coefficient) << entropy;
    EXPECT_EQ(control.weight(), weight) << entropy;
  }
}

TEST(EntropyControl, StartsAndStaysWithinItsBounds) {
  GrpoConfig config = adaptive();
  config.entropy_coef = 0.3, config.entropy_coef_min = 0.2;
  EntropyControl control(config);
  EXPECT_EQ(control.weight(), 0);  // before any entropy is known
  control.update(9);
  EXPECT_EQ(control.coefficient(), 0.2);
}

TEST(EntropyControl, ContinuesWhereAnotherWas) {
  EntropyControl whole(adaptive()), first(adaptive()), second(adaptive());
  for (const double entropy : {0.4, 0.45}) whole.update(entropy), first.update(entropy);
  second.continue_from(first.coefficient(), first.last_entropy());
  EXPECT_EQ(second.weight(), whole.weight());
  whole.update(0.7), second.update(0.7);
  EXPECT_EQ(second.coefficient(), whole.coefficient());
  EXPECT_EQ(second.weight(), whole.weight());

  const EntropyControl fresh(adaptive());
  second.continue_from(fresh.coefficient(), fresh.last_entropy());
  EXPECT_EQ(second.weight(), 0);
}

}  // namespace
}  // namespace hone::algo
