// One optimizer update: gradients of any number of micro-batches, clipping, AdamW, learning-rate schedule.
//
// Owns the optimizer's state; borrows the model and the ranks. Losses are sums whose terms already carry their share of
// the whole update, so the split into micro-batches changes memory and speed only, and ranks that each accumulate a
// part of an update make the same one together.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

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

class Trainer {
 public:
  /// Sums gradients over `ranks`, which all call update() together.
  Trainer(Model& model, OptimizerConfig config, int64_t total_updates, dist::ProcessGroup& ranks = dist::one_rank());

  /// Forward and backward of one micro-batch: `loss` maps log-probs and entropies [R] to a scalar. Returns the scalar's
  /// value.
  double accumulate(const ScoreBatch& batch, const std::function<at::Tensor(const kernels::LogProbs&)>& loss);
  /// Backward of any scalar that the model's parameters lead to. Returns its value.
  double accumulate(const at::Tensor& loss);
  /// Clips, applies AdamW (Loshchilov & Hutter 2019; no decay on vectors), clears the gradients.
  UpdateStats update();

  dist::ProcessGroup& ranks() const { return ranks_; }
  int64_t updates() const { return updates_; }
  /// Everything a resumed run needs, by name; load_state() wants the same names and shapes.
  std::vector<std::pair<std::string, at::Tensor>> state() const;
  void load_state(int64_t updates, const std::function<at::Tensor(const std::string&)>& tensor);

 private:
  /// Updates parameters [begin, end).
  void adamw(int64_t begin, int64_t end, double learning_rate, double weight_decay);

  Model& model_;
  OptimizerConfig config_;
  int64_t total_updates_;
  dist::ProcessGroup& ranks_;
  int64_t updates_ = 0;  ///< schedule position, skipped ones included
  int64_t adam_steps_ = 0;
  at::Tensor exp_avg_, exp_avg_sq_;  ///< [parameters]
};

}  // namespace hone
