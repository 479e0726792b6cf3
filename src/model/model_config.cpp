#include "hone/model/model_config.h"

#include <algorithm>
#include <limits>

#include "hone/core/error.h"
#include "hone/core/file.h"
#include "model/families.h"
#include "model/json_config.h"

namespace hone {
namespace {

// Keys of other families that change the computation, with the values that do not.
void refuse_unknown_mathematics(const JsonConfig& file) {
  file.require("quantization_config", {}, "quantised weights are not read; use a folder in bf16, fp16 or fp32");
  file.require("hidden_act", {"silu", "swish"});
  file.require("hidden_activation", {"silu", "swish"});
  for (const char* key : {"attn_logit_softcapping", "final_logit_softcapping", "query_pre_attn_scalar", "clip_qkv",
                          "attention_chunk_size", "no_rope_layers", "no_rope_layer_interval", "index_topk",
                          "rotary_dim", "num_kv_shared_layers", "per_layer_config"}) {
    file.require(key, {});
  }
  for (const char* key : {"logit_scale", "logits_scaling", "embedding_multiplier", "residual_multiplier",
                          "attention_multiplier", "scale_emb", "rotary_pct"}) {
    file.require(key, {1, 1.0});
  }
  for (const char* key :
       {"use_qk_norm", "qk_layernorm", "use_mrope", "lm_head_bias", "attn_temperature_tuning", "parallel_attn",
        "use_parallel_residual", "alibi", "is_encoder_decoder", "add_cross_attention", "use_bidirectional_attention"}) {
    file.require(key, {false});
  }
}

int64_t token_id(const JsonConfig& file, const char* key, const Json& value) {
  if (!value.is_number_integer()) file.refuse(key, "must be a whole number or a list of them");
  return value.get<int64_t>();
}

void read_tokens(const JsonConfig& file, ModelConfig& c) {
  c.bos_token_id = file.integer("bos_token_id").value_or(-1);
  c.pad_token_id = file.integer("pad_token_id").value_or(-1);
  if (!file.given("eos_token_id")) return;
  const Json& eos = file.json()["eos_token_id"];
  if (!eos.is_array()) {
    c.eos_token_ids = {token_id(file, "eos_token_id", eos)};
    return;
  }
  for (const Json& id : eos) c.eos_token_ids.push_back(token_id(file, "eos_token_id", id));
}

using OrderedJson = nlohmann::ordered_json;

// The keys that to_json() writes where they are not those of `source`.
OrderedJson owned(const ModelConfig& c) {
  OrderedJson json = {{"model_type", c.model_type},
                      {"vocab_size", c.vocab_size},
                      {"hidden_size", c.hidden_size},
                      {"intermediate_size", c.intermediate_size},
                      {"num_hidden_layers", c.num_hidden_layers},
                      {"num_attention_heads", c.num_attention_heads},
                      {"num_key_value_heads", c.num_key_value_heads},
                      {"head_dim", c.head_dim},
                      {"max_position_embeddings", c.max_position_embeddings},
                      {"hidden_act", "silu"},
                      {"rope_theta", c.rope_theta},
                      {"rms_norm_eps", c.rms_norm_eps},
                      {"tie_word_embeddings", c.tie_word_embeddings}};
  const auto token = [&json](const char* key, int64_t id) {
    if (id >= 0) json[key] = id;
  };
  token("bos_token_id", c.bos_token_id);
  if (c.eos_token_ids.size() == 1) token("eos_token_id", c.eos_token_ids.front());
  if (c.eos_token_ids.size() > 1) json["eos_token_id"] = c.eos_token_ids;
  token("pad_token_id", c.pad_token_id);
  return json;
}

constexpr const char* kDtype = "float32";  // of the weights that are written

}  // namespace

ModelConfig ModelConfig::load(const std::string& folder) {
  constexpr uint64_t kMaxBytes = 1 << 20;
  const std::string path = folder + "/config.json";
  return parse(read_file(path, kMaxBytes), path);
}

ModelConfig ModelConfig::parse(const std::string& json, const std::string& place) {
  const JsonConfig file = JsonConfig::parse(json, place);
  ModelConfig c;
  c.source = json;
  c.model_type = file.text("model_type");
  const Family& family = find_family(c.model_type, place);
  refuse_unknown_mathematics(file);
  c.vocab_size = file.size("vocab_size", 1, kMaxVocabulary);
  c.hidden_size = file.size("hidden_size", 1, kMaxWidth);
  c.intermediate_size = file.size("intermediate_size", 1, kMaxWidth);
  c.num_hidden_layers = file.size("num_hidden_layers", 1, kMaxLayers);
  c.rms_norm_eps = file.positive("rms_norm_eps", 1e-6);
  c.tie_word_embeddings = file.boolean("tie_word_embeddings", false);
  family.read(file, c);
  read_rope(file, c);
  read_tokens(file, c);
  return c;
}

bool ModelConfig::is_sparse(int64_t layer) const {
  return experts.num_experts > 0 && layer >= experts.first_layer && (layer + 1) % experts.step == 0 &&
         std::ranges::find(experts.dense_layers, layer) == experts.dense_layers.end();
}

int64_t ModelConfig::rope_changes_after() const {
  return rope_scaling.rope_type == "longrope" ? rope_scaling.original_max_position_embeddings
                                              : std::numeric_limits<int64_t>::max();
}

int64_t ModelConfig::parameter_count() const {
  const auto mlp = [this](int64_t inner) { return 3 * hidden_size * inner; };
  const int64_t q = num_attention_heads * head_dim, kv = num_key_value_heads * head_dim;
  const int64_t attended = num_attention_heads * value_dim();
  int64_t attention = hidden_size * attended + (output_bias ? hidden_size : 0) + (qk_norm ? 2 * head_dim : 0);
  if (latent.kv_lora_rank > 0) {
    const int64_t down = latent.kv_lora_rank + latent.qk_rope_head_dim;
    attention += hidden_size * down + (attention_bias ? down : 0) + latent.kv_lora_rank +
                 latent.kv_lora_rank * num_attention_heads * (latent.qk_nope_head_dim + latent.v_head_dim);
    attention += latent.q_lora_rank == 0
                     ? hidden_size * q
                     : latent.q_lora_rank * (hidden_size + q + 1) + (attention_bias ? latent.q_lora_rank : 0);
  } else {
    attention += hidden_size * (q + 2 * kv) + (attention_bias ? q + 2 * kv : 0);
  }
  const int64_t dense = mlp(intermediate_size) + (mlp_bias ? 2 * intermediate_size + hidden_size : 0);
  const int64_t sparse = hidden_size * experts.num_experts + experts.num_experts * mlp(experts.intermediate_size) +
                         mlp(experts.intermediate_size * experts.shared_experts);
  const int64_t head = score_head ? 1 : tie_word_embeddings ? 0 : vocab_size;
  int64_t total = (vocab_size + head) * hidden_size + hidden_size;
  for (int64_t i = 0; i < num_hidden_layers; ++i)
    total += attention + 2 * hidden_size + (is_sparse(i) ? sparse : dense);
  return total;
}

std::string ModelConfig::to_json() const {
  if (source.empty()) {
    HONE_ASSERT(!mlp_bias && !output_bias && !qk_norm && windows.empty() && rope_scaling.rope_type == "default" &&
                    latent.kv_lora_rank == 0 && experts.num_experts == 0,
                "only plain models are written without a config.json to start from");
    OrderedJson json = {{"architectures", {find_family(model_type, "").architecture}}};
    json.update(owned(*this));
    json["torch_dtype"] = kDtype;
    return json.dump(2) + "\n";
  }
  OrderedJson json = OrderedJson::parse(source);
  const OrderedJson before = owned(parse(source, "config.json")), now = owned(*this);
  for (const auto& [key, value] : now.items()) {
    if (!before.contains(key) || before[key] != value) json[key] = value;
  }
  if (score_head) {
    std::string architecture = find_family(model_type, "").architecture;
    architecture.replace(architecture.find("ForCausalLM"), std::string::npos, "ForSequenceClassification");
    json["architectures"] = {architecture};
    json["id2label"] = {{"0", "score"}};
    json["label2id"] = {{"score", 0}};
  }
  json[json.contains("dtype") ? "dtype" : "torch_dtype"] = kDtype;
  return json.dump(2) + "\n";
}

}  // namespace hone
