#include "model/families.h"

#include <algorithm>
#include <array>

#include "hone/core/error.h"

namespace hone {
namespace {

// Defaults of omitted keys, as the configuration classes of transformers 5 have them.
struct Defaults {
  std::optional<int64_t> num_key_value_heads;  ///< nullopt: as many as query heads
  int64_t max_position_embeddings;
  std::optional<int64_t> head_dim;  ///< nullopt: hidden_size / num_attention_heads
};

void read_heads(const JsonConfig& file, ModelConfig& c, const Defaults& defaults) {
  c.max_position_embeddings = file.size("max_position_embeddings", 1, kMaxPositions, defaults.max_position_embeddings);
  c.num_attention_heads = file.size("num_attention_heads", 1, kMaxWidth);
  // A null stands for as many as query heads, in every family.
  c.num_key_value_heads = !file.has("num_key_value_heads") && defaults.num_key_value_heads
                              ? *defaults.num_key_value_heads
                              : file.size("num_key_value_heads", 1, kMaxWidth, c.num_attention_heads);
  if (c.num_attention_heads % c.num_key_value_heads != 0) {
    throw_input({.what = "num_attention_heads must be a multiple of num_key_value_heads",
                 .place = file.place(),
                 .got = fmt::format("{} and {}", c.num_attention_heads, c.num_key_value_heads)});
  }
  std::optional<int64_t> head_dim = defaults.head_dim;
  if (!file.given("head_dim") && !head_dim) {
    HONE_CHECK(c.hidden_size % c.num_attention_heads == 0,
               .what = "hidden_size must be a multiple of num_attention_heads where there is no head_dim",
               .place = file.place(), .got = fmt::format("{} and {}", c.hidden_size, c.num_attention_heads));
    head_dim = c.hidden_size / c.num_attention_heads;
  }
  c.head_dim = file.size("head_dim", 2, kMaxWidth, head_dim);
  if (c.head_dim % 2 != 0) file.refuse("head_dim", "must be even");
  HONE_CHECK(c.num_attention_heads * c.head_dim <= kMaxWidth, .what = "num_attention_heads x head_dim is out of range",
             .place = file.place(), .got = fmt::format("{} x {}", c.num_attention_heads, c.head_dim));
}

// One window for every layer from `first` on.
void set_windows(ModelConfig& c, int64_t window, int64_t first) {
  c.windows.assign(static_cast<size_t>(c.num_hidden_layers), 0);
  for (int64_t i = first; i < c.num_hidden_layers; ++i) c.windows[static_cast<size_t>(i)] = window;
}

// Qwen's keys: use_sliding_window switches them all; layer_types names the layers, else those from max_window_layers
// on.
void read_qwen_windows(const JsonConfig& file, ModelConfig& c, bool every_layer) {
  if (!file.boolean("use_sliding_window", false)) {
    for (const std::string& type : file.texts("layer_types")) {
      if (type != "full_attention") file.refuse("layer_types", "needs use_sliding_window", "full_attention");
    }
    return;
  }
  if (file.has("sliding_window") && !file.given("sliding_window")) return;  // null: none
  const int64_t window = file.size("sliding_window", 1, kMaxPositions, 4096);
  const int64_t first = file.size("max_window_layers", 0, kMaxPositions, 28);
  const std::vector<std::string> types = file.texts("layer_types");
  if (types.empty()) return set_windows(c, window, every_layer ? 0 : first);
  if (types.size() != static_cast<size_t>(c.num_hidden_layers))
    file.refuse("layer_types", "must name every layer", std::to_string(c.num_hidden_layers));
  for (const std::string& type : types) {
    const bool sliding = type == "sliding_attention";
    if (!sliding && type != "full_attention")
      file.refuse("layer_types", "names an unknown type", "full_attention or sliding_attention");
    c.windows.push_back(sliding ? window : 0);
  }
}

void read_llama(const JsonConfig& file, ModelConfig& c) {
  read_heads(file, c, {.num_key_value_heads = std::nullopt, .max_position_embeddings = 2048, .head_dim = std::nullopt});
  c.attention_bias = c.output_bias = file.boolean("attention_bias", false);
  c.mlp_bias = file.boolean("mlp_bias", false);
  file.require("sliding_window", {});
  file.require("use_sliding_window", {false});
  file.require("layer_types", {});
}

void read_mistral(const JsonConfig& file, ModelConfig& c) {
  read_heads(file, c, {.num_key_value_heads = 8, .max_position_embeddings = 131072, .head_dim = std::nullopt});
  file.require("attention_bias", {false});
  file.require("mlp_bias", {false});
  file.require("layer_types", {});
  const bool none = file.has("sliding_window") && !file.given("sliding_window");
  if (!none) set_windows(c, file.size("sliding_window", 1, kMaxPositions, 4096), 0);
}

void read_qwen2(const JsonConfig& file, ModelConfig& c) {
  read_heads(file, c, {.num_key_value_heads = 32, .max_position_embeddings = 32768, .head_dim = std::nullopt});
  // Biases on q, k and v, whatever the file says; there is no key for them.
  file.require("attention_bias", {true});
  file.require("mlp_bias", {false});
  c.attention_bias = true;
  read_qwen_windows(file, c, /*every_layer=*/false);
}

void read_qwen3(const JsonConfig& file, ModelConfig& c) {
  read_heads(file, c, {.num_key_value_heads = 32, .max_position_embeddings = 32768, .head_dim = 128});
  c.attention_bias = c.output_bias = file.boolean("attention_bias", false);
  file.require("mlp_bias", {false});
  c.qk_norm = true;
  read_qwen_windows(file, c, /*every_layer=*/false);
}

void read_qwen3_moe(const JsonConfig& file, ModelConfig& c) {
  read_heads(file, c, {.num_key_value_heads = 4, .max_position_embeddings = 32768, .head_dim = std::nullopt});
  c.attention_bias = c.output_bias = file.boolean("attention_bias", false);
  file.require("mlp_bias", {false});
  c.qk_norm = true;
  read_qwen_windows(file, c, /*every_layer=*/true);
  ExpertLayers& e = c.experts;
  // Its configuration class has two names for one number.
  const char* const count = file.given("num_experts") ? "num_experts" : "num_local_experts";
  e.num_experts = file.size(count, 0, kMaxExperts, 128);
  e.experts_per_token = file.size("num_experts_per_tok", 1, kMaxExperts, 8);
  e.intermediate_size = file.size("moe_intermediate_size", 1, kMaxWidth, 768);
  e.norm_topk_prob = file.boolean("norm_topk_prob", false);
  e.step = file.size("decoder_sparse_step", 1, kMaxPositions, 1);
  e.dense_layers = file.integers("mlp_only_layers");
  if (e.num_experts > 0 && e.experts_per_token > e.num_experts)
    file.refuse("num_experts_per_tok", "is larger than the number of experts", fmt::format("up to {}", e.num_experts));
}

void read_deepseek_experts(const JsonConfig& file, ModelConfig& c) {
  file.require("topk_method", {"noaux_tc"});
  file.require("scoring_func", {"sigmoid"});
  file.require("moe_layer_freq", {1});
  file.require("ep_size", {1});
  ExpertLayers& e = c.experts;
  const char* const count = file.given("n_routed_experts") ? "n_routed_experts" : "num_local_experts";
  e.num_experts = file.size(count, 1, kMaxExperts, 256);
  e.experts_per_token = file.size("num_experts_per_tok", 1, kMaxExperts, 8);
  e.intermediate_size = file.size("moe_intermediate_size", 1, kMaxWidth, 2048);
  e.shared_experts = file.size("n_shared_experts", 1, kMaxExperts, 1);
  e.sigmoid = true;
  e.norm_topk_prob = file.boolean("norm_topk_prob", true);
  e.scale = file.positive("routed_scaling_factor", 2.5);
  e.groups = file.size("n_group", 1, kMaxExperts, 8);
  e.kept_groups = file.size("topk_group", 1, kMaxExperts, 4);
  e.first_layer = file.size("first_k_dense_replace", 0, kMaxPositions, 3);
  HONE_CHECK(e.intermediate_size * e.shared_experts <= kMaxWidth,
             .what = "moe_intermediate_size x n_shared_experts is out of range", .place = file.place());
  if (e.num_experts % e.groups != 0 || e.num_experts / e.groups < 2)
    file.refuse("n_group", "must divide the number of experts into groups of two or more",
                std::to_string(e.num_experts));
  if (e.kept_groups > e.groups) file.refuse("topk_group", "is larger than n_group", fmt::format("up to {}", e.groups));
  const int64_t eligible = e.num_experts / e.groups * e.kept_groups;
  if (e.experts_per_token > eligible)
    file.refuse("num_experts_per_tok", "is larger than the experts of topk_group groups",
                fmt::format("up to {}", eligible));
}

void read_deepseek_v3(const JsonConfig& file, ModelConfig& c) {
  c.max_position_embeddings = file.size("max_position_embeddings", 1, kMaxPositions, 4096);
  c.num_attention_heads = file.size("num_attention_heads", 1, kMaxWidth);
  c.num_key_value_heads = c.num_attention_heads;
  if (file.given("num_key_value_heads")) {
    const int64_t kv = file.size("num_key_value_heads", 1, kMaxWidth);
    if (kv != c.num_attention_heads) file.refuse("num_key_value_heads", "must equal num_attention_heads");
  }
  LatentAttention& l = c.latent;
  l.kv_lora_rank = file.size("kv_lora_rank", 1, kMaxWidth, 512);
  const bool one_matrix = file.has("q_lora_rank") && !file.given("q_lora_rank");  // null, as against omitted
  l.q_lora_rank = one_matrix ? 0 : file.size("q_lora_rank", 1, kMaxWidth, 1536);
  l.qk_nope_head_dim = file.size("qk_nope_head_dim", 1, kMaxWidth, 128);
  l.qk_rope_head_dim = file.size("qk_rope_head_dim", 2, kMaxWidth, 64);
  l.v_head_dim = file.size("v_head_dim", 1, kMaxWidth, 128);
  l.rope_interleave = file.boolean("rope_interleave", true);
  if (l.qk_rope_head_dim % 2 != 0) file.refuse("qk_rope_head_dim", "must be even");
  c.head_dim = l.qk_nope_head_dim + l.qk_rope_head_dim;
  HONE_CHECK(c.num_attention_heads * (c.head_dim + l.v_head_dim) <= kMaxWidth,
             .what = "num_attention_heads x the sizes of a head is out of range", .place = file.place());
  c.attention_bias = c.output_bias = file.boolean("attention_bias", false);
  file.require("mlp_bias", {false});
  file.require("sliding_window", {});
  file.require("use_sliding_window", {false});
  file.require("layer_types", {});
  read_deepseek_experts(file, c);
}

constexpr std::array<Family, 6> kFamilies = {{
    {"llama", "LlamaForCausalLM", read_llama},
    {"mistral", "MistralForCausalLM", read_mistral},
    {"qwen2", "Qwen2ForCausalLM", read_qwen2},
    {"qwen3", "Qwen3ForCausalLM", read_qwen3},
    {"qwen3_moe", "Qwen3MoeForCausalLM", read_qwen3_moe},
    {"deepseek_v3", "DeepseekV3ForCausalLM", read_deepseek_v3},
}};

}  // namespace

const Family& find_family(const std::string& model_type, const std::string& place) {
  std::string known;
  for (const Family& family : kFamilies) {
    if (model_type == family.model_type) return family;
    known += (known.empty() ? "" : ", ") + std::string(family.model_type);
  }
  throw_input({.what = "unknown 'model_type'", .place = place, .got = model_type.substr(0, 100), .expected = known});
}

}  // namespace hone
