// Samples completions: continuous batching over a paged KV cache.
//
// A completion is a function of (seed, stage, step, prompt, sample) and the weights alone: batch size, slots,
// preemption and thread count do not change a bit of it. Owns the KV cache and keeps it between calls; borrows the
// model and the tokenizer, whose current weights every call uses. One thread calls at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "hone/data/records.h"
#include "hone/model/model.h"
#include "hone/rollout/config.h"
#include "hone/tokenizer/tokenizer.h"

namespace hone {

/// Names the random streams of one call.
struct RolloutKey {
  uint64_t seed = 0;
  uint64_t stage = 0;
  uint64_t step = 0;
};

struct RolloutStats {
  int64_t tokens = 0;  ///< sampled
  int64_t forwards = 0;
  int64_t preemptions = 0;  ///< sequences that lost their blocks and were computed again
};

/// Told of each completion as soon as it is done, in the thread that generates: work on it can begin while others still
/// grow. Both references stay valid as long as the vector that generate() returns.
using OnFinished = std::function<void(const RolloutGroup& group, const Completion& completion)>;

/// Told of each token as soon as it is drawn: the last of completion.ids.
using OnToken = std::function<void(const RolloutGroup& group, const Completion& completion)>;

class RolloutEngine {
 public:
  RolloutEngine(const Model& model, const Tokenizer& tokenizer);
  ~RolloutEngine();

  /// `num_generations` completions of every prompt, in order. Prompts must leave room for max_completion_length within
  /// the model's positions; a longer one is an Error kInput, as is a KV cache that cannot hold one sequence.
  std::vector<RolloutGroup> generate(std::vector<Prompt> prompts, int64_t num_generations, const SamplingConfig& config,
                                     const RolloutKey& key, const OnFinished& on_finished = {},
                                     const OnToken& on_token = {});
  const RolloutStats& stats() const { return stats_; }  ///< of the last call

 private:
  class Batch;
  int64_t block_bytes() const;  ///< of one block of the cache, in all layers
  /// Makes the cache large enough; returns how many of its blocks this call may use.
  int64_t ensure_cache(const SamplingConfig& config, int64_t longest_prompt, int64_t sequences);

  const Model& model_;
  const Tokenizer& tokenizer_;
  std::vector<kernels::KvLayer> cache_;
  RolloutStats stats_;
};

}  // namespace hone
