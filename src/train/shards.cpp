#include "train/shards.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <utility>

#include "hone/core/error.h"
#include "hone/train/trainer.h"

namespace hone {
namespace {

// `values` with zeros behind, so that all pieces are full.
at::Tensor padded(const at::Tensor& values, int64_t size) {
  if (values.numel() == size) return values;
  at::Tensor out = at::zeros({size}, values.options());
  out.narrow(0, 0, values.numel()).copy_(values);
  return out;
}

}  // namespace

Spread spread_of(int64_t stage, const dist::ProcessGroup& ranks) {
  if (ranks.size() == 1 || stage < 2) return Spread::kNothing;
  return stage == 2 ? Spread::kGradients : Spread::kParameters;
}

Shards::Shards(Model& model, int64_t stage, dist::ProcessGroup& ranks)
    : model_(model), stage_(ranks.size() == 1 ? 0 : stage), ranks_(ranks) {
  HONE_ASSERT(model.trains() && model.spread() == spread_of(stage, ranks));
  int64_t at = 0;
  for (const ParameterUnit& u : model.units()) {
    const int64_t piece = dist::piece_size(u.elements(), ranks.size());
    units_.push_back({u.begin, u.elements(), piece, at, dist::piece_of(u.elements(), ranks.rank(), ranks.size())});
    at += piece;
  }
  const Unit& last = units_.back();
  if (gradients_spread()) {
    gradient_shard_ = at::zeros({at}, at::kFloat);
    vector_gradients_ = at::zeros({last.elements}, at::kFloat);
    model.bind_gradients(vectors(), vector_gradients_);
  }
  if (values_spread()) take_values();
  list_parts();
  if (ranks.size() > 1) model.watch(this);
}

Shards::~Shards() {
  if (ranks_.size() > 1) model_.watch(nullptr);
}

// One unit at a time: no rank ever has room for all.
void Shards::take_values() {
  value_shard_ = at::zeros({units_.back().at}, at::kFloat);
  for (int64_t number = 0; number < vectors(); ++number) {
    const Unit& u = unit(number);
    const int64_t count = u.own.end - u.own.begin;
    value_shard_.narrow(0, u.at, count).copy_(model_.first_values(number).narrow(0, u.own.begin, count));
  }
  vector_values_ = model_.first_values(vectors());
  model_.bind_values(vectors(), vector_values_);
  model_.forget_first_values();
}

void Shards::list_parts() {
  for (int64_t number = 0; number <= vectors(); ++number) {
    const Unit& u = unit(number);
    const int64_t count = u.own.end - u.own.begin;
    const auto own = [&](const at::Tensor& flat) { return flat.narrow(0, u.begin + u.own.begin, count); };
    owned_gradients_.push_back(gradients_spread() ? gradient_shard_.narrow(0, u.at, count) : own(model_.flat_grad()));
    Part part{{}, owned_gradients_.back(), u.begin + u.own.begin, number != vectors()};
    if (stage_ == 0) {
      part = {model_.flat().narrow(0, u.begin, u.elements), gradients_of(u), u.begin, part.decays};
    } else if (!values_spread()) {
      part.values = own(model_.flat());
    } else if (number == vectors()) {
      part.values = vector_values_.narrow(0, u.own.begin, count);
    } else {
      part.values = value_shard_.narrow(0, u.at, count);
    }
    parts_.push_back(std::move(part));
  }
}

void Shards::begin(int64_t passes) {
  own_passes_ = passes;
  if (gradients_spread()) passes_ = ranks_.all_max(passes);
}

void Shards::before_forward(int64_t number) {
  HONE_ASSERT(!gradients_spread() || done_ < passes_, "a pass that the other ranks do not know of");
  if (!values_spread()) return;
  drop_gathered();
  if (unit(number).bound) return;
  bind(number);
  if (number + 1 < vectors()) start_gather(unit(number + 1));
}

void Shards::after_forward(int64_t number) {
  // The backward pass begins with the last layer; a tied embedding is the head, too.
  const bool needed = number == model_.config().num_hidden_layers || number == model_.head_unit();
  if (values_spread() && !needed) release(number);
}

void Shards::start_backward() {
  const at::NoGradGuard no_grad;
  HONE_ASSERT(own_passes_ == 0 || done_ < std::max(own_passes_, passes_), "more passes than begin() was told of");
  if (model_.head_unit() != 0) return before_backward(model_.head_unit());
  if (!gradients_spread()) return;
  head_gradients_ = at::zeros({unit(0).elements}, at::kFloat);
  model_.bind_head_gradient(head_gradients_.view({model_.config().vocab_size, model_.config().hidden_size}));
}

void Shards::before_backward(int64_t number) {
  const at::NoGradGuard no_grad;
  if (gradients_spread()) {
    unit_gradients_ = at::zeros({ranks_.size() * unit(number).piece}, at::kFloat);
    model_.bind_gradients(number, unit_gradients_.narrow(0, 0, unit(number).elements));
  }
  if (!values_spread() || number == 0) return;  // the embedding's rows are not read again
  bind(number);
  if (number > 1) start_gather(unit(number - 1));
}

void Shards::after_backward(int64_t number) {
  const at::NoGradGuard no_grad;
  if (gradients_spread()) {
    model_.bind_gradients(number, {});
    start_sum(number, std::exchange(unit_gradients_, at::Tensor()));
  } else if (last_pass()) {
    start_sum(number, gradients_of(unit(number)));
  }
  if (values_spread()) release(number);
}

void Shards::end_backward() {
  const at::NoGradGuard no_grad;
  if (gradients_spread()) {
    if (head_gradients_.defined()) {
      unit_gradients_.narrow(0, 0, unit(0).elements).add_(std::exchange(head_gradients_, at::Tensor()));
      model_.bind_head_gradient({});
    }
    after_backward(0);
  } else if (last_pass() && ranks_.size() > 1) {
    model_.finish_gradients();
    after_backward(0);
  }
  ++done_;
}

// What a pass makes the ranks do together, without a batch.
void Shards::idle_pass() {
  const int64_t layers = model_.config().num_hidden_layers, head = model_.head_unit();
  const auto after = [&](int64_t number) { return number < layers ? number + 1 : head; };
  before_forward(0);
  for (int64_t number = 0; number <= layers; ++number) {
    after_forward(number);
    before_forward(after(number));
  }
  start_backward();
  for (int64_t number = layers; number >= 0; --number) {
    if (after(number) != 0) after_backward(after(number));
    before_backward(number);
  }
  end_backward();
}

void Shards::reduce() {
  const at::NoGradGuard no_grad;
  if (ranks_.size() == 1) {
    model_.finish_gradients();
  } else {
    while (done_ < passes_) idle_pass();
    if (!gradients_spread() && unit(0).sums == 0) {
      model_.finish_gradients();
      for (int64_t number = vectors() - 1; number >= 0; --number) start_sum(number, gradients_of(unit(number)));
    }
    start_sum(vectors(), gradients_spread() ? vector_gradients_ : gradients_of(units_.back()));
    finish_sum();
  }
  for (size_t number = 0; number < units_.size(); ++number) {
    if (gradients_spread() && units_[number].sums == 0) owned_gradients_[number].zero_();
    units_[number].sums = 0;
  }
  own_passes_ = passes_ = done_ = 0;
}

// One sum travels while the next unit is computed.
void Shards::start_sum(int64_t number, const at::Tensor& gradients) {
  finish_sum();
  Unit& u = unit(number);
  ++u.sums;
  const at::Tensor result = at::empty({u.piece}, at::kFloat);
  sum_ = Sum{number, result, ranks_.start_reduce_scatter(padded(gradients, ranks_.size() * u.piece), result)};
}

void Shards::finish_sum() {
  if (!sum_) return;
  Sum sum = *std::exchange(sum_, std::nullopt);
  sum.transfer.wait();
  at::Tensor& own = owned_gradients_[static_cast<size_t>(sum.number)];
  const at::Tensor part = sum.result.narrow(0, 0, own.numel());
  if (unit(sum.number).sums > 1) {
    own.add_(part);
  } else {
    own.copy_(part);
  }
}

// The owners' pieces of a unit into `whole`, in which this rank's lies, too.
void Shards::gather_into(const Unit& u, const at::Tensor& whole) {
  const at::Tensor all = at::empty({ranks_.size() * u.piece}, at::kFloat);
  ranks_.start_all_gather(padded(whole.narrow(0, u.own.begin, u.own.end - u.own.begin), u.piece), all).wait();
  at::Tensor(whole).copy_(all.narrow(0, 0, u.elements));
}

void Shards::share_gradients() {
  if (stage_ != 0 || ranks_.size() == 1) return;
  for (const Unit& u : units_) gather_into(u, gradients_of(u));
}

void Shards::publish() {
  if (values_spread()) {
    gather_into(units_.back(), vector_values_);
  } else if (stage_ > 0) {
    for (const Unit& u : units_) gather_into(u, model_.flat().narrow(0, u.begin, u.elements));
  }
  // Optimizers do not count their writes; packed weights are made again only when the version moves.
  if (!values_spread()) model_.flat().unsafeGetTensorImpl()->bump_version();
  if (gradients_spread()) {
    vector_gradients_.zero_();
  } else {
    model_.zero_grad();
  }
  drop_gathered();
}

void Shards::gather_values() {
  if (!values_spread() || gathered_) return;
  const at::NoGradGuard no_grad;
  for (int64_t number = 0; number < vectors(); ++number) {
    bind(number);
    if (number + 1 < vectors()) start_gather(unit(number + 1));
    model_.freeze(number);
    unit(number).values = at::Tensor();
  }
  gathered_ = true;
}

void Shards::drop_gathered() {
  if (!std::exchange(gathered_, false)) return;
  for (int64_t number = 0; number < vectors(); ++number) release(number);
}

void Shards::read_values(const std::function<void(int64_t begin, const at::Tensor& to)>& read) {
  const at::NoGradGuard no_grad;
  if (!values_spread()) return read(0, model_.flat());
  for (const Part& part : parts_) {
    if (part.decays) read(part.begin, part.values);
  }
  read(units_.back().begin, vector_values_);
  drop_gathered();
}

void Shards::start_gather(Unit& u) {
  if (u.bound || u.values.defined()) return;
  u.values = at::empty({ranks_.size() * u.piece}, at::kFloat);
  u.gathering = ranks_.start_all_gather(value_shard_.narrow(0, u.at, u.piece), u.values);
}

void Shards::bind(int64_t number) {
  Unit& u = unit(number);
  if (u.bound) return;
  start_gather(u);
  u.gathering.wait();
  model_.bind_values(number, u.values.narrow(0, 0, u.elements));
  u.bound = true;
}

void Shards::release(int64_t number) {
  Unit& u = unit(number);
  model_.bind_values(number, {});
  u.values = at::Tensor();
  u.bound = false;
}

}  // namespace hone
