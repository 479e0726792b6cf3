#include "hone/kernels/ops.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "hone/core/error.h"
#include "hone/kernels/parallel.h"
#include "kernels/matmul.h"
#include "kernels/tensors.h"

namespace hone::kernels {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

void check_floats(const at::Tensor& x, const char* name) {
  HONE_ASSERT(x.device().is_cpu() && x.scalar_type() == at::kFloat && x.is_contiguous(),
              "{} must be contiguous fp32 on the CPU", name);
}

bool wants_grad(const at::Tensor& x) {
  return at::GradMode::is_enabled() && x.requires_grad();
}

void multiply_packed(const at::Tensor& x, const Weight& weight, at::Tensor& y, GemmSum sum) {
  const int64_t in = x.size(1);
  HONE_ASSERT(in == weight.columns(), "x has {} columns, the weight {}", in, weight.columns());
  Gemm problem = {.m = x.size(0),
                  .n = weight.rows(),
                  .k = in,
                  .a = floats(x),
                  .a_row = in,
                  .a_col = 1,
                  .b = nullptr,
                  .b_row = 16,
                  .b_panel = in * 16,
                  .c = mutable_floats(y),
                  .c_row = y.size(1),
                  .sum = sum};
  const at::Tensor& packed = weight.packed();
  if (packed.scalar_type() == at::kBFloat16) {
    problem.b_bf16 = reinterpret_cast<const uint16_t*>(packed.const_data_ptr<c10::BFloat16>());
  } else {
    problem.b = floats(packed);
  }
  gemm(problem);
}

at::Tensor multiply_transposed(const at::Tensor& dy, const at::Tensor& value) {
  const int64_t out = value.size(0), in = value.size(1);
  at::Tensor dx = at::empty({dy.size(0), in}, dy.options());
  gemm({.m = dy.size(0),
        .n = in,
        .k = out,
        .a = floats(dy),
        .a_row = out,
        .a_col = 1,
        .b = floats(value),
        .b_row = in,
        .b_panel = 16,
        .c = mutable_floats(dx),
        .c_row = in,
        .sum = GemmSum::kFresh});
  return dx;
}

void add_outer(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& grad) {
  const int64_t out = grad.size(0), in = grad.size(1);
  gemm({.m = out,
        .n = in,
        .k = dy.size(0),
        .a = floats(dy),
        .a_row = 1,
        .a_col = out,
        .b = floats(x),
        .b_row = in,
        .b_panel = 16,
        .c = mutable_floats(grad),
        .c_row = in,
        .sum = GemmSum::kContinue});
}

namespace {

// grad[c] += rows[0, c], += rows[1, c], ...: in order, so that micro-batches add up to the same bits.
void add_rows(const at::Tensor& rows, const at::Tensor& grad) {
  const int64_t count = rows.size(0), width = rows.size(1);
  const float* from = floats(rows);
  float* to = mutable_floats(grad);
  parallel((width + 15) / 16, count * 16, [&](int64_t begin, int64_t end) {
    for (int64_t t = 0; t < count; ++t) {
      for (int64_t c = begin * 16; c < std::min(width, end * 16); ++c) to[c] += from[t * width + c];
    }
  });
}

at::Tensor linear_forward(const at::Tensor& x, const Weight& weight, const Weight* bias, const at::Tensor& residual) {
  check_floats(x, "x");
  const int64_t rows = x.size(0), out = weight.rows();
  at::Tensor y = residual.defined() ? residual.clone() : at::empty({rows, out}, x.options());
  if (bias != nullptr) {
    const float* b = floats(bias->value());
    float* to = mutable_floats(y);
    const bool add = residual.defined();
    parallel(rows, out, [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        for (int64_t c = 0; c < out; ++c) to[t * out + c] = add ? to[t * out + c] + b[c] : b[c];
      }
    });
  }
  multiply_packed(x, weight, y, residual.defined() || bias != nullptr ? GemmSum::kAdd : GemmSum::kFresh);
  return y;
}

struct Linear : Function<Linear> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const std::optional<at::Tensor>& residual,
                            const Weight* weight, const Weight* bias) {
    ctx->save_for_backward({x});
    ctx->saved_data["weight"] = reinterpret_cast<int64_t>(weight);
    ctx->saved_data["bias"] = reinterpret_cast<int64_t>(bias);
    ctx->saved_data["residual"] = residual.has_value();
    return linear_forward(x, *weight, bias, residual.value_or(at::Tensor()));
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const at::Tensor dy = grads[0].contiguous();
    const auto* weight = reinterpret_cast<const Weight*>(ctx->saved_data["weight"].toInt());
    const auto* bias = reinterpret_cast<const Weight*>(ctx->saved_data["bias"].toInt());
    if (weight->trains()) add_outer(dy, ctx->get_saved_variables()[0], weight->grad());
    if (bias != nullptr && bias->trains()) add_rows(dy, bias->grad());
    return {multiply_transposed(dy, weight->value()), ctx->saved_data["residual"].toBool() ? dy : at::Tensor(), {}, {}};
  }
};

at::Tensor embedding_forward(const at::Tensor& ids, const Weight& weight) {
  const int64_t rows = ids.size(0), width = weight.columns(), vocab = weight.rows();
  at::Tensor y = at::empty({rows, width}, at::kFloat);
  const int32_t* id = ids.const_data_ptr<int32_t>();
  for (int64_t t = 0; t < rows; ++t) {
    HONE_ASSERT(id[t] >= 0 && id[t] < vocab, "token id {} is outside the vocabulary of {}", id[t], vocab);
  }
  if (weight.is_frozen()) {
    gather(weight.packed(), id, y);
    return y;
  }
  for (int64_t t = 0; t < rows; ++t) {
    std::copy_n(floats(weight.value()) + id[t] * width, width, mutable_floats(y) + t * width);
  }
  return y;
}

struct Embedding : Function<Embedding> {
  // `anchor` is an empty tensor that requires a gradient: the start of the graph. The weight's own gradient is added in
  // place.
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& /*anchor*/, const at::Tensor& ids,
                            const Weight* weight) {
    ctx->save_for_backward({ids});
    ctx->saved_data["weight"] = reinterpret_cast<int64_t>(weight);
    return embedding_forward(ids, *weight);
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const at::Tensor dy = grads[0].contiguous(), ids = ctx->get_saved_variables()[0];
    const auto* weight = reinterpret_cast<const Weight*>(ctx->saved_data["weight"].toInt());
    const int64_t rows = dy.size(0), width = dy.size(1);
    const int32_t* id = ids.const_data_ptr<int32_t>();
    const float* from = floats(dy);
    float* to = mutable_floats(weight->grad());
    parallel((width + 15) / 16, rows * 16, [&](int64_t begin, int64_t end) {
      for (int64_t t = 0; t < rows; ++t) {
        for (int64_t c = begin * 16; c < std::min(width, end * 16); ++c) to[id[t] * width + c] += from[t * width + c];
      }
    });
    return {{}, {}, {}};
  }
};

at::Tensor rms_norm_forward(const at::Tensor& x, const Weight& weight, float eps) {
  check_floats(x, "x");
  at::Tensor y = at::empty_like(x);
  const int64_t width = x.size(1);
  parallel(x.size(0), 4 * width, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      cpu_kernels().rms_norm(floats(x) + t * width, floats(weight.value()), eps, mutable_floats(y) + t * width, width);
    }
  });
  return y;
}

struct RmsNorm : Function<RmsNorm> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const Weight* weight, double eps) {
    ctx->save_for_backward({x});
    ctx->saved_data["weight"] = reinterpret_cast<int64_t>(weight);
    ctx->saved_data["eps"] = eps;
    return rms_norm_forward(x, *weight, static_cast<float>(eps));
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const at::Tensor dy = grads[0].contiguous(), x = ctx->get_saved_variables()[0];
    const auto* weight = reinterpret_cast<const Weight*>(ctx->saved_data["weight"].toInt());
    const auto eps = static_cast<float>(ctx->saved_data["eps"].toDouble());
    at::Tensor dx = at::empty_like(x), dy_x_hat = at::empty_like(x);
    const int64_t width = x.size(1);
    parallel(x.size(0), 8 * width, [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        const int64_t at = t * width;
        cpu_kernels().rms_norm_backward(floats(x) + at, floats(weight->value()), floats(dy) + at, eps,
                                        mutable_floats(dx) + at, mutable_floats(dy_x_hat) + at, width);
      }
    });
    if (weight->trains()) add_rows(dy_x_hat, weight->grad());
    return {dx, {}, {}};
  }
};

at::Tensor swiglu_forward(const at::Tensor& x) {
  check_floats(x, "x");
  const int64_t half = x.size(1) / 2;
  at::Tensor y = at::empty({x.size(0), half}, x.options());
  parallel(x.size(0), 8 * half, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const float* row = floats(x) + t * 2 * half;
      cpu_kernels().swiglu(row, row + half, mutable_floats(y) + t * half, half);
    }
  });
  return y;
}

struct Swiglu : Function<Swiglu> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x) {
    ctx->save_for_backward({x});
    return swiglu_forward(x);
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const at::Tensor dy = grads[0].contiguous(), x = ctx->get_saved_variables()[0];
    at::Tensor dx = at::empty_like(x);
    const int64_t half = dy.size(1);
    parallel(x.size(0), 16 * half, [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        const float* row = floats(x) + t * 2 * half;
        float* to = mutable_floats(dx) + t * 2 * half;
        cpu_kernels().swiglu_backward(row, row + half, floats(dy) + t * half, to, to + half, half);
      }
    });
    return {dx};
  }
};

}  // namespace

at::Tensor linear(const at::Tensor& x, const Weight& weight, const Weight* bias, const at::Tensor& residual) {
  if (wants_grad(x))
    return Linear::apply(x, residual.defined() ? std::optional(residual) : std::nullopt, &weight, bias);
  return linear_forward(x, weight, bias, residual);
}

at::Tensor embedding(const at::Tensor& ids, const Weight& weight) {
  if (at::GradMode::is_enabled() && weight.trains()) {
    const at::Tensor anchor = at::empty({0}, weight.value().options()).requires_grad_(true);
    return Embedding::apply(anchor, ids, &weight);
  }
  return embedding_forward(ids, weight);
}

at::Tensor rms_norm(const at::Tensor& x, const Weight& weight, double eps) {
  if (wants_grad(x)) return RmsNorm::apply(x, &weight, eps);
  return rms_norm_forward(x, weight, static_cast<float>(eps));
}

at::Tensor swiglu(const at::Tensor& x) {
  return wants_grad(x) ? Swiglu::apply(x) : swiglu_forward(x);
}

double sum_of_squares(const at::Tensor& x) {
  check_floats(x, "x");
  constexpr int64_t kChunk = 1 << 16;
  const int64_t n = x.numel(), chunks = (n + kChunk - 1) / kChunk;
  std::vector<double> parts(static_cast<size_t>(chunks));
  parallel(chunks, kChunk, [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) {
      double total = 0;
      for (int64_t i = c * kChunk; i < std::min(n, (c + 1) * kChunk); ++i) {
        const double v = floats(x)[i];
        total += v * v;
      }
      parts[static_cast<size_t>(c)] = total;
    }
  });
  double total = 0;
  for (const double part : parts) total += part;
  return total;
}

const char* instruction_set() {
  return cpu_kernels().name;
}

}  // namespace hone::kernels
