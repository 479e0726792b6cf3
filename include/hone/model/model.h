// A decoder-only transformer (Llama family): one set of weights that samples, scores and trains.
//
// Owns its parameters in one flat fp32 buffer, and its gradients in another when it is trained; every weight is a view.
// Matrices come first and vectors (norms, biases) after them, so that weight decay is a prefix. Not thread-safe: one
// thread calls at a time and the operations use all threads inside.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <utility>
#include <vector>

#include "hone/kernels/ops.h"
#include "hone/model/model_config.h"

namespace hone {

/// Whole sequences, one after the other without padding, and the rows whose next token is scored.
struct ScoreBatch {
  at::Tensor ids;                           ///< [T] int32
  std::vector<int64_t> offsets;             ///< [sequences + 1]: sequence s is ids[offsets[s] .. offsets[s+1])
  at::Tensor rows;                          ///< [R] int64: row r is predicted from the hidden state at ids[rows[r]]
  at::Tensor targets;                       ///< [R] int32
  kernels::TokenDistribution distribution;  ///< its arrays must outlive the backward pass
};

class Model {
 public:
  /// Zero weights; `trains` allocates gradients.
  Model(ModelConfig config, bool trains);
  Model(Model&&) = default;  // a copy would share the buffers
  /// Reads config.json and model.safetensors (fp32, bf16 or fp16 on disk) from a Hugging Face folder. Throws Error
  /// kInput.
  static Model load(const std::string& folder, bool trains);
  /// Takes the weights from model.safetensors of a folder; what else the file holds is left alone. Throws Error kInput.
  void load_weights(const std::string& folder);
  /// Writes config.json and model.safetensors.
  void save(const std::string& folder) const;
  /// N(0, 0.02), outputs of the residual branches scaled by 1/sqrt(2 layers), norms 1, biases 0 (Radford et al. 2019).
  void init_weights(uint64_t seed);

  const ModelConfig& config() const { return config_; }
  const at::Tensor& flat() const { return flat_; }            ///< [parameters]
  const at::Tensor& flat_grad() const { return flat_grad_; }  ///< [parameters], undefined when not trained
  int64_t decayed() const { return decayed_; }                ///< how many leading parameters are matrices
  /// Hugging Face names and views, in the order of the flat buffer.
  const std::vector<std::pair<std::string, at::Tensor>>& parameters() const { return parameters_; }

  /// Logits [R, V] at `rows` (int64 [R]) of the new tokens ids[T] (int32). `cache` has one entry a layer, or a single
  /// one that the layers use in turn when every segment is a whole sequence.
  at::Tensor logits(const at::Tensor& ids, const std::vector<kernels::Segment>& segments,
                    const std::vector<kernels::KvLayer>& cache, const at::Tensor& rows) const;
  /// Final hidden states [R, C], normalised, of whole sequences that lie one after the other in ids [T] (int32), as in
  /// ScoreBatch: at `rows` (int64 [R]).
  at::Tensor hidden_states(const at::Tensor& ids, const std::vector<int64_t>& offsets, const at::Tensor& rows) const;
  /// Log-probs and entropies [R] of whole sequences, with autograd where grad mode is on and the model is trained.
  kernels::LogProbs log_probs(const ScoreBatch& batch) const;

  void zero_grad();
  /// Adds the head's part of a tied embedding's gradient; call once after the last backward pass of an update.
  void finish_gradients();

  kernels::AttentionGeometry geometry() const {
    return {config_.num_attention_heads, config_.num_key_value_heads, config_.head_dim};
  }

 private:
  struct Layer {
    kernels::Weight input_norm, qkv, qkv_bias, output, post_norm, gate_up, down;
  };
  /// A weight to lay out: Hugging Face tensors that lie below each other and act as one matrix (or vector).
  struct Spec {
    std::vector<std::pair<std::string, std::vector<int64_t>>> parts;
    kernels::Weight* weight;
  };
  std::vector<Spec> matrices();
  std::vector<Spec> vectors();
  static int64_t count(const std::vector<Spec>& specs);
  void lay_out(const std::vector<Spec>& specs);
  /// Final hidden states [R, C], normalised, at `rows`.
  at::Tensor hidden(const at::Tensor& ids, const std::vector<kernels::Segment>& segments,
                    const std::vector<kernels::KvLayer>& cache, const at::Tensor& rows) const;

  ModelConfig config_;
  bool trains_;
  at::Tensor flat_, flat_grad_, head_grad_;
  int64_t decayed_ = 0, laid_out_ = 0;
  std::vector<std::pair<std::string, at::Tensor>> parameters_;
  const kernels::Weight& head() const { return config_.tie_word_embeddings ? embedding_ : head_; }

  kernels::Weight embedding_, final_norm_, head_;
  std::vector<Layer> layers_;
  kernels::Rope rope_;
};

}  // namespace hone
