#include "hone/train/trainer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "hone/core/error.h"
#include "hone/kernels/parallel.h"
#include "train/shards.h"

namespace hone {
namespace {

// Of one size, so that vector loops and their remainders fall on the same elements for every number of threads and
// ranks.
constexpr int64_t kPiece = 1 << 14;
static_assert(kPiece % dist::kPieceAlignment == 0);

}  // namespace

double learning_rate(const OptimizerConfig& config, int64_t step, int64_t total) {
  if (step < config.warmup_steps)
    return config.lr * static_cast<double>(step + 1) / static_cast<double>(config.warmup_steps);
  if (config.lr_scheduler_type == LrScheduler::kConstant) return config.lr;
  const int64_t last = std::max<int64_t>(1, total - 1 - config.warmup_steps);
  const double progress = std::min(1.0, static_cast<double>(step - config.warmup_steps) / static_cast<double>(last));
  const double left = config.lr_scheduler_type == LrScheduler::kLinear
                          ? 1.0 - progress
                          : 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
  return config.lr * (config.min_lr_ratio + (1.0 - config.min_lr_ratio) * left);
}

Trainer::Trainer(Model& model, OptimizerConfig config, int64_t total_updates, dist::ProcessGroup& ranks,
                 int64_t zero_stage)
    : model_(model), config_(std::move(config)), total_updates_(total_updates), ranks_(ranks) {
  HONE_ASSERT(model.trains(), "the model was made without gradients");
  model.set_gradient_checkpointing(config_.gradient_checkpointing);
  shards_ = std::make_unique<Shards>(model, zero_stage, ranks);
  int64_t moments = 0;
  for (size_t part = 0; part < shards_->parts().size(); ++part) {
    const int64_t count = shards_->parts()[part].values.numel();
    for (int64_t from = 0; from < count; from += kPiece)
      pieces_.push_back({part, from, std::min(kPiece, count - from), moments + from});
    moments += count;
  }
  exp_avg_ = at::zeros({moments}, at::kFloat);
  exp_avg_sq_ = at::zeros_like(exp_avg_);
}

Trainer::~Trainer() = default;

void Trainer::begin(int64_t micro_batches) {
  shards_->begin(micro_batches);
}

double Trainer::accumulate(const ScoreBatch& batch, const std::function<at::Tensor(const kernels::LogProbs&)>& loss) {
  return accumulate(loss(model_.log_probs(batch)));
}

double Trainer::accumulate(const at::Tensor& loss) {
  shards_->start_backward();
  loss.backward();
  shards_->end_backward();
  return loss.item<double>();
}

UpdateStats Trainer::update() {
  const at::NoGradGuard no_grad;
  shards_->reduce();
  double squares = 0;
  for (const at::Tensor& own : shards_->owned_gradients()) squares += kernels::sum_of_squares(own);
  UpdateStats stats;
  stats.grad_norm = std::sqrt(ranks_.all_sum(squares));
  stats.learning_rate = learning_rate(config_, updates_++, total_updates_);
  stats.skipped = !std::isfinite(stats.grad_norm);
  if (!stats.skipped) {
    if (config_.max_grad_norm && stats.grad_norm > *config_.max_grad_norm) {
      for (const at::Tensor& own : shards_->owned_gradients())
        at::Tensor(own).mul_(*config_.max_grad_norm / stats.grad_norm);
    }
    shards_->share_gradients();
    ++adam_steps_;
    adamw(stats.learning_rate);
  }
  shards_->publish();
  return stats;
}

void Trainer::gather_weights() {
  shards_->gather_values();
}

void Trainer::adamw(double learning_rate) {
  constexpr int64_t kWorkPerElement = 32;
  const at::Tensor step = at::full({}, static_cast<double>(adam_steps_), at::kFloat);
  kernels::parallel(static_cast<int64_t>(pieces_.size()), kPiece * kWorkPerElement, [&](int64_t first, int64_t last) {
    const at::NoGradGuard no_grad;
    for (int64_t i = first; i < last; ++i) {
      const Piece& p = pieces_[static_cast<size_t>(i)];
      const Shards::Part& part = shards_->parts()[p.part];
      at::_fused_adamw_({part.values.narrow(0, p.from, p.count)}, {part.gradients.narrow(0, p.from, p.count)},
                        {exp_avg_.narrow(0, p.moments, p.count)}, {exp_avg_sq_.narrow(0, p.moments, p.count)}, {},
                        {step}, learning_rate, config_.adam_beta1, config_.adam_beta2,
                        part.decays ? config_.weight_decay : 0.0, config_.adam_epsilon, /*amsgrad=*/false,
                        /*maximize=*/false);
    }
  });
}

TrainerState Trainer::state() const {
  TrainerState state;
  state.tensors = {{"adam_steps", at::full({1}, adam_steps_, at::kLong)}};
  if (shards_->replicated()) {
    state.tensors.insert(state.tensors.end(),
                         {{"parameters", model_.flat()}, {"exp_avg", exp_avg_}, {"exp_avg_sq", exp_avg_sq_}});
    return state;
  }
  int64_t moments = 0;
  for (const Shards::Part& part : shards_->parts()) {
    const int64_t count = part.values.numel();
    if (count == 0) continue;
    state.pieces.push_back({"parameters", part.begin, part.values});
    state.pieces.push_back({"exp_avg", part.begin, exp_avg_.narrow(0, moments, count)});
    state.pieces.push_back({"exp_avg_sq", part.begin, exp_avg_sq_.narrow(0, moments, count)});
    moments += count;
  }
  return state;
}

void Trainer::load_state(int64_t updates, const ReadState& read) {
  const at::NoGradGuard no_grad;
  updates_ = updates;
  const at::Tensor steps = at::zeros({1}, at::kLong);
  read("adam_steps", 0, steps);
  adam_steps_ = steps.item<int64_t>();
  shards_->read_values([&](int64_t begin, const at::Tensor& to) { read("parameters", begin, to); });
  int64_t moments = 0;
  for (const Shards::Part& part : shards_->parts()) {
    const int64_t count = part.values.numel();
    if (count == 0) continue;
    read("exp_avg", part.begin, exp_avg_.narrow(0, moments, count));
    read("exp_avg_sq", part.begin, exp_avg_sq_.narrow(0, moments, count));
    moments += count;
  }
}

}  // namespace hone
