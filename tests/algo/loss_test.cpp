// The loss against a double loop over the records, its gradient against central differences, and its properties.
#include "hone/algo/loss.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "algo/rollouts.h"
#include "hone/algo/advantages.h"

namespace hone::algo {
namespace {

constexpr LossType kLossTypes[] = {LossType::kGrpo, LossType::kDapo, LossType::kDrGrpo, LossType::kBnpo,
                                   LossType::kCispo};
constexpr KlEstimator kEstimators[] = {KlEstimator::kK1, KlEstimator::kK2, KlEstimator::kK3};
constexpr ScaleRewards kScales[] = {ScaleRewards::kGroup, ScaleRewards::kBatch, ScaleRewards::kNone};

constexpr ImportanceSamplingLevel kLevels[] = {ImportanceSamplingLevel::kToken, ImportanceSamplingLevel::kSequence};

/// Log-ratios well away from the bounds of every clip below, on both sides of each and between them.
constexpr double kLogRatios[] = {-1.1, -0.4, -0.1, 0.05, 0.15, 0.7};
struct Clip {
  double low, high;
  std::optional<double> delta{};
};
constexpr Clip kClips[] = {{0.2, 0.28}, {0.2, 0.2}, {0.5, 0.06}, {10, 10}, {0.2, 0.28, 1.65}};

struct Case {
  GrpoConfig config;
  std::vector<RolloutGroup> groups;  ///< with advantages
  TrainBatch batch;                  ///< the one minibatch
  std::vector<double> log_probs;     ///< [R]
};

Case random_case(const GrpoConfig& config, RandomStream& random) {
  Case c{.config = config, .groups = random_groups({.groups = 4}, random), .batch = {}, .log_probs = {}};
  compute_advantages(c.groups, config);
  TrainBatch rollout = build_batch(c.groups);
  std::vector<double> ref = values_of(rollout.old_log_probs);
  for (double& x : ref) x += random.next_uniform() * 2 - 1;
  rollout.ref_log_probs = tensor_of(ref).to(at::kFloat);
  c.batch = build_minibatches(rollout, c.groups, config, 9, test_stream(1)).at(0);
  c.log_probs = values_of(c.batch.old_log_probs);
  for (double& x : c.log_probs) x += kLogRatios[random.next_below(std::size(kLogRatios))];
  return c;
}

double kl_by_definition(double log_prob, double ref_log_prob, KlEstimator estimator) {
  const double p = std::exp(log_prob), q = std::exp(ref_log_prob);
  if (estimator == KlEstimator::kK1) return std::log(p / q);
  if (estimator == KlEstimator::kK2) return std::pow(std::log(p / q), 2) / 2;
  return q / p - std::log(q / p) - 1;
}

struct Reference {
  double loss = 0, kl = 0;
  int64_t low = 0, high = 0, tokens = 0, ratios = 0;
};

/// Sums over completions and tokens as the papers write them: none of the batch's weights or advantages.
Reference by_definition(const Case& c) {
  Reference out;
  double total = 0, per_completion = 0, sequences = 0;
  const std::vector<double> ref = values_of(c.batch.ref_log_probs);
  for (size_t s = 0; s < c.batch.sources.size(); ++s) {
    const Completion& completion = completion_of(c.groups, c.batch.sources[s]);
    const double a = completion.advantage, low = 1 - c.config.epsilon, high = 1 + c.config.epsilon_high;
    std::vector<double> ratios;
    double product = 1;
    for (size_t t = 0; t < completion.ids.size(); ++t) {
      const double log_prob = c.log_probs[static_cast<size_t>(out.tokens) + t];
      ratios.push_back(std::exp(log_prob) / std::exp(static_cast<double>(completion.behavior_log_probs[t])));
      product *= ratios.back();
    }
    if (c.config.importance_sampling_level == ImportanceSamplingLevel::kSequence)
      ratios = {std::pow(product, 1 / static_cast<double>(completion.ids.size()))};
    const bool cispo = c.config.loss_type == LossType::kCispo;
    for (const double ratio : ratios) {
      ++out.ratios;
      out.low += a < 0 && ratio < low && !cispo;
      out.high += a > 0 && ratio > high;
    }
    double sum = 0;
    for (size_t t = 0; t < completion.ids.size(); ++t, ++out.tokens) {
      const double log_prob = c.log_probs[static_cast<size_t>(out.tokens)];
      const double ratio = ratios[ratios.size() == 1 ? 0 : t];
      double surrogate = ratio * a;
      if (a > 0 && ratio > high) surrogate = high * a;
      if (a < 0 && ratio < low) surrogate = low * a;
      if (a < 0 && ratio > c.config.delta.value_or(ratio)) surrogate = *c.config.delta * a;
      if (cispo) surrogate = std::min(ratio, high) * a * log_prob;
      const double kl = kl_by_definition(log_prob, ref[static_cast<size_t>(out.tokens)], c.config.kl_estimator);
      out.kl += kl;
      sum -= surrogate;
      if (c.config.kl_in == KlIn::kLoss) sum += c.config.beta.value_or(0) * kl;
    }
    total += sum, per_completion += sum / static_cast<double>(completion.ids.size()), ++sequences;
  }
  if (c.config.loss_type == LossType::kGrpo) out.loss = per_completion / sequences;
  if (c.config.loss_type == LossType::kDrGrpo) out.loss = total / (sequences * 9);
  if (c.config.loss_type == LossType::kDapo || c.config.loss_type == LossType::kBnpo ||
      c.config.loss_type == LossType::kCispo)
    out.loss = total / static_cast<double>(out.tokens);
  return out;
}

template <class F>
void for_every_setting(F&& f) {
  RandomStream random = test_stream(11);
  GrpoConfig config;
  const auto with_every_kl = [&](const std::string& name) {
    for (const auto& [beta, kl_in] : {std::pair<std::optional<double>, KlIn>{0.3, KlIn::kLoss},
                                      {0.3, KlIn::kReward},
                                      {std::nullopt, KlIn::kLoss}}) {
      config.beta = beta, config.kl_in = kl_in;
      SCOPED_TRACE(fmt::format("{} beta {} in {}", name, beta.value_or(0), enum_name(kl_in)));
      f(random_case(config, random));
    }
  };
  for (const LossType loss_type : kLossTypes) {
    for (const KlEstimator estimator : kEstimators) {
      for (const ScaleRewards scale : kScales) {
        for (const auto& [low, high, delta] : kClips) {
          if (delta && loss_type == LossType::kCispo) continue;
          for (const ImportanceSamplingLevel level : kLevels) {
            config.loss_type = loss_type, config.kl_estimator = estimator, config.scale_rewards = scale;
            config.epsilon = low, config.epsilon_high = high, config.delta = delta,
            config.importance_sampling_level = level;
            with_every_kl(fmt::format("{} {} {} {} clip {} {} {}", enum_name(loss_type), enum_name(estimator),
                                      enum_name(scale), enum_name(level), low, high, delta.value_or(0)));
          }
        }
      }
    }
  }
}

TEST(PolicyLoss, EqualsTheDoubleLoop) {
  int64_t low = 0, high = 0;
  for_every_setting([&](const Case& c) {
    const Reference expected = by_definition(c);
    const LossTerms terms = policy_loss(inputs_of(c.batch, tensor_of(c.log_probs)), c.config);
    EXPECT_NEAR(terms.loss.item<double>(), expected.loss, 5e-7);  // advantages and weights are float32: 6e-8 each
    EXPECT_NEAR(terms.stats.loss, terms.loss.item<double>(), 1e-14);
    EXPECT_NEAR(terms.stats.kl, expected.kl, 1e-10);
    EXPECT_EQ(terms.stats.tokens, expected.tokens);
    EXPECT_EQ(terms.stats.ratios, expected.ratios);
    EXPECT_EQ(terms.stats.clip_low, expected.low);
    EXPECT_EQ(terms.stats.clip_high, expected.high);
    low += expected.low, high += expected.high;

    const LossTerms single = policy_loss(inputs_of(c.batch, tensor_of(c.log_probs).to(at::kFloat)), c.config);
    EXPECT_EQ(single.loss.scalar_type(), at::kFloat);
    EXPECT_NEAR(single.stats.loss, expected.loss, 1e-5);
  });
  EXPECT_GT(low, 1000);
  EXPECT_GT(high, 1000);
}

TEST(PolicyLoss, GradientEqualsCentralDifferences) {
  constexpr double kStep = 1e-5;
  RandomStream random = test_stream(12);
  for_every_setting([&random](const Case& c) {
    const std::vector<double> gradient = gradient_of(inputs_of(c.batch, tensor_of(c.log_probs)), c.config);
    for (int i = 0; i < 4; ++i) {
      const size_t row = random.next_below(gradient.size());
      const auto loss_at = [&](double step) {
        std::vector<double> moved = c.log_probs;
        moved[row] += step;
        LossInputs in = inputs_of(c.batch, tensor_of(moved));
        if (c.config.loss_type == LossType::kCispo) {  // its ratio is a constant: here both of its parts move
          std::vector<double> old = values_of(in.old_log_probs);
          old[row] += step;
          in.old_log_probs = tensor_of(old);
        }
        return policy_loss(in, c.config).loss.item<double>();
      };
      ASSERT_NEAR(gradient[row], (loss_at(kStep) - loss_at(-kStep)) / (2 * kStep), 1e-9);
    }
  });
}

GrpoConfig with_kl() {
  GrpoConfig config;
  config.beta = 0.1;
  return config;
}

TEST(PolicyLoss, DoesNotDependOnMicroBatches) {
  RandomStream random = test_stream(13);
  for (int round = 0; round < 80; ++round) {
    GrpoConfig config = with_kl();
    config.importance_sampling_level = kLevels[round % 2];
    config.loss_type = kLossTypes[random.next_below(std::size(kLossTypes))];
    if (config.loss_type != LossType::kCispo) config.delta = 1.65;
    config.importance_sampling_cap = 1.1;
    Case c = random_case(config, random);
    c.batch.behavior_log_probs = c.batch.old_log_probs.sub(c.batch.ref_log_probs.sin().mul(0.2));
    const LossInputs whole = inputs_of(c.batch, tensor_of(c.log_probs));
    LossStats sum;
    std::vector<double> gradient;
    double loss = 0;
    for (const SequenceRange range : micro_batches(c.batch, static_cast<int64_t>(random.next_below(60)) + 1)) {
      const TrainBatch part = slice(c.batch, range);
      const int64_t first = c.batch.row_offsets[static_cast<size_t>(range.begin)];
      const LossInputs in = inputs_of(part, whole.log_probs.narrow(0, first, part.num_rows()));
      const LossTerms terms = policy_loss(in, c.config);
      sum += terms.stats, loss += terms.loss.item<double>();
      const std::vector<double> of_part = gradient_of(in, c.config);
      gradient.insert(gradient.end(), of_part.begin(), of_part.end());
    }
    const LossTerms expected = policy_loss(whole, c.config);
    EXPECT_EQ(gradient, gradient_of(whole, c.config));  // bit for bit
    EXPECT_NEAR(loss, expected.loss.item<double>(), 1e-13);
    EXPECT_NEAR(sum.loss, expected.stats.loss, 1e-13);
    EXPECT_NEAR(sum.kl, expected.stats.kl, 1e-11);
    EXPECT_EQ(sum.tokens, expected.stats.tokens);
    EXPECT_EQ(sum.ratios, expected.stats.ratios);
    EXPECT_EQ(sum.clip_low, expected.stats.clip_low);
    EXPECT_EQ(sum.clip_high, expected.stats.clip_high);
    EXPECT_EQ(sum.ratio_min, expected.stats.ratio_min);
    EXPECT_EQ(sum.ratio_max, expected.stats.ratio_max);
    EXPECT_EQ(sum.log_ratio_abs_max, expected.stats.log_ratio_abs_max);
  }
}

TEST(PolicyLoss, DoesNotDependOnTheOrderOfGroupsAndCompletions) {
  // The same completions as one minibatch in another order: a token's log-prob moves with the token, here as a function
  // of its target and its old log-prob.
  RandomStream random = test_stream(14);
  const auto evaluate = [](std::vector<RolloutGroup> groups, const GrpoConfig& config) {
    compute_advantages(groups, config);
    TrainBatch rollout = build_batch(groups);
    const at::Tensor move = rollout.targets.to(at::kDouble).sin();
    rollout.ref_log_probs = rollout.old_log_probs.sub(move.mul(0.5)).to(at::kFloat);
    const TrainBatch batch = build_minibatches(rollout, groups, config, 9, test_stream(1)).at(0);
    return policy_loss(inputs_of(batch, rollout.old_log_probs.to(at::kDouble).add(move)), config).stats;
  };
  for (const LossType loss_type : kLossTypes) {
    for (const ScaleRewards scale : kScales) {
      GrpoConfig config = with_kl();
      config.loss_type = loss_type, config.scale_rewards = scale;
      config.importance_sampling_level = kLevels[random.next_below(2)];
      config.advantage_estimator = static_cast<AdvantageEstimator>(random.next_below(4));
      const auto groups = random_groups({}, random);
      auto reversed = groups;
      std::reverse(reversed.begin(), reversed.end());
      for (RolloutGroup& group : reversed)
        std::rotate(group.completions.begin(), group.completions.begin() + 1, group.completions.end());
      const LossStats expected = evaluate(groups, config), stats = evaluate(reversed, config);
      EXPECT_NEAR(stats.loss, expected.loss, 1e-7);
      EXPECT_NEAR(stats.kl, expected.kl, 1e-10);
      EXPECT_EQ(stats.clip_low, expected.clip_low);
      EXPECT_EQ(stats.clip_high, expected.clip_high);
    }
  }
}

TEST(PolicyLoss, OnPolicyIsMinusTheWeightedAdvantages) {
  RandomStream random = test_stream(15);
  for (const LossType loss_type : kLossTypes) {
    for (const ImportanceSamplingLevel level : kLevels) {
      GrpoConfig config;
      config.beta.reset(), config.loss_type = loss_type, config.importance_sampling_level = level;
      const Case c = random_case(config, random);
      const LossInputs in = inputs_of(c.batch, c.batch.old_log_probs.to(at::kDouble));
      const std::vector<double> weights = values_of(c.batch.weights), advantages = values_of(c.batch.advantages);
      const LossStats stats = policy_loss(in, config).stats;
      const std::vector<double> gradient = gradient_of(in, config);
      double sum = 0;
      for (size_t row = 0; row < weights.size(); ++row) {
        const double factor =
            loss_type == LossType::kCispo ? in.log_probs[static_cast<int64_t>(row)].item<double>() : 1;
        sum -= weights[row] * (advantages[row] * factor);
        EXPECT_EQ(gradient[row], -weights[row] * advantages[row]);  // the policy gradient
      }
      EXPECT_EQ(stats.loss, sum);
      EXPECT_EQ(stats.ratio_min, 1);
      EXPECT_EQ(stats.ratio_max, 1);
      EXPECT_EQ(stats.log_ratio_abs_max, 0);
      EXPECT_EQ(stats.clip_low + stats.clip_high, 0);
    }
  }
}

TEST(PolicyLoss, GroupsWithoutSignalHaveNoGradient) {
  RandomStream random = test_stream(16);
  for (const ScaleRewards scale : kScales) {
    auto groups = random_groups({}, random);
    for (Completion& c : groups[1].completions) c.reward = 0.1;
    GrpoConfig config;
    config.beta.reset(), config.scale_rewards = scale;
    compute_advantages(groups, config);
    const TrainBatch batch = build_minibatches(build_batch(groups), groups, config, 9, test_stream(1)).at(0);
    const std::vector<double> gradient =
        gradient_of(inputs_of(batch, batch.old_log_probs.to(at::kDouble).add(0.01)), config);
    size_t row = 0;
    for (const auto& source : batch.sources) {
      for (size_t t = completion_of(groups, source).ids.size(); t > 0; --t, ++row) {
        if (source.group == 1) {
          EXPECT_EQ(gradient[row], 0);
        }
        if (source.group == 0 && completion_of(groups, source).advantage != 0) {
          EXPECT_NE(gradient[row], 0);
        }
      }
    }
  }
}

/// One token with advantage `a`, weight 1, old and reference log-prob 0 and -30.
LossInputs one_token(double log_prob, double a, at::ScalarType type) {
  const auto one = [type](double x) { return tensor_of({x}).to(type); };
  return {one(log_prob), one(0), one(-30), one(a), one(1), one(0.5)};
}

TEST(PolicyLoss, ClipsOneSideOnly) {
  GrpoConfig config;
  config.beta.reset(), config.epsilon = 0.2, config.epsilon_high = 0.28;
  for (const double log_ratio : {-0.5, 0.0, 0.5}) {
    for (const double a : {-2.0, 0.0, 2.0}) {
      const LossInputs in = one_token(log_ratio, a, at::kDouble);
      const LossStats stats = policy_loss(in, config).stats;
      const bool low = log_ratio < 0 && a<0, high = log_ratio> 0 && a > 0;
      EXPECT_EQ(stats.clip_low, low ? 1 : 0);
      EXPECT_EQ(stats.clip_high, high ? 1 : 0);
      const double ratio = std::exp(log_ratio);
      EXPECT_DOUBLE_EQ(stats.loss, -a * (low ? 0.8 : high ? 1.28 : ratio));
      EXPECT_DOUBLE_EQ(gradient_of(in, config)[0], low || high ? 0 : -a * ratio);
      EXPECT_EQ(stats.entropy, 0.5);
    }
  }
}

// GSPO, Zheng et al. 2025, eq. 7 and 10: one ratio for a completion, the geometric mean of those of its tokens; the
// gradient of -s A through it is -s A / |o| at each token, so that one token's own ratio does not weigh its gradient.
TEST(PolicyLoss, ARatioOfAWholeSequenceReachesAllItsTokens) {
  GrpoConfig config;
  config.beta.reset(), config.importance_sampling_level = ImportanceSamplingLevel::kSequence;
  const auto evaluate = [&](double a) {
    const LossInputs in = {.log_probs = tensor_of({-0.5, -1.5, -2.0, -1.0, -1.0}),
                           .old_log_probs = tensor_of({-1.0, -1.1, -2.2, -1.5, -1.5}),
                           .ref_log_probs = {},
                           .advantages = tensor_of({a, a, a, a, a}),
                           .weights = tensor_of({0.25, 0.25, 0.25, 0.5, 0.5}),
                           .entropy = {},
                           .row_offsets = {0, 3, 5}};
    return std::pair(policy_loss(in, config).stats, gradient_of(in, config));
  };
  // Log-ratios 0.5 -0.4 0.2: mean 0.1, inside; 0.5 0.5: mean 0.5, beyond 1.28.
  const auto [stats, gradient] = evaluate(2);
  const double s = std::exp(0.1);
  EXPECT_NEAR(stats.loss, -0.75 * s * 2 - 1.28 * 2, 1e-14);
  for (size_t row = 0; row < 3; ++row) EXPECT_NEAR(gradient[row], -0.25 * s * 2, 1e-14);
  EXPECT_EQ(gradient[3], 0);
  EXPECT_EQ(gradient[4], 0);
  EXPECT_EQ(stats.tokens, 5);
  EXPECT_EQ(stats.ratios, 2);
  EXPECT_EQ(stats.clip_high, 1);
  EXPECT_NEAR(stats.ratio_min, s, 1e-14);
  EXPECT_NEAR(stats.ratio_max, std::exp(0.5), 1e-14);
  EXPECT_DOUBLE_EQ(stats.log_ratio_abs_max, 0.5);

  const auto [negative, descent] = evaluate(-1);  // not clipped above
  EXPECT_NEAR(negative.loss, 0.75 * s + std::exp(0.5), 1e-14);
  EXPECT_NEAR(descent[4], 0.5 * std::exp(0.5), 1e-14);
  EXPECT_EQ(negative.clip_high + negative.clip_low, 0);
}

// MiniMax-M1, eq. 4 and 5: REINFORCE with the weight min(ratio, 1 + epsilon_high), so that no token loses its gradient.
TEST(PolicyLoss, CispoBoundsTheWeightAndKeepsTheGradient) {
  GrpoConfig config;
  config.beta.reset(), config.loss_type = LossType::kCispo, config.epsilon_high = 0.5;
  for (const double log_ratio : {-3.0, 0.0, 0.3, 2.0}) {
    for (const double a : {-2.0, 2.0}) {
      const LossInputs in = one_token(log_ratio, a, at::kDouble);
      const double weight = std::min(std::exp(log_ratio), 1.5);
      const LossStats stats = policy_loss(in, config).stats;
      EXPECT_DOUBLE_EQ(stats.loss, -weight * a * log_ratio);
      EXPECT_DOUBLE_EQ(gradient_of(in, config)[0], -weight * a);
      EXPECT_EQ(stats.clip_high, log_ratio == 2.0 && a > 0 ? 1 : 0);
      EXPECT_EQ(stats.clip_low, 0);
    }
  }
}

// Ye et al. 2020: max(min(ratio A, clip(ratio) A), delta A) for A < 0; nothing changes for A > 0.
TEST(PolicyLoss, DeltaBoundsWhatABadTokenMayCost) {
  GrpoConfig plain, dual;
  plain.beta.reset(), dual.beta.reset(), dual.delta = 3;
  for (const double log_ratio : {-1.0, 0.0, 0.2, 1.0, 1.2, 5.0}) {
    for (const double a : {-2.0, 2.0}) {
      const LossInputs in = one_token(log_ratio, a, at::kDouble);
      const double without = policy_loss(in, plain).stats.loss;
      const bool bounded = a < 0 && std::exp(log_ratio) > 3;
      EXPECT_EQ(policy_loss(in, dual).stats.loss, bounded ? -3 * a : without);
      EXPECT_EQ(gradient_of(in, dual)[0], bounded ? 0 : gradient_of(in, plain)[0]);
    }
  }
}

// Truncated importance sampling: a weight min(exp(old - behavior), cap) on all but the KL term.
TEST(PolicyLoss, IsWeightedTowardsThePolicyFromTheSampler) {
  RandomStream random = test_stream(18);
  for (const LossType loss_type : {LossType::kGrpo, LossType::kCispo}) {
    GrpoConfig plain;
    plain.beta.reset(), plain.loss_type = loss_type;
    GrpoConfig capped = plain;
    capped.importance_sampling_cap = 1.5;
    const Case c = random_case(plain, random);
    LossInputs in = inputs_of(c.batch, tensor_of(c.log_probs)), weighted = in;
    std::vector<double> behavior = values_of(in.old_log_probs), weights = values_of(in.weights);
    for (size_t row = 0; row < weights.size(); ++row) {
      const double difference = random.next_uniform() * 2 - 1;
      behavior[row] -= difference;
      weights[row] *= std::min(std::exp(difference), 1.5);
    }
    in.behavior_log_probs = tensor_of(behavior);
    weighted.weights = tensor_of(weights);
    EXPECT_NEAR(policy_loss(in, capped).stats.loss, policy_loss(weighted, plain).stats.loss, 1e-13);
    const std::vector<double> gradient = gradient_of(in, capped), expected = gradient_of(weighted, plain);
    for (size_t row = 0; row < gradient.size(); ++row) EXPECT_NEAR(gradient[row], expected[row], 1e-14);

    in.behavior_log_probs = in.old_log_probs;  // as in hone, where sampler and trainer agree: nothing changes
    EXPECT_EQ(gradient_of(in, capped), gradient_of(in, plain));
    EXPECT_EQ(policy_loss(in, capped).stats.loss, policy_loss(in, plain).stats.loss);

    in.log_probs = in.old_log_probs, in.ref_log_probs = in.old_log_probs.sub(0.5);  // the KL term has no weight
    in.behavior_log_probs = in.old_log_probs.sub(9), in.advantages = in.advantages.mul(0);
    plain.beta = capped.beta = 0.2;
    EXPECT_EQ(gradient_of(in, capped), gradient_of(in, plain));
  }
}

// verl: policy loss - entropy_coeff * entropy, both averaged alike.
TEST(PolicyLoss, EntropyIsRewardedWithItsGradient) {
  RandomStream random = test_stream(19);
  for (const LossType loss_type : kLossTypes) {
    GrpoConfig plain = with_kl();
    plain.loss_type = loss_type;
    GrpoConfig rewarded = plain;
    rewarded.entropy_coef = 0.05;
    const Case c = random_case(plain, random);
    LossInputs in = inputs_of(c.batch, tensor_of(c.log_probs));
    std::vector<double> entropy(c.log_probs.size());
    for (double& h : entropy) h = random.next_uniform() * 3;
    in.entropy = tensor_of(entropy).requires_grad_(true);
    const LossTerms terms = policy_loss(in, rewarded);
    terms.loss.backward();
    const std::vector<double> weights = values_of(c.batch.weights), gradient = values_of(in.entropy.grad());
    double bonus = 0;
    for (size_t row = 0; row < weights.size(); ++row) {
      bonus += weights[row] * 0.05 * entropy[row];
      EXPECT_NEAR(gradient[row], -weights[row] * 0.05, 1e-15);
    }
    EXPECT_NEAR(terms.stats.loss, policy_loss(in, plain).stats.loss - bonus, 1e-13);
    EXPECT_EQ(gradient_of(in, rewarded), gradient_of(in, plain));  // that of the log-probs is the same
  }
}

TEST(PolicyLoss, StaysFiniteWhereExponentialsOverflow) {
  // exp(100) overflows float32. The limit gives a finite loss, and no gradient where the ratio is beyond it.
  GrpoConfig config;
  for (const auto type : {at::kFloat, at::kDouble}) {
    for (const double log_prob : {-100.0, 100.0, 1000.0}) {
      for (const double a : {-1.0, 0.0, 1.0}) {
        config.beta.reset();
        const LossInputs in = one_token(log_prob, a, type);
        EXPECT_NEAR(gradient_of(in, config)[0], 0, 1e-40);  // clipped, beyond the limit, or exp(-100)
        EXPECT_TRUE(std::isfinite(policy_loss(in, config).stats.loss));
        for (const KlEstimator estimator : kEstimators) {
          config.beta = 1, config.kl_estimator = estimator;
          EXPECT_TRUE(std::isfinite(gradient_of(in, config)[0]));
          EXPECT_TRUE(std::isfinite(policy_loss(in, config).stats.loss));
        }
      }
    }
    // A policy that has left the reference far behind is still pulled back: d k3 / d log_prob = 1 - exp(-130).
    config.beta = 1, config.kl_estimator = KlEstimator::kK3;
    EXPECT_EQ(gradient_of(one_token(100, 0, type), config)[0], 1);
    const double nan = std::numeric_limits<double>::quiet_NaN();
    EXPECT_TRUE(std::isnan(policy_loss(one_token(nan, 1, type), config).stats.loss));
    EXPECT_TRUE(std::isnan(gradient_of(one_token(nan, 1, type), config)[0]));
  }
}

TEST(PolicyLoss, OfNothingIsZero) {
  const LossInputs in = {tensor_of({}), tensor_of({}), tensor_of({}), tensor_of({}), tensor_of({}), {}};
  const LossTerms terms = policy_loss(in, with_kl());
  EXPECT_EQ(terms.loss.item<double>(), 0);
  EXPECT_EQ(terms.stats.tokens, 0);
  EXPECT_TRUE(gradient_of(in, with_kl()).empty());
}

}  // namespace
}  // namespace hone::algo
