// Estimates of the KL divergence against the divergence itself.
#include <gtest/gtest.h>

#include <cmath>

#include "algo/rollouts.h"
#include "hone/algo/loss.h"

namespace hone::algo {
namespace {

TEST(KlPerToken, EstimatesTheDivergence) {
  // Sum over all tokens p(token) * estimate: k1 and k3 give KL(p || q) exactly, k2 nearly so for near distributions.
  const std::vector<double> p = {0.5, 0.3, 0.15, 0.05}, q = {0.45, 0.33, 0.16, 0.06};
  std::vector<double> log_p, log_q;
  double divergence = 0;
  for (size_t i = 0; i < p.size(); ++i) {
    log_p.push_back(std::log(p[i])), log_q.push_back(std::log(q[i]));
    divergence += p[i] * std::log(p[i] / q[i]);
  }
  for (const KlEstimator estimator : {KlEstimator::kK1, KlEstimator::kK2, KlEstimator::kK3}) {
    const std::vector<double> kl = values_of(kl_per_token(tensor_of(log_p), tensor_of(log_q), estimator));
    double mean = 0;
    for (size_t i = 0; i < p.size(); ++i) {
      mean += p[i] * kl[i];
      if (estimator != KlEstimator::kK1) {
        EXPECT_GE(kl[i], 0);
      }
    }
    EXPECT_NEAR(mean, divergence, estimator == KlEstimator::kK2 ? 0.05 * divergence : 1e-15);
  }
}

}  // namespace
}  // namespace hone::algo
