// Random rollouts, and small conversions that the tests of this module share.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <vector>

#include "hone/algo/batch.h"
#include "hone/algo/loss.h"

namespace hone::algo {

struct RolloutShape {
  int groups = 3, generations = 4;
  uint64_t max_length = 6;
  bool kept = false;  ///< with the ids that a sampling filter left
};

/// Prompts of 1 to 4 tokens, completions of 1 to max_length; every third completion or so is truncated. Rewards are
/// multiples of 1/8 in [-1, 1], log-probs of 1/1024 in (-3, 0].
inline std::vector<RolloutGroup> random_groups(const RolloutShape& shape, RandomStream& random) {
  std::vector<RolloutGroup> groups(static_cast<size_t>(shape.groups));
  const auto id = [&random] { return static_cast<int32_t>(random.next_below(50)); };
  for (RolloutGroup& group : groups) {
    for (uint64_t t = random.next_below(4) + 1; t > 0; --t) group.prompt.ids.push_back(id());
    group.completions.resize(static_cast<size_t>(shape.generations));
    for (Completion& c : group.completions) {
      c.finish_reason = random.next_below(3) == 0 ? FinishReason::kLength : FinishReason::kStop;
      c.reward = static_cast<double>(random.next_below(17)) / 8 - 1;
      if (shape.kept) c.kept.offsets = {0};
      for (uint64_t t = random.next_below(shape.max_length) + 1; t > 0; --t) {
        c.ids.push_back(id());
        c.behavior_log_probs.push_back(-static_cast<float>(random.next_below(3072)) / 1024);
        if (!shape.kept) continue;
        c.kept.ids.push_back(c.ids.back());
        for (uint64_t more = random.next_below(3); more > 0; --more) c.kept.ids.push_back(id());
        c.kept.offsets.push_back(static_cast<int64_t>(c.kept.ids.size()));
      }
    }
  }
  return groups;
}

inline RandomStream test_stream(uint64_t seed) {
  return {seed, RandomPurpose::kTest};
}

inline const Completion& completion_of(const std::vector<RolloutGroup>& groups, const TrainBatch::Source& source) {
  return groups.at(static_cast<size_t>(source.group)).completions.at(static_cast<size_t>(source.completion));
}

/// [n] float64.
inline at::Tensor tensor_of(const std::vector<double>& values) {
  at::Tensor x = at::empty({static_cast<int64_t>(values.size())}, at::kDouble);
  std::copy(values.begin(), values.end(), x.mutable_data_ptr<double>());
  return x;
}

inline std::vector<double> values_of(const at::Tensor& x) {
  const at::Tensor y = x.detach().to(at::kDouble).contiguous();
  return {y.const_data_ptr<double>(), y.const_data_ptr<double>() + y.numel()};
}

/// The batch's numbers in the type of `log_probs`.
inline LossInputs inputs_of(const TrainBatch& batch, const at::Tensor& log_probs) {
  const auto type = log_probs.scalar_type();
  LossInputs in = {log_probs, batch.old_log_probs.to(type), {}, batch.advantages.to(type), batch.weights.to(type), {}};
  in.row_offsets = batch.row_offsets;
  if (batch.behavior_log_probs.defined()) in.behavior_log_probs = batch.behavior_log_probs.to(type);
  if (batch.ref_log_probs.defined()) in.ref_log_probs = batch.ref_log_probs.to(type);
  return in;
}

/// d loss / d log_probs.
inline std::vector<double> gradient_of(const LossInputs& in, const GrpoConfig& config) {
  LossInputs leaf = in;
  leaf.log_probs = in.log_probs.detach().clone().requires_grad_(true);
  policy_loss(leaf, config).loss.backward();
  return values_of(leaf.log_probs.grad());
}

}  // namespace hone::algo
