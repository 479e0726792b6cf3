// One optimizer update: gradients of any number of micro-batches, clipping, AdamW, learning-rate schedule.
//
// Owns the optimizer's state; borrows the model and the ranks. Losses are sums whose terms already carry their share of
// the whole update, so the split into micro-batches changes memory and speed only, and ranks that each accumulate a
// part of an update make the same one together. What of the state a rank holds is a matter of the ZeRO stage;
// docs/multi_gpu.md says what is where.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hone/dist/piece.h"
#include "hone/dist/process_group.h"
#include "hone/model/model.h"
#include "hone/train/config.h"

namespace hone {

/// The learning rate of update number `step` (from 0) of `total`: linear warm-up to lr, then constant, linear or cosine
/// down to min_lr_ratio * lr at the last update.
double learning_rate(const OptimizerConfig& config, int64_t step, int64_t total);

struct UpdateStats {
  double grad_norm = 0;  ///< before clipping
  double learning_rate = 0;
  bool skipped = false;  ///< a gradient was not finite: weights and moments are untouched
};

/// What of a model must be spread (Model::load) for a trainer of this ZeRO stage.
Spread spread_of(int64_t zero_stage, const dist::ProcessGroup& ranks);

struct TrainerState {
  std::vector<std::pair<std::string, at::Tensor>> tensors;  ///< every rank has them
  std::vector<dist::Piece> pieces;                          ///< of this rank alone
};

class Shards;

class Trainer {
 public:
  /// Sums gradients over `ranks`, which all call begin(), update() and gather_weights() together. From zero_stage 1 on
  /// each holds the moments of its part of the parameters only, from 2 on the sums of gradients, at 3 the weights.
  Trainer(Model& model, OptimizerConfig config, int64_t total_updates, dist::ProcessGroup& ranks = dist::one_rank(),
          int64_t zero_stage = 0);
  ~Trainer();

  /// This rank will accumulate so many micro-batches until update(). From stage 2 on it must be said; before, sums can
  /// travel during the last one if it is.
  void begin(int64_t micro_batches);

  /// Forward and backward of one micro-batch: `loss` maps log-probs and entropies [R] to a scalar. Returns the scalar's
  /// value.
  double accumulate(const ScoreBatch& batch, const std::function<at::Tensor(const kernels::LogProbs&)>& loss);
  /// Backward of any scalar that the model's parameters lead to. Returns its value.
  double accumulate(const at::Tensor& loss);
  /// Clips, applies AdamW (Loshchilov & Hutter 2019; no decay on vectors), clears the gradients.
  UpdateStats update();

  /// At stage 3 the model can sample, score without gradients and be saved from here to the next micro-batch or
  /// update; at the others it always can.
  void gather_weights();

  dist::ProcessGroup& ranks() const { return ranks_; }
  int64_t updates() const { return updates_; }
  /// Everything a resumed run needs, by name: the same vectors on any number of ranks and at any stage, whole or in
  /// pieces.
  TrainerState state() const;
  /// `read` fills a tensor from element `begin` of a vector on.
  using ReadState = std::function<void(const std::string& name, int64_t begin, const at::Tensor& to)>;
  void load_state(int64_t updates, const ReadState& read);

 private:
  void adamw(double learning_rate);

  Model& model_;
  OptimizerConfig config_;
  int64_t total_updates_;
  dist::ProcessGroup& ranks_;
  int64_t updates_ = 0;  ///< schedule position, skipped ones included
  int64_t adam_steps_ = 0;
  std::unique_ptr<Shards> shards_;
  at::Tensor exp_avg_, exp_avg_sq_;  ///< of the parts that this rank updates, one after the other
  struct Piece {
    size_t part;
    int64_t from, count;  ///< in the part
    int64_t moments;      ///< where those of its first element lie
  };
  std::vector<Piece> pieces_;
};

}  // namespace hone
