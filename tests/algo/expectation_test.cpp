// What the losses estimate: a policy so small that every group of samples can be enumerated, so that the expected
// gradient of records -> advantages -> batch -> loss is exact and can be compared with the derivative of the objective
// itself.
#include <ATen/ops/log_softmax.h>
#include <gtest/gtest.h>

#include <cmath>

#include "algo/rollouts.h"
#include "hone/algo/advantages.h"

namespace hone::algo {
namespace {

constexpr int32_t kPrompt = 7, kEnd = 2;
constexpr double kMaxLength = 2;

/// Three tokens, at most two of them, token 2 ends: seven sequences. State 0 is the prompt, state 1 + x follows token
/// x.
const std::vector<std::vector<int32_t>> kSequences = {{2}, {0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 1}, {1, 2}};
const std::vector<double> kRewards = {0.25, 1, -0.5, 2, 0, 0.75, -1};

int64_t state_after(int32_t token) {
  return token == kPrompt ? 0 : 1 + token;
}

/// A softmax table of 3 states x 3 tokens with parameters [9].
class Policy {
 public:
  explicit Policy(const std::vector<double>& parameters) : parameters_(tensor_of(parameters).requires_grad_(true)) {}

  /// [9]: entry 3 * state + token.
  at::Tensor log_probs() const { return at::log_softmax(parameters_.view({3, 3}), -1).view({9}); }

  /// log p of sequence i, token by token.
  std::vector<double> token_log_probs(size_t i) const {
    const std::vector<double> table = values_of(log_probs());
    std::vector<double> result;
    int32_t before = kPrompt;
    for (const int32_t token : kSequences[i]) {
      result.push_back(table[static_cast<size_t>(3 * state_after(before) + token)]);
      before = token;
    }
    return result;
  }
  double probability(size_t i) const {
    double sum = 0;
    for (const double log_prob : token_log_probs(i)) sum += log_prob;
    return std::exp(sum);
  }

  /// The log-probs [R] of a batch's rows, looked up by the packed ids alone.
  at::Tensor score(const TrainBatch& batch) const {
    at::Tensor index = at::empty({batch.num_rows()}, at::kLong);
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      const int32_t before = batch.ids.const_data_ptr<int32_t>()[batch.rows.const_data_ptr<int64_t>()[row]];
      index.mutable_data_ptr<int64_t>()[row] = 3 * state_after(before) + batch.targets.const_data_ptr<int32_t>()[row];
    }
    return log_probs().index_select(0, index);
  }

  /// d objective / d parameters, and clears it.
  std::vector<double> gradient(const at::Tensor& objective) {
    parameters_.mutable_grad() = at::Tensor();
    objective.backward();
    return values_of(parameters_.grad());
  }

 private:
  at::Tensor parameters_;
};

Policy policy() {
  return Policy({0.3, -0.2, -0.4, 0.1, 0.6, -0.5, -0.3, 0.2, 0.4});
}
Policy reference() {
  return Policy({0.1, 0.2, -0.9, 0.5, 0.1, -0.2, 0.3, 0.3, -0.4});
}

struct Expected {
  std::vector<double> gradient = std::vector<double>(9);
  double loss = 0, kl = 0;
};

/// The expectation over all groups of `generations` samples of the policy.
Expected expectation(const GrpoConfig& config, size_t generations, bool rewarded = true) {
  Policy policy = hone::algo::policy();
  const Policy reference = hone::algo::reference();
  std::vector<std::vector<double>> log_probs;
  std::vector<double> probabilities;
  for (size_t i = 0; i < kSequences.size(); ++i) {
    log_probs.push_back(policy.token_log_probs(i));
    probabilities.push_back(policy.probability(i));
  }
  Expected expected;
  size_t outcomes = 1;
  for (size_t g = 0; g < generations; ++g) outcomes *= kSequences.size();
  for (size_t outcome = 0; outcome < outcomes; ++outcome) {
    std::vector<RolloutGroup> groups(1);
    groups[0].prompt.ids = {kPrompt};
    double probability = 1;
    for (size_t g = 0, rest = outcome; g < generations; ++g, rest /= kSequences.size()) {
      const size_t i = rest % kSequences.size();
      Completion& c = groups[0].completions.emplace_back();
      c.ids = kSequences[i];
      c.finish_reason = c.ids.back() == kEnd ? FinishReason::kStop : FinishReason::kLength;
      c.behavior_log_probs.assign(log_probs[i].begin(), log_probs[i].end());
      c.reward = rewarded ? kRewards[i] : 0;
      probability *= probabilities[i];
    }
    TrainBatch rollout = build_batch(groups);
    rollout.ref_log_probs = reference.score(rollout).detach().to(at::kFloat);
    if (config.kl_in == KlIn::kReward) subtract_kl(groups, rollout, config);
    compute_advantages(groups, config);
    const TrainBatch batch =
        build_minibatches(rollout, groups, config, static_cast<int64_t>(kMaxLength), test_stream(1)).at(0);
    LossInputs in = inputs_of(batch, policy.score(batch));
    const LossTerms terms = policy_loss(in, config);
    const std::vector<double> gradient = policy.gradient(terms.loss);
    for (size_t k = 0; k < 9; ++k) expected.gradient[k] += probability * gradient[k];
    expected.loss += probability * terms.stats.loss;
    expected.kl += probability * terms.stats.kl;
  }
  return expected;
}

/// p(sequence i) with autograd.
at::Tensor probability_of(size_t i, const at::Tensor& table) {
  at::Tensor sum = tensor_of({0}).sum();
  int32_t before = kPrompt;
  for (const int32_t token : kSequences[i]) {
    sum = sum.add(table.select(0, 3 * state_after(before) + token));
    before = token;
  }
  return sum.exp();
}

/// Sum over prefixes of p(prefix), held constant, times KL(policy || reference) or, `reversed`, KL(reference ||
/// policy).
at::Tensor prefix_divergence(const Policy& policy, bool reversed) {
  const at::Tensor log_p = policy.log_probs(), log_q = reference().log_probs().detach();
  const at::Tensor terms = reversed ? log_q.exp().mul(log_q.sub(log_p)) : log_p.exp().mul(log_p.sub(log_q));
  const std::vector<double> table = values_of(log_p);
  const double a = std::exp(table[0]), b = std::exp(table[1]);
  return terms.mul(tensor_of({1, 1, 1, a, a, a, b, b, b})).sum();
}

void expect_near(const std::vector<double>& got, const std::vector<double>& expected, double scale = 1) {
  double largest = 0;
  for (size_t k = 0; k < 9; ++k) {
    EXPECT_NEAR(got[k], scale * expected[k], 2e-7) << k;  // log-probs, advantages and weights are float32
    largest = std::max(largest, std::abs(scale * expected[k]));
  }
  EXPECT_GT(largest, 1e-2);  // or the comparison says nothing
}

GrpoConfig plain(LossType loss_type) {
  GrpoConfig config;
  config.loss_type = loss_type, config.scale_rewards = ScaleRewards::kNone, config.beta.reset();
  return config;
}

TEST(Expectation, SequencesAreAllThereAre) {
  double total = 0;
  for (size_t i = 0; i < kSequences.size(); ++i) total += policy().probability(i);
  EXPECT_NEAR(total, 1, 1e-15);
}

TEST(Expectation, DrGrpoGradientIsThatOfTheExpectedReward) {
  // The group's mean holds the sample itself, which takes (G - 1) / G of the gradient; the constant length takes 1 / 2.
  for (const size_t generations : {2U, 3U}) {
    Policy exact = policy();
    at::Tensor objective = tensor_of({0}).sum();
    for (size_t i = 0; i < kSequences.size(); ++i)
      objective = objective.add(probability_of(i, exact.log_probs()).mul(kRewards[i]));
    const double g = static_cast<double>(generations);
    expect_near(expectation(plain(LossType::kDrGrpo), generations).gradient, exact.gradient(objective),
                -(g - 1) / g / kMaxLength);
  }
}

TEST(Expectation, RlooGradientIsThatOfTheExpectedRewardForEveryGroupSize) {
  for (const size_t generations : {2U, 3U}) {
    GrpoConfig config = plain(LossType::kDrGrpo);
    config.advantage_estimator = AdvantageEstimator::kRloo;
    Policy exact = policy();
    at::Tensor objective = tensor_of({0}).sum();
    for (size_t i = 0; i < kSequences.size(); ++i)
      objective = objective.add(probability_of(i, exact.log_probs()).mul(kRewards[i]));
    expect_near(expectation(config, generations).gradient, exact.gradient(objective), -1 / kMaxLength);
  }
}

TEST(Expectation, GrpoGradientIsTheCovarianceOfRewardAndMeanScore) {
  // With s = 1 / |o| times the sum of the scores of a completion's tokens: (G - 1) / G (E[R s] - E[R] E[s]). The last
  // term is not 0, unlike for dr_grpo, where E[s] = 0: the length bias of 1 / |o| that Dr. GRPO describes.
  for (const size_t generations : {2U, 3U}) {
    Policy exact = policy();
    double mean_reward = 0;
    for (size_t i = 0; i < kSequences.size(); ++i) mean_reward += exact.probability(i) * kRewards[i];
    at::Tensor objective = tensor_of({0}).sum();
    for (size_t i = 0; i < kSequences.size(); ++i) {
      const double factor =
          exact.probability(i) * (kRewards[i] - mean_reward) / static_cast<double>(kSequences[i].size());
      objective = objective.add(probability_of(i, exact.log_probs()).log().mul(factor));
    }
    const double g = static_cast<double>(generations);
    expect_near(expectation(plain(LossType::kGrpo), generations).gradient, exact.gradient(objective), -(g - 1) / g);
  }
}

TEST(Expectation, KlInTheLossPullsAsDocumented) {
  Policy exact = policy();
  const double divergence = prefix_divergence(exact, false).item<double>();
  for (const KlEstimator estimator : {KlEstimator::kK1, KlEstimator::kK2, KlEstimator::kK3}) {
    GrpoConfig config = plain(LossType::kDrGrpo);
    config.beta = 0.5, config.kl_estimator = estimator;
    const Expected got = expectation(config, 2, /*rewarded=*/false);
    if (estimator != KlEstimator::kK2) {  // unbiased values, summed over 2 completions
      EXPECT_NEAR(got.kl, 2 * divergence, 1e-6);
      EXPECT_NEAR(got.loss, 0.5 / kMaxLength * divergence, 1e-6);
    }
    if (estimator == KlEstimator::kK1) {
      for (const double x : got.gradient) EXPECT_NEAR(x, 0, 1e-7);
    }
    if (estimator == KlEstimator::kK2)
      expect_near(got.gradient, exact.gradient(prefix_divergence(exact, false)), 0.5 / kMaxLength);
    if (estimator == KlEstimator::kK3)
      expect_near(got.gradient, exact.gradient(prefix_divergence(exact, true)), 0.5 / kMaxLength);
  }
}

TEST(Expectation, K1InTheRewardGivesTheGradientOfTheSequenceDivergence) {
  GrpoConfig config = plain(LossType::kDrGrpo);
  config.beta = 0.5, config.kl_estimator = KlEstimator::kK1, config.kl_in = KlIn::kReward;
  Policy exact = policy();
  at::Tensor objective = tensor_of({0}).sum();
  for (size_t i = 0; i < kSequences.size(); ++i) {
    const at::Tensor p = probability_of(i, exact.log_probs());
    objective = objective.add(p.mul(p.log().sub(std::log(reference().probability(i)))));
  }
  expect_near(expectation(config, 2, /*rewarded=*/false).gradient, exact.gradient(objective), 0.5 / kMaxLength / 2);
}

}  // namespace
}  // namespace hone::algo
