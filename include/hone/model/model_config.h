// The shape of a decoder-only transformer, as Hugging Face's config.json states it.
#pragma once

#include <cstdint>
#include <string>

namespace hone {

/// Llama and Qwen2 without rotary scaling; anything else in the file is refused by name.
struct ModelConfig {
  std::string model_type = "llama";  ///< "llama" or "qwen2" (which has biases on q, k and v)
  int64_t vocab_size = 0;
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int64_t num_hidden_layers = 0;
  int64_t num_attention_heads = 0;
  int64_t num_key_value_heads = 0;
  int64_t head_dim = 0;
  int64_t max_position_embeddings = 0;
  double rope_theta = 10000.0;
  double rms_norm_eps = 1e-5;
  bool tie_word_embeddings = false;
  bool attention_bias = false;                                      ///< biases on q, k and v
  int64_t bos_token_id = -1, eos_token_id = -1, pad_token_id = -1;  ///< -1 = none

  /// Reads `folder`/config.json. Throws Error naming the file and the key.
  static ModelConfig load(const std::string& folder);
  /// Weights and biases of the model, tied ones once.
  int64_t parameter_count() const;
  /// The text of a config.json that transformers reads.
  std::string to_json() const;
};

}  // namespace hone
