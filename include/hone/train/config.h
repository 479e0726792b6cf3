// The section `optimizer`: AdamW, its schedule and the size of a micro-batch. A plain struct; see core/config.h.
#pragma once

#include "hone/core/config.h"

namespace hone {

enum class LrScheduler { kConstant, kLinear, kCosine };
inline constexpr std::string_view kLrSchedulerNames[] = {"constant", "linear", "cosine"};
inline std::span<const std::string_view> enum_names(LrScheduler) {
  return kLrSchedulerNames;
}

struct OptimizerConfig {
  double lr = 1e-6;
  double adam_beta1 = 0.9;
  double adam_beta2 = 0.95;
  double adam_epsilon = 1e-8;
  double weight_decay = 0.0;
  std::optional<double> max_grad_norm = 1.0;
  LrScheduler lr_scheduler_type = LrScheduler::kConstant;
  int64_t warmup_steps = 0;
  double min_lr_ratio = 0.0;
  // Speed and memory only.
  int64_t micro_batch_tokens = 4096;
  bool gradient_checkpointing = false;

  bool operator==(const OptimizerConfig&) const = default;
};

inline void describe(ConfigVisitor& v, OptimizerConfig& c) {
  v.field("lr", c.lr, at_least(0), "", "Peak learning rate.");
  v.field("adam_beta1", c.adam_beta1, between(0, 0.9999999), "", "Decay of the first moment.");
  v.field("adam_beta2", c.adam_beta2, between(0, 0.9999999), "", "Decay of the second moment.");
  v.field("adam_epsilon", c.adam_epsilon, above(0), "", "Added to the root of the second moment.");
  v.field("weight_decay", c.weight_decay, at_least(0), "", "Decoupled weight decay, multiplied by the learning rate.");
  v.field("max_grad_norm", c.max_grad_norm, above(0), "",
          "The gradient is scaled down to this norm where it is larger; null for no clipping.");
  v.field("lr_scheduler_type", c.lr_scheduler_type, any_value(), "",
          "Learning rate after the warm-up: constant, or falling to min_lr_ratio at the last step (linear, cosine).");
  v.field("warmup_steps", c.warmup_steps, at_least(0), "steps", "The learning rate rises linearly over these steps.");
  v.field("min_lr_ratio", c.min_lr_ratio, between(0, 1), "",
          "Learning rate at the end of a linear or cosine schedule, as a share of lr.");
  v.field("micro_batch_tokens", c.micro_batch_tokens, at_least(1), "tokens",
          "Tokens in one forward and backward pass; changes memory and speed, never the loss.");
  v.field("gradient_checkpointing", c.gradient_checkpointing, any_value(), "",
          "Computes the activations inside a layer again in the backward pass rather than keep them: less memory, more "
          "time, the same gradients.");
}

}  // namespace hone
