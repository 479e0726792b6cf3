#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>

#include "hone/core/error.h"
#include "hone/kernels/parallel.h"
#include "kernels/matmul.h"
#include "kernels/tensors.h"

namespace hone::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

constexpr int64_t kChunkRows = 2048;  // bounds the logits that exist at a time

struct KeptRow {
  const int32_t* ids;
  int64_t n;
  int64_t target;  // the target's place in the row
};

KeptRow kept_row(const TokenDistribution& d, int64_t row, int64_t vocab, int32_t target) {
  if (d.kept_ids == nullptr || d.kept_offsets[row] == d.kept_offsets[row + 1]) {
    HONE_ASSERT(target >= 0 && target < vocab, "target {} is outside the vocabulary of {}", target, vocab);
    return {nullptr, vocab, target};
  }
  const int32_t* begin = d.kept_ids + d.kept_offsets[row];
  const int32_t* end = d.kept_ids + d.kept_offsets[row + 1];
  const int32_t* at = std::find(begin, end, target);
  HONE_ASSERT(at != end, "target {} is not among the row's kept ids", target);
  return {begin, end - begin, at - begin};
}

// Calls each(row, logits[V]) for all rows of hidden, a chunk of logits at a time; done(first, chunk rows, logits) after
// each chunk.
template <class Each, class Done>
void by_logits(const at::Tensor& hidden, const Weight& head, Each each, Done done) {
  const int64_t rows = hidden.size(0), vocab = head.rows();
  for (int64_t first = 0; first < rows; first += kChunkRows) {
    const int64_t count = std::min(kChunkRows, rows - first);
    at::Tensor logits = at::empty({count, vocab}, hidden.options().requires_grad(false));
    multiply_packed(hidden.narrow(0, first, count), head, logits, GemmSum::kFresh);
    parallel(count, 16 * vocab, [&](int64_t begin, int64_t end) {
      std::vector<float> scratch(static_cast<size_t>(2 * vocab));
      for (int64_t r = begin; r < end; ++r) each(first + r, mutable_floats(logits) + r * vocab, scratch.data());
    });
    done(first, count, logits);
  }
}

LogProbs log_probs_forward(const at::Tensor& hidden, const Weight& head, const at::Tensor& targets,
                           const TokenDistribution& d) {
  check_floats(hidden, "hidden");
  const int64_t rows = hidden.size(0), vocab = head.rows();
  HONE_ASSERT(targets.size(0) == rows && (d.temperatures != nullptr || d.temperature > 0));
  LogProbs out{at::empty({rows}, hidden.options().requires_grad(false)),
               at::empty({rows}, hidden.options().requires_grad(false))};
  const int32_t* target = targets.const_data_ptr<int32_t>();
  by_logits(
      hidden, head,
      [&](int64_t r, float* logits, float* scratch) {
        const KeptRow kept = kept_row(d, r, vocab, target[r]);
        const RowDistribution row = row_distribution(logits, kept.n, d.temperature_of(r), kept.ids, scratch);
        mutable_floats(out.log_probs)[r] = row.log_prob(kept.target);
        mutable_floats(out.entropy)[r] = row.entropy();
      },
      [](int64_t, int64_t, const at::Tensor&) {});
  return out;
}

struct HeadLogProbs : Function<HeadLogProbs> {
  static variable_list forward(AutogradContext* ctx, const at::Tensor& hidden, const at::Tensor& targets,
                               const Weight* head, const TokenDistribution* d) {
    ctx->save_for_backward({hidden, targets});
    ctx->saved_data["head"] = reinterpret_cast<int64_t>(head);
    ctx->saved_data["temperature"] = d->temperature;
    ctx->saved_data["kept_ids"] = reinterpret_cast<int64_t>(d->kept_ids);
    ctx->saved_data["kept_offsets"] = reinterpret_cast<int64_t>(d->kept_offsets);
    ctx->saved_data["temperatures"] = reinterpret_cast<int64_t>(d->temperatures);
    ctx->set_materialize_grads(false);
    LogProbs out = log_probs_forward(hidden, *head, targets, *d);
    return {out.log_probs, out.entropy};
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor &hidden = saved[0], &targets = saved[1];
    const auto* head = reinterpret_cast<const Weight*>(ctx->saved_data["head"].toInt());
    const TokenDistribution d{ctx->saved_data["temperature"].toDouble(),
                              reinterpret_cast<const int32_t*>(ctx->saved_data["kept_ids"].toInt()),
                              reinterpret_cast<const int64_t*>(ctx->saved_data["kept_offsets"].toInt()),
                              reinterpret_cast<const double*>(ctx->saved_data["temperatures"].toInt())};
    const at::Tensor dlogp = grads[0].defined() ? grads[0].contiguous() : at::zeros_like(grads[1]);
    const at::Tensor dentropy = grads[1].defined() ? grads[1].contiguous() : at::Tensor();
    const int32_t* target = targets.const_data_ptr<int32_t>();
    const int64_t vocab = head->rows();
    at::Tensor dhidden = at::empty_like(hidden);
    by_logits(
        hidden, *head,
        [&](int64_t r, float* logits, float* scratch) {
          // d logp / d logit_i = (1[i = target] - p_i) / temperature and d H / d logit_i = -p_i (log p_i + H) /
          // temperature; the logits give way to their gradient in place.
          const KeptRow kept = kept_row(d, r, vocab, target[r]);
          const double temperature = d.temperature_of(r);
          const RowDistribution row = row_distribution(logits, kept.n, temperature, kept.ids, scratch);
          const float g = floats(dlogp)[r] / static_cast<float>(temperature), inverse = 1.0F / row.total;
          if (kept.ids != nullptr) std::fill_n(logits, vocab, 0.0F);
          const auto id = [&](int64_t i) { return kept.ids == nullptr ? i : kept.ids[i]; };
          for (int64_t i = 0; i < kept.n; ++i)
            logits[id(i)] = g * ((i == kept.target ? 1.0F : 0.0F) - row.e[i] * inverse);
          if (!dentropy.defined()) return;
          const float h = floats(dentropy)[r] / static_cast<float>(temperature);
          const float offset = row.entropy() - std::log(row.total);  // log p_i + H = z_i - max z + offset
          for (int64_t i = 0; i < kept.n; ++i)
            logits[id(i)] -= h * row.e[i] * inverse * (row.z[i] - row.largest + offset);
        },
        [&](int64_t first, int64_t count, const at::Tensor& dlogits) {
          dhidden.narrow(0, first, count).copy_(multiply_transposed(dlogits, head->value()));
          if (head->trains()) add_outer(dlogits, hidden.narrow(0, first, count), head->grad());
        });
    return {dhidden, {}, {}, {}};
  }
};

}  // namespace

float RowDistribution::log_prob(int64_t i) const {
  return (z[i] - largest) - std::log(total);
}

float RowDistribution::entropy() const {
  return std::log(total) - cpu_kernels().weighted_row(z, e, largest, n) / total;  // H = log sum e - sum p (z - max)
}

RowDistribution row_distribution(const float* logits, int64_t n, double temperature, const int32_t* kept,
                                 float* scratch) {
  const auto inverse = static_cast<float>(1.0 / temperature);
  float* z = scratch;
  float* e = scratch + n;
  for (int64_t i = 0; i < n; ++i) z[i] = logits[kept == nullptr ? i : kept[i]] * inverse;
  RowDistribution row{z, e, n, 0, 0};
  cpu_kernels().exp_row(z, e, n, &row.largest, &row.total);
  return row;
}

LogProbs log_probs(const at::Tensor& hidden, const Weight& head, const at::Tensor& targets,
                   const TokenDistribution& distribution) {
  if (!wants_grad(hidden)) return log_probs_forward(hidden, head, targets, distribution);
  auto out = HeadLogProbs::apply(hidden, targets, &head, &distribution);
  return {out[0], out[1]};
}

}  // namespace hone::kernels
