// The section `sampling`: how completions are drawn. A plain struct; see core/config.h.
#pragma once

#include "hone/core/config.h"

namespace hone {

struct SamplingConfig {
  // What is drawn.
  double temperature = 1.0;
  double top_p = 1.0;
  std::optional<int64_t> top_k;
  std::optional<double> min_p;
  int64_t max_completion_length = 256;
  std::optional<int64_t> min_completion_length;
  std::vector<std::string> stop;
  // Speed and memory only.
  int64_t max_num_seqs = 512;
  std::optional<int64_t> kv_cache_blocks;

  bool operator==(const SamplingConfig&) const = default;
};

inline void describe(ConfigVisitor& v, SamplingConfig& c) {
  v.field("temperature", c.temperature, between(0, 100), "",
          "Divides the logits before a token is drawn; 0 takes the most likely token and is for evaluation only.");
  v.field("top_p", c.top_p, above_up_to(0, 1), "",
          "Draws from the smallest set of tokens with this total probability.");
  v.field("top_k", c.top_k, at_least(1), "tokens", "Draws from this many most likely tokens; null for all.");
  v.field("min_p", c.min_p, between(0, 1), "",
          "Drops tokens less likely than this share of the most likely one; null for none.");
  v.field("max_completion_length", c.max_completion_length, at_least(1), "tokens",
          "A completion is cut off after this many tokens, the end token included.");
  v.field("min_completion_length", c.min_completion_length, at_least(1), "tokens",
          "The end token cannot be drawn before this length; null for no minimum (for benchmarks).");
  v.field("stop", c.stop, any_value(), "", "Texts that end a completion when they appear.");
  v.field("max_num_seqs", c.max_num_seqs, at_least(1), "sequences",
          "Sequences that are generated at the same time; changes speed and memory, never the completions.");
  v.field("kv_cache_blocks", c.kv_cache_blocks, at_least(1), "blocks",
          "Size of the key-value cache; null for enough blocks for max_num_seqs.");
}

}  // namespace hone
