#include "hone/model/model.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "hone/core/error.h"
#include "hone/core/random.h"
#include "model/layout.h"
#include "model/recompute.h"
#include "model/rope.h"
#include "model/weight_files.h"

namespace hone {
namespace {

constexpr double kLatentNormEps = 1e-6;  // DeepSeek's norms of the latents do not take rms_norm_eps

kernels::AttentionGeometry geometry_of(const ModelConfig& c) {
  kernels::AttentionGeometry g{c.num_attention_heads, c.num_key_value_heads, c.head_dim};
  if (c.latent.kv_lora_rank > 0) {
    g.value_dim = c.latent.v_head_dim;
    g.scale *= c.latent.scale_factor;
    g.interleaved = c.latent.rope_interleave;
  }
  return g;
}

void init_tensor(const std::string& name, uint64_t seed, uint64_t index, double residual_scale, const at::Tensor& to) {
  RandomStream random(seed, RandomPurpose::kInit, {index});
  const bool norm = name.ends_with("norm.weight"), bias = name.ends_with(".bias");
  const bool residual = name.ends_with("o_proj.weight") || name.ends_with("down_proj.weight");
  const double scale = 0.02 * (residual ? residual_scale : 1.0);
  at::Tensor fresh = at::empty_like(to);
  for (int64_t i = 0; i < to.numel(); ++i) {
    fresh.data_ptr<float>()[i] = norm ? 1.0F : bias ? 0.0F : static_cast<float>(scale * random.next_normal());
  }
  at::Tensor(to).copy_(fresh);
}

// Where a family has no such part, nullptr.
const kernels::Weight* optional(const kernels::Weight& weight) {
  return weight.defined() ? &weight : nullptr;
}

}  // namespace

Model::Model(ModelConfig config, bool trains, Spread spread) : Model(std::move(config), trains, spread, nullptr) {}

Model::Model(ModelConfig config, bool trains, Spread spread, const WeightFiles* frozen)
    : config_(std::move(config)),
      trains_(trains),
      tied_(config_.tie_word_embeddings && !config_.score_head),
      spread_(spread),
      geometry_(geometry_of(config_)),
      weights_(std::make_unique<ModelWeights>()),
      rope_(std::make_unique<RopeTables>(config_)) {
  HONE_ASSERT(trains || spread == Spread::kNothing);
  weights_->layers.resize(static_cast<size_t>(config_.num_hidden_layers));
  lay_out(frozen);
  lay_out_units();
}

Model::Model(Model&&) noexcept = default;
Model::~Model() = default;

void Model::lay_out(const WeightFiles* frozen) {
  visit_buffers(config_, *weights_, [](const BufferSpec& spec) { *spec.tensor = at::zeros(spec.named.second); });
  if (tied_ && trains_) weights_->head = kernels::Weight::unbound();
  int64_t matrices = 0, vectors = 0, laid_out = 0;
  const auto add_to = [](int64_t& count) { return [&count](const WeightSpec& spec) { count += spec.elements(); }; };
  visit_matrices(config_, *weights_, add_to(matrices));
  visit_vectors(config_, *weights_, add_to(vectors));
  decayed_ = matrices;
  if (spread_ == Spread::kParameters) {
    const auto leave = [](const WeightSpec& spec) { *spec.weight = kernels::Weight::unbound(); };
    visit_matrices(config_, *weights_, leave);
    visit_vectors(config_, *weights_, leave);
    return;
  }
  at::Tensor values = at::zeros({(frozen != nullptr ? 0 : matrices) + vectors});
  if (frozen == nullptr) flat_ = values;
  if (trains_ && spread_ == Spread::kNothing) flat_grad_ = at::zeros_like(values);
  const auto view = [&](const WeightSpec& spec) {
    const auto part_of = [&](const at::Tensor& flat) {
      return flat.defined() ? flat.narrow(0, laid_out, spec.elements()).view(spec.shape()) : at::Tensor();
    };
    *spec.weight = trains_ ? kernels::Weight::unbound() : kernels::Weight();
    spec.weight->bind_value(part_of(values));
    spec.weight->bind_grad(part_of(flat_grad_));
    for (const auto& [name, shape] : spec.parts) {
      const int64_t size = std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
      parameters_.emplace_back(name, values.narrow(0, laid_out, size).view(shape));
      laid_out += size;
    }
  };
  visit_matrices(config_, *weights_, [&](const WeightSpec& spec) {
    if (frozen == nullptr) return view(spec);
    const bool bf16 =
        std::ranges::all_of(spec.parts, [&](const NamedShape& part) { return frozen->is_bf16(part.first); });
    *spec.weight = kernels::Weight::frozen(spec.shape()[0], spec.shape()[1], bf16 ? at::kBFloat16 : at::kFloat);
  });
  visit_vectors(config_, *weights_, view);
  if (!tied_ || !trains_) return;
  weights_->head.bind_value(weights_->embedding.value());
  if (spread_ == Spread::kNothing) weights_->head.bind_grad(head_grad_ = at::zeros_like(weights_->embedding.value()));
}

void Model::init_weights(uint64_t seed) {
  const double residual_scale = 1.0 / std::sqrt(2.0 * static_cast<double>(config_.num_hidden_layers));
  first_values_ = [seed, residual_scale](const UnitWeight& weight, const at::Tensor& rows) {
    int64_t begin = 0;
    uint64_t index = weight.first_part;
    for (const auto& [name, shape] : weight.parts) {
      init_tensor(name, seed, index++, residual_scale, rows.narrow(0, begin, shape[0]));
      begin += shape[0];
    }
  };
  if (spread_ == Spread::kParameters) return;
  HONE_ASSERT(flat_.defined());
  for (size_t unit = 0; unit < units_.size(); ++unit)
    flat_.narrow(0, units_[unit].begin, units_[unit].elements()).copy_(first_values(static_cast<int64_t>(unit)));
  first_values_ = nullptr;
}

at::Tensor Model::attention_input(const Layer& layer, const at::Tensor& x) const {
  if (config_.latent.kv_lora_rank > 0) return latent_attention_input(layer, x);
  at::Tensor qkv = kernels::linear(x, layer.qkv, optional(layer.qkv_bias));
  if (!config_.qk_norm) return qkv;
  const int64_t q = config_.num_attention_heads * config_.head_dim, kv = config_.num_key_value_heads * config_.head_dim;
  const auto parts = qkv.split_with_sizes({q, kv, kv}, 1);
  const auto normed = [&](const at::Tensor& heads, const kernels::Weight& norm) {
    const at::Tensor rows = heads.contiguous().view({-1, config_.head_dim});  // a head a row
    return kernels::rms_norm(rows, norm, config_.rms_norm_eps).view(heads.sizes());
  };
  return at::cat({normed(parts[0], layer.q_norm), normed(parts[1], layer.k_norm), parts[2]}, 1);
}

at::Tensor Model::latent_attention_input(const Layer& layer, const at::Tensor& x) const {
  at::Tensor q_latent = x;
  if (layer.q_a.defined()) {
    q_latent =
        kernels::rms_norm(kernels::linear(x, layer.q_a, optional(layer.q_a_bias)), layer.q_a_norm, kLatentNormEps);
  }
  const at::Tensor q = kernels::linear(q_latent, layer.q_b);
  const at::Tensor down = kernels::linear(x, layer.kv_a, optional(layer.kv_a_bias));
  const auto parts = down.split_with_sizes({config_.latent.kv_lora_rank, config_.latent.qk_rope_head_dim}, 1);
  const at::Tensor latent = kernels::rms_norm(parts[0].contiguous(), layer.kv_a_norm, kLatentNormEps);
  return kernels::latent_heads(q, kernels::linear(latent, layer.kv_b), parts[1].contiguous(), geometry_);
}

at::Tensor Model::feed_forward(const Layer& layer, const at::Tensor& x, const at::Tensor& residual) const {
  at::Tensor out = residual;
  if (layer.router.defined()) {
    const ExpertLayers& e = config_.experts;
    const float* bias = layer.router_bias.defined() ? layer.router_bias.const_data_ptr<float>() : nullptr;
    const kernels::Router router{e.experts_per_token, e.sigmoid, e.norm_topk_prob, e.scale, e.groups,
                                 e.kept_groups,       bias};
    const kernels::Routing routing = kernels::route(kernels::linear(x, layer.router), router);
    out = kernels::mixture(x, routing, layer.experts, residual);
  }
  if (!layer.gate_up.defined()) return out;
  const at::Tensor inner = kernels::linear(x, layer.gate_up, optional(layer.gate_up_bias));  // [T, 2F]
  return kernels::linear(kernels::swiglu(inner), layer.down, optional(layer.down_bias), out);
}

at::Tensor Model::layer(size_t index, const at::Tensor& x, const kernels::KvLayer& cache,
                        const std::vector<kernels::Segment>& segments, const kernels::Rope& rope) const {
  const double eps = config_.rms_norm_eps;
  const Layer& layer = weights_->layers[index];
  kernels::AttentionGeometry geometry = geometry_;
  if (!config_.windows.empty() && config_.windows[index] > 0) geometry.window = config_.windows[index];
  const at::Tensor qkv = attention_input(layer, kernels::rms_norm(x, layer.input_norm, eps));
  const at::Tensor attended = kernels::attention(qkv, geometry, rope, cache, segments);
  const at::Tensor middle = kernels::linear(attended, layer.output, optional(layer.output_bias), x);
  return feed_forward(layer, kernels::rms_norm(middle, layer.post_norm, eps), middle);
}

at::Tensor Model::hidden(const at::Tensor& ids, const std::vector<kernels::Segment>& segments,
                         const std::vector<kernels::KvLayer>& cache, const at::Tensor& rows,
                         const std::shared_ptr<const void>& tables) const {
  int64_t longest = 0;
  for (const kernels::Segment& s : segments) longest = std::max(longest, s.start + s.length);
  HONE_ASSERT(longest <= config_.max_position_embeddings, "{} tokens", longest);
  const kernels::Rope& rope = rope_->up_to(longest);
  const bool learns = trains_ && at::GradMode::is_enabled();
  UnitObserver* const observer = learns ? observer_ : nullptr;
  // The gradient of x stands between two units: what made x comes next, what read it is done.
  const auto watch = [&](const at::Tensor& x, int64_t made, int64_t read) {
    if (observer == nullptr) return;
    observer->after_forward(made);
    x.register_hook([observer, made, read](const at::Tensor&) {
      if (read != 0) observer->after_backward(read);  // a tied head has no unit of its own
      observer->before_backward(made);
    });
    observer->before_forward(read);
  };
  if (observer != nullptr) observer->before_forward(0);
  at::Tensor x = kernels::embedding(ids, weights_->embedding);  // [T, C]
  for (size_t i = 0; i < weights_->layers.size(); ++i) {
    const auto unit = static_cast<int64_t>(i) + 1;
    watch(x, unit - 1, unit);
    const kernels::KvLayer& kv = cache[cache.size() == 1 ? 0 : i];
    if (learns && gradient_checkpointing_) {
      x = recompute(
          x, [this, i, kv, segments, rope, tables](const at::Tensor& in) { return layer(i, in, kv, segments, rope); });
    } else {
      x = layer(i, x, kv, segments, rope);
    }
  }
  watch(x, config_.num_hidden_layers, head_unit());
  return kernels::rms_norm(at::index_select(x, 0, rows), weights_->final_norm, config_.rms_norm_eps);
}

at::Tensor Model::logits(const at::Tensor& ids, const std::vector<kernels::Segment>& segments,
                         const std::vector<kernels::KvLayer>& cache, const at::Tensor& rows) const {
  const at::Tensor x = hidden(ids, segments, cache, rows);
  return kernels::linear(x, head());
}

at::Tensor Model::hidden_states(const at::Tensor& ids, const std::vector<int64_t>& offsets,
                                const at::Tensor& rows) const {
  std::vector<kernels::Segment> segments;
  const auto blocks = std::make_shared<std::vector<int32_t>>();
  int64_t next = 0;
  for (size_t s = 0; s + 1 < offsets.size(); ++s) {
    const int64_t length = offsets[s + 1] - offsets[s];
    segments.push_back({.first_row = offsets[s], .length = length, .start = 0, .blocks = nullptr});
    next += (length + kernels::kBlockTokens - 1) / kernels::kBlockTokens;
  }
  blocks->resize(static_cast<size_t>(next));
  std::iota(blocks->begin(), blocks->end(), 0);
  const int32_t* table = blocks->data();
  for (kernels::Segment& segment : segments) {
    segment.blocks = table;
    table += (segment.length + kernels::kBlockTokens - 1) / kernels::kBlockTokens;
  }
  const std::vector<kernels::KvLayer> cache = {kernels::make_kv_layer(geometry_, next)};
  return hidden(ids, segments, cache, rows, blocks);
}

kernels::LogProbs Model::log_probs(const ScoreBatch& batch) const {
  const at::Tensor x = hidden_states(batch.ids, batch.offsets, batch.rows);  // binds the head where it comes and goes
  return kernels::log_probs(x, head(), batch.targets, batch.distribution);
}

at::Tensor Model::scores(const at::Tensor& ids, const std::vector<int64_t>& offsets) const {
  HONE_ASSERT(config_.score_head);
  at::Tensor last = at::empty({static_cast<int64_t>(offsets.size()) - 1}, at::kLong);
  for (size_t s = 0; s + 1 < offsets.size(); ++s) last.data_ptr<int64_t>()[s] = offsets[s + 1] - 1;
  const at::Tensor x = hidden_states(ids, offsets, last);
  return kernels::linear(x, head()).view({-1});
}

void Model::zero_grad() {
  flat_grad_.zero_();
  if (head_grad_.defined()) head_grad_.zero_();
}

void Model::finish_gradients() {
  if (head_grad_.defined()) at::Tensor(weights_->embedding.grad()).add_(head_grad_);
}

}  // namespace hone
