#include "hone/model/model_config.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "hone/core/error.h"
#include "hone/core/file.h"

namespace hone {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kMaxDimension = int64_t{1} << 31;

// One config.json with checked access.
class ConfigFile {
 public:
  explicit ConfigFile(std::string path) : path_(std::move(path)) {
    constexpr int64_t kMaxBytes = 1 << 20;
    json_ = Json::parse(read_file(path_, kMaxBytes), nullptr, /*allow_exceptions=*/false);
    HONE_CHECK(json_.is_object(), .what = "not a JSON object", .place = path_);
  }

  const std::string& path() const { return path_; }

  std::optional<int64_t> integer(const char* key) const {
    const auto at = json_.find(key);
    if (at == json_.end() || at->is_null()) return std::nullopt;
    HONE_CHECK(at->is_number_integer(), .what = fmt::format("'{}' must be a whole number", key), .place = path_,
               .got = at->dump());
    return at->get<int64_t>();
  }
  int64_t size(const char* key, std::optional<int64_t> fallback = std::nullopt) const {
    const auto value = integer(key).has_value() ? integer(key) : fallback;
    HONE_CHECK(value.has_value(), .what = fmt::format("'{}' is missing", key), .place = path_);
    HONE_CHECK(*value >= 1 && *value < kMaxDimension, .what = fmt::format("'{}' is out of range", key), .place = path_,
               .got = std::to_string(*value), .expected = "1 to 2^31 - 1");
    return *value;
  }
  double number(const char* key, double fallback) const {
    const auto at = json_.find(key);
    if (at == json_.end() || at->is_null()) return fallback;
    HONE_CHECK(at->is_number() && at->get<double>() > 0, .what = fmt::format("'{}' must be a positive number", key),
               .place = path_, .got = at->dump());
    return at->get<double>();
  }
  bool boolean(const char* key, bool fallback) const {
    const auto at = json_.find(key);
    if (at == json_.end() || at->is_null()) return fallback;
    HONE_CHECK(at->is_boolean(), .what = fmt::format("'{}' must be true or false", key), .place = path_,
               .got = at->dump());
    return at->get<bool>();
  }
  // Refuses a key whose value changes the computation in a way that the model does not know.
  void require(const char* key, const std::vector<Json>& allowed) const {
    const auto at = json_.find(key);
    if (at == json_.end() || at->is_null()) return;
    for (const Json& value : allowed) {
      if (*at == value) return;
    }
    throw_input({.what = fmt::format("'{}' has a value that is not supported", key),
                 .place = path_,
                 .got = at->dump(),
                 .expected = allowed.empty() ? "no such key" : Json(allowed).dump()});
  }
  // Older files say rope_theta, newer ones rope_parameters: { rope_type, rope_theta }.
  double rope_theta() const {
    const auto at = json_.find("rope_parameters");
    if (at == json_.end() || at->is_null()) return number("rope_theta", 10000.0);
    const bool plain = at->is_object() && at->value("rope_type", Json("default")) == "default" &&
                       at->contains("rope_theta") && (*at)["rope_theta"].is_number() &&
                       (*at)["rope_theta"].get<double>() > 0;
    HONE_CHECK(plain, .what = "'rope_parameters' are not supported", .place = path_, .got = at->dump(),
               .expected = "rope_type default and a rope_theta");
    return (*at)["rope_theta"].get<double>();
  }
  std::string text(const char* key) const {
    const auto at = json_.find(key);
    HONE_CHECK(at != json_.end() && at->is_string(), .what = fmt::format("'{}' is missing or not a string", key),
               .place = path_);
    return at->get<std::string>();
  }

 private:
  std::string path_;
  Json json_;
};

}  // namespace

ModelConfig ModelConfig::load(const std::string& folder) {
  const ConfigFile file(folder + "/config.json");
  ModelConfig c;
  c.model_type = file.text("model_type");
  HONE_CHECK(c.model_type == "llama" || c.model_type == "qwen2", .what = "unknown model_type", .place = file.path(),
             .got = c.model_type, .expected = "llama or qwen2");
  file.require("hidden_act", {"silu"});
  file.require("rope_scaling", {});
  file.require("mlp_bias", {false});
  file.require("use_sliding_window", {false});
  c.vocab_size = file.size("vocab_size");
  c.hidden_size = file.size("hidden_size");
  c.intermediate_size = file.size("intermediate_size");
  c.num_hidden_layers = file.size("num_hidden_layers");
  c.num_attention_heads = file.size("num_attention_heads");
  c.num_key_value_heads = file.size("num_key_value_heads", c.num_attention_heads);
  c.head_dim = file.size("head_dim", std::max<int64_t>(1, c.hidden_size / c.num_attention_heads));
  c.max_position_embeddings = file.size("max_position_embeddings");
  c.rope_theta = file.rope_theta();
  c.rms_norm_eps = file.number("rms_norm_eps", 1e-6);
  c.tie_word_embeddings = file.boolean("tie_word_embeddings", false);
  c.attention_bias = c.model_type == "qwen2";
  if (c.model_type == "llama") file.require("attention_bias", {false});
  c.bos_token_id = file.integer("bos_token_id").value_or(-1);
  c.eos_token_id = file.integer("eos_token_id").value_or(-1);
  c.pad_token_id = file.integer("pad_token_id").value_or(-1);
  HONE_CHECK(c.num_attention_heads % c.num_key_value_heads == 0,
             .what = "num_attention_heads must be a multiple of num_key_value_heads", .place = file.path(),
             .got = fmt::format("{} and {}", c.num_attention_heads, c.num_key_value_heads));
  HONE_CHECK(c.head_dim % 2 == 0, .what = "head_dim must be even", .place = file.path(),
             .got = std::to_string(c.head_dim));
  return c;
}

int64_t ModelConfig::parameter_count() const {
  const int64_t q = num_attention_heads * head_dim, kv = num_key_value_heads * head_dim;
  const int64_t attention = hidden_size * (2 * q + 2 * kv) + (attention_bias ? q + 2 * kv : 0);
  const int64_t layer = attention + 3 * hidden_size * intermediate_size + 2 * hidden_size;
  const int64_t tables = tie_word_embeddings ? 1 : 2;
  return tables * vocab_size * hidden_size + num_hidden_layers * layer + hidden_size;
}

std::string ModelConfig::to_json() const {
  Json json = {{"architectures", {model_type == "llama" ? "LlamaForCausalLM" : "Qwen2ForCausalLM"}},
               {"model_type", model_type},
               {"vocab_size", vocab_size},
               {"hidden_size", hidden_size},
               {"intermediate_size", intermediate_size},
               {"num_hidden_layers", num_hidden_layers},
               {"num_attention_heads", num_attention_heads},
               {"num_key_value_heads", num_key_value_heads},
               {"head_dim", head_dim},
               {"max_position_embeddings", max_position_embeddings},
               {"hidden_act", "silu"},
               {"rope_theta", rope_theta},
               {"rms_norm_eps", rms_norm_eps},
               {"tie_word_embeddings", tie_word_embeddings},
               {"torch_dtype", "float32"}};
  const auto token = [&json](const char* key, int64_t id) {
    if (id >= 0) json[key] = id;
  };
  token("bos_token_id", bos_token_id);
  token("eos_token_id", eos_token_id);
  token("pad_token_id", pad_token_id);
  return json.dump(2) + "\n";
}

}  // namespace hone
