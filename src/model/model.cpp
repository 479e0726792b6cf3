#include "hone/model/model.h"

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

// Where a family has no such part, nullptr.
const kernels::Weight* optional(const kernels::Weight& weight) {
  return weight.defined() ? &weight : nullptr;
}

}  // namespace

Model::Model(ModelConfig config, bool trains) : Model(std::move(config), trains, nullptr) {}

Model::Model(ModelConfig config, bool trains, const WeightFiles* frozen)
    : config_(std::move(config)), geometry_(geometry_of(config_)), rope_(std::make_unique<RopeTables>(config_)) {
  weights_.layers.resize(static_cast<size_t>(config_.num_hidden_layers));
  lay_out(trains, frozen);
}

Model::Model(Model&&) noexcept = default;
Model::~Model() = default;

void Model::lay_out(bool trains, const WeightFiles* frozen) {
  int64_t matrices = 0, vectors = 0, laid_out = 0;
  const auto add_to = [](int64_t& count) { return [&count](const WeightSpec& spec) { count += spec.elements(); }; };
  visit_matrices(config_, weights_, add_to(matrices));
  visit_vectors(config_, weights_, add_to(vectors));
  decayed_ = matrices;
  at::Tensor values = at::zeros({(frozen != nullptr ? 0 : matrices) + vectors});
  if (frozen == nullptr) flat_ = values;
  if (trains) flat_grad_ = at::zeros_like(values);
  const auto view = [&](const WeightSpec& spec) {
    const auto part_of = [&](const at::Tensor& flat) {
      return flat.defined() ? flat.narrow(0, laid_out, spec.elements()).view(spec.shape()) : at::Tensor();
    };
    *spec.weight = kernels::Weight(part_of(values), part_of(flat_grad_));
    for (const auto& [name, shape] : spec.parts) {
      const int64_t size = std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
      parameters_.emplace_back(name, values.narrow(0, laid_out, size).view(shape));
      laid_out += size;
    }
  };
  visit_matrices(config_, weights_, [&](const WeightSpec& spec) {
    if (frozen == nullptr) return view(spec);
    const bool bf16 =
        std::ranges::all_of(spec.parts, [&](const NamedShape& part) { return frozen->is_bf16(part.first); });
    *spec.weight = kernels::Weight::frozen(spec.shape()[0], spec.shape()[1], bf16 ? at::kBFloat16 : at::kFloat);
  });
  visit_vectors(config_, weights_, view);
  visit_buffers(config_, weights_, [](const BufferSpec& spec) { *spec.tensor = at::zeros(spec.named.second); });
  if (trains && config_.tie_word_embeddings && !config_.score_head)
    head_grad_ = at::zeros_like(weights_.embedding.value());
}

void Model::init_weights(uint64_t seed) {
  HONE_ASSERT(flat_.defined());
  const double residual_scale = 1.0 / std::sqrt(2.0 * static_cast<double>(config_.num_hidden_layers));
  uint64_t index = 0;
  for (const auto& [name, tensor] : parameters_) {
    RandomStream random(seed, RandomPurpose::kInit, {index++});
    const bool norm = name.ends_with("norm.weight"), bias = name.ends_with(".bias");
    const bool residual = name.ends_with("o_proj.weight") || name.ends_with("down_proj.weight");
    const double scale = 0.02 * (residual ? residual_scale : 1.0);
    at::Tensor fresh = at::empty_like(tensor);
    for (int64_t i = 0; i < tensor.numel(); ++i) {
      fresh.data_ptr<float>()[i] = norm ? 1.0F : bias ? 0.0F : static_cast<float>(scale * random.next_normal());
    }
    at::Tensor(tensor).copy_(fresh);
  }
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

at::Tensor Model::hidden(const at::Tensor& ids, const std::vector<kernels::Segment>& segments,
                         const std::vector<kernels::KvLayer>& cache, const at::Tensor& rows) const {
  const double eps = config_.rms_norm_eps;
  int64_t longest = 0;
  for (const kernels::Segment& s : segments) longest = std::max(longest, s.start + s.length);
  HONE_ASSERT(longest <= config_.max_position_embeddings, "{} tokens", longest);
  const kernels::Rope& rope = rope_->up_to(longest);
  at::Tensor x = kernels::embedding(ids, weights_.embedding);  // [T, C]
  for (size_t i = 0; i < weights_.layers.size(); ++i) {
    const Layer& layer = weights_.layers[i];
    kernels::AttentionGeometry geometry = geometry_;
    if (!config_.windows.empty() && config_.windows[i] > 0) geometry.window = config_.windows[i];
    const at::Tensor qkv = attention_input(layer, kernels::rms_norm(x, layer.input_norm, eps));
    const at::Tensor attended = kernels::attention(qkv, geometry, rope, cache[cache.size() == 1 ? 0 : i], segments);
    x = kernels::linear(attended, layer.output, optional(layer.output_bias), x);
    x = feed_forward(layer, kernels::rms_norm(x, layer.post_norm, eps), x);
  }
  return kernels::rms_norm(at::index_select(x, 0, rows), weights_.final_norm, eps);
}

at::Tensor Model::logits(const at::Tensor& ids, const std::vector<kernels::Segment>& segments,
                         const std::vector<kernels::KvLayer>& cache, const at::Tensor& rows) const {
  return kernels::linear(hidden(ids, segments, cache, rows), head());
}

at::Tensor Model::hidden_states(const at::Tensor& ids, const std::vector<int64_t>& offsets,
                                const at::Tensor& rows) const {
  std::vector<kernels::Segment> segments;
  std::vector<int32_t> blocks;
  int64_t next = 0;
  for (size_t s = 0; s + 1 < offsets.size(); ++s) {
    const int64_t length = offsets[s + 1] - offsets[s];
    segments.push_back({.first_row = offsets[s], .length = length, .start = 0, .blocks = nullptr});
    next += (length + kernels::kBlockTokens - 1) / kernels::kBlockTokens;
  }
  blocks.resize(static_cast<size_t>(next));
  std::iota(blocks.begin(), blocks.end(), 0);
  const int32_t* table = blocks.data();
  for (kernels::Segment& segment : segments) {
    segment.blocks = table;
    table += (segment.length + kernels::kBlockTokens - 1) / kernels::kBlockTokens;
  }
  const std::vector<kernels::KvLayer> cache = {kernels::make_kv_layer(geometry_, next)};
  return hidden(ids, segments, cache, rows);
}

kernels::LogProbs Model::log_probs(const ScoreBatch& batch) const {
  return kernels::log_probs(hidden_states(batch.ids, batch.offsets, batch.rows), head(), batch.targets,
                            batch.distribution, head_grad_);
}

at::Tensor Model::scores(const at::Tensor& ids, const std::vector<int64_t>& offsets) const {
  HONE_ASSERT(config_.score_head);
  at::Tensor last = at::empty({static_cast<int64_t>(offsets.size()) - 1}, at::kLong);
  for (size_t s = 0; s + 1 < offsets.size(); ++s) last.data_ptr<int64_t>()[s] = offsets[s + 1] - 1;
  return kernels::linear(hidden_states(ids, offsets, last), head()).view({-1});
}

void Model::zero_grad() {
  flat_grad_.zero_();
  if (head_grad_.defined()) head_grad_.zero_();
}

void Model::finish_gradients() {
  if (head_grad_.defined()) at::Tensor(weights_.embedding.grad()).add_(head_grad_);
}

}  // namespace hone
