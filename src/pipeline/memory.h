// What a stage needs of the memory of a rank, worked out from shapes alone. Pure functions but for the size of the
// machine; thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "hone/model/model_config.h"
#include "hone/rollout/config.h"
#include "hone/train/config.h"

namespace hone {

/// Bytes of one rank.
struct Memory {
  int64_t weights = 0;      ///< and their form that products read
  int64_t gradients = 0;    ///< and sums on their way between ranks
  int64_t optimizer = 0;    ///< both moments
  int64_t reference = 0;    ///< the reference model
  int64_t kv_cache = 0;     ///< of sampling
  int64_t activations = 0;  ///< of the largest micro-batch: what the backward pass needs
  int64_t logits = 0;       ///< that exist at a time
  int64_t program = 0;      ///< code, libraries, tables, what allocators keep
  int64_t total() const {
    return weights + gradients + optimizer + reference + kv_cache + activations + logits + program;
  }
};

/// How a run is spread.
struct Ranks {
  int64_t size = 1;
  int64_t on_this_machine = 1;
  int64_t zero_stage = 0;
};

/// Of a model that trains on micro-batches of at most `tokens` tokens.
Memory training_memory(const ModelConfig& model, const OptimizerConfig& optimizer, int64_t tokens, const Ranks& ranks);
/// Of a model that only samples or scores.
Memory frozen_memory(const ModelConfig& model);
/// Of a cache for `completions` of them, or as many as run at a time, after prompts of so many tokens: at most that
/// much is written to.
int64_t kv_cache_bytes(const ModelConfig& model, int64_t completions, int64_t prompt, const SamplingConfig& sampling);

/// What the machine has, or the process may have of it.
int64_t machine_memory();
/// Throws Error kInput naming the keys that help where the ranks of this machine need more than it has.
void check_fits(const Memory& memory, const Ranks& ranks, const std::string& stage, int64_t available);

/// "12.3 MB", "4.56 GB".
std::string in_bytes(int64_t bytes);

}  // namespace hone
