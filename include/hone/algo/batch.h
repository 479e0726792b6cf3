// Completions to minibatches: which completion trains when, packed without padding, with every token's share of the loss fixed before
// any split into micro-batches. Pure functions.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "hone/algo/config.h"
#include "hone/core/random.h"
#include "hone/data/records.h"

namespace hone::algo {

/// A completion of a rollout; both must outlive the batches made of it.
struct Sample {
  const Prompt* prompt;
  const Completion* completion;
};

/// Some whole sequences of one optimizer update, packed. T tokens, R completion tokens.
struct TrainBatch {
  at::Tensor ids;                ///< [T] int32: prompt and completion, without the last token, which predicts nothing
  std::vector<int64_t> offsets;  ///< [sequences + 1] into ids
  at::Tensor rows;               ///< [R] int64: the token of ids whose hidden state predicts completion token r
  at::Tensor targets;            ///< [R] int32
  at::Tensor old_log_probs;      ///< [R]
  at::Tensor ref_log_probs;      ///< [R], undefined without a reference model
  at::Tensor advantages;         ///< [R]
  at::Tensor weights;            ///< [R] share of each token in the loss; loss = sum of weight * token loss
  KeptIds kept;                  ///< per row
};

/// Splits a rollout's completions at random into `num_minibatches` parts whose sizes differ by at most one.
std::vector<std::vector<Sample>> split_minibatches(const std::vector<RolloutGroup>& groups, int64_t num_minibatches,
                                                   RandomStream random);

/// The share of each token of each sample in its minibatch's loss; a completion that mask_truncated_completions leaves out has 0.
///   grpo     1 / (samples * tokens of the completion)            arXiv 2402.03300, Eq. 3
///   dapo     1 / (tokens of the minibatch), bnpo the same        arXiv 2503.14476, Eq. 8
///   dr_grpo  1 / (samples * max_completion_length)               arXiv 2503.20783, section 3.2
/// Masked completions count as samples (TRL) but not as tokens. TRL's bnpo divides by each micro-batch's own tokens; nothing here depends
/// on micro-batches, so bnpo and dapo coincide.
std::vector<double> token_weights(const std::vector<Sample>& samples, const GrpoConfig& config, int64_t max_completion_length);

/// Consecutive samples whose tokens fit `micro_batch_tokens`; a longer one stands alone.
std::vector<std::span<const Sample>> split_micro_batches(const std::vector<Sample>& samples, int64_t micro_batch_tokens);

/// Packs samples; `weights` has one entry a sample.
TrainBatch build_batch(std::span<const Sample> samples, std::span<const double> weights);

}  // namespace hone::algo
