#include "hone/algo/loss.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/expm1.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/sum.h>

#include <cmath>

#include "hone/core/error.h"

namespace hone::algo {
namespace {

at::Tensor token_kl(const at::Tensor& log_probs, const at::Tensor& ref, KlEstimator estimator) {
  const at::Tensor k1 = log_probs - ref;
  switch (estimator) {
    case KlEstimator::kK1: return k1;
    case KlEstimator::kK2: return 0.5 * k1 * k1;
    case KlEstimator::kK3: return at::expm1(-k1) + k1;
  }
  HONE_ASSERT(false);
}

// In index order and in double: logged values must not depend on the thread count.
template <class F>
double sum_over(int64_t n, F f) {
  double total = 0;
  for (int64_t i = 0; i < n; ++i) total += f(i);
  return total;
}

}  // namespace

double token_kl(double log_prob, double ref_log_prob, KlEstimator estimator) {
  const double k1 = log_prob - ref_log_prob;
  switch (estimator) {
    case KlEstimator::kK1: return k1;
    case KlEstimator::kK2: return 0.5 * k1 * k1;
    case KlEstimator::kK3: return std::expm1(-k1) + k1;
  }
  HONE_ASSERT(false);
}

LossStats& LossStats::operator+=(const LossStats& other) {
  tokens += other.tokens;
  clipped_low += other.clipped_low;
  clipped_high += other.clipped_high;
  kl += other.kl;
  return *this;
}

PolicyLoss policy_loss(const LossInputs& in, const GrpoConfig& config) {
  const at::Tensor ratio = at::exp(in.log_probs - in.old_log_probs);
  const at::Tensor clipped = at::clamp(ratio, 1.0 - config.epsilon, 1.0 + config.epsilon_high);
  at::Tensor token_loss = -at::minimum(ratio * in.advantages, clipped * in.advantages);
  at::Tensor kl;
  if (in.ref_log_probs.defined()) {
    kl = token_kl(in.log_probs, in.ref_log_probs, config.kl_estimator);
    if (config.kl_in == KlIn::kLoss) token_loss = token_loss + config.beta.value_or(0.0) * kl;
  }
  PolicyLoss out;
  out.value = at::sum(token_loss * in.weights);

  const at::NoGradGuard no_grad;
  const auto doubles = [](const at::Tensor& t) { return t.detach().to(at::kDouble).contiguous(); };
  const at::Tensor r = doubles(ratio), a = doubles(in.advantages), w = doubles(in.weights), k = kl.defined() ? doubles(kl) : at::Tensor();
  const double *rp = r.const_data_ptr<double>(), *ap = a.const_data_ptr<double>(), *wp = w.const_data_ptr<double>();
  const int64_t n = r.numel();
  out.stats.tokens = sum_over(n, [&](int64_t i) { return wp[i] > 0 ? 1.0 : 0.0; });
  out.stats.clipped_low = sum_over(n, [&](int64_t i) { return wp[i] > 0 && rp[i] < 1.0 - config.epsilon && ap[i] < 0 ? 1.0 : 0.0; });
  out.stats.clipped_high = sum_over(n, [&](int64_t i) { return wp[i] > 0 && rp[i] > 1.0 + config.epsilon_high && ap[i] > 0 ? 1.0 : 0.0; });
  if (kl.defined()) {
    const double* kp = k.const_data_ptr<double>();
    out.stats.kl = sum_over(n, [&](int64_t i) { return wp[i] > 0 ? kp[i] : 0.0; });
  }
  return out;
}

}  // namespace hone::algo
