#include "hone/model/model.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <fmt/ranges.h>

#include <cmath>
#include <numeric>

#include "hone/core/error.h"
#include "hone/core/file.h"
#include "hone/core/random.h"
#include "hone/model/safetensors.h"

namespace hone {
namespace {

kernels::Rope make_rope(const ModelConfig& config) {
  const int64_t half = config.head_dim / 2, positions = config.max_position_embeddings;
  kernels::Rope rope{at::empty({positions, half}), at::empty({positions, half})};
  for (int64_t i = 0; i < half; ++i) {
    // fp32 angles, as the models were trained with.
    const auto frequency = static_cast<float>(
        1.0 / std::pow(config.rope_theta, 2.0 * static_cast<double>(i) / static_cast<double>(config.head_dim)));
    for (int64_t t = 0; t < positions; ++t) {
      const float angle = static_cast<float>(t) * frequency;
      rope.cos.data_ptr<float>()[t * half + i] = std::cos(angle);
      rope.sin.data_ptr<float>()[t * half + i] = std::sin(angle);
    }
  }
  return rope;
}

int64_t elements(const std::vector<int64_t>& shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

}  // namespace

int64_t Model::count(const std::vector<Spec>& specs) {
  int64_t n = 0;
  for (const Spec& spec : specs) {
    for (const auto& [name, shape] : spec.parts) n += elements(shape);
  }
  return n;
}

Model::Model(ModelConfig config, bool trains)
    : config_(std::move(config)), trains_(trains), layers_(static_cast<size_t>(config_.num_hidden_layers)) {
  const auto m = matrices(), v = vectors();
  decayed_ = count(m);
  const int64_t total = decayed_ + count(v);
  flat_ = at::zeros({total});
  if (trains_) flat_grad_ = at::zeros({total});
  lay_out(m);
  lay_out(v);
  if (trains_ && config_.tie_word_embeddings) head_grad_ = at::zeros_like(embedding_.value());
  rope_ = make_rope(config_);
}

std::vector<Model::Spec> Model::matrices() {
  const int64_t width = config_.hidden_size, inner = config_.intermediate_size;
  const int64_t q = config_.num_attention_heads * config_.head_dim, kv = config_.num_key_value_heads * config_.head_dim;
  std::vector<Spec> specs = {{{{"model.embed_tokens.weight", {config_.vocab_size, width}}}, &embedding_}};
  for (size_t i = 0; i < layers_.size(); ++i) {
    const std::string layer = fmt::format("model.layers.{}.", i), attention = layer + "self_attn.",
                      mlp = layer + "mlp.";
    specs.push_back({{{attention + "q_proj.weight", {q, width}},
                      {attention + "k_proj.weight", {kv, width}},
                      {attention + "v_proj.weight", {kv, width}}},
                     &layers_[i].qkv});
    specs.push_back({{{attention + "o_proj.weight", {width, q}}}, &layers_[i].output});
    specs.push_back(
        {{{mlp + "gate_proj.weight", {inner, width}}, {mlp + "up_proj.weight", {inner, width}}}, &layers_[i].gate_up});
    specs.push_back({{{mlp + "down_proj.weight", {width, inner}}}, &layers_[i].down});
  }
  if (!config_.tie_word_embeddings) specs.push_back({{{"lm_head.weight", {config_.vocab_size, width}}}, &head_});
  return specs;
}

std::vector<Model::Spec> Model::vectors() {
  const int64_t width = config_.hidden_size;
  const int64_t q = config_.num_attention_heads * config_.head_dim, kv = config_.num_key_value_heads * config_.head_dim;
  std::vector<Spec> specs;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const std::string layer = fmt::format("model.layers.{}.", i), attention = layer + "self_attn.";
    specs.push_back({{{layer + "input_layernorm.weight", {width}}}, &layers_[i].input_norm});
    specs.push_back({{{layer + "post_attention_layernorm.weight", {width}}}, &layers_[i].post_norm});
    if (config_.attention_bias) {
      specs.push_back(
          {{{attention + "q_proj.bias", {q}}, {attention + "k_proj.bias", {kv}}, {attention + "v_proj.bias", {kv}}},
           &layers_[i].qkv_bias});
    }
  }
  specs.push_back({{{"model.norm.weight", {width}}}, &final_norm_});
  return specs;
}

void Model::lay_out(const std::vector<Spec>& specs) {
  for (const Spec& spec : specs) {
    const int64_t begin = laid_out_;
    int64_t rows = 0;
    for (const auto& [name, shape] : spec.parts) {
      parameters_.emplace_back(name, flat_.narrow(0, laid_out_, elements(shape)).view(shape));
      laid_out_ += elements(shape);
      rows += shape[0];
    }
    std::vector<int64_t> shape = spec.parts.front().second;
    shape[0] = rows;
    const auto view = [&](const at::Tensor& flat) {
      return flat.defined() ? flat.narrow(0, begin, laid_out_ - begin).view(shape) : at::Tensor();
    };
    *spec.weight = kernels::Weight(view(flat_), view(flat_grad_));
  }
}

void Model::init_weights(uint64_t seed) {
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

Model Model::load(const std::string& folder, bool trains) {
  Model model(ModelConfig::load(folder), trains);
  model.load_weights(folder);
  return model;
}

void Model::load_weights(const std::string& folder) {
  const std::string path = folder + "/model.safetensors";
  const SafetensorsFile file = SafetensorsFile::open(path);
  for (const auto& [name, tensor] : parameters_) {
    HONE_CHECK(file.has(name), .what = fmt::format("tensor '{}' is missing", name), .place = path,
               .hint = "config.json and model.safetensors do not belong together");
    const at::Tensor stored = file.tensor(name);
    HONE_CHECK(stored.sizes() == tensor.sizes(), .what = fmt::format("tensor '{}' has the wrong shape", name),
               .place = path, .got = fmt::format("[{}]", fmt::join(stored.sizes(), ", ")),
               .expected = fmt::format("[{}]", fmt::join(tensor.sizes(), ", ")));
    HONE_CHECK(stored.is_floating_point(), .what = fmt::format("tensor '{}' is not a floating-point tensor", name),
               .place = path);
    at::Tensor(tensor).copy_(stored);
  }
  HONE_CHECK(std::isfinite(kernels::sum_of_squares(flat_)), .what = "the weights hold NaN or infinite values",
             .place = path);
}

void Model::save(const std::string& folder) const {
  write_atomic(folder + "/config.json", config_.to_json());
  write_safetensors(folder + "/model.safetensors", parameters_);
}

at::Tensor Model::hidden(const at::Tensor& ids, const std::vector<kernels::Segment>& segments,
                         const std::vector<kernels::KvLayer>& cache, const at::Tensor& rows) const {
  const double eps = config_.rms_norm_eps;
  at::Tensor x = kernels::embedding(ids, embedding_);  // [T, C]
  for (size_t i = 0; i < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    const at::Tensor qkv = kernels::linear(kernels::rms_norm(x, layer.input_norm, eps), layer.qkv,
                                           config_.attention_bias ? &layer.qkv_bias : nullptr);  // [T, (H + 2 Hkv) D]
    const at::Tensor attended = kernels::attention(qkv, geometry(), rope_, cache[cache.size() == 1 ? 0 : i], segments);
    x = kernels::linear(attended, layer.output, nullptr, x);
    const at::Tensor gate_up = kernels::linear(kernels::rms_norm(x, layer.post_norm, eps), layer.gate_up);  // [T, 2F]
    x = kernels::linear(kernels::swiglu(gate_up), layer.down, nullptr, x);
  }
  return kernels::rms_norm(at::index_select(x, 0, rows), final_norm_, eps);
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
  const std::vector<kernels::KvLayer> cache = {kernels::make_kv_layer(geometry(), next)};
  return hidden(ids, segments, cache, rows);
}

kernels::LogProbs Model::log_probs(const ScoreBatch& batch) const {
  return kernels::log_probs(hidden_states(batch.ids, batch.offsets, batch.rows), head(), batch.targets,
                            batch.distribution, head_grad_);
}

void Model::zero_grad() {
  flat_grad_.zero_();
  if (head_grad_.defined()) head_grad_.zero_();
}

void Model::finish_gradients() {
  if (head_grad_.defined()) at::Tensor(embedding_.grad()).add_(head_grad_);
}

}  // namespace hone
