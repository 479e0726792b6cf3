// ZeRO stages among real processes: equal to each other and to one rank, a share of the state each, and checkpoints
// that any number of ranks at any stage go on from.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "dist/ranks.h"
#include "hone/core/hash.h"
#include "hone/train/trainer.h"

namespace hone {
namespace {

using test::run_ranks;

// Odd sizes: pieces of units end within vectors, and some ranks own nothing of a unit.
ModelConfig tiny(bool tied) {
  ModelConfig c;
  c.vocab_size = 37, c.hidden_size = 24, c.intermediate_size = 40, c.num_hidden_layers = 3;
  c.num_attention_heads = 3, c.num_key_value_heads = 1, c.head_dim = 8, c.max_position_embeddings = 32;
  c.tie_word_embeddings = tied;
  return c;
}

ScoreBatch batch_of(int32_t start) {
  std::vector<int32_t> ids;
  for (int32_t i = 0; i < 9; ++i) ids.push_back((start * 7 + i * i) % 37);
  const auto n = static_cast<int64_t>(ids.size());
  return {.ids = at::tensor(ids, at::kInt),
          .offsets = {0, n},
          .rows = at::arange(n - 1),
          .targets = at::tensor(ids, at::kInt).narrow(0, 1, n - 1).contiguous(),
          .distribution = {}};
}

struct Setting {
  int64_t stage = 0;
  bool tied = false;
  bool checkpointing = false;
  int64_t micro_batches = 1;  ///< of all ranks together, in an update, each a sequence
};

OptimizerConfig optimizer(const Setting& s) {
  OptimizerConfig c;
  c.lr = 0.01, c.weight_decay = 0.1, c.max_grad_norm = 0.5, c.gradient_checkpointing = s.checkpointing;
  return c;
}

// Its whole part of the micro-batches of an update: ranks take them in turn.
void step(Trainer& trainer, const Setting& s, int64_t update) {
  std::vector<int32_t> mine;
  for (int64_t m = trainer.ranks().rank(); m < s.micro_batches; m += trainer.ranks().size())
    mine.push_back(static_cast<int32_t>(update * s.micro_batches + m));
  trainer.begin(static_cast<int64_t>(mine.size()));
  for (const int32_t start : mine) {
    trainer.accumulate(batch_of(start), [&](const kernels::LogProbs& out) {
      return out.log_probs.sum() * (-1.0 / static_cast<double>(8 * s.micro_batches)) + out.entropy.sum() * 1e-3;
    });
  }
  trainer.update();
}

std::string bits(const at::Tensor& values) {
  return {static_cast<const char*>(values.const_data_ptr()), values.nbytes()};
}

at::Tensor floats(const std::string& bytes) {
  at::Tensor out = at::empty({static_cast<int64_t>(bytes.size() / sizeof(float))}, at::kFloat);
  std::memcpy(out.mutable_data_ptr(), bytes.data(), bytes.size());
  return out;
}

Model fresh(const Setting& s, dist::ProcessGroup& ranks) {
  Model model(tiny(s.tied), true, spread_of(s.stage, ranks));
  model.init_weights(5);
  return model;
}

// The weights after some updates, as every rank sees them.
std::string trained(dist::ProcessGroup& ranks, const Setting& s, int64_t updates) {
  Model model = fresh(s, ranks);
  Trainer trainer(model, optimizer(s), updates, ranks, s.stage);
  for (int64_t u = 0; u < updates; ++u) step(trainer, s, u);
  trainer.gather_weights();
  return bits(model.weights());
}

std::string on_ranks(int64_t size, const Setting& s, int64_t updates = 3) {
  const auto results = run_ranks(size, [&](dist::ProcessGroup& ranks) { return trained(ranks, s, updates); });
  for (const std::string& result : results) {
    EXPECT_EQ(result.substr(0, 6) == "error:" ? result : "", "");
    EXPECT_EQ(sha256(result), sha256(results.front()));
  }
  return results.front();
}

TEST(Zero, StagesAreEqualBitForBit) {
  for (const bool tied : {false, true}) {
    for (const int64_t size : {2, 4}) {
      Setting s{.tied = tied, .micro_batches = size};
      const std::string replicated = on_ranks(size, s);
      for (const int64_t stage : {1, 2, 3}) {
        s.stage = stage;
        EXPECT_EQ(sha256(on_ranks(size, s)), sha256(replicated)) << "stage " << stage << ", " << size << " ranks";
      }
    }
  }
}

// Weights and moments [3, parameters] (in the order of kVectors) of a trainer, from what each rank holds of them.
constexpr const char* kVectors[] = {"exp_avg", "exp_avg_sq", "parameters"};

std::string own_state(const Trainer& trainer, int64_t parameters) {
  const TrainerState state = trainer.state();
  at::Tensor whole = at::zeros({3, parameters});
  for (int64_t row = 0; row < 3; ++row) {
    for (const auto& [name, tensor] : state.tensors)
      if (name == kVectors[row] && trainer.ranks().is_main()) whole[row].copy_(tensor);
    for (const dist::Piece& p : state.pieces)
      if (p.name == kVectors[row]) whole[row].narrow(0, p.begin, p.values.numel()).add_(p.values);
  }
  return bits(whole);
}

at::Tensor whole_state(const std::vector<std::string>& of_ranks) {
  at::Tensor sum = floats(of_ranks.front());
  for (size_t r = 1; r < of_ranks.size(); ++r) sum += floats(of_ranks[r]);  // pieces do not overlap
  return sum.view({3, -1});
}

at::Tensor state_after(int64_t size, const Setting& s, int64_t updates) {
  return whole_state(run_ranks(size, [&](dist::ProcessGroup& ranks) {
    Model model = fresh(s, ranks);
    Trainer trainer(model, optimizer(s), 4, ranks, s.stage);
    for (int64_t u = 0; u < updates; ++u) step(trainer, s, u);
    return own_state(trainer, tiny(s.tied).parameter_count());
  }));
}

double relative_difference(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).norm() / b.norm()).item<double>();
}

// Unequal numbers of micro-batches: ranks without one go through the others' passes. Sums over micro-batches and over
// ranks change places at stage 2.
TEST(Zero, RanksWithFewerMicroBatchesKeepUp) {
  for (const int64_t micro_batches : {1, 5}) {
    for (const int64_t size : {3, 4}) {
      Setting s{.tied = true, .micro_batches = micro_batches};
      const at::Tensor one = state_after(1, s, 1);
      std::map<int64_t, at::Tensor> by_stage;
      for (const int64_t stage : {0, 1, 2, 3}) {
        s.stage = stage;
        by_stage[stage] = state_after(size, s, 1);
        // The first moment after one update is the gradient, scaled.
        EXPECT_LT(relative_difference(by_stage[stage][0], one[0]), 1e-6) << "stage " << stage << ", " << size;
        EXPECT_LT(relative_difference(by_stage[stage][2], one[2]), 1e-5) << "stage " << stage << ", " << size;
      }
      EXPECT_TRUE(at::equal(by_stage[1], by_stage[0]));
      EXPECT_TRUE(at::equal(by_stage[3], by_stage[2]));
    }
  }
}

TEST(Zero, GradientCheckpointingGivesTheSameBits) {
  for (const int64_t stage : {0, 3}) {
    Setting s{.stage = stage, .tied = true, .micro_batches = 4};
    const std::string kept = on_ranks(2, s);
    s.checkpointing = true;
    EXPECT_EQ(sha256(on_ranks(2, s)), sha256(kept)) << "stage " << stage;
  }
}

// Bytes of moments that a rank holds: its share, with padding of at most 64 elements a unit.
TEST(Zero, MomentsFallWithTheNumberOfRanks) {
  const int64_t parameters = tiny(false).parameter_count();
  for (const int64_t size : {1, 2, 4}) {
    const auto results = run_ranks(size, [&](dist::ProcessGroup& ranks) {
      const Setting s{.stage = 1};
      Model model = fresh(s, ranks);
      const Trainer trainer(model, optimizer(s), 1, ranks, s.stage);
      const TrainerState state = trainer.state();
      int64_t bytes = 0;
      for (const auto& [name, tensor] : state.tensors)
        if (name.starts_with("exp_avg")) bytes += static_cast<int64_t>(tensor.nbytes());
      for (const dist::Piece& piece : state.pieces)
        if (piece.name.starts_with("exp_avg")) bytes += static_cast<int64_t>(piece.values.nbytes());
      return std::to_string(bytes);
    });
    int64_t sum = 0;
    for (const std::string& result : results) {
      const int64_t bytes = std::stoll(result);
      EXPECT_LE(bytes, 2 * 4 * (parameters / size + 6 * 64)) << size << " ranks";
      sum += bytes;
    }
    EXPECT_EQ(sum, 2 * 4 * parameters);
  }
}

// The state that ranks saved at one stage goes on at another, on other numbers of ranks.
TEST(Zero, StateMovesBetweenStagesAndNumbersOfRanks) {
  const Setting base{.tied = true, .micro_batches = 2};
  const at::Tensor straight = state_after(2, base, 4);
  for (const int64_t saved_stage : {0, 1, 3}) {
    Setting from = base;
    from.stage = saved_stage;
    const at::Tensor saved = state_after(2, from, 2);
    for (const auto& [size, stage] : std::vector<std::pair<int64_t, int64_t>>{{1, 0}, {2, 2}, {3, 3}, {4, 1}}) {
      SCOPED_TRACE(std::to_string(saved_stage) + " to " + std::to_string(stage) + " on " + std::to_string(size));
      Setting to = base;
      to.stage = stage;
      const at::Tensor state = whole_state(run_ranks(size, [&](dist::ProcessGroup& ranks) {
        Model model = fresh(to, ranks);
        Trainer trainer(model, optimizer(to), 4, ranks, to.stage);
        trainer.load_state(2, [&](const std::string& name, int64_t begin, const at::Tensor& tensor) {
          for (int64_t row = 0; row < 3; ++row)
            if (name == kVectors[row]) at::Tensor(tensor).copy_(saved[row].narrow(0, begin, tensor.numel()));
          if (name == "adam_steps") at::Tensor(tensor).fill_(2);
        });
        for (int64_t u = 2; u < 4; ++u) step(trainer, to, u);
        return own_state(trainer, tiny(true).parameter_count());
      }));
      if (size == 2) {
        EXPECT_TRUE(at::equal(state, straight));
      }
      EXPECT_LT(relative_difference(state[2], straight[2]), 1e-4);
    }
  }
}

}  // namespace
}  // namespace hone
