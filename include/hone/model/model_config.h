// The shape of a decoder-only transformer, as Hugging Face's config.json states it. A plain struct.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hone {

/// How rotary frequencies differ from theta^(-2i/d); docs/models.md has the formulas.
struct RopeScaling {
  std::string rope_type = "default";  ///< default, linear, dynamic, llama3, yarn or longrope
  double factor = 1.0;
  int64_t original_max_position_embeddings = 0;
  double attention_factor = 1.0;                         ///< on cosine and sine
  double low_freq_factor = 1.0, high_freq_factor = 4.0;  ///< llama3
  double beta_fast = 32.0, beta_slow = 1.0;              ///< yarn
  bool truncate = true;                                  ///< yarn
  std::vector<double> short_factor, long_factor;         ///< longrope: one a pair
};

/// Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434).
struct LatentAttention {
  int64_t kv_lora_rank = 0;  ///< 0: ordinary attention
  int64_t q_lora_rank = 0;   ///< 0: queries come from one matrix
  int64_t qk_nope_head_dim = 0, qk_rope_head_dim = 0, v_head_dim = 0;
  bool rope_interleave = true;
  double scale_factor = 1.0;  ///< on 1 / sqrt(head_dim)
};

/// Mixture-of-experts layers.
struct ExpertLayers {
  int64_t num_experts = 0;  ///< 0: every layer is dense
  int64_t experts_per_token = 0, intermediate_size = 0, shared_experts = 0;
  bool sigmoid = false;  ///< and a correction bias for the choice; otherwise softmax
  bool norm_topk_prob = false;
  double scale = 1.0;
  int64_t groups = 1, kept_groups = 1;
  int64_t first_layer = 0, step = 1;  ///< layer i is sparse when i >= first_layer and step divides i + 1,
  std::vector<int64_t> dense_layers;  ///< unless it is one of these
};

struct ModelConfig {
  std::string model_type = "llama";  ///< one of families.cpp
  int64_t vocab_size = 0;
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int64_t num_hidden_layers = 0;
  int64_t num_attention_heads = 0;
  int64_t num_key_value_heads = 0;
  int64_t head_dim = 0;  ///< of queries and keys
  int64_t max_position_embeddings = 0;
  double rope_theta = 10000.0;
  RopeScaling rope_scaling;
  double rms_norm_eps = 1e-5;
  bool tie_word_embeddings = false;
  bool score_head = false;      ///< one number in place of the vocabulary: a reward model
  bool attention_bias = false;  ///< on q, k and v (of latent attention: on the two projections to its latents)
  bool output_bias = false;     ///< on the output of attention
  bool mlp_bias = false;
  bool qk_norm = false;          ///< RMSNorm on each head of q and k, before they turn
  std::vector<int64_t> windows;  ///< a sliding window for each layer, 0 = none; empty: none at all
  LatentAttention latent;
  ExpertLayers experts;
  int64_t bos_token_id = -1, pad_token_id = -1;  ///< -1 = none
  std::vector<int64_t> eos_token_ids;
  std::string source;  ///< the config.json that it was read from

  /// Reads `folder`/config.json. Throws Error naming the file and the key.
  static ModelConfig load(const std::string& folder);
  static ModelConfig parse(const std::string& json, const std::string& place);

  int64_t value_dim() const { return latent.kv_lora_rank > 0 ? latent.v_head_dim : head_dim; }
  /// How many elements of a head turn.
  int64_t rope_dim() const { return latent.kv_lora_rank > 0 ? latent.qk_rope_head_dim : head_dim; }
  bool is_sparse(int64_t layer) const;
  /// A sequence of more tokens than this has other rotary factors from its first token on (longrope).
  int64_t rope_changes_after() const;
  /// Weights and biases of the model, tied ones once.
  int64_t parameter_count() const;
  /// The text of a config.json that transformers reads: `source` with what has changed since.
  std::string to_json() const;
};

}  // namespace hone
