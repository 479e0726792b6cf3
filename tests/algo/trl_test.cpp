// Advantages, losses, gradients and metrics against TRL 1.16 (tests/fixtures/make_grpo_loss.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "algo/rollouts.h"
#include "hone/algo/advantages.h"

namespace hone::algo {
namespace {

using Json = nlohmann::json;
using Table = std::vector<std::vector<double>>;  // [sequence][token]

Json fixture() {
  std::ifstream file(HONE_SOURCE_DIR "/tests/fixtures/grpo_loss.json");
  return Json::parse(file);
}

template <class E>
E value_of(const std::string& name) {
  const auto names = enum_names(E{});
  return static_cast<E>(std::find(names.begin(), names.end(), name) - names.begin());
}

GrpoConfig config_of(const Json& c) {
  GrpoConfig config;
  config.loss_type = value_of<LossType>(c["loss_type"]);
  config.scale_rewards = value_of<ScaleRewards>(c["scale_rewards"]);
  config.epsilon = c["epsilon"], config.epsilon_high = c["epsilon_high"], config.beta = c["beta"].get<double>();
  if (c.contains("importance_sampling_level"))
    config.importance_sampling_level = value_of<ImportanceSamplingLevel>(c["importance_sampling_level"]);
  if (c.contains("delta")) config.delta = c["delta"];
  if (c.contains("importance_sampling_cap")) config.importance_sampling_cap = c["importance_sampling_cap"];
  if (c.contains("entropy_coef")) config.entropy_coef = c["entropy_coef"];
  config.mask_truncated_completions = c["mask_truncated_completions"];
  config.num_minibatches = c["num_minibatches"];
  return config;
}

std::vector<RolloutGroup> groups_of(const Json& data) {
  const size_t generations = data["num_generations"];
  const std::vector<size_t> truncated = data["truncated"];
  const std::vector<double> reward_weights = data["reward_weights"];
  const Table old = data["old_log_probs"];
  std::vector<RolloutGroup> groups(old.size() / generations);
  for (size_t s = 0; s < old.size(); ++s) {
    RolloutGroup& group = groups[s / generations];
    group.prompt.ids = {3, 4};
    Completion& c = group.completions.emplace_back();
    c.ids.assign(old[s].size(), 2);
    c.behavior_log_probs.assign(old[s].begin(), old[s].end());
    const bool cut = std::find(truncated.begin(), truncated.end(), s) != truncated.end();
    c.finish_reason = cut ? FinishReason::kLength : FinishReason::kStop;
    for (size_t part = 0; part < reward_weights.size(); ++part) {
      const Json& value = data["reward_parts"][s][part];
      c.reward_parts.push_back(value.is_null() ? std::optional<double>() : value.get<double>());
      c.reward += reward_weights[part] * c.reward_parts.back().value_or(0);
    }
  }
  return groups;
}

/// A stream that splits as TRL's fixture does, the first half of the completions first: one in 924.
RandomStream stream_of(const TrainBatch& rollout, const std::vector<RolloutGroup>& groups) {
  GrpoConfig halves;
  halves.num_minibatches = 2;
  for (uint64_t seed = 0; seed < 20000; ++seed) {
    const auto part = build_minibatches(rollout, groups, halves, 6, test_stream(seed)).at(0);
    if (part.sources.back().group == 1 && part.sources.back().completion == 1) return test_stream(seed);
  }
  ADD_FAILURE() << "no such split";
  return test_stream(0);
}

/// The values of a table [R] at the rows of a batch.
std::vector<double> rows_of(const Table& table, const TrainBatch& batch, int64_t generations) {
  std::vector<double> result;
  for (const auto& source : batch.sources) {
    const auto& values = table[static_cast<size_t>(source.group * generations + source.completion)];
    result.insert(result.end(), values.begin(), values.end());
  }
  return result;
}

TEST(Trl, GivesTheSameAdvantagesLossesGradientsAndMetrics) {
  const Json data = fixture();
  const int64_t generations = data["num_generations"], max_length = data["max_completion_length"];
  auto groups = groups_of(data);
  TrainBatch rollout = build_batch(groups);
  rollout.ref_log_probs = tensor_of(rows_of(data["ref_log_probs"], rollout, generations)).to(at::kFloat);
  rollout.behavior_log_probs = tensor_of(rows_of(data["sampling_log_probs"], rollout, generations)).to(at::kFloat);
  const RandomStream stream = stream_of(rollout, groups);
  ASSERT_EQ(data["cases"].size(), 31U);
  for (const Json& c : data["cases"]) {
    SCOPED_TRACE(c["loss_type"].dump() + c["scale_rewards"].dump() + c["num_minibatches"].dump());
    const GrpoConfig config = config_of(c);
    const RewardStats rewards = compute_advantages(groups, config);
    EXPECT_NEAR(rewards.reward, c["reward"], 1e-10);
    EXPECT_NEAR(rewards.reward_std, c["reward_std"], 1e-10);
    if (config.scale_rewards != ScaleRewards::kBatch) {
      EXPECT_NEAR(rewards.frac_reward_zero_std, c["frac_reward_zero_std"], 1e-7);
    }
    for (size_t s = 0; s < rollout.sources.size(); ++s)
      EXPECT_NEAR(completion_of(groups, rollout.sources[s]).advantage, c["advantages"][s], 1e-10) << s;

    const auto minibatches = build_minibatches(rollout, groups, config, max_length, stream);
    ASSERT_EQ(minibatches.size(), c["losses"].size());
    for (size_t m = 0; m < minibatches.size(); ++m) {
      const TrainBatch& batch = minibatches[m];
      LossInputs in = inputs_of(batch, tensor_of(rows_of(data["log_probs"], batch, generations)));
      in.entropy = tensor_of(rows_of(data["entropy"], batch, generations));
      in.entropy.requires_grad_(true);
      const LossStats stats = policy_loss(in, config).stats;
      EXPECT_NEAR(stats.loss, c["losses"][m], 1e-6);
      const std::vector<double> gradient = gradient_of(in, config);
      const std::vector<double> expected = rows_of(c["gradients"], batch, generations);
      ASSERT_EQ(gradient.size(), expected.size());
      for (size_t row = 0; row < gradient.size(); ++row) EXPECT_NEAR(gradient[row], expected[row], 1e-7) << row;

      if (config.entropy_coef != 0) {
        const std::vector<double> by_entropy = values_of(in.entropy.grad());
        const std::vector<double> expected_by_entropy = rows_of(c["entropy_gradients"], batch, generations);
        for (size_t row = 0; row < by_entropy.size(); ++row)
          EXPECT_NEAR(by_entropy[row], expected_by_entropy[row], 1e-7) << row;
      }

      const auto tokens = static_cast<double>(stats.tokens), ratios = static_cast<double>(stats.ratios);
      const auto low = static_cast<double>(stats.clip_low), high = static_cast<double>(stats.clip_high);
      if (config.loss_type == LossType::kCispo) {
        EXPECT_EQ(low, 0);
        EXPECT_NEAR(high / ratios, c["metrics"]["cispo_clip_ratio"][m], 1e-7);
      } else {
        EXPECT_NEAR(low / ratios, c["metrics"]["clip_ratio/low_mean"][m], 1e-7);
        EXPECT_NEAR(high / ratios, c["metrics"]["clip_ratio/high_mean"][m], 1e-7);
        EXPECT_NEAR((low + high) / ratios, c["metrics"]["clip_ratio/region_mean"][m], 1e-7);
      }
      EXPECT_NEAR(stats.entropy / tokens, c["metrics"]["entropy"][m], 1e-7);
      if (config.uses_reference()) {
        EXPECT_NEAR(stats.kl / tokens, c["metrics"]["kl"][m], 1e-7);
      }
    }
  }
}

}  // namespace
}  // namespace hone::algo
