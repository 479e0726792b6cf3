// Model: the units in which it is spread over ranks.
#include <ATen/ops/empty.h>

#include "hone/core/error.h"
#include "hone/model/model.h"
#include "model/layout.h"

namespace hone {
namespace {

// The unit that a tensor belongs to, of a model whose vectors come last.
size_t unit_of(const std::string& name, int64_t layers) {
  constexpr std::string_view kLayer = "model.layers.";
  if (name.starts_with(kLayer)) return 1 + std::stoul(name.substr(kLayer.size()));
  return name == "model.embed_tokens.weight" ? 0 : static_cast<size_t>(layers) + 1;
}

// The embedding, the layers, a head of its own and the vectors.
size_t unit_count(const ModelConfig& c) {
  return static_cast<size_t>(c.num_hidden_layers) + (c.tie_word_embeddings && !c.score_head ? 2 : 3);
}

void visit_units(const ModelConfig& config, ModelWeights& weights,
                 const std::function<void(size_t unit, const WeightSpec&)>& f) {
  visit_matrices(config, weights,
                 [&](const WeightSpec& spec) { f(unit_of(spec.parts.front().first, config.num_hidden_layers), spec); });
  visit_vectors(config, weights, [&](const WeightSpec& spec) { f(unit_count(config) - 1, spec); });
}

}  // namespace

std::vector<ParameterUnit> parameter_units(const ModelConfig& config) {
  ModelWeights names_only;
  names_only.layers.resize(static_cast<size_t>(config.num_hidden_layers));
  std::vector<ParameterUnit> units(unit_count(config));
  visit_units(config, names_only, [&, at = int64_t{0}](size_t unit, const WeightSpec& spec) mutable {
    if (units[unit].end == 0) units[unit].begin = at;
    units[unit].end = at += spec.elements();
  });
  return units;
}

void Model::lay_out_units() {
  units_ = parameter_units(config_);
  unit_weights_.resize(units_.size());
  visit_units(config_, *weights_,
              [&, at = int64_t{0}, part = uint64_t{0}](size_t unit, const WeightSpec& spec) mutable {
                unit_weights_[unit].push_back(
                    {spec.weight, spec.parts, spec.shape(), at - units_[unit].begin, spec.elements(), part});
                at += spec.elements();
                part += spec.parts.size();
              });
}

at::Tensor Model::first_values(int64_t unit) const {
  HONE_ASSERT(first_values_ != nullptr);
  at::Tensor values = at::empty({units_.at(static_cast<size_t>(unit)).elements()}, at::kFloat);
  for (const UnitWeight& w : unit_weights_[static_cast<size_t>(unit)])
    first_values_(w, values.narrow(0, w.begin, w.elements).view(w.shape));
  return values;
}

void Model::bind_values(int64_t unit, const at::Tensor& values) {
  for (const UnitWeight& w : unit_weights_.at(static_cast<size_t>(unit)))
    w.weight->bind_value(values.defined() ? values.narrow(0, w.begin, w.elements).view(w.shape) : values);
  if (unit == 0 && tied_) weights_->head.bind_value(weights_->embedding.value());
}

void Model::freeze(int64_t unit) {
  for (const UnitWeight& w : unit_weights_.at(static_cast<size_t>(unit))) w.weight->freeze();
  if (unit == 0 && tied_) weights_->head.bind_value({});  // head() is the embedding then
}

void Model::bind_gradients(int64_t unit, const at::Tensor& gradients) {
  for (const UnitWeight& w : unit_weights_.at(static_cast<size_t>(unit)))
    w.weight->bind_grad(gradients.defined() ? gradients.narrow(0, w.begin, w.elements).view(w.shape) : gradients);
}

void Model::bind_head_gradient(const at::Tensor& gradient) {
  HONE_ASSERT(tied_);
  weights_->head.bind_grad(gradient);
}

}  // namespace hone
