// How the tests of kernels compare: with LibTorch in float64, values and gradients, and bit for bit.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "hone/kernels/ops.h"

namespace hone::kernels {

inline at::Tensor random(at::IntArrayRef shape, double scale = 1.0) {
  return at::randn(shape) * scale;
}

inline Weight weight(const at::Tensor& value) {
  return {value, at::zeros_like(value)};
}

inline double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

inline bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  return at::equal(a, b);
}

class Ops : public ::testing::Test {
 protected:
  void SetUp() override { at::manual_seed(1); }
};

// Gradients of f (ours, fp32) and g (reference, fp64) for the same output gradient: returns the largest difference
// relative to the largest entry, over outputs and dx.
template <class F, class G>
void expect_same(const at::Tensor& x, F ours, G reference, double tolerance) {
  at::Tensor xa = x.clone().requires_grad_(true);
  at::Tensor xb = x.to(at::kDouble).clone().requires_grad_(true);
  const at::Tensor a = ours(xa), b = reference(xb);
  EXPECT_LT(largest_difference(a.detach(), b.detach()),
            tolerance * std::max(1.0, b.detach().abs().max().item<double>()));
  const at::Tensor g = random(a.sizes());
  a.backward(g);
  b.backward(g.to(at::kDouble));
  EXPECT_LT(largest_difference(xa.grad(), xb.grad()), tolerance * std::max(1.0, xb.grad().abs().max().item<double>()));
}

}  // namespace hone::kernels
