#include "hone/train/trainer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros_like.h>

#include <fmt/ranges.h>
#include <algorithm>

#include <cmath>
#include <numbers>

#include "hone/core/error.h"
#include "hone/kernels/parallel.h"

namespace hone {

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

Trainer::Trainer(Model& model, OptimizerConfig config, int64_t total_updates, dist::ProcessGroup& ranks)
    : model_(model), config_(std::move(config)), total_updates_(total_updates), ranks_(ranks) {
  HONE_ASSERT(model.flat_grad().defined(), "the model was made without gradients");
  exp_avg_ = at::zeros_like(model.flat());
  exp_avg_sq_ = at::zeros_like(model.flat());
}

double Trainer::accumulate(const ScoreBatch& batch, const std::function<at::Tensor(const kernels::LogProbs&)>& loss) {
  return accumulate(loss(model_.log_probs(batch)));
}

double Trainer::accumulate(const at::Tensor& loss) {
  loss.backward();
  return loss.item<double>();
}

UpdateStats Trainer::update() {
  const at::NoGradGuard no_grad;
  model_.finish_gradients();
  const at::Tensor& grad = model_.flat_grad();
  ranks_.all_reduce_sum(grad);
  UpdateStats stats;
  stats.grad_norm = std::sqrt(kernels::sum_of_squares(grad));
  stats.learning_rate = learning_rate(config_, updates_++, total_updates_);
  stats.skipped = !std::isfinite(stats.grad_norm);
  if (!stats.skipped) {
    if (config_.max_grad_norm && stats.grad_norm > *config_.max_grad_norm)
      at::Tensor(grad).mul_(*config_.max_grad_norm / stats.grad_norm);
    ++adam_steps_;
    adamw(0, model_.decayed(), stats.learning_rate, config_.weight_decay);
    adamw(model_.decayed(), grad.numel(), stats.learning_rate, 0.0);
    // The fused optimizer does not count its write; packed weights are made again only when the version moves.
    model_.flat().unsafeGetTensorImpl()->bump_version();
  }
  model_.zero_grad();
  return stats;
}

void Trainer::adamw(int64_t begin, int64_t end, double learning_rate, double weight_decay) {
  // Pieces of one size, so that vector loops and their remainders fall on the same elements for every thread count.
  constexpr int64_t kPiece = 1 << 14, kWorkPerElement = 32;
  const at::Tensor step = at::full({}, static_cast<double>(adam_steps_), at::kFloat);
  kernels::parallel((end - begin + kPiece - 1) / kPiece, kPiece * kWorkPerElement, [&](int64_t first, int64_t last) {
    const at::NoGradGuard no_grad;
    for (int64_t piece = first; piece < last; ++piece) {
      const int64_t from = begin + piece * kPiece, count = std::min(kPiece, end - from);
      const auto part = [&](const at::Tensor& t) { return t.narrow(0, from, count); };
      at::_fused_adamw_({part(model_.flat())}, {part(model_.flat_grad())}, {part(exp_avg_)}, {part(exp_avg_sq_)}, {},
                        {step}, learning_rate, config_.adam_beta1, config_.adam_beta2, weight_decay,
                        config_.adam_epsilon, /*amsgrad=*/false, /*maximize=*/false);
    }
  });
}

std::vector<std::pair<std::string, at::Tensor>> Trainer::state() const {
  return {{"parameters", model_.flat()},
          {"exp_avg", exp_avg_},
          {"exp_avg_sq", exp_avg_sq_},
          {"adam_steps", at::full({1}, adam_steps_, at::kLong)}};
}

void Trainer::load_state(int64_t updates, const std::function<at::Tensor(const std::string&)>& tensor) {
  const at::NoGradGuard no_grad;
  updates_ = updates;
  const auto read = [&](const char* name, at::Tensor to) {
    const at::Tensor from = tensor(name);
    HONE_CHECK(from.sizes() == to.sizes(), .what = fmt::format("checkpoint tensor '{}' has the wrong shape", name),
               .got = fmt::format("[{}]", fmt::join(from.sizes(), ", ")),
               .expected = fmt::format("[{}]", fmt::join(to.sizes(), ", ")));
    to.copy_(from);
  };
  read("parameters", model_.flat());
  read("exp_avg", exp_avg_);
  read("exp_avg_sq", exp_avg_sq_);
  adam_steps_ = tensor("adam_steps").item<int64_t>();
}

}  // namespace hone
