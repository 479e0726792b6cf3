#include "hone/algo/loss.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "hone/core/error.h"

namespace hone::algo {
namespace {

const double* doubles(const at::Tensor& x, at::Tensor& keep) {
  keep = x.detach().to(at::kCPU, at::kDouble).contiguous();
  return keep.const_data_ptr<double>();
}

// For each row, the mean of x [R] over the rows of its sequence. Summed row after row in double: neither threads nor
// the sequences beside it change it, and the gradient of equal terms comes back as it went in, bit for bit.
at::Tensor sequence_means(const at::Tensor& x, const std::vector<int64_t>& row_offsets) {
  HONE_ASSERT(!row_offsets.empty() && row_offsets.back() == x.numel(), "the sequences are not those of the rows");
  const auto sequences = static_cast<int64_t>(row_offsets.size()) - 1;
  at::Tensor sequence_of = at::empty({x.numel()}, at::kLong), lengths = at::empty({sequences}, at::kDouble);
  for (int64_t s = 0; s < sequences; ++s) {
    const int64_t begin = row_offsets[static_cast<size_t>(s)], end = row_offsets[static_cast<size_t>(s) + 1];
    HONE_ASSERT(begin < end, "sequence {} has no rows", s);
    std::fill(sequence_of.mutable_data_ptr<int64_t>() + begin, sequence_of.mutable_data_ptr<int64_t>() + end, s);
    lengths.mutable_data_ptr<double>()[s] = static_cast<double>(end - begin);
  }
  const at::Tensor sums = at::zeros({sequences}, at::kDouble).index_add(0, sequence_of, x.to(at::kDouble));
  return (sums / lengths).index_select(0, sequence_of).to(x.scalar_type());
}

// minimum() rather than clamp_max(), whose gradient turns NaN into 0.
at::Tensor at_most(const at::Tensor& x, double bound) {
  return x.minimum(x.new_full({}, bound));
}

// -A times what the ratio [R] is allowed to be.
at::Tensor surrogate(const at::Tensor& ratio, const LossInputs& in, const GrpoConfig& config) {
  if (config.loss_type == LossType::kCispo)
    return (at_most(ratio.detach(), 1 + config.epsilon_high) * in.advantages * in.log_probs).neg();
  const at::Tensor clipped = ratio.clamp(1 - config.epsilon, 1 + config.epsilon_high);
  const at::Tensor bounded = config.delta ? at_most(ratio, *config.delta) : ratio;
  return (bounded * in.advantages).minimum(clipped * in.advantages).neg();
}

LossStats measure(const LossInputs& in, const at::Tensor& token_loss, const at::Tensor& kl, const GrpoConfig& config) {
  at::Tensor keep[7];
  const double* loss = doubles(token_loss, keep[0]);
  const double* weight = doubles(in.weights, keep[1]);
  const double* log_prob = doubles(in.log_probs, keep[2]);
  const double* old_log_prob = doubles(in.old_log_probs, keep[3]);
  const double* advantage = doubles(in.advantages, keep[4]);
  const double* kl_value = kl.defined() ? doubles(kl, keep[5]) : nullptr;
  const double* entropy = in.entropy.defined() ? doubles(in.entropy, keep[6]) : nullptr;
  LossStats stats;
  stats.tokens = in.log_probs.numel();
  const auto add_ratio = [&](double log_ratio, double a) {
    const double ratio = std::exp(std::min(log_ratio, kMaxLogRatio));
    ++stats.ratios;
    if (ratio < 1 - config.epsilon && a < 0 && config.loss_type != LossType::kCispo) ++stats.clip_low;
    if (ratio > 1 + config.epsilon_high && a > 0) ++stats.clip_high;
    stats.ratio_min = std::min(stats.ratio_min, ratio);
    stats.ratio_max = std::max(stats.ratio_max, ratio);
  };
  const bool by_sequence = config.importance_sampling_level == ImportanceSamplingLevel::kSequence;
  double sum = 0;  // of the log-ratios of a sequence
  size_t sequence = 0;
  for (int64_t row = 0; row < stats.tokens; ++row) {
    const double log_ratio = log_prob[row] - old_log_prob[row];
    stats.loss += weight[row] * loss[row];
    if (kl_value != nullptr) stats.kl += kl_value[row];
    if (entropy != nullptr) stats.entropy += entropy[row];
    stats.log_ratio_abs_max = std::max(stats.log_ratio_abs_max, std::abs(log_ratio));
    if (!by_sequence) {
      add_ratio(log_ratio, advantage[row]);
      continue;
    }
    sum += log_ratio;
    const int64_t begin = in.row_offsets[sequence], end = in.row_offsets[sequence + 1];
    if (row + 1 < end) continue;
    add_ratio(sum / static_cast<double>(end - begin), advantage[row]);
    sum = 0, ++sequence;
  }
  return stats;
}

}  // namespace

LossStats& LossStats::operator+=(const LossStats& other) {
  tokens += other.tokens;
  ratios += other.ratios;
  loss += other.loss;
  clip_low += other.clip_low;
  clip_high += other.clip_high;
  kl += other.kl;
  entropy += other.entropy;
  ratio_min = std::min(ratio_min, other.ratio_min);
  ratio_max = std::max(ratio_max, other.ratio_max);
  log_ratio_abs_max = std::max(log_ratio_abs_max, other.log_ratio_abs_max);
  return *this;
}

at::Tensor kl_per_token(const at::Tensor& log_probs, const at::Tensor& ref_log_probs, KlEstimator estimator) {
  const at::Tensor d = log_probs - ref_log_probs;  // [R]
  switch (estimator) {
    case KlEstimator::kK1:
      return d;
    case KlEstimator::kK2:
      return d * d * 0.5;
    case KlEstimator::kK3: {
      const at::Tensor limited = d.maximum(d.new_full({}, -kMaxLogRatio));
      return limited.neg().expm1() + limited;
    }
  }
  HONE_ASSERT(false, "no such KL estimator: {}", static_cast<int>(estimator));
}

LossTerms policy_loss(const LossInputs& in, const GrpoConfig& config) {
  const bool kl_in_loss = config.uses_reference() && config.kl_in == KlIn::kLoss;
  HONE_ASSERT(!kl_in_loss || in.ref_log_probs.defined(), "the loss has a KL term but no reference log-probs");

  // 1. Surrogate.
  at::Tensor log_ratio = in.log_probs - in.old_log_probs;  // [R]
  if (config.importance_sampling_level == ImportanceSamplingLevel::kSequence)
    log_ratio = sequence_means(log_ratio, in.row_offsets);
  const at::Tensor ratio = at_most(log_ratio, kMaxLogRatio).exp();
  at::Tensor token_loss = surrogate(ratio, in, config);
  if (config.importance_sampling_cap) {
    HONE_ASSERT(in.behavior_log_probs.defined(), "no log-probs of the sampler");
    token_loss =
        token_loss * at_most((in.old_log_probs - in.behavior_log_probs).exp(), *config.importance_sampling_cap);
  }

  // 2. KL to the reference.
  at::Tensor kl;
  if (in.ref_log_probs.defined())
    kl = kl_per_token(kl_in_loss ? in.log_probs : in.log_probs.detach(), in.ref_log_probs, config.kl_estimator);
  if (kl_in_loss) token_loss = token_loss + kl * *config.beta;

  // 3. Entropy bonus.
  if (config.entropy_coef != 0) {
    HONE_ASSERT(in.entropy.defined(), "the loss has an entropy term but no entropy");
    token_loss = token_loss - in.entropy * config.entropy_coef;
  }

  // 4. The weights hold the whole normalisation.
  return {(token_loss * in.weights).sum(), measure(in, token_loss, kl, config)};
}

}  // namespace hone::algo
