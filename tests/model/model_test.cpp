// The transformer against Hugging Face transformers (fixtures/make_models.py), and the engine's property: sampling,
// scoring and training see the same bits for every batch.
#include "hone/model/model.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "hone/core/error.h"
#include "hone/core/random.h"

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

TEST(Model, ParameterCountIsThatOfTheBuffer) {
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

class Families : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Model, Families, ::testing::Values("llama", "qwen2"));

TEST_P(Families, LogProbsMatchTransformers) {
  const at::NoGradGuard no_grad;
  const Model model = Model::load(fixture(GetParam()), false);
  const auto reference = nlohmann::json::parse(std::ifstream(fixture(GetParam()) + "/reference.json"));
  const at::Tensor got = model.log_probs(whole_sequences({reference["ids"].get<std::vector<int32_t>>()})).log_probs;
  const auto expected = reference["log_probs"].get<std::vector<double>>();
  ASSERT_EQ(got.size(0), static_cast<int64_t>(expected.size()));
  for (size_t t = 0; t < expected.size(); ++t)
    EXPECT_NEAR(got[static_cast<int64_t>(t)].item<double>(), expected[t], 2e-5);
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

// The whole backward pass against central differences of the loss along random directions.
TEST_P(Families, GradientsMatchFiniteDifferences) {
  Model model = Model::load(fixture(GetParam()), true);
  const auto vocab = static_cast<uint64_t>(model.config().vocab_size);
  const ScoreBatch batch = whole_sequences({random_ids(7, 20, vocab), random_ids(8, 33, vocab)});
  model.zero_grad();
  model.log_probs(batch).log_probs.mean().backward();
  model.finish_gradients();
  const at::NoGradGuard no_grad;
  const at::Tensor at_rest = model.flat().clone();
  at::manual_seed(2);
  for (int trial = 0; trial < 8; ++trial) {
    const at::Tensor direction = at::randn_like(at_rest);
    const double step = 2e-4;
    const auto loss_at = [&](double t) {
      at::Tensor(model.flat()).copy_(at_rest + direction * t);
      return model.log_probs(batch).log_probs.to(at::kDouble).mean().item<double>();
    };
    const double numeric = (loss_at(step) - loss_at(-step)) / (2 * step);
    const double analytic = (model.flat_grad().to(at::kDouble) * direction.to(at::kDouble)).sum().item<double>();
    EXPECT_NEAR(numeric, analytic, 0.02 * std::max(1.0, std::abs(analytic)));
  }
}

TEST_P(Families, SavedFoldersLoadToTheSameBits) {
  const Model model = Model::load(fixture(GetParam()), false);
  const fs::path folder = fs::path(::testing::TempDir()) / (std::string("hone_model_") + GetParam());
  fs::create_directories(folder);
  model.save(folder);
  EXPECT_TRUE(at::equal(Model::load(folder, false).flat(), model.flat()));
  fs::remove_all(folder);
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

// A config.json edited in one place must be refused by the name of what is wrong.
TEST(Model, BadConfigsNameTheirKey) {
  const auto good = nlohmann::ordered_json::parse(std::ifstream(fixture("llama") + "/config.json"));
  const std::vector<std::tuple<std::string, nlohmann::ordered_json, std::string>> cases = {
      {"model_type", "mamba", "model_type"},
      {"model_type", 3, "model_type"},
      {"vocab_size", -1, "vocab_size"},
      {"vocab_size", "31", "vocab_size"},
      {"hidden_size", nullptr, "hidden_size"},
      {"num_hidden_layers", 1.5, "num_hidden_layers"},
      {"num_key_value_heads", 3, "num_key_value_heads"},
      {"head_dim", 5, "head_dim"},
      {"hidden_act", "gelu", "hidden_act"},
      {"rms_norm_eps", -1, "rms_norm_eps"},
      {"attention_bias", true, "attention_bias"},
      {"rope_scaling", {{"type", "linear"}}, "rope_scaling"},
      {"rope_parameters", {{"rope_type", "yarn"}, {"rope_theta", 1.0}}, "rope_parameters"},
      {"tie_word_embeddings", "yes", "tie_word_embeddings"},
      {"max_position_embeddings", 0, "max_position_embeddings"}};
  const fs::path folder = fs::path(::testing::TempDir()) / "hone_bad_config";
  fs::create_directories(folder);
  for (const auto& [key, value, named] : cases) {
    auto json = good;
    json[key] = value;
    std::ofstream(folder / "config.json") << json;
    try {
      ModelConfig::load(folder);
      ADD_FAILURE() << key << " = " << value << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInput);
      EXPECT_NE(std::string(error.what()).find(named), std::string::npos) << error.what();
    }
  }
  fs::remove_all(folder);
}

}  // namespace
}  // namespace hone
