// The section `grpo`: group-relative policy optimisation. A plain struct; see core/config.h.
#pragma once

#include "hone/core/config.h"

namespace hone {

/// How token losses are averaged: per completion, then over completions (grpo); over all tokens of the step (dapo);
/// over completions x the length limit (dr_grpo); over the tokens of a minibatch (bnpo). cispo averages as dapo, and
/// its ratio is a bounded weight that no gradient flows through.
enum class LossType { kGrpo, kDapo, kDrGrpo, kBnpo, kCispo };
inline constexpr std::string_view kLossTypeNames[] = {"grpo", "dapo", "dr_grpo", "bnpo", "cispo"};
inline std::span<const std::string_view> enum_names(LossType) {
  return kLossTypeNames;
}

/// What a completion's reward is compared with: the mean of its group (grpo), the mean of the group's others (rloo),
/// the mean of the step (reinforce_plus_plus), or first the group's and then the step's (reinforce_plus_plus_baseline).
enum class AdvantageEstimator { kGrpo, kRloo, kReinforcePlusPlus, kReinforcePlusPlusBaseline };
inline constexpr std::string_view kAdvantageEstimatorNames[] = {"grpo", "rloo", "reinforce_plus_plus",
                                                                "reinforce_plus_plus_baseline"};
inline std::span<const std::string_view> enum_names(AdvantageEstimator) {
  return kAdvantageEstimatorNames;
}

/// What advantages of the estimator grpo are divided by: the group's standard deviation, that of the whole step, or
/// nothing.
enum class ScaleRewards { kGroup, kBatch, kNone };
inline constexpr std::string_view kScaleRewardsNames[] = {"group", "batch", "none"};
inline std::span<const std::string_view> enum_names(ScaleRewards) {
  return kScaleRewardsNames;
}

/// Estimators of KL(policy || reference) from one sample (Schulman 2020).
enum class KlEstimator { kK1, kK2, kK3 };
inline constexpr std::string_view kKlEstimatorNames[] = {"k1", "k2", "k3"};
inline std::span<const std::string_view> enum_names(KlEstimator) {
  return kKlEstimatorNames;
}

enum class KlIn { kLoss, kReward };
inline constexpr std::string_view kKlInNames[] = {"loss", "reward"};
inline std::span<const std::string_view> enum_names(KlIn) {
  return kKlInNames;
}

/// What happens to groups whose rewards are all equal: kept, dropped, or dropped and replaced by new prompts.
enum class DynamicSampling { kOff, kDrop, kRefill };
inline constexpr std::string_view kDynamicSamplingNames[] = {"off", "drop", "refill"};
inline std::span<const std::string_view> enum_names(DynamicSampling) {
  return kDynamicSamplingNames;
}

/// The denominators of the ratios: the sampler's own log-probs, or those of a pass before the update.
enum class OldLogProbs { kBehavior, kRecompute };
inline constexpr std::string_view kOldLogProbsNames[] = {"behavior", "recompute"};
inline std::span<const std::string_view> enum_names(OldLogProbs) {
  return kOldLogProbsNames;
}

/// What a ratio belongs to: a token, or a whole completion.
enum class ImportanceSamplingLevel { kToken, kSequence };
inline constexpr std::string_view kImportanceSamplingLevelNames[] = {"token", "sequence"};
inline std::span<const std::string_view> enum_names(ImportanceSamplingLevel) {
  return kImportanceSamplingLevelNames;
}

struct GrpoConfig {
  int64_t num_generations = 16;
  int64_t prompts_per_step = 32;
  int64_t num_minibatches = 1;
  int64_t num_iterations = 1;
  double epsilon = 0.2;
  double epsilon_high = 0.28;
  std::optional<double> delta;
  ImportanceSamplingLevel importance_sampling_level = ImportanceSamplingLevel::kToken;
  LossType loss_type = LossType::kDapo;
  AdvantageEstimator advantage_estimator = AdvantageEstimator::kGrpo;
  ScaleRewards scale_rewards = ScaleRewards::kGroup;
  std::optional<double> beta = 0.001;
  KlEstimator kl_estimator = KlEstimator::kK3;
  KlIn kl_in = KlIn::kLoss;
  std::optional<int64_t> ref_model_sync_steps;
  double entropy_coef = 0;
  bool use_adaptive_entropy = false;
  double entropy_target = 0.2;
  double entropy_coef_delta = 0.005;
  double entropy_coef_min = 0;
  double entropy_coef_max = 1;
  DynamicSampling dynamic_sampling = DynamicSampling::kOff;
  int64_t max_refill_rounds = 8;
  bool mask_truncated_completions = false;
  OldLogProbs old_log_probs = OldLogProbs::kBehavior;
  std::optional<double> importance_sampling_cap;

  /// Whether a reference model is kept: beta is neither null nor 0.
  bool uses_reference() const { return beta.value_or(0) > 0; }
  bool has_entropy_bonus() const { return entropy_coef > 0 || use_adaptive_entropy; }
  bool operator==(const GrpoConfig&) const = default;
};

inline void describe(ConfigVisitor& v, GrpoConfig& c) {
  v.field("num_generations", c.num_generations, at_least(2), "completions",
          "Completions sampled for each prompt: the group that is compared.");
  v.field("prompts_per_step", c.prompts_per_step, at_least(1), "prompts", "Prompts sampled in one step.");
  v.field("num_minibatches", c.num_minibatches, at_least(1), "minibatches",
          "Optimizer updates that share the completions of one step.");
  v.field("num_iterations", c.num_iterations, at_least(1), "passes", "Passes over the completions of one step.");
  v.field("epsilon", c.epsilon, above(0), "", "The ratio is clipped below at 1 - epsilon.");
  v.field("epsilon_high", c.epsilon_high, above(0), "", "The ratio is clipped above at 1 + epsilon_high.");
  v.field(
      "delta", c.delta, above(1), "",
      "Dual clip: with a negative advantage the ratio counts up to this at most, above 1 + epsilon_high; null for no "
      "bound.");
  v.field(
      "importance_sampling_level", c.importance_sampling_level, any_value(), "",
      "What a ratio belongs to: each token, or the whole completion (sequence, GSPO), by the mean of its log-ratios.");
  v.field(
      "loss_type", c.loss_type, any_value(), "",
      "How token losses are averaged: grpo (per completion), dapo (over all tokens), dr_grpo (by the length limit), "
      "bnpo (over the tokens of a minibatch), cispo (as dapo; the ratio is a bounded weight without a gradient).");
  v.field(
      "advantage_estimator", c.advantage_estimator, any_value(), "",
      "What a reward is compared with: the group's mean (grpo), that of the group's others (rloo), that of the step "
      "(reinforce_plus_plus), or the group's and then the step's (reinforce_plus_plus_baseline).");
  v.field(
      "scale_rewards", c.scale_rewards, any_value(), "",
      "Advantages of the estimator grpo are divided by the standard deviation of the group, of the batch, or by none.");
  v.field("beta", c.beta, at_least(0), "",
          "Weight of the KL term towards the reference model; null or 0 for no reference model.");
  v.field("kl_estimator", c.kl_estimator, any_value(), "", "Estimator of the KL term.");
  v.field("kl_in", c.kl_in, any_value(), "", "Adds the KL term to the loss, or subtracts it from the reward.");
  v.field("ref_model_sync_steps", c.ref_model_sync_steps, at_least(1), "steps",
          "The policy becomes the new reference model every so many steps; null for never.");
  v.field("entropy_coef", c.entropy_coef, at_least(0), "",
          "Weight of the entropy bonus in the loss; with use_adaptive_entropy, what it starts from.");
  v.field("use_adaptive_entropy", c.use_adaptive_entropy, any_value(), "",
          "Moves the weight after every update, and applies it only while the entropy is at most entropy_target.");
  v.field("entropy_target", c.entropy_target, above(0), "nats", "Mean entropy of a token that is kept up.");
  v.field("entropy_coef_delta", c.entropy_coef_delta, above(0), "", "How far the weight moves after an update.");
  v.field("entropy_coef_min", c.entropy_coef_min, at_least(0), "", "The least weight.");
  v.field("entropy_coef_max", c.entropy_coef_max, at_least(0), "", "The largest weight.");
  v.field("dynamic_sampling", c.dynamic_sampling, any_value(), "",
          "Groups whose rewards are all equal are kept (off), dropped (drop), or replaced by new prompts (refill).");
  v.field("max_refill_rounds", c.max_refill_rounds, at_least(1), "rounds",
          "With refill, further prompts are sampled at most this many times in a step.");
  v.field("mask_truncated_completions", c.mask_truncated_completions, any_value(), "",
          "Leaves completions that were cut off out of the loss.");
  v.field(
      "old_log_probs", c.old_log_probs, any_value(), "",
      "Log-probs that the ratio divides by: the sampler's own (behavior), or those of a separate pass (recompute).");
  v.field(
      "importance_sampling_cap", c.importance_sampling_cap, above(0), "",
      "With recompute, token losses are weighted by exp(old - sampler's log-prob), at most this; null for no weight.");
}

}  // namespace hone
