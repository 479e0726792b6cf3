#include "model/recompute.h"

#include <torch/csrc/autograd/custom_function.h>

#include <utility>

namespace hone {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

struct Kept : torch::CustomClassHolder {
  explicit Kept(std::function<at::Tensor(const at::Tensor&)> f) : function(std::move(f)) {}
  const std::function<at::Tensor(const at::Tensor&)> function;
};

struct Recompute : Function<Recompute> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const c10::intrusive_ptr<Kept>& kept) {
    ctx->save_for_backward({x});
    ctx->saved_data["function"] = at::IValue::make_capsule(kept);
    const at::NoGradGuard no_grad;
    return kept->function(x);
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto kept = c10::static_intrusive_pointer_cast<Kept>(ctx->saved_data["function"].toCapsule());
    const at::Tensor x = ctx->get_saved_variables()[0].detach().requires_grad_(true);
    at::Tensor y;
    {
      const at::AutoGradMode grad(true);
      y = kept->function(x);
    }
    y.backward(grads[0].contiguous());
    return {x.grad(), {}};
  }
};

}  // namespace

at::Tensor recompute(const at::Tensor& x, std::function<at::Tensor(const at::Tensor&)> f) {
  return Recompute::apply(x, c10::make_intrusive<Kept>(std::move(f)));
}

}  // namespace hone
