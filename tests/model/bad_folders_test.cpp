// Folders from strangers: every defect is one line of ErrorKind::kInput that names what is wrong, found without taking
// the memory that the folder claims to need.
#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "core/faults.h"
#include "hone/core/error.h"
#include "hone/core/file.h"
#include "hone/model/model.h"
#include "hone/model/safetensors.h"
#include "hone/model/sequence_classifier.h"

namespace hone {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using test::TempFolder;

fs::path fixture(const std::string& name) {
  return fs::path(HONE_SOURCE_DIR) / "tests/fixtures/models" / name;
}

Json read_json(const fs::path& path) {
  return Json::parse(std::ifstream(path));
}

void write(const fs::path& path, const std::string& text) {
  fs::remove(path);
  std::ofstream(path, std::ios::binary) << text;
}

int64_t peak_memory_kb() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

// Loads the folder and demands an error that names `named`.
void expect_refused(const fs::path& folder, const std::string& named, const std::string& what) {
  const int64_t before = peak_memory_kb();
  try {
    Model::load(folder, false);
    ADD_FAILURE() << what << " was accepted";
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_EQ(error.kind(), ErrorKind::kInput) << what << ": " << message;
    EXPECT_NE(message.find(named), std::string::npos) << what << ": " << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    EXPECT_LT(message.size(), 700U) << message;
  } catch (const std::exception& error) {
    ADD_FAILURE() << what << ": not an Error: " << error.what();
  }
  EXPECT_LT(peak_memory_kb() - before, 100 * 1024) << what;
}

// A copy of a fixture that can be damaged.
class Damaged {
 public:
  explicit Damaged(const std::string& name) { fs::copy(fixture(name), folder_.path(), fs::copy_options::recursive); }
  const fs::path& path() const { return folder_.path(); }
  void edit_json(const std::string& file, const std::function<void(Json&)>& edit) const {
    Json json = read_json(path() / file);
    edit(json);
    write(path() / file, json.dump());
  }
  void edit_bytes(const std::string& file, const std::function<void(std::string&)>& edit) const {
    std::string bytes = read_file(path() / file, 1 << 24);
    edit(bytes);
    write(path() / file, bytes);
  }
  // Rewrites a file of tensors.
  void edit_tensors(const std::string& file,
                    const std::function<void(std::map<std::string, at::Tensor>&)>& edit) const {
    std::map<std::string, at::Tensor> tensors;
    {
      const SafetensorsFile old = SafetensorsFile::open(path() / file);
      for (const std::string& name : old.names()) tensors[name] = old.tensor(name);
    }
    edit(tensors);
    fs::remove(path() / file);
    write_safetensors(path() / file, {tensors.begin(), tensors.end()});
  }

 private:
  TempFolder folder_;
};

struct ConfigCase {
  const char* model;
  const char* key;  // "outer.inner" for a key of an object
  const char* value;
  const char* named;
};

// One key of a good config.json replaced.
const ConfigCase kConfigCases[] = {
    {"llama", "model_type", "\"mamba\"", "model_type"},
    {"llama", "model_type", "3", "model_type"},
    {"llama", "model_type", "null", "model_type"},
    {"llama", "vocab_size", "-1", "vocab_size"},
    {"llama", "vocab_size", "0", "vocab_size"},
    {"llama", "vocab_size", "\"31\"", "vocab_size"},
    {"llama", "vocab_size", "32", "embed_tokens"},
    {"llama", "vocab_size", "16000000", "embed_tokens"},
    {"llama", "vocab_size", "18446744073709551615", "vocab_size"},
    {"llama", "vocab_size", "9223372036854775807", "vocab_size"},
    {"llama", "hidden_size", "null", "hidden_size"},
    {"llama", "hidden_size", "1000000000000", "hidden_size"},
    {"llama", "hidden_size", "0", "hidden_size"},
    {"llama", "hidden_size", "[24]", "hidden_size"},
    {"llama", "hidden_size", "1048576", "wrong shape"},
    {"llama", "intermediate_size", "true", "intermediate_size"},
    {"llama", "intermediate_size", "41", "gate_proj"},
    {"llama", "num_hidden_layers", "1.5", "num_hidden_layers"},
    {"llama", "num_hidden_layers", "1000000000", "num_hidden_layers"},
    {"llama", "num_hidden_layers", "4096", "model.layers.2"},
    {"llama", "num_hidden_layers", "3", "model.layers.2"},
    {"llama", "num_hidden_layers", "0", "num_hidden_layers"},
    {"llama", "num_attention_heads", "-4", "num_attention_heads"},
    {"llama", "num_attention_heads", "1048576", "num_attention_heads"},
    {"llama", "num_key_value_heads", "3", "num_key_value_heads"},
    {"llama", "num_key_value_heads", "0", "num_key_value_heads"},
    {"llama", "num_key_value_heads", "4", "k_proj"},
    {"llama", "head_dim", "5", "head_dim"},
    {"llama", "head_dim", "0", "head_dim"},
    {"llama", "head_dim", "8", "wrong shape"},
    {"llama", "head_dim", "1000000", "head_dim"},
    {"llama", "hidden_act", "\"gelu\"", "hidden_act"},
    {"llama", "rms_norm_eps", "-1", "rms_norm_eps"},
    {"llama", "rms_norm_eps", "0", "rms_norm_eps"},
    {"llama", "rms_norm_eps", "\"1e-5\"", "rms_norm_eps"},
    {"llama", "attention_bias", "1", "attention_bias"},
    {"llama", "attention_bias", "true", "q_proj.bias"},
    {"llama", "mlp_bias", "true", "gate_proj.bias"},
    {"llama", "mlp_bias", "\"no\"", "mlp_bias"},
    {"llama", "tie_word_embeddings", "\"yes\"", "tie_word_embeddings"},
    {"llama", "tie_word_embeddings", "false", "lm_head.weight"},
    {"llama", "max_position_embeddings", "0", "max_position_embeddings"},
    {"llama", "max_position_embeddings", "1e30", "max_position_embeddings"},
    {"llama", "eos_token_id", "\"</s>\"", "eos_token_id"},
    {"llama", "eos_token_id", "[1, null]", "eos_token_id"},
    {"llama", "quantization_config", "{\"quant_method\": \"fp8\"}", "quantization_config"},
    {"llama", "sliding_window", "4096", "sliding_window"},
    {"llama", "attn_logit_softcapping", "50.0", "attn_logit_softcapping"},
    {"llama", "logit_scale", "0.5", "logit_scale"},
    {"llama", "partial_rotary_factor", "0.5", "partial_rotary_factor"},
    {"llama", "rope_scaling", "{\"type\": \"linear\"}", "rope_scaling"},
    {"llama", "rope_scaling", "[1]", "rope_scaling"},
    {"llama", "rope_scaling", "{\"type\": \"mrope\", \"mrope_section\": [2]}", "mrope_section"},
    {"llama", "rope_scaling", "{\"rope_type\": \"su\", \"factor\": 2}", "rope_type"},
    {"llama", "rope_scaling", "{\"rope_type\": \"llama3\", \"factor\": 2}", "low_freq_factor"},
    {"llama", "rope_scaling", "{\"rope_type\": \"linear\", \"factor\": -2}", "factor"},
    {"llama", "rope_scaling", "{\"rope_type\": \"longrope\", \"factor\": 2}", "short_factor"},
    {"llama_longrope", "rope_scaling.long_factor", "[1, 2]", "long_factor"},
    {"llama_longrope", "rope_scaling.short_factor", "[1, 2, 3, \"4\"]", "short_factor"},
    {"llama_longrope", "rope_scaling.original_max_position_embeddings", "0", "original_max_position_embeddings"},
    {"llama_yarn", "rope_parameters.beta_fast", "0.5", "beta_fast"},
    {"llama_yarn", "rope_parameters.rope_theta", "0", "rope_theta"},
    {"llama_yarn", "rope_parameters.truncate", "1", "truncate"},
    {"llama_yarn", "rope_parameters.full_attention", "{}", "full_attention"},
    {"mistral", "sliding_window", "0", "sliding_window"},
    {"mistral", "sliding_window", "\"8\"", "sliding_window"},
    {"mistral", "attention_bias", "true", "attention_bias"},
    {"qwen2", "use_sliding_window", "\"true\"", "use_sliding_window"},
    {"qwen2_window", "max_window_layers", "-1", "max_window_layers"},
    {"qwen2_window", "layer_types", "[\"full_attention\"]", "layer_types"},
    {"qwen2_window", "layer_types", "[\"full_attention\", \"linear_attention\"]", "layer_types"},
    {"qwen2", "layer_types", "[\"full_attention\", \"sliding_attention\"]", "layer_types"},
    {"qwen3", "head_dim", "null", "wrong shape"},
    {"qwen3_moe", "num_experts", "7", "gate.weight"},
    {"qwen3_moe", "num_experts", "1000000000", "experts"},
    {"qwen3_moe", "num_experts_per_tok", "7", "num_experts_per_tok"},
    {"qwen3_moe", "num_experts_per_tok", "0", "num_experts_per_tok"},
    {"qwen3_moe", "moe_intermediate_size", "9", "wrong shape"},
    {"qwen3_moe", "mlp_only_layers", "[0.5]", "mlp_only_layers"},
    {"qwen3_moe", "mlp_only_layers", "[]", "missing"},
    {"qwen3_moe", "decoder_sparse_step", "0", "decoder_sparse_step"},
    {"deepseek_v3", "n_group", "3", "n_group"},
    {"deepseek_v3", "n_group", "8", "n_group"},
    {"deepseek_v3", "topk_group", "5", "topk_group"},
    {"deepseek_v3", "num_experts_per_tok", "5", "num_experts_per_tok"},
    {"deepseek_v3", "topk_method", "\"greedy\"", "topk_method"},
    {"deepseek_v3", "scoring_func", "\"softmax\"", "scoring_func"},
    {"deepseek_v3", "moe_layer_freq", "2", "moe_layer_freq"},
    {"deepseek_v3", "q_lora_rank", "null", "q_proj"},
    {"deepseek_v3", "q_lora_rank", "0", "q_lora_rank"},
    {"deepseek_v3", "kv_lora_rank", "9", "kv_a"},
    {"deepseek_v3", "qk_rope_head_dim", "3", "qk_rope_head_dim"},
    {"deepseek_v3", "v_head_dim", "6", "wrong shape"},
    {"deepseek_v3", "num_key_value_heads", "2", "num_key_value_heads"},
    {"deepseek_v3", "index_topk", "2048", "index_topk"},
    {"deepseek_v3", "routed_scaling_factor", "0", "routed_scaling_factor"},
    {"deepseek_v3", "first_k_dense_replace", "-1", "first_k_dense_replace"},
};

TEST(BadFolders, ConfigsNameTheirKey) {
  for (const ConfigCase& c : kConfigCases) {
    const Damaged folder(c.model);
    folder.edit_json("config.json", [&](Json& json) {
      const std::string key = c.key;
      const size_t dot = key.find('.');
      (dot == std::string::npos ? json[key] : json[key.substr(0, dot)][key.substr(dot + 1)]) = Json::parse(c.value);
    });
    expect_refused(folder.path(), c.named, fmt::format("{}: {} = {}", c.model, c.key, c.value));
  }
}

TEST(BadFolders, ConfigsThatAreNoJsonObject) {
  const std::string deep(500'000, '[');
  for (const auto& [text, named] : std::vector<std::pair<std::string, std::string>>{
           {"", "JSON"},
           {"[]", "object"},
           {"{\"model_type\": \"llama\"", "JSON"},
           {"{\"model_type\": \"llama\", \"rms_norm_eps\": NaN}", "JSON"},
           {"{\"model_type\": \"llama\", \"rms_norm_eps\": 1e999}", "too large"},
           {"{\"x\": " + deep, "nested"},
           {std::string(2 << 20, ' '), "config.json"},
           {"{\"model_type\": \"lla\xff\"}", "JSON"}}) {
    const Damaged folder("llama");
    write(folder.path() / "config.json", text);
    expect_refused(folder.path(), named, text.substr(0, 60));
  }
}

using Damage = std::function<void(const Damaged&)>;

struct FolderCase {
  const char* what;
  const char* model;
  const char* named;
  Damage damage;
};

constexpr const char* kWeights = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";
constexpr const char* kShard = "model-00002-of-00004.safetensors";

Damage set_shard(const std::string& shard) {
  return [shard](const Damaged& d) {
    d.edit_json(kIndex, [&](Json& j) { j["weight_map"]["model.norm.weight"] = shard; });
  };
}

Damage edit_tensor(const std::string& name, const std::function<at::Tensor(const at::Tensor&)>& edit) {
  return [=](const Damaged& d) {
    d.edit_tensors(kWeights, [&](auto& tensors) { tensors[name] = edit(tensors.at(name)); });
  };
}

// Replaces the entry of one tensor in the header.
Damage edit_entry(const std::string& name, const std::string& key, const std::string& value) {
  return [=](const Damaged& d) {
    d.edit_bytes(kWeights, [&](std::string& bytes) {
      uint64_t length = 0;
      std::memcpy(&length, bytes.data(), 8);
      Json header = Json::parse(bytes.substr(8, length));
      header[name][key] = Json::parse(value);
      const std::string text = header.dump();
      const uint64_t size = text.size();
      bytes = std::string(reinterpret_cast<const char*>(&size), 8) + text + bytes.substr(8 + length);
    });
  };
}

std::vector<FolderCase> folder_cases() {
  constexpr const char* kNorm = "model.norm.weight";
  const auto set_value = [](double value) {
    return [value](const at::Tensor& t) {
      at::Tensor copy = t.clone();
      copy.view({-1})[5] = value;
      return copy;
    };
  };
  return {
      {"no config", "llama", "config.json", [](const Damaged& d) { fs::remove(d.path() / "config.json"); }},
      {"a folder for a config", "llama", "config.json",
       [](const Damaged& d) {
         fs::remove(d.path() / "config.json");
         fs::create_directory(d.path() / "config.json");
       }},
      {"no weights", "llama", "model.safetensors", [](const Damaged& d) { fs::remove(d.path() / kWeights); }},
      {"pickles only", "llama", "pickles",
       [](const Damaged& d) { fs::rename(d.path() / kWeights, d.path() / "pytorch_model.bin"); }},
      {"an empty file", "llama", "too short", [](const Damaged& d) { write(d.path() / kWeights, ""); }},
      {"a folder for weights", "llama", "regular",
       [](const Damaged& d) {
         fs::remove(d.path() / kWeights);
         fs::create_directory(d.path() / kWeights);
       }},
      {"a pipe for weights", "llama", "regular",
       [](const Damaged& d) {
         fs::remove(d.path() / kWeights);
         ASSERT_EQ(::mkfifo((d.path() / kWeights).c_str(), 0600), 0);
       }},
      {"a device for weights", "llama", "regular",
       [](const Damaged& d) {
         fs::remove(d.path() / kWeights);
         fs::create_symlink("/dev/zero", d.path() / kWeights);
       }},
      {"a link to itself", "llama", "model.safetensors",
       [](const Damaged& d) {
         fs::remove(d.path() / kWeights);
         fs::create_symlink(kWeights, d.path() / kWeights);
       }},
      {"a truncated file", "llama", "short",
       [](const Damaged& d) { fs::resize_file(d.path() / kWeights, fs::file_size(d.path() / kWeights) - 100); }},
      {"a truncated header", "llama", "short", [](const Damaged& d) { fs::resize_file(d.path() / kWeights, 200); }},
      {"bytes after the end", "llama", "after",
       [](const Damaged& d) { d.edit_bytes(kWeights, [](std::string& b) { b += "12345678"; }); }},
      {"a huge header", "llama", "header",
       [](const Damaged& d) { d.edit_bytes(kWeights, [](std::string& b) { std::memset(b.data(), 0x7f, 7); }); }},
      {"another format", "llama", "safetensors",
       [](const Damaged& d) { write(d.path() / kWeights, "PK\x03\x04 a pickle in a zip, as torch.save writes it"); }},
      {"overlapping offsets", "llama", "data_offsets", edit_entry(kNorm, "data_offsets", "[0, 96]")},
      {"offsets past the end", "llama", "data_offsets", edit_entry(kNorm, "data_offsets", "[900000, 900096]")},
      {"offsets that turn back", "llama", "data_offsets", edit_entry(kNorm, "data_offsets", "[96, 0]")},
      {"negative offsets", "llama", "negative", edit_entry(kNorm, "data_offsets", "[-96, 0]")},
      {"a shape that does not fit its bytes", "llama", "data_offsets", edit_entry(kNorm, "shape", "[25]")},
      {"a lying shape of a huge size", "llama", "data_offsets", edit_entry(kNorm, "shape", "[1000000000000]")},
      {"a shape that overflows", "llama", "too large", edit_entry(kNorm, "shape", "[4294967296, 4294967296, 16]")},
      {"a shape of text", "llama", "string", edit_entry(kNorm, "shape", "[\"24\"]")},
      {"a type that it is not", "llama", "data_offsets", edit_entry(kNorm, "dtype", "\"F64\"")},
      {"an unknown type", "llama", "dtype", edit_entry(kNorm, "dtype", "\"F8_E4M3\"")},
      {"an unknown field", "llama", "field", edit_entry(kNorm, "offset", "3")},
      {"a missing tensor", "llama", "model.norm.weight",
       [](const Damaged& d) { d.edit_tensors(kWeights, [](auto& t) { t.erase("model.norm.weight"); }); }},
      {"a transposed matrix", "llama", "down_proj",
       edit_tensor("model.layers.1.mlp.down_proj.weight", [](const at::Tensor& t) { return t.t().contiguous(); })},
      {"a scalar", "llama", kNorm, edit_tensor(kNorm, [](const at::Tensor&) { return at::scalar_tensor(1.0); })},
      {"a matrix for a vector", "llama", kNorm,
       edit_tensor(kNorm,
                   [](const at::Tensor& t) {
                     return t.view({1, -1});
                   })},
      {"whole numbers", "llama", kNorm, edit_tensor(kNorm, [](const at::Tensor& t) { return t.to(at::kInt); })},
      {"doubles", "llama", kNorm, edit_tensor(kNorm, [](const at::Tensor& t) { return t.to(at::kDouble); })},
      {"a NaN", "llama", kNorm, edit_tensor(kNorm, set_value(NAN))},
      {"an infinity in a matrix", "llama", "up_proj",
       edit_tensor("model.layers.0.mlp.up_proj.weight", set_value(-INFINITY))},
      {"a NaN in bf16", "llama", "q_proj",
       edit_tensor("model.layers.0.self_attn.q_proj.weight",
                   [&](const at::Tensor& t) { return set_value(NAN)(t).to(at::kBFloat16); })},
      {"an infinity in fp16", "llama", "embed_tokens",
       edit_tensor("model.embed_tokens.weight", [&](const at::Tensor& t) { return set_value(1e6)(t).to(at::kHalf); })},
      {"a NaN in the correction bias", "deepseek_v3", "e_score_correction_bias",
       edit_tensor("model.layers.1.mlp.gate.e_score_correction_bias", set_value(NAN))},
      {"a norm that config.json does not know", "llama", "q_norm",
       [](const Damaged& d) {
         d.edit_tensors(kWeights, [](auto& t) { t["model.layers.0.self_attn.q_norm.weight"] = at::ones({6}); });
       }},
      {"a bias that config.json does not know", "mistral", "o_proj.bias",
       [](const Damaged& d) {
         d.edit_tensors(kWeights, [](auto& t) { t["model.layers.1.self_attn.o_proj.bias"] = at::ones({16}); });
       }},
      {"a second head in a tied model", "llama", "tie_word_embeddings",
       [](const Damaged& d) { d.edit_tensors(kWeights, [](auto& t) {
                                t["lm_head.weight"] = at::ones({31, 24});
                              }); }},
      {"a missing expert", "deepseek_v3", "experts.7.up_proj",
       [](const Damaged& d) {
         d.edit_tensors(kWeights, [](auto& t) { t.erase("model.layers.2.mlp.experts.7.up_proj.weight"); });
       }},
      {"an expert too many", "deepseek_v3", "experts.8.up_proj",
       [](const Damaged& d) {
         d.edit_tensors(kWeights, [](auto& t) {
           t["model.layers.2.mlp.experts.8.up_proj.weight"] = at::ones({8, 16});
         });
       }},
      {"a missing shard", "qwen3_biases", kShard, [](const Damaged& d) { fs::remove(d.path() / kShard); }},
      {"a truncated shard", "qwen3_biases", kShard, [](const Damaged& d) { fs::resize_file(d.path() / kShard, 3000); }},
      {"two shards swapped", "qwen3_biases", "not in the shard",
       [](const Damaged& d) {
         fs::rename(d.path() / kShard, d.path() / "x");
         fs::rename(d.path() / "model-00001-of-00004.safetensors", d.path() / kShard);
         fs::rename(d.path() / "x", d.path() / "model-00001-of-00004.safetensors");
       }},
      {"a tensor mapped to the wrong shard", "qwen3_biases", "not in the shard",
       [](const Damaged& d) {
         d.edit_json(kIndex, [](Json& j) {
           Json& map = j["weight_map"];
           map["model.norm.weight"] =
               map["model.norm.weight"] == kShard ? "model-00001-of-00004.safetensors" : std::string(kShard);
         });
       }},
      {"a tensor that the index leaves out", "qwen3_biases", "model.norm.weight",
       [](const Damaged& d) { d.edit_json(kIndex, [](Json& j) { j["weight_map"].erase("model.norm.weight"); }); }},
      {"a path up in the index", "qwen3_biases", "plain file name", set_shard("../model.safetensors")},
      {"a deeper path up in the index", "qwen3_biases", "plain file name", set_shard("a/../../x.safetensors")},
      {"an absolute path in the index", "qwen3_biases", "plain file name", set_shard("/etc/passwd.safetensors")},
      {"a path below in the index", "qwen3_biases", "plain file name", set_shard("sub/x.safetensors")},
      {"another kind of file in the index", "qwen3_biases", "plain file name", set_shard("config.json")},
      {"a hidden file in the index", "qwen3_biases", "plain file name", set_shard(".safetensors")},
      {"an empty name in the index", "qwen3_biases", "plain file name", set_shard("")},
      {"a zero byte in the index", "qwen3_biases", "plain file name", set_shard(std::string("a\0.safetensors", 14))},
      {"a long name in the index", "qwen3_biases", "plain file name",
       set_shard(std::string(5000, 'a') + ".safetensors")},
      {"a shard that links to a folder", "qwen3_biases", "regular",
       [](const Damaged& d) {
         fs::remove(d.path() / kShard);
         fs::create_symlink("/", d.path() / kShard);
       }},
      {"a shard that links to another file", "qwen3_biases", "safetensors",
       [](const Damaged& d) {
         fs::remove(d.path() / kShard);
         fs::create_symlink("/etc/passwd", d.path() / kShard);
       }},
      {"an index that is a list", "qwen3_biases", "object", [](const Damaged& d) { write(d.path() / kIndex, "[]"); }},
      {"an index without a map", "qwen3_biases", "weight_map",
       [](const Damaged& d) { write(d.path() / kIndex, "{}"); }},
      {"an empty map", "qwen3_biases", "weight_map",
       [](const Damaged& d) { write(d.path() / kIndex, "{\"weight_map\": {}}"); }},
      {"a map of numbers", "qwen3_biases", "file names",
       [](const Damaged& d) { write(d.path() / kIndex, "{\"weight_map\": {\"a\": 3}}"); }},
      {"an index cut off", "qwen3_biases", "JSON",
       [](const Damaged& d) { d.edit_bytes(kIndex, [](std::string& b) { b.resize(b.size() / 2); }); }},
      {"an index nested deeply", "qwen3_biases", "nested",
       [](const Damaged& d) { write(d.path() / kIndex, "{\"weight_map\": " + std::string(100'000, '[')); }},
  };
}

TEST(BadFolders, AreRefusedByName) {
  for (const FolderCase& c : folder_cases()) {
    const Damaged folder(c.model);
    c.damage(folder);
    expect_refused(folder.path(), c.named, c.what);
  }
}

TEST(BadFolders, HarmlessOnesLoad) {
  const std::vector<FolderCase> cases = {
      {"unknown keys", "llama", "",
       [](const Damaged& d) {
         d.edit_json("config.json", [](Json& j) {
           j["attention_dropout"] = 0.1, j["initializer_range"] = 3, j["my_key"] = {1, 2}, j["use_cache"] = false;
           j["pretraining_tp"] = 2, j["quantization_config"] = nullptr, j["rope_scaling"] = nullptr;
         });
       }},
      {"tensors beside the model", "llama", "",
       [](const Damaged& d) {
         d.edit_tensors(kWeights, [](auto& t) {
           t["model.layers.0.self_attn.rotary_emb.inv_freq"] = at::ones({3});
           t["model.layers.2.mlp.gate_proj.weight"] = at::ones({3});  // past the last layer
           t["lm_head.weight"] = t.at("model.embed_tokens.weight");
         });
       }},
      {"links as in Hugging Face's cache", "qwen3_biases", "",
       [](const Damaged& d) {
         fs::create_directory(d.path() / "blobs");
         fs::rename(d.path() / kShard, d.path() / "blobs/0123abcd");
         fs::create_symlink("blobs/0123abcd", d.path() / kShard);
       }},
      {"one file beside an index", "llama", "", [](const Damaged& d) { write(d.path() / kIndex, "{}"); }},
  };
  for (const FolderCase& c : cases) {
    const Damaged folder(c.model);
    c.damage(folder);
    EXPECT_TRUE(at::equal(Model::load(folder.path(), false).weights(), Model::load(fixture(c.model), true).flat()))
        << c.what;
  }
}

// A long index takes time in proportion to its length.
TEST(BadFolders, AHugeIndexIsReadInTime) {
  const Damaged folder("qwen3_biases");
  nlohmann::json index = nlohmann::json::parse(read_file(folder.path() / kIndex, 1 << 20));
  for (int i = 0; i < 300'000; ++i) index["weight_map"][fmt::format("a.tensor.of.some.layer.{}", i)] = kShard;
  write(folder.path() / kIndex, index.dump());
  const auto start = std::chrono::steady_clock::now();
  EXPECT_THROW(Model::load(folder.path(), false), Error);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST(BadFolders, EveryTruncationIsRefused) {
  const Damaged folder("qwen3_moe_step");
  const auto size = static_cast<int64_t>(fs::file_size(folder.path() / kWeights));
  for (int64_t cut = size - 1; cut >= 0; cut -= 997) {
    fs::resize_file(folder.path() / kWeights, static_cast<uintmax_t>(cut));
    EXPECT_THROW(Model::load(folder.path(), false), Error) << cut;
  }
}

}  // namespace
}  // namespace hone
