#include "import/gguf_model.h"

#include <ATen/core/Tensor.h>

#include <cmath>
#include <map>
#include <numbers>
#include <set>
#include <utility>
#include <vector>

#include "hone/core/error.h"
#include "hone/core/file.h"
#include "hone/model/safetensors.h"

namespace hone::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Architecture {
  const char *name, *model_type, *class_name;
  bool pairs_together;  ///< rows of queries and keys lie in the order of interleaved rotation
};
constexpr Architecture kArchitectures[] = {{"llama", "llama", "LlamaForCausalLM", true},
                                           {"qwen2", "qwen2", "Qwen2ForCausalLM", false},
                                           {"qwen3", "qwen3", "Qwen3ForCausalLM", false}};

constexpr std::pair<const char*, const char*> kLayerNames[] = {
    {"attn_norm", "input_layernorm"},    {"attn_q", "self_attn.q_proj"},
    {"attn_k", "self_attn.k_proj"},      {"attn_v", "self_attn.v_proj"},
    {"attn_output", "self_attn.o_proj"}, {"attn_q_norm", "self_attn.q_norm"},
    {"attn_k_norm", "self_attn.k_norm"}, {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate", "mlp.gate_proj"},       {"ffn_up", "mlp.up_proj"},
    {"ffn_down", "mlp.down_proj"}};
constexpr std::pair<const char*, const char*> kOuterNames[] = {{"token_embd.weight", "model.embed_tokens.weight"},
                                                               {"output_norm.weight", "model.norm.weight"},
                                                               {"output.weight", "lm_head.weight"}};
constexpr const char* kRopeFactors = "rope_freqs.weight";

class ModelWriter {
 public:
  explicit ModelWriter(const GgufFile& file) : file_(file), place_(file.path().string()) {
    const std::string name = file.text("general.architecture").value_or("");
    for (const Architecture& a : kArchitectures) {
      if (name == a.name) architecture_ = &a;
    }
    HONE_CHECK(architecture_ != nullptr, .what = "the architecture is not supported", .place = place_, .got = name,
               .expected = "llama, qwen2 or qwen3");
    HONE_CHECK(count("expert_count").value_or(0) == 0, .what = "mixtures of experts are not supported",
               .place = place_);
    heads_ = required("attention.head_count");
    kv_heads_ = count("attention.head_count_kv").value_or(heads_);
    width_ = required("embedding_length");
    HONE_CHECK(heads_ > 0 && kv_heads_ > 0 && width_ > 0, .what = "the shape of the model is impossible",
               .place = place_);
    head_dim_ = count("attention.key_length").value_or(width_ / heads_);
    const int64_t turned = count("rope.dimension_count").value_or(head_dim_);
    HONE_CHECK(turned == head_dim_, .what = "only a part of each head turns with the position", .place = place_,
               .got = fmt::format("{} of {}", turned, head_dim_));
    name_tensors();
  }

  void write(const std::filesystem::path& folder) const {
    const Json config = config_json();
    write_atomic(folder / "config.json", config.dump(2) + "\n");
    write_atomic(folder / "generation_config.json", generation_config(config).dump(2) + "\n");
    write_weights(folder);
  }

 private:
  std::string key(const std::string& name) const { return std::string(architecture_->name) + "." + name; }
  std::optional<int64_t> count(const std::string& name) const { return file_.integer(key(name)); }
  int64_t required(const std::string& name) const {
    const auto value = count(name);
    HONE_CHECK(value.has_value(), .what = fmt::format("the key '{}' is missing", key(name)), .place = place_);
    return *value;
  }

  // Every tensor of the file has a place in the model, or the model is not understood.
  void name_tensors() {
    for (const auto& [name, entry] : file_.tensors()) {
      if (name == kRopeFactors) continue;
      std::string target;
      for (const auto& [from, to] : kOuterNames) {
        if (name == from) target = to;
      }
      int layer = 0, end = 0;
      if (std::sscanf(name.c_str(), "blk.%d.%n", &layer, &end) == 1 && end > 0) {
        const std::string rest = name.substr(static_cast<size_t>(end));
        for (const auto& [from, to] : kLayerNames) {
          for (const char* kind : {".weight", ".bias"}) {
            if (rest == std::string(from) + kind) target = fmt::format("model.layers.{}.{}{}", layer, to, kind);
          }
        }
      }
      HONE_CHECK(!target.empty(), .what = fmt::format("the tensor '{}' is not understood", name), .place = place_);
      targets_.emplace_back(target, name);
    }
  }

  Json config_json() const {
    const bool tied = !file_.tensors().contains("output.weight");
    const auto* const embedding =
        file_.tensors().contains("token_embd.weight") ? &file_.tensors().at("token_embd.weight") : nullptr;
    HONE_CHECK(embedding != nullptr, .what = "tensor 'token_embd.weight' is missing", .place = place_);
    const auto eps = file_.number(key("attention.layer_norm_rms_epsilon"));
    HONE_CHECK(eps.has_value(), .what = fmt::format("the key '{}' is missing", key("attention.layer_norm_rms_epsilon")),
               .place = place_);
    Json config = {{"architectures", {architecture_->class_name}},
                   {"model_type", architecture_->model_type},
                   {"hidden_act", "silu"},
                   {"hidden_size", width_},
                   {"intermediate_size", required("feed_forward_length")},
                   {"num_hidden_layers", required("block_count")},
                   {"num_attention_heads", heads_},
                   {"num_key_value_heads", kv_heads_},
                   {"head_dim", head_dim_},
                   {"max_position_embeddings", required("context_length")},
                   {"rms_norm_eps", rounded(*eps)},
                   {"rope_theta", rounded(file_.number(key("rope.freq_base")).value_or(10000.0))},
                   {"tie_word_embeddings", tied},
                   {"vocab_size", embedding->shape.at(0)},
                   {"torch_dtype", "float32"}};
    if (architecture_->pairs_together) config["attention_bias"] = file_.tensors().contains("blk.0.attn_q.bias");
    if (const Json scaling = rope_scaling(); !scaling.is_null()) config["rope_scaling"] = scaling;
    for (const auto& [role, name] :
         {std::pair("bos", "bos_token_id"), std::pair("eos", "eos_token_id"), std::pair("padding", "pad_token_id")}) {
      if (const auto id = file_.integer(fmt::format("tokenizer.ggml.{}_token_id", role))) config[name] = *id;
    }
    return config;
  }

  // Files hold 32 bits of what was written as 1e-05.
  static double rounded(double value) {
    return std::strtod(fmt::format("{}", static_cast<float>(value)).c_str(), nullptr);
  }

  Json rope_scaling() const {
    if (file_.tensors().contains(kRopeFactors)) return llama3_scaling();
    const std::string type = file_.text(key("rope.scaling.type")).value_or("none");
    if (type == "none") return nullptr;
    HONE_CHECK(type == "linear" || type == "yarn", .what = "the scaling of positions is not supported", .place = place_,
               .got = type, .expected = "none, linear or yarn");
    const auto factor = file_.number(key("rope.scaling.factor"));
    HONE_CHECK(factor.has_value(), .what = fmt::format("the key '{}' is missing", key("rope.scaling.factor")),
               .place = place_);
    Json scaling = {{"rope_type", type}, {"factor", rounded(*factor)}};
    if (const auto original = count("rope.scaling.original_context_length")) {
      scaling["original_max_position_embeddings"] = *original;
    }
    return scaling;
  }

  // Llama 3.1 and later: the file has the divisors of the frequencies, the config the four numbers they come from.
  Json llama3_scaling() const {
    const at::Tensor stored = file_.tensor(kRopeFactors);
    const double theta = file_.number(key("rope.freq_base")).value_or(10000.0);
    constexpr double kLow = 1, kHigh = 4, kOriginal = 8192;
    for (const double factor : {8.0, 32.0, 16.0, 4.0}) {
      bool same = stored.numel() == head_dim_ / 2;
      for (int64_t i = 0; same && i < stored.numel(); ++i) {
        const double wavelength =
            2 * std::numbers::pi * std::pow(theta, 2.0 * static_cast<double>(i) / static_cast<double>(head_dim_));
        const double smooth = (kOriginal / wavelength - kLow) / (kHigh - kLow);
        const double divisor = wavelength < kOriginal / kHigh  ? 1
                               : wavelength > kOriginal / kLow ? factor
                                                               : 1 / ((1 - smooth) / factor + smooth);
        same = std::abs(stored.const_data_ptr<float>()[i] / divisor - 1) < 1e-4;
      }
      if (same) {
        return {{"rope_type", "llama3"},
                {"factor", factor},
                {"low_freq_factor", kLow},
                {"high_freq_factor", kHigh},
                {"original_max_position_embeddings", static_cast<int64_t>(kOriginal)}};
      }
    }
    throw_input({.what = "rope_freqs.weight is none of Llama 3's", .place = place_});
  }

  Json generation_config(const Json& config) const {
    Json generation = Json::object();
    if (config.contains("bos_token_id")) generation["bos_token_id"] = config["bos_token_id"];
    if (config.contains("pad_token_id")) generation["pad_token_id"] = config["pad_token_id"];
    std::set<int64_t> ends;
    for (const char* role : {"eos", "eot"}) {
      if (const auto id = file_.integer(fmt::format("tokenizer.ggml.{}_token_id", role))) ends.insert(*id);
    }
    if (ends.size() == 1) generation["eos_token_id"] = *ends.begin();
    if (ends.size() > 1) generation["eos_token_id"] = ends;
    return generation;
  }

  at::Tensor weight(const std::string& target, const std::string& name) const {
    at::Tensor w = file_.tensor(name);
    const bool query = target.find("q_proj") != std::string::npos, key = target.find("k_proj") != std::string::npos;
    if (!architecture_->pairs_together || !(query || key)) return w;
    const int64_t heads = query ? heads_ : kv_heads_;
    HONE_CHECK(w.size(0) == heads * head_dim_, .what = fmt::format("tensor '{}' has the wrong shape", name),
               .place = place_);
    // (head, pair, one of two) to (head, one of two, pair).
    return w.view({heads, head_dim_ / 2, 2, -1}).transpose(1, 2).reshape(w.sizes());
  }

  void write_weights(const std::filesystem::path& folder) const {
    constexpr int64_t kShardBytes = int64_t{4} << 30;
    std::vector<std::vector<std::pair<std::string, std::string>>> shards(1);
    int64_t total = 0, in_shard = 0;
    for (const auto& [target, name] : targets_) {
      int64_t bytes = 4;
      for (const int64_t size : file_.tensors().at(name).shape) bytes *= size;
      if (in_shard > 0 && in_shard + bytes > kShardBytes) shards.emplace_back(), in_shard = 0;
      shards.back().emplace_back(target, name);
      in_shard += bytes;
      total += bytes;
    }
    Json map = Json::object();
    for (size_t s = 0; s < shards.size(); ++s) {
      const std::string shard = shards.size() == 1
                                    ? "model.safetensors"
                                    : fmt::format("model-{:05}-of-{:05}.safetensors", s + 1, shards.size());
      NamedTensors tensors;
      for (const auto& [target, name] : shards[s]) {
        tensors.emplace_back(target, weight(target, name));
        map[target] = shard;
      }
      write_safetensors(folder / shard, tensors);
    }
    if (shards.size() == 1) return;
    const Json index = {{"metadata", {{"total_size", total}}}, {"weight_map", map}};
    write_atomic(folder / "model.safetensors.index.json", index.dump(2) + "\n");
  }

  const GgufFile& file_;
  const std::string place_;
  const Architecture* architecture_ = nullptr;
  int64_t heads_ = 0, kv_heads_ = 0, width_ = 0, head_dim_ = 0;
  std::vector<std::pair<std::string, std::string>> targets_;  // (Hugging Face's name, the file's)
};

}  // namespace

void write_model(const GgufFile& file, const std::filesystem::path& folder) {
  ModelWriter(file).write(folder);
}

}  // namespace hone::cli
