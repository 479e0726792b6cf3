#include "model/layout.h"

#include <fmt/format.h>

#include <functional>
#include <numeric>

namespace hone {
namespace {

using Visit = std::function<void(const WeightSpec&)>;

std::string layer_name(size_t index) {
  return fmt::format("model.layers.{}.", index);
}

void visit_attention(const ModelConfig& c, const std::string& name, Layer& layer, const Visit& f) {
  const int64_t width = c.hidden_size, q = c.num_attention_heads * c.head_dim, kv = c.num_key_value_heads * c.head_dim;
  if (c.latent.kv_lora_rank == 0) {
    f({{{name + "q_proj.weight", {q, width}},
        {name + "k_proj.weight", {kv, width}},
        {name + "v_proj.weight", {kv, width}}},
       &layer.qkv});
  } else {
    const LatentAttention& l = c.latent;
    if (l.q_lora_rank == 0) {
      f({{{name + "q_proj.weight", {q, width}}}, &layer.q_b});
    } else {
      f({{{name + "q_a_proj.weight", {l.q_lora_rank, width}}}, &layer.q_a});
      f({{{name + "q_b_proj.weight", {q, l.q_lora_rank}}}, &layer.q_b});
    }
    f({{{name + "kv_a_proj_with_mqa.weight", {l.kv_lora_rank + l.qk_rope_head_dim, width}}}, &layer.kv_a});
    const int64_t up = c.num_attention_heads * (l.qk_nope_head_dim + l.v_head_dim);
    f({{{name + "kv_b_proj.weight", {up, l.kv_lora_rank}}}, &layer.kv_b});
  }
  f({{{name + "o_proj.weight", {width, c.num_attention_heads * c.value_dim()}}}, &layer.output});
}

void visit_mlp(const std::string& name, int64_t width, int64_t inner, kernels::Weight& gate_up, kernels::Weight& down,
               const Visit& f) {
  f({{{name + "gate_proj.weight", {inner, width}}, {name + "up_proj.weight", {inner, width}}}, &gate_up});
  f({{{name + "down_proj.weight", {width, inner}}}, &down});
}

void visit_experts(const ModelConfig& c, const std::string& name, Layer& layer, const Visit& f) {
  const ExpertLayers& e = c.experts;
  f({{{name + "gate.weight", {e.num_experts, c.hidden_size}}}, &layer.router});
  layer.experts.resize(static_cast<size_t>(e.num_experts));
  for (size_t i = 0; i < layer.experts.size(); ++i) {
    visit_mlp(fmt::format("{}experts.{}.", name, i), c.hidden_size, e.intermediate_size, layer.experts[i].gate_up,
              layer.experts[i].down, f);
  }
  if (e.shared_experts > 0) {
    visit_mlp(name + "shared_experts.", c.hidden_size, e.intermediate_size * e.shared_experts, layer.gate_up,
              layer.down, f);
  }
}

void visit_biases(const ModelConfig& c, const std::string& name, Layer& layer, bool dense, const Visit& f) {
  const std::string attention = name + "self_attn.", mlp = name + "mlp.";
  const int64_t q = c.num_attention_heads * c.head_dim, kv = c.num_key_value_heads * c.head_dim;
  if (c.attention_bias && c.latent.kv_lora_rank == 0) {
    f({{{attention + "q_proj.bias", {q}}, {attention + "k_proj.bias", {kv}}, {attention + "v_proj.bias", {kv}}},
       &layer.qkv_bias});
  }
  if (c.attention_bias && c.latent.kv_lora_rank > 0) {
    const LatentAttention& l = c.latent;
    if (l.q_lora_rank > 0) f({{{attention + "q_a_proj.bias", {l.q_lora_rank}}}, &layer.q_a_bias});
    f({{{attention + "kv_a_proj_with_mqa.bias", {l.kv_lora_rank + l.qk_rope_head_dim}}}, &layer.kv_a_bias});
  }
  if (c.output_bias) f({{{attention + "o_proj.bias", {c.hidden_size}}}, &layer.output_bias});
  if (c.mlp_bias && dense) {
    const int64_t inner = c.intermediate_size;
    f({{{mlp + "gate_proj.bias", {inner}}, {mlp + "up_proj.bias", {inner}}}, &layer.gate_up_bias});
    f({{{mlp + "down_proj.bias", {c.hidden_size}}}, &layer.down_bias});
  }
}

}  // namespace

int64_t WeightSpec::elements() const {
  int64_t n = 0;
  for (const auto& [name, shape] : parts)
    n += std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
  return n;
}

std::vector<int64_t> WeightSpec::shape() const {
  std::vector<int64_t> shape = parts.front().second;
  shape[0] = 0;
  for (const auto& [name, part] : parts) shape[0] += part[0];
  return shape;
}

void visit_matrices(const ModelConfig& c, ModelWeights& weights, const Visit& f) {
  f({{{"model.embed_tokens.weight", {c.vocab_size, c.hidden_size}}}, &weights.embedding});
  for (size_t i = 0; i < weights.layers.size(); ++i) {
    Layer& layer = weights.layers[i];
    visit_attention(c, layer_name(i) + "self_attn.", layer, f);
    if (c.is_sparse(static_cast<int64_t>(i))) {
      visit_experts(c, layer_name(i) + "mlp.", layer, f);
    } else {
      visit_mlp(layer_name(i) + "mlp.", c.hidden_size, c.intermediate_size, layer.gate_up, layer.down, f);
    }
  }
  if (c.score_head) {
    f({{{kScoreHead, {1, c.hidden_size}}}, &weights.head});
  } else if (!c.tie_word_embeddings) {
    f({{{"lm_head.weight", {c.vocab_size, c.hidden_size}}}, &weights.head});
  }
}

void visit_vectors(const ModelConfig& c, ModelWeights& weights, const Visit& f) {
  const int64_t width = c.hidden_size;
  for (size_t i = 0; i < weights.layers.size(); ++i) {
    Layer& layer = weights.layers[i];
    const std::string name = layer_name(i), attention = name + "self_attn.";
    f({{{name + "input_layernorm.weight", {width}}}, &layer.input_norm});
    f({{{name + "post_attention_layernorm.weight", {width}}}, &layer.post_norm});
    visit_biases(c, name, layer, !c.is_sparse(static_cast<int64_t>(i)), f);
    if (c.qk_norm) {
      f({{{attention + "q_norm.weight", {c.head_dim}}}, &layer.q_norm});
      f({{{attention + "k_norm.weight", {c.head_dim}}}, &layer.k_norm});
    }
    if (c.latent.kv_lora_rank > 0) {
      if (c.latent.q_lora_rank > 0)
        f({{{attention + "q_a_layernorm.weight", {c.latent.q_lora_rank}}}, &layer.q_a_norm});
      f({{{attention + "kv_a_layernorm.weight", {c.latent.kv_lora_rank}}}, &layer.kv_a_norm});
    }
  }
  f({{{"model.norm.weight", {width}}}, &weights.final_norm});
}

void visit_buffers(const ModelConfig& c, ModelWeights& weights, const std::function<void(const BufferSpec&)>& f) {
  for (size_t i = 0; i < weights.layers.size(); ++i) {
    if (!c.is_sparse(static_cast<int64_t>(i)) || !c.experts.sigmoid) continue;
    f({{layer_name(i) + "mlp.gate.e_score_correction_bias", {c.experts.num_experts}}, &weights.layers[i].router_bias});
  }
}

}  // namespace hone
