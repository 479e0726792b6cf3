// The transformer against Hugging Face transformers (fixtures/make_models.py), and the engine's property: sampling,
// scoring and training see the same bits for every batch.
#include "hone/model/model.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/faults.h"
#include "hone/core/error.h"
#include "hone/core/random.h"
#include "hone/kernels/parallel.h"
#include "hone/model/safetensors.h"

namespace hone {
namespace {

namespace fs = std::filesystem;

std::string fixture(const std::string& name) {
  return std::string(HONE_SOURCE_DIR) + "/tests/fixtures/models/" + name;
}

ScoreBatch whole_sequences(const std::vector<std::vector<int32_t>>& sequences) {
  ScoreBatch batch;
  std::vector<int32_t> ids, targets;
  std::vector<int64_t> rows;
  batch.offsets = {0};
  for (const auto& s : sequences) {
    for (size_t t = 0; t + 1 < s.size(); ++t) {
      rows.push_back(batch.offsets.back() + static_cast<int64_t>(t));
      targets.push_back(s[t + 1]);
    }
    ids.insert(ids.end(), s.begin(), s.end());
    batch.offsets.push_back(static_cast<int64_t>(ids.size()));
  }
  batch.ids = at::tensor(ids, at::kInt);
  batch.rows = at::tensor(rows, at::kLong);
  batch.targets = at::tensor(targets, at::kInt);
  return batch;
}

std::vector<int32_t> random_ids(uint64_t key, int64_t length, uint64_t vocab) {
  RandomStream random(1, RandomPurpose::kTest, {key});
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < length; ++i) ids.push_back(static_cast<int32_t>(random.next_below(vocab)));
  return ids;
}

/// Every folder of fixtures/make_models.py but the classifiers.
const std::vector<std::string>& all_models() {
  static const std::vector<std::string> names = {"llama",
                                                 "llama_biases",
                                                 "llama_llama3",
                                                 "llama_linear",
                                                 "llama_dynamic",
                                                 "llama_yarn",
                                                 "llama_yarn_options",
                                                 "llama_longrope",
                                                 "mistral",
                                                 "qwen2",
                                                 "qwen2_window",
                                                 "qwen3",
                                                 "qwen3_biases",
                                                 "qwen3_moe",
                                                 "qwen3_moe_step",
                                                 "deepseek_v3",
                                                 "deepseek_v3_plain"};
  return names;
}

nlohmann::json reference_of(const std::string& name) {
  return nlohmann::json::parse(std::ifstream(fixture(name) + "/reference.json"));
}

// How far log-probs may be from those of float64.
double tolerance(const Model& model) {
  return model.config().experts.num_experts > 0 || model.config().latent.kv_lora_rank > 0 ? 1e-4 : 2e-5;
}

void expect_log_probs(const Model& model, const std::vector<int32_t>& ids, const std::vector<double>& expected) {
  const at::Tensor got = model.log_probs(whole_sequences({ids})).log_probs;
  ASSERT_EQ(got.size(0), static_cast<int64_t>(expected.size()));
  for (size_t t = 0; t < expected.size(); ++t)
    EXPECT_NEAR(got[static_cast<int64_t>(t)].item<double>(), expected[t], tolerance(model)) << t;
}

// `ids` and the `count` most likely tokens after them, by way of a KV cache.
std::vector<int32_t> greedy(const Model& model, std::vector<int32_t> ids, size_t count) {
  std::vector<kernels::KvLayer> cache;
  for (int64_t i = 0; i < model.config().num_hidden_layers; ++i)
    cache.push_back(kernels::make_kv_layer(model.geometry(), 16));
  const std::vector<int32_t> blocks = {3, 1, 5, 0, 7, 2, 4, 6, 12, 14, 13, 8, 15, 9, 10, 11};
  std::vector<int32_t> fresh = ids;
  for (size_t i = 0; i < count; ++i) {
    const auto length = static_cast<int64_t>(fresh.size()), start = static_cast<int64_t>(ids.size()) - length;
    const at::Tensor logits = model.logits(at::tensor(fresh, at::kInt), {{0, length, start, blocks.data()}}, cache,
                                           at::full({1}, length - 1, at::kLong));
    fresh = {static_cast<int32_t>(logits.argmax().item<int64_t>())};
    ids.push_back(fresh[0]);
  }
  return ids;
}

TEST(Model, ParameterCountIsThatOfTheBuffer) {
  for (const std::string& name : all_models()) {
    const ModelConfig c = ModelConfig::load(fixture(name));
    EXPECT_EQ(c.parameter_count(), Model(c, false).flat().numel()) << name;
  }
  for (const bool tied : {false, true}) {
    for (const bool bias : {false, true}) {
      ModelConfig c;
      c.vocab_size = 13, c.hidden_size = 12, c.intermediate_size = 20, c.num_hidden_layers = 3;
      c.num_attention_heads = 6, c.num_key_value_heads = 2, c.head_dim = 4, c.max_position_embeddings = 8;
      c.tie_word_embeddings = tied, c.attention_bias = bias;
      EXPECT_EQ(c.parameter_count(), Model(c, false).flat().numel()) << tied << bias;
    }
  }
}

class Families : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Model, Families, ::testing::ValuesIn(all_models()),
                         [](const auto& test) { return test.param; });

TEST_P(Families, LogProbsMatchTransformers) {
  const at::NoGradGuard no_grad;
  const auto reference = reference_of(GetParam());
  const auto ids = reference["ids"].get<std::vector<int32_t>>();
  for (const bool trains : {false, true}) {
    const Model model = Model::load(fixture(GetParam()), trains);
    expect_log_probs(model, ids, reference["log_probs"].get<std::vector<double>>());
    expect_log_probs(model, {ids.begin(), ids.begin() + 20}, reference["short_log_probs"].get<std::vector<double>>());
  }
}

TEST_P(Families, GreedyTokensMatchTransformers) {
  const at::NoGradGuard no_grad;
  const Model model = Model::load(fixture(GetParam()), false);
  const auto reference = reference_of(GetParam());
  auto expected = reference["greedy_prompt"].get<std::vector<int32_t>>();
  const auto prompt = expected;
  for (const auto& token : reference["greedy"]) expected.push_back(token.get<int32_t>());
  ASSERT_GE(expected.size() - prompt.size(), 60U);
  EXPECT_EQ(greedy(model, prompt, expected.size() - prompt.size()), expected);
}

TEST_P(Families, GradientsMatchTransformers) {
  if (!fs::exists(fixture(GetParam()) + "/gradients.safetensors")) GTEST_SKIP() << "no gradients for this variant";
  Model model = Model::load(fixture(GetParam()), true);
  const SafetensorsFile expected = SafetensorsFile::open(fixture(GetParam()) + "/gradients.safetensors");
  const auto ids = reference_of(GetParam())["ids"].get<std::vector<int32_t>>();
  model.zero_grad();
  model.log_probs(whole_sequences({ids})).log_probs.mean().backward();
  model.finish_gradients();
  int64_t at = 0;
  EXPECT_EQ(expected.names().size(), model.parameters().size());
  for (const auto& [name, value] : model.parameters()) {
    const at::Tensor got = model.flat_grad().narrow(0, at, value.numel()).view(value.sizes());
    at += value.numel();
    const at::Tensor want = expected.tensor(name);
    EXPECT_LT((got - want).abs().max().item<double>(), 2e-5 * std::max(1.0, want.abs().max().item<double>())) << name;
  }
}

// Training forward of a random packing = scoring alone = prefill in pieces and decoding through a KV cache.
TEST_P(Families, EveryWayToComputeALogProbGivesTheSameBits) {
  const Model model = Model::load(fixture(GetParam()), true);
  const auto vocab = static_cast<uint64_t>(model.config().vocab_size);
  std::vector<std::vector<int32_t>> sequences;
  for (uint64_t i = 0; i < 12; ++i) sequences.push_back(random_ids(i, 2 + static_cast<int64_t>(i * 37 % 60), vocab));
  const at::Tensor trained = model.log_probs(whole_sequences(sequences)).log_probs;
  ASSERT_TRUE(trained.requires_grad());
  const at::NoGradGuard no_grad;
  int64_t at = 0;
  for (const auto& s : sequences) {
    const auto n = static_cast<int64_t>(s.size()) - 1;
    const at::Tensor packed = trained.detach().narrow(0, at, n);
    at += n;
    EXPECT_TRUE(at::equal(model.log_probs(whole_sequences({s})).log_probs, packed));
    // The factors of longrope follow the length, so a sequence that grows past the change is another one.
    if (model.config().rope_scaling.rope_type == "longrope" && n > 24) continue;
    for (const int64_t piece : {1, 5, 16}) {
      std::vector<kernels::KvLayer> cache;
      for (int64_t i = 0; i < model.config().num_hidden_layers; ++i)
        cache.push_back(kernels::make_kv_layer(model.geometry(), 8));
      const std::vector<int32_t> blocks = {5, 2, 7, 0};
      std::vector<float> scratch(2 * vocab);
      for (int64_t t = 0; t < n; t += piece) {
        const int64_t count = std::min(piece, n - t);
        const at::Tensor logits =
            model.logits(at::tensor(at::ArrayRef<int32_t>(s.data() + t, static_cast<size_t>(count)), at::kInt),
                         {{0, count, t, blocks.data()}}, cache, at::arange(count));
        for (int64_t i = 0; i < count; ++i) {
          const float* row = logits.const_data_ptr<float>() + i * static_cast<int64_t>(vocab);
          const auto distribution =
              kernels::row_distribution(row, static_cast<int64_t>(vocab), 1.0, nullptr, scratch.data());
          EXPECT_EQ(distribution.log_prob(s[static_cast<size_t>(t + i + 1)]), packed[t + i].item<float>());
        }
      }
    }
  }
}

// Gradients of micro-batches, added up, have the bits of the whole batch's, tied embedding included.
TEST_P(Families, GradientsDoNotDependOnMicroBatches) {
  Model model = Model::load(fixture(GetParam()), true);
  const auto vocab = static_cast<uint64_t>(model.config().vocab_size);
  std::vector<std::vector<int32_t>> sequences;
  for (uint64_t i = 0; i < 9; ++i) sequences.push_back(random_ids(100 + i, 5 + static_cast<int64_t>(i) * 6, vocab));
  std::vector<at::Tensor> gradients;
  for (const size_t size : {9, 1, 2, 4}) {
    model.zero_grad();
    for (size_t at = 0; at < sequences.size(); at += size) {
      const size_t end = std::min(sequences.size(), at + size);
      const auto out = model.log_probs(whole_sequences(
          {sequences.begin() + static_cast<int64_t>(at), sequences.begin() + static_cast<int64_t>(end)}));
      out.log_probs.backward(at::full_like(out.log_probs, -0.01));
    }
    model.finish_gradients();
    gradients.push_back(model.flat_grad().clone());
  }
  EXPECT_GT(gradients[0].abs().sum().item<double>(), 1.0);
  for (const auto& g : gradients) EXPECT_TRUE(at::equal(g, gradients.front()));
}

// The whole backward pass against central differences of the loss along random directions. Where a token changes its
// experts on the way the loss jumps, and there is nothing to compare.
TEST_P(Families, GradientsMatchFiniteDifferences) {
  Model model = Model::load(fixture(GetParam()), true);
  const auto vocab = static_cast<uint64_t>(model.config().vocab_size);
  const bool jumps = model.config().experts.num_experts > 0;
  const ScoreBatch batch =
      whole_sequences({random_ids(21, jumps ? 5 : 20, vocab), random_ids(22, jumps ? 9 : 33, vocab)});
  model.zero_grad();
  model.log_probs(batch).log_probs.mean().backward();
  model.finish_gradients();
  const at::NoGradGuard no_grad;
  const at::Tensor at_rest = model.flat().clone();
  at::manual_seed(2);
  int compared = 0;
  for (int trial = 0; trial < 32 && compared < 8; ++trial) {
    const at::Tensor direction = at::randn_like(at_rest);
    const double step = jumps ? 3e-5 : 1e-4;
    const auto loss_at = [&](double t) {
      at::Tensor(model.flat()).copy_(at_rest + direction * t);
      return model.log_probs(batch).log_probs.to(at::kDouble).mean().item<double>();
    };
    const double before = loss_at(-step), middle = loss_at(0), after = loss_at(step);
    if (jumps && std::abs(after - 2 * middle + before) > 5e-5) continue;
    ++compared;
    const double numeric = (after - before) / (2 * step);
    const double analytic = (model.flat_grad().to(at::kDouble) * direction.to(at::kDouble)).sum().item<double>();
    EXPECT_NEAR(numeric, analytic, 0.03 * std::max(1.0, std::abs(analytic)));
  }
  EXPECT_GE(compared, 4);
}

TEST_P(Families, SavedFoldersLoadToTheSameBits) {
  const Model model = Model::load(fixture(GetParam()), false);
  const test::TempFolder temporary;
  const fs::path folder = temporary / "model";
  fs::create_directories(folder);
  if (const char* exports = std::getenv("HONE_EXPORTS")) {  // for fixtures/check_export.py
    for (const auto& [suffix, bytes] : {std::pair("", Model::kMaxFileBytes), std::pair(".sharded", int64_t{9000})}) {
      const fs::path kept = fs::path(exports) / (GetParam() + suffix);
      fs::create_directories(kept);
      model.save(kept, bytes);
    }
  }
  for (const int64_t max_file_bytes : {Model::kMaxFileBytes, int64_t{9000}, Model::kMaxFileBytes}) {
    model.save(folder, max_file_bytes);
    EXPECT_NE(fs::exists(folder / "model.safetensors"), fs::exists(folder / "model.safetensors.index.json"));
    for (const bool trains : {false, true}) {
      const Model again = Model::load(folder, trains);
      EXPECT_TRUE(at::equal(again.weights(), model.weights()));
      EXPECT_TRUE(at::equal(again.weights(), Model::load(fixture(GetParam()), true).flat()));
      const at::NoGradGuard no_grad;
      const ScoreBatch batch = whole_sequences({random_ids(3, 40, static_cast<uint64_t>(model.config().vocab_size))});
      EXPECT_TRUE(at::equal(again.log_probs(batch).log_probs, model.log_probs(batch).log_probs));
    }
  }
}

// config.json is written back as it was, but for the type of the weights.
TEST_P(Families, SavedConfigsKeepWhatTheyHad) {
  auto json = nlohmann::ordered_json::parse(std::ifstream(fixture(GetParam()) + "/config.json"));
  json["something_of_mine"] = {{"a", {1, 2.5, nullptr}}};
  json["eos_token_id"] = {1, 5};
  const ModelConfig config = ModelConfig::parse(json.dump(), "config.json");
  EXPECT_EQ(config.eos_token_ids, (std::vector<int64_t>{1, 5}));
  json[json.contains("dtype") ? "dtype" : "torch_dtype"] = "float32";
  EXPECT_EQ(nlohmann::ordered_json::parse(config.to_json()), json);
}

TEST_P(Families, FrozenModelsTakeWeightsOver) {
  Model frozen = Model::load(fixture(GetParam()), false);
  Model trained = Model::load(fixture(GetParam()), true);
  at::Tensor(trained.flat()).mul_(1.25);
  frozen.set_weights(trained.flat());
  EXPECT_TRUE(at::equal(frozen.weights(), trained.flat()));
  const at::NoGradGuard no_grad;
  const ScoreBatch batch = whole_sequences({random_ids(3, 40, static_cast<uint64_t>(frozen.config().vocab_size))});
  EXPECT_TRUE(at::equal(frozen.log_probs(batch).log_probs, trained.log_probs(batch).log_probs));
}

TEST_P(Families, ResultsDoNotDependOnThreads) {
  Model model = Model::load(fixture(GetParam()), true);
  const auto vocab = static_cast<uint64_t>(model.config().vocab_size);
  const ScoreBatch batch =
      whole_sequences({random_ids(5, 50, vocab), random_ids(6, 11, vocab), random_ids(7, 60, vocab)});
  const int before = kernels::num_threads();
  std::vector<at::Tensor> results;
  for (const int threads : {1, 2, 3}) {
    kernels::set_num_threads(threads);
    model.zero_grad();
    const auto out = model.log_probs(batch);
    out.log_probs.sum().backward();
    model.finish_gradients();
    results.push_back(at::cat({out.log_probs.detach(), model.flat_grad()}));
  }
  kernels::set_num_threads(before);
  for (const auto& r : results) EXPECT_TRUE(at::equal(r, results.front()));
}

// A trained model (Karpathy's stories260K), whose reference was made in numpy from the original weights.
TEST(Model, Stories260kMatchesItsReference) {
  const char* set = std::getenv("HONE_SHARED_DATA");
  const fs::path folder =
      fs::path(set != nullptr ? set : std::string(HONE_SOURCE_DIR) + "/../shared/data") / "checkpoints/stories260k";
  if (!fs::exists(folder)) GTEST_SKIP() << "no " << folder;
  const at::NoGradGuard no_grad;
  const Model model = Model::load(folder, false);
  const auto reference = nlohmann::json::parse(std::ifstream(folder / "reference.json"));
  expect_log_probs(model, reference["first64"]["ids"].get<std::vector<int32_t>>(),
                   reference["first64"]["logprob_of_next"].get<std::vector<double>>());
  EXPECT_EQ(greedy(model, {1}, 200), reference["greedy_ids"].get<std::vector<int32_t>>());
}

TEST(Model, InitialWeightsArePureAndScaled) {
  ModelConfig config = ModelConfig::load(fixture("llama"));
  config.hidden_size = 64, config.head_dim = 16;
  Model a(config, false), b(config, false), c(config, false);
  a.init_weights(1), b.init_weights(1), c.init_weights(2);
  EXPECT_TRUE(at::equal(a.flat(), b.flat()));
  EXPECT_FALSE(at::equal(a.flat(), c.flat()));
  for (const auto& [name, tensor] : a.parameters()) {
    if (tensor.dim() == 1) {
      EXPECT_TRUE(at::equal(tensor, at::ones_like(tensor))) << name;
    } else {
      const bool residual = name.find("o_proj") != std::string::npos || name.find("down_proj") != std::string::npos;
      EXPECT_NEAR(tensor.std().item<double>(), residual ? 0.01 : 0.02, 0.001) << name;
    }
  }
}

}  // namespace
}  // namespace hone
