// The completions of a step as packed arrays: the whole rollout, its minibatches (one optimizer update each) and their
// micro-batches (one forward and backward pass each) are all a TrainBatch.
//
// The order in a step: build_batch(groups); reference (and, where configured, old) log-probs are scored on it
// micro-batch by micro-batch; compute_advantages(groups); build_minibatches(); for each, micro_batches() and slice(). A
// batch owns its memory. Pure functions; thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "hone/algo/config.h"
#include "hone/core/random.h"
#include "hone/data/records.h"

namespace hone::algo {

/// T tokens of S sequences, one after the other without padding, and R rows, one for each completion token. The last
/// token of a sequence predicts nothing and is not among the T: a sequence has prompt + completion - 1 tokens.
struct TrainBatch {
  /// Where a sequence comes from: groups[group].completions[completion].
  struct Source {
    int64_t group, completion;
  };

  at::Tensor ids;                    ///< [T] int32
  std::vector<int64_t> offsets;      ///< [S + 1]: sequence s is ids[offsets[s] .. offsets[s+1])
  std::vector<int64_t> row_offsets;  ///< [S + 1]: its completion tokens are the rows row_offsets[s] .. row_offsets[s+1)
  std::vector<Source> sources;       ///< [S]

  at::Tensor rows;           ///< [R] int64: the position in ids of the token before, whose hidden state predicts row r
  at::Tensor targets;        ///< [R] int32: the completion token
  at::Tensor temperatures;   ///< [R] float64: that the token was drawn at
  at::Tensor old_log_probs;  ///< [R] float32: denominators of the ratios; the sampler's log-probs until overwritten
  at::Tensor ref_log_probs;  ///< [R] float32; undefined until scored
  at::Tensor behavior_log_probs;  ///< [R] float32: the sampler's where old_log_probs are others; else undefined
  at::Tensor advantages;          ///< [R] float32; minibatches only
  at::Tensor weights;  ///< [R] float32, all > 0; minibatches only: the loss is the sum of weight * token loss

  std::vector<int32_t> kept_ids;      ///< data::KeptIds of all rows, one after the other
  std::vector<int64_t> kept_offsets;  ///< [R + 1]: row r drew from kept_ids[kept_offsets[r] .. kept_offsets[r+1]), or
                                      ///< from all ids where that is empty; no offsets when no filter was on

  int64_t num_sequences() const { return static_cast<int64_t>(sources.size()); }
  int64_t num_tokens() const { return offsets.back(); }
  int64_t num_rows() const { return row_offsets.back(); }
};

/// All completions of the step, group by group, with the sampler's log-probs as old_log_probs. `temperatures` are those
/// that the groups were drawn at; none: all at 1.
TrainBatch build_batch(const std::vector<RolloutGroup>& groups, const std::vector<double>& temperatures = {});

/// Splits the rollout at random into config.num_minibatches minibatches whose sizes differ by one completion at most
/// (fewer minibatches when there are fewer completions; none of none), and gives every token its advantage and weight.
/// `stream` is RandomStream(seed, kMinibatches, {stage, step, iteration}).
///
/// A weight carries the whole normalisation, so that loss and gradient do not depend on micro-batches, packing or
/// order. With S completions in the minibatch, |o| tokens in one of them, and N loss tokens:
///   grpo     1 / (S |o|)                       DeepSeekMath eq. 3
///   bnpo     1 / (N of the minibatch)          TRL
///   dapo     1 / (N of the rollout / number of minibatches)   DAPO eq. 8, with TRL's constant over minibatches: all
///            tokens of a step count the same. Equal to bnpo when there is one minibatch.
///   cispo    as dapo
///   dr_grpo  1 / (S max_completion_length)     Dr. GRPO; max_completion_length is the sampling limit
/// With mask_truncated_completions, completions that did not stop by themselves are left out of the arrays. As in TRL
/// they count in S, not in N; their rewards still take part in the advantages of their group. A completion without
/// tokens is left out likewise, so a minibatch may have no sequences: its loss and gradient are 0.
std::vector<TrainBatch> build_minibatches(const TrainBatch& rollout, const std::vector<RolloutGroup>& groups,
                                          const GrpoConfig& config, int64_t max_completion_length, RandomStream stream);

/// Sequences begin .. end - 1 of a batch.
struct SequenceRange {
  int64_t begin, end;
};

/// Cuts a batch, or a part of it, into ranges of whole sequences, in order, of at most `max_tokens` tokens each; a
/// longer sequence stands alone.
std::vector<SequenceRange> micro_batches(const TrainBatch& batch, int64_t max_tokens);
std::vector<SequenceRange> micro_batches(const TrainBatch& batch, SequenceRange part, int64_t max_tokens);

/// These sequences as a batch of their own (a copy).
TrainBatch slice(const TrainBatch& batch, SequenceRange range);

}  // namespace hone::algo
