// The rollout engine: completions do not depend on how they were batched, and each token's log-prob is the one that
// scoring gives.
#include "hone/rollout/engine.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "hone/core/error.h"
#include "hone/core/random.h"
#include "hone/kernels/parallel.h"
#include "hone/rollout/block_allocator.h"

namespace hone {
namespace {

namespace fs = std::filesystem;

class Engine : public ::testing::Test {
 protected:
  Engine() : model_(shape(), false), tokenizer_(make_tokenizer()) {
    model_.init_weights(1);
    // Larger weights make distributions that are far from uniform; eos stays likely enough to end sequences at all
    // lengths.
    at::Tensor(model_.flat()).mul_(12.0);
    for (const auto& [name, tensor] : model_.parameters()) {
      if (tensor.dim() == 1) at::Tensor(tensor).fill_(1.0);
    }
  }

  static ModelConfig shape() {
    ModelConfig c;
    c.vocab_size = 12, c.hidden_size = 16, c.intermediate_size = 24, c.num_hidden_layers = 2;
    c.num_attention_heads = 2, c.num_key_value_heads = 1, c.head_dim = 8, c.max_position_embeddings = 128;
    return c;
  }
  static Tokenizer make_tokenizer() {
    const fs::path folder = fs::path(::testing::TempDir()) / "hone_engine_tokenizer";
    fs::create_directories(folder);
    write_word_tokenizer(folder, {"<pad>", "<eos>", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}, "<eos>",
                         "<pad>");
    Tokenizer t = Tokenizer::load(folder);
    fs::remove_all(folder);
    return t;
  }

  std::vector<Prompt> prompts(int64_t n) const {
    std::vector<Prompt> all;
    for (int64_t i = 0; i < n; ++i) {
      RandomStream random(9, RandomPurpose::kTest, {static_cast<uint64_t>(i)});
      Prompt p;
      p.index = i;
      for (int64_t t = 0; t < 1 + i * 7 % 37; ++t) p.ids.push_back(2 + static_cast<int32_t>(random.next_below(10)));
      all.push_back(std::move(p));
    }
    return all;
  }

  std::vector<Completion> generate(const SamplingConfig& config, int64_t n = 9, int64_t samples = 5) {
    RolloutEngine engine(model_, tokenizer_);
    std::vector<Completion> all;
    for (auto& group : engine.generate(prompts(n), samples, config, {1, 2, 3})) {
      for (auto& c : group.completions) all.push_back(std::move(c));
    }
    preemptions_ = engine.stats().preemptions;
    return all;
  }

  static void expect_equal(const std::vector<Completion>& a, const std::vector<Completion>& b) {
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a[i].ids, b[i].ids);
      EXPECT_EQ(a[i].behavior_log_probs, b[i].behavior_log_probs);
      EXPECT_EQ(a[i].text, b[i].text);
      EXPECT_EQ(a[i].finish_reason, b[i].finish_reason);
    }
  }

  Model model_;
  Tokenizer tokenizer_;
  int64_t preemptions_ = 0;
};

TEST_F(Engine, ACompletionMayNotCrossTheChangeOfLongrope) {
  ModelConfig config = shape();
  config.rope_scaling.rope_type = "longrope";
  config.rope_scaling.original_max_position_embeddings = 20;
  config.rope_scaling.short_factor = {1, 1, 1, 1}, config.rope_scaling.long_factor = {2, 3, 4, 5};
  Model model(config, false);
  model.init_weights(1);
  RolloutEngine engine(model, tokenizer_);
  SamplingConfig sampling;
  sampling.max_completion_length = 8;
  const auto generate_from = [&](size_t tokens) {
    Prompt prompt;
    prompt.ids.assign(tokens, 3);
    return engine.generate({prompt}, 1, sampling, {1, 2, 3});
  };
  for (const size_t tokens : {1, 12, 21, 40}) {
    const auto groups = generate_from(tokens);
    std::vector<int32_t> ids = groups[0].prompt.ids;
    const Completion& completion = groups[0].completions[0];
    ids.insert(ids.end(), completion.ids.begin(), completion.ids.end());
    const auto total = static_cast<int64_t>(ids.size()), sampled = static_cast<int64_t>(completion.ids.size());
    const at::Tensor scored = model
                                  .log_probs({.ids = at::tensor(ids, at::kInt),
                                              .offsets = {0, total},
                                              .rows = at::arange(total - sampled - 1, total - 1),
                                              .targets = at::tensor(completion.ids, at::kInt),
                                              .distribution = {}})
                                  .log_probs;
    for (int64_t t = 0; t < sampled; ++t)
      EXPECT_EQ(scored[t].item<float>(), completion.behavior_log_probs[static_cast<size_t>(t)]) << tokens;
  }
  for (const size_t tokens : {13, 20}) EXPECT_THROW(generate_from(tokens), Error) << tokens;
}

TEST_F(Engine, CompletionsDoNotDependOnTheBatch) {
  SamplingConfig config;
  config.max_completion_length = 40;
  const auto reference = generate(config);
  size_t stopped = 0;
  for (const auto& c : reference) stopped += c.finish_reason == FinishReason::kStop;
  EXPECT_GT(stopped, 5U);
  EXPECT_LT(stopped, reference.size());
  for (const int64_t slots : {1, 2, 7, 30}) {
    config.max_num_seqs = slots;
    expect_equal(generate(config), reference);
  }
  const int threads = kernels::num_threads();
  kernels::set_num_threads(threads == 1 ? 2 : 1);
  expect_equal(generate(config), reference);
  kernels::set_num_threads(threads);
}

TEST_F(Engine, SequencesMakeWayWhenTheCacheIsFull) {
  SamplingConfig config;
  config.min_completion_length = 60, config.max_completion_length = 80;
  const auto reference = generate(config);
  int64_t preemptions = 0;
  for (const int64_t blocks : {10, 14, 25, 60}) {
    config.kv_cache_blocks = blocks;
    expect_equal(generate(config), reference);
    preemptions += preemptions_;
  }
  EXPECT_GT(preemptions, 0);
}

TEST_F(Engine, ASampleDependsOnItsOwnKeyOnly) {
  SamplingConfig config;
  config.max_completion_length = 20;
  const auto few = generate(config, 3, 2), more = generate(config, 5, 4);
  for (size_t p = 0; p < 3; ++p) {
    for (size_t s = 0; s < 2; ++s) EXPECT_EQ(few[p * 2 + s].ids, more[p * 4 + s].ids);
  }
  EXPECT_NE(more[0].ids, more[1].ids);
}

TEST_F(Engine, TellsOfEachCompletionOnceWhenItIsDone) {
  SamplingConfig config;
  config.max_completion_length = 30;
  config.max_num_seqs = 7;
  RolloutEngine engine(model_, tokenizer_);
  std::map<const Completion*, std::pair<std::string, const RolloutGroup*>> told;
  const auto groups =
      engine.generate(prompts(6), 3, config, {4, 0, 0}, [&](const RolloutGroup& group, const Completion& c) {
        EXPECT_NE(c.finish_reason, FinishReason::kAbort);
        EXPECT_TRUE(told.try_emplace(&c, c.text, &group).second);
      });
  EXPECT_EQ(told.size(), 18U);
  for (const RolloutGroup& group : groups) {
    for (const Completion& c : group.completions) {
      EXPECT_EQ(told.at(&c), std::make_pair(c.text, &group)) << "the address or the text changed";
    }
  }
}

// The log-probs that sampling recorded are those of scoring the whole sequence, bit for bit, for every kind of filter.
TEST_F(Engine, BehaviorLogProbsEqualScoring) {
  std::vector<SamplingConfig> configs(6);
  configs[1].temperature = 0.7;
  configs[2].top_k = 3;
  configs[3].top_p = 0.8, configs[3].temperature = 1.3;
  configs[4].min_p = 0.2;
  configs[5].min_completion_length = 10;
  for (SamplingConfig& config : configs) {
    config.max_completion_length = 30;
    RolloutEngine engine(model_, tokenizer_);
    for (const auto& group : engine.generate(prompts(6), 3, config, {4, 0, 0})) {
      for (const Completion& c : group.completions) {
        std::vector<int32_t> ids = group.prompt.ids;
        ids.insert(ids.end(), c.ids.begin(), c.ids.end());
        ids.pop_back();
        const auto n = static_cast<int64_t>(c.ids.size()), first = static_cast<int64_t>(group.prompt.ids.size()) - 1;
        ScoreBatch batch{.ids = at::tensor(ids, at::kInt),
                         .offsets = {0, static_cast<int64_t>(ids.size())},
                         .rows = at::arange(first, first + n),
                         .targets = at::tensor(c.ids, at::kInt),
                         .distribution = {config.temperature, c.kept.empty() ? nullptr : c.kept.ids.data(),
                                          c.kept.empty() ? nullptr : c.kept.offsets.data()}};
        const at::Tensor scored = model_.log_probs(batch).log_probs;
        for (int64_t t = 0; t < n; ++t)
          EXPECT_EQ(scored[t].item<float>(), c.behavior_log_probs[static_cast<size_t>(t)]);
      }
    }
  }
}

TEST_F(Engine, HonoursLengthsAndStops) {
  SamplingConfig config;
  config.max_completion_length = 25, config.min_completion_length = 25;
  for (const auto& c : generate(config)) {
    EXPECT_EQ(c.ids.size(), 25U);
    EXPECT_EQ(std::count(c.ids.begin(), c.ids.end() - 1, tokenizer_.eos_id()), 0);
  }
  config.min_completion_length.reset();
  config.stop = {"c"};
  for (const auto& c : generate(config)) {
    const size_t at = c.text.find('c');
    EXPECT_TRUE(at == std::string::npos || at + 1 == c.text.size()) << c.text;
    if (at != std::string::npos) {
      EXPECT_EQ(c.finish_reason, FinishReason::kStop);
    }
  }
}

TEST_F(Engine, GreedyTakesTheLikeliestToken) {
  SamplingConfig config;
  config.temperature = 0.0, config.max_completion_length = 15;
  const auto all = generate(config, 4, 3);
  for (size_t p = 0; p < 4; ++p) {
    EXPECT_EQ(all[p * 3].ids, all[p * 3 + 1].ids);
    EXPECT_EQ(all[p * 3].ids, all[p * 3 + 2].ids);
  }
}

TEST_F(Engine, RefusesWhatCannotFit) {
  SamplingConfig config;
  config.max_completion_length = 120;
  EXPECT_THROW(generate(config), Error);  // prompt + completion > 128 positions
  config.max_completion_length = 40, config.kv_cache_blocks = 2;
  EXPECT_THROW(generate(config), Error);
}

TEST(BlockAllocator, CountsReferences) {
  BlockAllocator blocks(3);
  const int32_t a = blocks.allocate(), b = blocks.allocate();
  EXPECT_NE(a, b);
  EXPECT_EQ(blocks.available(), 1);
  blocks.share(a);
  blocks.release(a);
  EXPECT_EQ(blocks.available(), 1);
  blocks.release(a);
  EXPECT_EQ(blocks.available(), 2);
  EXPECT_EQ(blocks.allocate(), a);  // the block freed last
}

}  // namespace
}  // namespace hone
