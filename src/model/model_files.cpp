// Model: reading and writing folders, and moving weights between the forms that they are kept in.
#include <ATen/ops/empty.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <numeric>
#include <set>

#include "hone/core/error.h"
#include "hone/core/file.h"
#include "hone/core/memory.h"
#include "hone/model/model.h"
#include "hone/model/safetensors.h"
#include "model/json_config.h"
#include "model/layout.h"
#include "model/rope.h"
#include "model/weight_files.h"

namespace hone {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEmbedding = "model.embed_tokens.weight";
constexpr const char* kHead = "lm_head.weight";

// Tensors of a layer that the config does not speak of would be left out of the computation in silence. Those past the
// last layer (DeepSeek-V3's prediction of further tokens) and tables that can be computed are no part of it.
void check_nothing_is_left(const std::set<std::string>& used, const ModelConfig& config, const WeightFiles& files) {
  constexpr std::string_view kLayer = "model.layers.";
  for (const std::string& name : files.names()) {
    if (used.contains(name) || !name.starts_with(kLayer) || name.ends_with("rotary_emb.inv_freq")) continue;
    const std::string digits = name.substr(kLayer.size(), name.find('.', kLayer.size()) - kLayer.size());
    const bool number = !digits.empty() && digits.size() < 10 &&
                        std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
    HONE_CHECK(
        number && std::stoll(digits) >= config.num_hidden_layers,
        .what = fmt::format("tensor '{}' has no place in the model that config.json describes", name.substr(0, 200)),
        .place = files.place(name));
  }
}

// transformers unties a head that is there and differs; then the key says otherwise than the weights do.
void check_tied(const WeightFiles& files, const ModelConfig& config) {
  if (!config.tie_word_embeddings || !files.has(kHead)) return;
  HONE_CHECK(files.equal(kHead, kEmbedding),
             .what = "'tie_word_embeddings' is true but lm_head.weight differs from the embedding",
             .place = files.place(kHead), .hint = "set tie_word_embeddings to false to use both");
}

// A language model has no score head yet: it begins at 0.
bool is_new_head(const std::string& name, const WeightFiles& files) {
  return name == kScoreHead && !files.has(name);
}

// A weight's tensors below each other into `to`.
void read_rows(const WeightFiles& files, const std::vector<NamedShape>& parts, const at::Tensor& to) {
  int64_t begin = 0;
  for (const auto& [name, shape] : parts) {
    at::Tensor part = to.narrow(0, begin, shape[0]);
    if (part.dim() == 1) part = part.view({1, -1});
    files.read(name, [&](int64_t first, const at::Tensor& rows) {
      return kernels::widen(rows, part.narrow(0, first, rows.size(0)));
    });
    begin += shape[0];
  }
}

// Every shape and name, against headers alone.
void check_files(const ModelConfig& config, const WeightFiles& files, bool trains) {
  ModelWeights names_only;
  names_only.layers.resize(static_cast<size_t>(config.num_hidden_layers));
  std::set<std::string> used;
  const auto check = [&](const NamedShape& named) {
    if (trains && is_new_head(named.first, files)) return;
    files.check(named.first, named.second);
    used.insert(named.first);
  };
  const auto check_all = [&](const WeightSpec& spec) { std::ranges::for_each(spec.parts, check); };
  visit_vectors(config, names_only, check_all);  // few and small: a wrong number of layers shows at once
  visit_matrices(config, names_only, check_all);
  visit_buffers(config, names_only, [&](const BufferSpec& spec) { check(spec.named); });
  check_nothing_is_left(used, config, files);
  if (config.score_head) {
    // Token classifiers have the same head, and a bias.
    HONE_CHECK(!files.has("score.bias"), .what = "tensor 'score.bias' is not supported",
               .place = files.place("score.bias"));
  } else {
    check_tied(files, config);
  }
}

// Tensors that are written to one file.
struct Shard {
  std::vector<std::string> names;
  int64_t bytes = 0;
};

std::string shard_name(size_t index, size_t count) {
  return count == 1 ? "model.safetensors" : fmt::format("model-{:05}-of-{:05}.safetensors", index + 1, count);
}

void write_index(const std::string& folder, const std::vector<Shard>& shards) {
  Json map = Json::object();
  int64_t total = 0;
  for (size_t i = 0; i < shards.size(); ++i) {
    total += shards[i].bytes;
    for (const std::string& name : shards[i].names) map[name] = shard_name(i, shards.size());
  }
  const Json index = {{"metadata", {{"total_size", total}}}, {"weight_map", map}};
  write_atomic(folder + "/model.safetensors.index.json", index.dump(2) + "\n");
}

// The rows [first, first + count) of a weight in whatever form it has, as a matrix of their own or a view.
at::Tensor rows_of(const kernels::Weight& weight, int64_t first, const std::vector<int64_t>& shape) {
  if (!weight.is_frozen()) return weight.value().narrow(0, first, shape[0]);
  at::Tensor rows = at::empty(shape, at::kFloat);
  kernels::unpack(weight.packed(), first, rows);
  return rows;
}

}  // namespace

Model Model::load(const std::string& folder, bool trains, Spread spread) {
  return load(folder, ModelConfig::load(folder), trains, spread);
}

Model Model::load_scorer(const std::string& folder, bool trains, Spread spread) {
  ModelConfig config = ModelConfig::load(folder);
  config.score_head = true;
  return load(folder, std::move(config), trains, spread);
}

Model Model::load(const std::string& folder, ModelConfig config, bool trains, Spread spread) {
  const auto files = std::make_shared<const WeightFiles>(WeightFiles::open(folder));
  check_files(config, *files, trains);
  release_idle_memory();  // what came before would stay part of the peak
  Model model(std::move(config), trains, spread, trains ? nullptr : files.get());
  model.fill_buffers(*files);
  if (spread == Spread::kParameters) {
    model.first_values_ = [files](const UnitWeight& weight, const at::Tensor& rows) {
      if (is_new_head(weight.parts.front().first, *files)) {
        rows.zero_();
      } else {
        read_rows(*files, weight.parts, rows);
      }
    };
  } else {
    model.fill(*files);
  }
  return model;
}

void Model::fill(const WeightFiles& files) {
  const auto fill_weight = [&](const WeightSpec& spec) {
    if (is_new_head(spec.parts.front().first, files)) return;
    if (!spec.weight->is_frozen()) return read_rows(files, spec.parts, spec.weight->value());
    int64_t begin = 0;
    for (const auto& [name, shape] : spec.parts) {
      files.read(name, [&](int64_t first, const at::Tensor& rows) {
        return kernels::pack(rows, spec.weight->packed(), begin + first);
      });
      begin += shape[0];
    }
  };
  visit_matrices(config_, *weights_, fill_weight);
  visit_vectors(config_, *weights_, fill_weight);
}

void Model::fill_buffers(const WeightFiles& files) {
  visit_buffers(config_, *weights_, [&](const BufferSpec& spec) {
    files.read(spec.named.first, [&](int64_t, const at::Tensor& row) {
      return kernels::widen(row, spec.tensor->view({1, -1}));
    });
  });
}

void Model::save(const std::string& folder, int64_t max_file_bytes) const {
  auto& weights = *weights_;
  std::map<std::string, std::function<at::Tensor()>> tensors;
  std::vector<Shard> shards(1);
  const auto add = [&](const NamedShape& named, std::function<at::Tensor()> tensor) {
    const int64_t bytes =
        4 * std::accumulate(named.second.begin(), named.second.end(), int64_t{1}, std::multiplies<>());
    if (!shards.back().names.empty() && shards.back().bytes + bytes > max_file_bytes) shards.emplace_back();
    shards.back().names.push_back(named.first);
    shards.back().bytes += bytes;
    tensors[named.first] = std::move(tensor);
  };
  const auto add_weight = [&](const WeightSpec& spec) {
    int64_t begin = 0;
    for (const NamedShape& part : spec.parts) {
      add(part, [weight = spec.weight, begin, shape = part.second] { return rows_of(*weight, begin, shape); });
      begin += part.second[0];
    }
  };
  visit_matrices(config_, weights, add_weight);
  visit_vectors(config_, weights, add_weight);
  visit_buffers(config_, weights,
                [&](const BufferSpec& spec) { add(spec.named, [tensor = *spec.tensor] { return tensor; }); });

  write_atomic(folder + "/config.json", config_.to_json());
  for (size_t i = 0; i < shards.size(); ++i) {
    NamedTensors content;
    for (const std::string& name : shards[i].names) content.emplace_back(name, tensors.at(name)());
    write_safetensors(folder + "/" + shard_name(i, shards.size()), content);
  }
  if (shards.size() > 1) write_index(folder, shards);
  // What an earlier save left behind would be read in place of this one, or beside it.
  fs::remove(folder + (shards.size() > 1 ? "/model.safetensors" : "/model.safetensors.index.json"));
}

at::Tensor Model::weights() const {
  if (flat_.defined()) return flat_;
  auto& weights = *weights_;
  at::Tensor flat = at::empty({config_.parameter_count()}, at::kFloat);
  int64_t at = 0;
  const auto copy = [&](const WeightSpec& spec) {
    flat.narrow(0, at, spec.elements()).view(spec.shape()).copy_(rows_of(*spec.weight, 0, spec.shape()));
    at += spec.elements();
  };
  visit_matrices(config_, weights, copy);
  visit_vectors(config_, weights, copy);
  return flat;
}

void Model::set_weights(const at::Tensor& flat) {
  HONE_ASSERT(flat.dim() == 1 && flat.size(0) == config_.parameter_count(), "{} values", flat.numel());
  if (flat_.defined()) {
    flat_.copy_(flat);
    return;
  }
  int64_t at = 0;
  const auto copy = [&](const WeightSpec& spec) {
    const at::Tensor rows = flat.narrow(0, at, spec.elements()).view(spec.shape());
    if (spec.weight->is_frozen()) {
      if (spec.weight->packed().scalar_type() != at::kFloat)
        *spec.weight = kernels::Weight::frozen(rows.size(0), rows.size(1));
      kernels::pack(rows, spec.weight->packed(), 0);
    } else {
      at::Tensor(spec.weight->value()).copy_(rows);
    }
    at += spec.elements();
  };
  visit_matrices(config_, *weights_, copy);
  visit_vectors(config_, *weights_, copy);
}

}  // namespace hone
