// Mixtures of experts: the router's choice and the experts' sum. A token's choice and the order of every sum depend on
// that token alone.
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "hone/core/error.h"
#include "hone/kernels/parallel.h"
#include "kernels/tensors.h"

namespace hone::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

// Scores of one row of logits, in double: no choice hangs on a rounding of ours.
void score_row(const float* logits, int64_t experts, bool sigmoid, std::vector<double>& scores) {
  scores.resize(static_cast<size_t>(experts));
  if (sigmoid) {
    for (size_t e = 0; e < scores.size(); ++e) scores[e] = 1.0 / (1.0 + std::exp(-static_cast<double>(logits[e])));
    return;
  }
  const double largest = *std::max_element(logits, logits + experts);
  double total = 0;
  for (size_t e = 0; e < scores.size(); ++e) total += scores[e] = std::exp(logits[e] - largest);
  for (double& score : scores) score /= total;
}

// The indices of the `count` largest values, ascending.
std::vector<int32_t> largest_of(const std::vector<double>& values, int64_t count) {
  std::vector<int32_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  const auto value = [&](int32_t i) { return values[static_cast<size_t>(i)]; };
  std::partial_sort(order.begin(), order.begin() + count, order.end(),
                    [&](int32_t a, int32_t b) { return value(a) != value(b) ? value(a) > value(b) : a < b; });
  order.resize(static_cast<size_t>(count));
  std::sort(order.begin(), order.end());
  return order;
}

std::vector<int32_t> choose(const Router& router, const std::vector<double>& scores) {
  std::vector<double> value = scores;
  if (router.bias != nullptr) {
    for (size_t e = 0; e < value.size(); ++e) value[e] += static_cast<double>(router.bias[e]);
  }
  if (router.kept_groups < router.groups) {
    const auto size = static_cast<std::ptrdiff_t>(value.size()) / router.groups;
    std::vector<double> best;
    for (auto group = value.begin(); group != value.end(); group += size) {
      double first = -std::numeric_limits<double>::infinity(), second = first;
      for (auto at = group; at != group + size; ++at) {
        second = std::max(second, std::min(first, *at));
        first = std::max(first, *at);
      }
      best.push_back(first + second);
    }
    const std::vector<int32_t> kept = largest_of(best, router.kept_groups);
    for (size_t e = 0; e < value.size(); ++e) {
      const auto group = static_cast<int32_t>(static_cast<std::ptrdiff_t>(e) / size);
      if (!std::binary_search(kept.begin(), kept.end(), group)) value[e] = -std::numeric_limits<double>::infinity();
    }
  }
  return largest_of(value, router.experts_per_token);
}

// What the chosen scores are divided by.
double denominator(bool normalize, const std::vector<double>& scores, const int32_t* chosen, int64_t count) {
  if (!normalize) return 1.0;
  double total = 1e-20;  // as DeepSeek-V3's: no division by zero where every sigmoid underflows
  for (int64_t i = 0; i < count; ++i) total += scores[static_cast<size_t>(chosen[i])];
  return total;
}

struct Route : Function<Route> {
  static variable_list forward(AutogradContext* ctx, const at::Tensor& logits, const Router* router) {
    check_floats(logits, "logits");
    const int64_t rows = logits.size(0), experts = logits.size(1), count = router->experts_per_token;
    at::Tensor chosen = at::empty({rows, count}, at::kInt), weights = at::empty({rows, count}, at::kFloat);
    parallel(rows, 40 * experts, [&](int64_t begin, int64_t end) {
      std::vector<double> scores;
      for (int64_t t = begin; t < end; ++t) {
        score_row(floats(logits) + t * experts, experts, router->sigmoid, scores);
        const std::vector<int32_t> ids = choose(*router, scores);
        const double factor = router->scale / denominator(router->normalize, scores, ids.data(), count);
        for (int64_t i = 0; i < count; ++i) {
          const int32_t id = ids[static_cast<size_t>(i)];
          chosen.data_ptr<int32_t>()[t * count + i] = id;
          mutable_floats(weights)[t * count + i] = static_cast<float>(scores[static_cast<size_t>(id)] * factor);
        }
      }
    });
    ctx->save_for_backward({logits, chosen});
    ctx->saved_data["sigmoid"] = router->sigmoid;
    ctx->saved_data["normalize"] = router->normalize;
    ctx->saved_data["scale"] = router->scale;
    ctx->mark_non_differentiable({chosen});
    return {chosen, weights};
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor &logits = saved[0], &chosen = saved[1], dweights = grads[1].contiguous();
    const bool sigmoid = ctx->saved_data["sigmoid"].toBool(), normalize = ctx->saved_data["normalize"].toBool();
    const double scale = ctx->saved_data["scale"].toDouble();
    const int64_t rows = logits.size(0), experts = logits.size(1), count = chosen.size(1);
    at::Tensor dlogits = at::zeros_like(logits);
    parallel(rows, 40 * experts, [&](int64_t begin, int64_t end) {
      std::vector<double> scores, dscores(static_cast<size_t>(count));
      for (int64_t t = begin; t < end; ++t) {
        const int32_t* ids = chosen.const_data_ptr<int32_t>() + t * count;
        const float* dw = floats(dweights) + t * count;
        score_row(floats(logits) + t * experts, experts, sigmoid, scores);
        const double total = denominator(normalize, scores, ids, count);
        // weight_i = scale s_i / total, where total moves with every chosen score.
        double shared = 0;
        for (int64_t i = 0; normalize && i < count; ++i) shared += dw[i] * scores[static_cast<size_t>(ids[i])] / total;
        double mean = 0;  // sum over the chosen of ds s, for the softmax
        for (int64_t i = 0; i < count; ++i) {
          const double ds = scale * (dw[i] - shared) / total;
          dscores[static_cast<size_t>(i)] = ds;
          mean += ds * scores[static_cast<size_t>(ids[i])];
        }
        float* to = mutable_floats(dlogits) + t * experts;
        for (int64_t e = 0; !sigmoid && e < experts; ++e)
          to[e] = static_cast<float>(-scores[static_cast<size_t>(e)] * mean);
        for (int64_t i = 0; i < count; ++i) {
          const double s = scores[static_cast<size_t>(ids[i])], ds = dscores[static_cast<size_t>(i)];
          to[ids[i]] = static_cast<float>(sigmoid ? ds * s * (1.0 - s) : s * (ds - mean));
        }
      }
    });
    return {dlogits, {}};
  }
};

// The tokens of each expert, in order.
struct Task {
  std::vector<int64_t> rows;   // of x
  std::vector<int64_t> slots;  // of the flat [T, experts_per_token] arrays
};

std::vector<Task> tasks_of(const at::Tensor& chosen, size_t experts) {
  std::vector<Task> tasks(experts);
  const int64_t count = chosen.size(1);
  const int32_t* id = chosen.const_data_ptr<int32_t>();
  for (int64_t slot = 0; slot < chosen.numel(); ++slot) {
    Task& task = tasks[static_cast<size_t>(id[slot])];
    task.rows.push_back(slot / count);
    task.slots.push_back(slot);
  }
  return tasks;
}

at::Tensor gather(const at::Tensor& x, const std::vector<int64_t>& rows) {
  const int64_t width = x.size(1), count = static_cast<int64_t>(rows.size());
  at::Tensor out = at::empty({count, width}, at::kFloat);
  for (int64_t i = 0; i < count; ++i)
    std::copy_n(floats(x) + rows[static_cast<size_t>(i)] * width, width, mutable_floats(out) + i * width);
  return out;
}

// to[rows[i]] += factor[slots[i]] * from[i]; a null factor stands for 1.
void scatter_add(const at::Tensor& from, const Task& task, const float* factor, const at::Tensor& to) {
  const int64_t width = from.size(1);
  for (size_t i = 0; i < task.rows.size(); ++i) {
    const float f = factor == nullptr ? 1.0F : factor[task.slots[i]];
    const float* source = floats(from) + static_cast<int64_t>(i) * width;
    float* target = mutable_floats(to) + task.rows[i] * width;
    for (int64_t c = 0; c < width; ++c) target[c] += f * source[c];
  }
}

float dot(const float* a, const float* b, int64_t n) {
  double total = 0;
  for (int64_t i = 0; i < n; ++i) total += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return static_cast<float>(total);
}

struct Mixture : Function<Mixture> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& weights,
                            const at::Tensor& residual, const at::Tensor& chosen, const std::vector<Expert>* experts) {
    check_floats(x, "x");
    const at::NoGradGuard no_grad;
    at::Tensor out = residual.clone();
    const std::vector<Task> tasks = tasks_of(chosen, experts->size());
    for (size_t e = 0; e < tasks.size(); ++e) {
      if (tasks[e].rows.empty()) continue;
      const at::Tensor inner = swiglu(linear(gather(x, tasks[e].rows), (*experts)[e].gate_up));
      scatter_add(linear(inner, (*experts)[e].down), tasks[e], floats(weights), out);
    }
    ctx->save_for_backward({x, weights, chosen});
    ctx->saved_data["experts"] = reinterpret_cast<int64_t>(experts);
    return out;
  }

  // Computes the experts again rather than keep what they had inside.
  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor &x = saved[0], &weights = saved[1], &chosen = saved[2], dout = grads[0].contiguous();
    const auto& experts = *reinterpret_cast<const std::vector<Expert>*>(ctx->saved_data["experts"].toInt());
    const int64_t width = x.size(1);
    at::Tensor dx = at::zeros_like(x), dweights = at::empty_like(weights);
    const std::vector<Task> tasks = tasks_of(chosen, experts.size());
    for (size_t e = 0; e < tasks.size(); ++e) {
      const Task& task = tasks[e];
      if (task.rows.empty()) continue;
      at::Tensor input = gather(x, task.rows).requires_grad_(true), output;
      {
        const at::AutoGradMode grad(true);
        output = linear(swiglu(linear(input, experts[e].gate_up)), experts[e].down);
      }
      at::Tensor doutput = gather(dout, task.rows);
      for (size_t i = 0; i < task.rows.size(); ++i) {
        float* row = mutable_floats(doutput) + static_cast<int64_t>(i) * width;
        mutable_floats(dweights)[task.slots[i]] = dot(row, floats(output) + static_cast<int64_t>(i) * width, width);
        for (int64_t c = 0; c < width; ++c) row[c] *= floats(weights)[task.slots[i]];
      }
      output.backward(doutput);
      scatter_add(input.grad(), task, nullptr, dx);
    }
    return {dx, dweights, dout, {}, {}};
  }
};

}  // namespace

Routing route(const at::Tensor& logits, const Router& router) {
  auto out = Route::apply(logits, &router);
  return {out[0], out[1]};
}

at::Tensor mixture(const at::Tensor& x, const Routing& routing, const std::vector<Expert>& experts,
                   const at::Tensor& residual) {
  return Mixture::apply(x, routing.weights, residual, routing.experts, &experts);
}

}  // namespace hone::kernels
