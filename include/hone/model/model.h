// A decoder-only transformer: one set of weights that samples, scores and trains. docs/models.md lists the families.
//
// Owns its parameters in one flat fp32 buffer, and its gradients in another when it is trained; every weight is a view.
// Matrices come first and vectors (norms, biases) after them, so that weight decay is a prefix. A model that is loaded
// without training has its matrices in the form that products read and in no other ("frozen"), so it takes 4 bytes a
// parameter, or 2 where the file has bf16. A model that is spread over ranks has no such buffers: its units (unit.h)
// are bound and unbound by who spreads it. Not thread-safe: one thread calls at a time and the operations use all
// threads inside.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hone/kernels/ops.h"
#include "hone/model/layer.h"
#include "hone/model/model_config.h"
#include "hone/model/unit.h"

namespace hone {

/// Whole sequences, one after the other without padding, and the rows whose next token is scored.
struct ScoreBatch {
  at::Tensor ids;                           ///< [T] int32
  std::vector<int64_t> offsets;             ///< [sequences + 1]: sequence s is ids[offsets[s] .. offsets[s+1])
  at::Tensor rows;                          ///< [R] int64: row r is predicted from the hidden state at ids[rows[r]]
  at::Tensor targets;                       ///< [R] int32
  kernels::TokenDistribution distribution;  ///< its arrays must outlive the backward pass
};

class RopeTables;
class WeightFiles;
struct WeightSpec;

class Model {
 public:
  /// Zero weights in a flat buffer; `trains` allocates gradients. What is `spread` has no memory until it is bound.
  Model(ModelConfig config, bool trains, Spread spread = Spread::kNothing);
  Model(Model&&) noexcept;  // a copy would share the buffers
  ~Model();
  /// Reads config.json and model.safetensors or its shards (fp32, bf16 or fp16 on disk) from a Hugging Face folder; all
  /// is checked before memory is taken. Without `trains` the model is frozen. Throws Error kInput.
  static Model load(const std::string& folder, bool trains, Spread spread = Spread::kNothing);
  /// The same with a score head in place of the vocabulary's: `score.weight` [1, hidden] of the folder, Hugging Face's
  /// LlamaForSequenceClassification with one label or that of another family; zeros for one that trains and has none.
  static Model load_scorer(const std::string& folder, bool trains, Spread spread = Spread::kNothing);
  static constexpr int64_t kMaxFileBytes = 5'000'000'000;
  /// Writes config.json and model.safetensors, or shards of at most `max_file_bytes` and their index.
  void save(const std::string& folder, int64_t max_file_bytes = kMaxFileBytes) const;
  /// N(0, 0.02), outputs of the residual branches scaled by 1/sqrt(2 layers), norms 1, biases 0 (Radford et al. 2019).
  void init_weights(uint64_t seed);

  const ModelConfig& config() const { return config_; }
  bool trains() const { return trains_; }
  Spread spread() const { return spread_; }
  const at::Tensor& flat() const { return flat_; }            ///< [parameters], undefined when frozen or spread
  const at::Tensor& flat_grad() const { return flat_grad_; }  ///< [parameters], undefined when not trained or spread
  int64_t decayed() const { return decayed_; }                ///< how many leading parameters are matrices
  /// Hugging Face names and views, in the order of the flat buffer; of a frozen model the vectors only, of a spread one
  /// none.
  const std::vector<std::pair<std::string, at::Tensor>>& parameters() const { return parameters_; }
  /// [parameters] in the order of the flat buffer: that buffer itself, or a copy of a frozen model's weights.
  at::Tensor weights() const;
  /// Takes such values over.
  void set_weights(const at::Tensor& flat);

  /// Logits [R, V] at `rows` (int64 [R]) of the new tokens ids[T] (int32). `cache` has one entry a layer, or a single
  /// one that the layers use in turn when every segment is a whole sequence.
  at::Tensor logits(const at::Tensor& ids, const std::vector<kernels::Segment>& segments,
                    const std::vector<kernels::KvLayer>& cache, const at::Tensor& rows) const;
  /// Final hidden states [R, C], normalised, of whole sequences that lie one after the other in ids [T] (int32), as in
  /// ScoreBatch: at `rows` (int64 [R]).
  at::Tensor hidden_states(const at::Tensor& ids, const std::vector<int64_t>& offsets, const at::Tensor& rows) const;
  /// Log-probs and entropies [R] of whole sequences, with autograd where grad mode is on and the model is trained.
  kernels::LogProbs log_probs(const ScoreBatch& batch) const;
  /// Of a model with a score head: its number at the last token of each sequence, [sequences], with autograd likewise.
  at::Tensor scores(const at::Tensor& ids, const std::vector<int64_t>& offsets) const;

  void zero_grad();
  /// Adds the head's part of a tied embedding's gradient; call once after the last backward pass of an update.
  void finish_gradients();

  /// Activations inside a layer are computed again in the backward pass rather than kept: the same bits.
  void set_gradient_checkpointing(bool on) { gradient_checkpointing_ = on; }

  // For who spreads the model over ranks.
  const std::vector<ParameterUnit>& units() const { return units_; }
  /// That of the head; 0, the embedding's, where they are tied.
  int64_t head_unit() const { return tied_ ? 0 : config_.num_hidden_layers + 1; }
  /// What the files or init_weights() say of a unit of spread parameters. The last time it is asked for any.
  at::Tensor first_values(int64_t unit) const;
  void forget_first_values() { first_values_ = nullptr; }
  /// Makes `values` [elements] the weights of the unit; undefined for none.
  void bind_values(int64_t unit, const at::Tensor& values);
  /// Keeps the packed form of the unit's matrices alone: enough to sample and score without gradients.
  void freeze(int64_t unit);
  void bind_gradients(int64_t unit, const at::Tensor& gradients);
  /// Of a tied head, [vocabulary, hidden]: it is the embedding's too, once all is added.
  void bind_head_gradient(const at::Tensor& gradient);
  /// nullptr: nobody.
  void watch(UnitObserver* observer) { observer_ = observer; }

  /// Of every layer's cache.
  kernels::AttentionGeometry geometry() const { return geometry_; }

 private:
  /// With `frozen`, shaped for these files and not yet filled; else with a flat buffer.
  Model(ModelConfig config, bool trains, Spread spread, const WeightFiles* frozen);
  void lay_out(const WeightFiles* frozen);
  void lay_out_units();
  static Model load(const std::string& folder, ModelConfig config, bool trains, Spread spread);
  void fill(const WeightFiles& files);
  void fill_buffers(const WeightFiles& files);

  /// A weight of a unit: where its elements begin in it, and the number of its first tensor among all of the model.
  struct UnitWeight {
    kernels::Weight* weight;
    std::vector<std::pair<std::string, std::vector<int64_t>>> parts;
    std::vector<int64_t> shape;
    int64_t begin, elements;
    uint64_t first_part;
  };

  /// Final hidden states [R, C], normalised, at `rows`. `tables` owns the block tables where a backward pass may read
  /// them again.
  at::Tensor hidden(const at::Tensor& ids, const std::vector<kernels::Segment>& segments,
                    const std::vector<kernels::KvLayer>& cache, const at::Tensor& rows,
                    const std::shared_ptr<const void>& tables = nullptr) const;
  at::Tensor layer(size_t index, const at::Tensor& x, const kernels::KvLayer& cache,
                   const std::vector<kernels::Segment>& segments, const kernels::Rope& rope) const;
  /// Queries, keys and values of a layer's attention for its normalised input.
  at::Tensor attention_input(const Layer& layer, const at::Tensor& x) const;
  at::Tensor latent_attention_input(const Layer& layer, const at::Tensor& x) const;
  /// residual + the layer's feed-forward part of its normalised input.
  at::Tensor feed_forward(const Layer& layer, const at::Tensor& x, const at::Tensor& residual) const;
  const kernels::Weight& head() const { return weights_->head.is_bound() ? weights_->head : weights_->embedding; }

  ModelConfig config_;
  bool trains_, tied_, gradient_checkpointing_ = false;
  Spread spread_;
  kernels::AttentionGeometry geometry_;
  at::Tensor flat_, flat_grad_, head_grad_;
  int64_t decayed_ = 0;
  std::vector<std::pair<std::string, at::Tensor>> parameters_;
  std::unique_ptr<ModelWeights> weights_;  ///< operations that wait for their backward pass point into it
  std::vector<ParameterUnit> units_;
  std::vector<std::vector<UnitWeight>> unit_weights_;
  std::function<void(const UnitWeight&, const at::Tensor& rows)> first_values_;
  UnitObserver* observer_ = nullptr;
  std::unique_ptr<RopeTables> rope_;
};

}  // namespace hone
