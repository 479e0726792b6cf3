// Activation recomputation ("gradient checkpointing", Chen et al. 2016): memory for time, and the same bits.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

namespace hone {

/// f(x), whose intermediate values are dropped and computed again when the gradient comes. `f` adds the gradients of
/// what else it reads in place, as our operations do; it and all that it points to live until then.
at::Tensor recompute(const at::Tensor& x, std::function<at::Tensor(const at::Tensor&)> f);

}  // namespace hone
