// Shared by the operations: raw access to contiguous fp32 tensors, and the three matrix products of a linear layer.
#pragma once

#include <ATen/core/Tensor.h>

#include "hone/kernels/ops.h"
#include "kernels/cpu/table.h"

namespace hone::kernels {

inline const float* floats(const at::Tensor& x) {
  return x.const_data_ptr<float>();
}
inline float* mutable_floats(const at::Tensor& x) {
  return x.data_ptr<float>();
}

void check_floats(const at::Tensor& x, const char* name);
bool wants_grad(const at::Tensor& x);

/// y[T, out] = or += x[T, in] value^T.
void multiply_packed(const at::Tensor& x, const Weight& weight, at::Tensor& y, GemmSum sum);
/// dx[T, in] = dy[T, out] value[out, in].
at::Tensor multiply_transposed(const at::Tensor& dy, const at::Tensor& value);
/// grad[out, in] += dy[T, out]^T x[T, in], token after token.
void add_outer(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& grad);

}  // namespace hone::kernels
