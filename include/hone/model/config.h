// The section `architecture`: the shape of a model that is trained from nothing. A plain struct; see core/config.h. The
// names are those of Hugging Face's config.json.
#pragma once

#include "hone/core/config.h"

namespace hone {

struct ArchitectureConfig {
  int64_t hidden_size = 96;
  int64_t intermediate_size = 256;
  int64_t num_hidden_layers = 3;
  int64_t num_attention_heads = 4;
  int64_t num_key_value_heads = 4;
  double rope_theta = 10000.0;
  double rms_norm_eps = 1e-5;
  bool tie_word_embeddings = true;
  int64_t max_position_embeddings = 512;
  bool operator==(const ArchitectureConfig&) const = default;
};

inline void describe(ConfigVisitor& v, ArchitectureConfig& c) {
  v.field("hidden_size", c.hidden_size, at_least(1), "", "Width of the residual stream.");
  v.field("intermediate_size", c.intermediate_size, at_least(1), "", "Width of the gated feed-forward layer.");
  v.field("num_hidden_layers", c.num_hidden_layers, at_least(1), "layers", "Transformer layers.");
  v.field("num_attention_heads", c.num_attention_heads, at_least(1), "heads", "Query heads.");
  v.field("num_key_value_heads", c.num_key_value_heads, at_least(1), "heads",
          "Key and value heads; fewer than num_attention_heads for grouped-query attention.");
  v.field("rope_theta", c.rope_theta, above(0), "", "Base of the rotary position frequencies.");
  v.field("rms_norm_eps", c.rms_norm_eps, above(0), "", "Added to the mean square in RMSNorm.");
  v.field("tie_word_embeddings", c.tie_word_embeddings, any_value(), "", "The output layer is the embedding table.");
  v.field("max_position_embeddings", c.max_position_embeddings, at_least(1), "tokens",
          "Longest sequence, prompt and completion together.");
}

}  // namespace hone
