// Packing, splits and weights against loops over the records.
#include "hone/algo/batch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "algo/rollouts.h"
#include "hone/algo/advantages.h"

namespace hone::algo {
namespace {

/// Every number of sequence s of `batch`, against the records.
void expect_sequence(const TrainBatch& batch, size_t s, const std::vector<RolloutGroup>& groups,
                     const std::vector<double>& temperatures) {
  const std::vector<int32_t>& prompt = groups.at(static_cast<size_t>(batch.sources[s].group)).prompt.ids;
  const Completion& c = completion_of(groups, batch.sources[s]);
  const auto rows = static_cast<int64_t>(c.ids.size());
  ASSERT_EQ(batch.row_offsets[s + 1] - batch.row_offsets[s], rows);
  ASSERT_EQ(batch.offsets[s + 1] - batch.offsets[s], static_cast<int64_t>(prompt.size()) + rows - 1);
  const int32_t* ids = batch.ids.const_data_ptr<int32_t>();
  EXPECT_TRUE(std::equal(prompt.begin(), prompt.end(), ids + batch.offsets[s]));
  for (int64_t t = 0; t < rows; ++t) {
    const auto at = static_cast<size_t>(t);
    const int64_t row = batch.row_offsets[s] + t, position = batch.rows.const_data_ptr<int64_t>()[row];
    EXPECT_EQ(position, batch.offsets[s] + static_cast<int64_t>(prompt.size()) + t - 1);
    EXPECT_EQ(ids[position], t == 0 ? prompt.back() : c.ids[at - 1]);
    EXPECT_EQ(batch.targets.const_data_ptr<int32_t>()[row], c.ids[at]);
    EXPECT_EQ(batch.old_log_probs.const_data_ptr<float>()[row], c.behavior_log_probs[at]);
    if (batch.ref_log_probs.defined()) {
      EXPECT_EQ(batch.ref_log_probs.const_data_ptr<float>()[row], c.behavior_log_probs[at] - 1);
    }
    if (batch.behavior_log_probs.defined()) {
      EXPECT_EQ(batch.behavior_log_probs.const_data_ptr<float>()[row], c.behavior_log_probs[at] - 2);
    }
    if (batch.advantages.defined()) {
      EXPECT_EQ(batch.advantages.const_data_ptr<float>()[row], static_cast<float>(c.advantage));
    }
    EXPECT_EQ(batch.temperatures.const_data_ptr<double>()[row],
              temperatures.empty() ? 1.0 : temperatures.at(static_cast<size_t>(batch.sources[s].group)));
    if (c.kept.empty() && !batch.kept_offsets.empty()) {
      EXPECT_EQ(batch.kept_offsets[static_cast<size_t>(row)], batch.kept_offsets[static_cast<size_t>(row) + 1]);
    }
    if (c.kept.empty()) continue;
    const auto kept = [](const std::vector<int32_t>& all, int64_t begin, int64_t end) {
      return std::vector<int32_t>(all.begin() + begin, all.begin() + end);
    };
    EXPECT_EQ(kept(batch.kept_ids, batch.kept_offsets[static_cast<size_t>(row)],
                   batch.kept_offsets[static_cast<size_t>(row) + 1]),
              kept(c.kept.ids, c.kept.offsets[at], c.kept.offsets[at + 1]));
  }
}

void expect_batch(const TrainBatch& batch, const std::vector<RolloutGroup>& groups,
                  const std::vector<double>& temperatures = {}) {
  const size_t sequences = batch.sources.size();
  ASSERT_EQ(batch.offsets.size(), sequences + 1);
  ASSERT_EQ(batch.row_offsets.size(), sequences + 1);
  ASSERT_EQ(batch.ids.numel(), batch.num_tokens());
  for (const at::Tensor& x : {batch.rows, batch.targets, batch.old_log_probs}) ASSERT_EQ(x.numel(), batch.num_rows());
  if (!batch.kept_offsets.empty()) {
    ASSERT_EQ(static_cast<int64_t>(batch.kept_offsets.size()), batch.num_rows() + 1);
  }
  for (size_t s = 0; s < sequences; ++s) expect_sequence(batch, s, groups, temperatures);
}

TrainBatch rollout_of(const std::vector<RolloutGroup>& groups, const std::vector<double>& temperatures = {}) {
  TrainBatch rollout = build_batch(groups, temperatures);
  rollout.ref_log_probs = rollout.old_log_probs.sub(1);
  rollout.behavior_log_probs = rollout.old_log_probs.sub(2);
  return rollout;
}

TEST(Batch, PacksEveryCompletionInOrder) {
  RandomStream random = test_stream(1);
  for (const bool kept : {false, true}) {
    const auto groups = random_groups({.kept = kept}, random);
    const TrainBatch batch = rollout_of(groups);
    ASSERT_EQ(batch.num_sequences(), 12);
    for (int64_t s = 0; s < 12; ++s) {
      EXPECT_EQ(batch.sources[static_cast<size_t>(s)].group, s / 4);
      EXPECT_EQ(batch.sources[static_cast<size_t>(s)].completion, s % 4);
    }
    EXPECT_EQ(batch.kept_offsets.empty(), !kept);
    expect_batch(batch, groups);
  }
}

TEST(Batch, SourcesDifferInTemperatureAndFilters) {
  RandomStream random = test_stream(1);
  auto groups = random_groups({.kept = true}, random);
  for (Completion& c : groups[1].completions) c.kept = {};
  const std::vector<double> temperatures = {0.3, 1.1, 2};
  compute_advantages(groups, {});
  const TrainBatch rollout = rollout_of(groups, temperatures);
  expect_batch(rollout, groups, temperatures);
  GrpoConfig config;
  config.num_minibatches = 3;
  for (const TrainBatch& batch : build_minibatches(rollout, groups, config, 6, test_stream(7))) {
    expect_batch(batch, groups, temperatures);
  }
}

TEST(Batch, OfNothing) {
  const TrainBatch batch = build_batch({});
  EXPECT_EQ(batch.num_tokens(), 0);
  EXPECT_TRUE(micro_batches(batch, 10).empty());
  EXPECT_TRUE(build_minibatches(batch, {}, {}, 8, test_stream(1)).empty());
}

TEST(Minibatches, PartitionTheRolloutEvenly) {
  RandomStream random = test_stream(2);
  for (const int64_t minibatches : {1, 2, 3, 5, 12, 40}) {
    auto groups = random_groups({.kept = true}, random);
    compute_advantages(groups, {});
    GrpoConfig config;
    config.num_minibatches = minibatches;
    const auto parts = build_minibatches(rollout_of(groups), groups, config, 6, test_stream(7));
    EXPECT_EQ(static_cast<int64_t>(parts.size()), std::min<int64_t>(minibatches, 12));
    std::set<std::pair<int64_t, int64_t>> seen;
    int64_t smallest = 12, largest = 0;
    for (const TrainBatch& part : parts) {
      expect_batch(part, groups);
      smallest = std::min(smallest, part.num_sequences()), largest = std::max(largest, part.num_sequences());
      for (const auto& source : part.sources) EXPECT_TRUE(seen.insert({source.group, source.completion}).second);
    }
    EXPECT_EQ(seen.size(), 12U);
    EXPECT_LE(largest - smallest, 1);
  }
}

TEST(Minibatches, AreAFunctionOfTheStream) {
  RandomStream random = test_stream(3);
  const auto groups = random_groups({}, random);
  GrpoConfig config;
  config.num_minibatches = 2;
  const auto first = [&](uint64_t iteration) {
    const auto part = build_minibatches(build_batch(groups), groups, config, 6,
                                        {9, RandomPurpose::kMinibatches, {1, 2, iteration}})[0];
    std::set<std::pair<int64_t, int64_t>> sources;
    for (const auto& source : part.sources) sources.insert({source.group, source.completion});
    return sources;
  };
  EXPECT_EQ(first(0), first(0));
  // All 924 halves of 12 are equally likely: 60 iterations give nearly as many different ones, and each completion is
  // in about half of them (standard deviation 3.9).
  std::set<std::set<std::pair<int64_t, int64_t>>> different;
  std::vector<int> times(12);
  for (uint64_t iteration = 0; iteration < 60; ++iteration) {
    different.insert(first(iteration));
    for (const auto& [g, c] : first(iteration)) ++times[static_cast<size_t>(4 * g + c)];
  }
  EXPECT_GT(different.size(), 50U);
  for (const int n : times) EXPECT_NEAR(n, 30, 16);
}

/// The weight of each token by the formulas of each paper, from the records.
double expected_weight(const Completion& c, const GrpoConfig& config, const std::vector<const Completion*>& minibatch,
                       const std::vector<RolloutGroup>& groups, double minibatches) {
  const auto tokens = [&](const Completion& x) {
    const bool masked = config.mask_truncated_completions && x.finish_reason == FinishReason::kLength;
    return masked ? 0.0 : static_cast<double>(x.ids.size());
  };
  double of_minibatch = 0, of_rollout = 0;
  for (const Completion* x : minibatch) of_minibatch += tokens(*x);
  for (const RolloutGroup& group : groups)
    for (const Completion& x : group.completions) of_rollout += tokens(x);
  const auto sequences = static_cast<double>(minibatch.size());
  if (config.loss_type == LossType::kGrpo) return 1 / sequences / tokens(c);
  if (config.loss_type == LossType::kDrGrpo) return 1 / sequences / 9;
  return config.loss_type == LossType::kBnpo ? 1 / of_minibatch : minibatches / of_rollout;
}

TEST(Minibatches, WeightsFollowTheirFormulas) {
  RandomStream random = test_stream(4);
  for (const LossType loss_type :
       {LossType::kGrpo, LossType::kDapo, LossType::kDrGrpo, LossType::kBnpo, LossType::kCispo}) {
    for (const bool mask : {false, true}) {
      for (const int64_t minibatches : {1, 3}) {
        const auto groups = random_groups({}, random);
        GrpoConfig config;
        config.loss_type = loss_type, config.mask_truncated_completions = mask, config.num_minibatches = minibatches;
        GrpoConfig unmasked = config;  // the same split, with the completions that the mask leaves out
        unmasked.mask_truncated_completions = false;
        const auto parts = build_minibatches(build_batch(groups), groups, config, 9, test_stream(5));
        const auto all = build_minibatches(build_batch(groups), groups, unmasked, 9, test_stream(5));
        ASSERT_EQ(parts.size(), all.size());
        for (size_t m = 0; m < parts.size(); ++m) {
          std::vector<const Completion*> picks;
          for (const auto& source : all[m].sources) picks.push_back(&completion_of(groups, source));
          const auto masked = std::count_if(picks.begin(), picks.end(), [&](const Completion* c) {
            return mask && c->finish_reason == FinishReason::kLength;
          });
          ASSERT_EQ(parts[m].num_sequences(), static_cast<int64_t>(picks.size()) - masked);
          const std::vector<double> weights = values_of(parts[m].weights);
          for (size_t s = 0; s < parts[m].sources.size(); ++s) {
            const double expected = expected_weight(completion_of(groups, parts[m].sources[s]), config, picks, groups,
                                                    static_cast<double>(minibatches));
            for (auto row = parts[m].row_offsets[s]; row < parts[m].row_offsets[s + 1]; ++row)
              EXPECT_NEAR(weights[static_cast<size_t>(row)], expected, 1e-7 * expected);
          }
        }
      }
    }
  }
}

TEST(Minibatches, MayBeEmptyWhenEverythingIsMasked) {
  RandomStream random = test_stream(6);
  auto groups = random_groups({}, random);
  for (RolloutGroup& group : groups)
    for (Completion& c : group.completions) c.finish_reason = FinishReason::kLength;
  for (const LossType loss_type : {LossType::kGrpo, LossType::kDapo, LossType::kDrGrpo, LossType::kBnpo}) {
    GrpoConfig config;
    config.mask_truncated_completions = true, config.num_minibatches = 2, config.loss_type = loss_type;
    const auto parts = build_minibatches(build_batch(groups), groups, config, 6, test_stream(1));
    ASSERT_EQ(parts.size(), 2U);
    for (const TrainBatch& part : parts) {
      EXPECT_EQ(part.num_sequences(), 0);
      EXPECT_TRUE(micro_batches(part, 100).empty());
    }
  }
}

TEST(Minibatches, LeaveCompletionsWithoutTokensOut) {
  RandomStream random = test_stream(7);
  auto groups = random_groups({}, random);
  groups[1].completions[2].ids.clear();
  groups[1].completions[2].behavior_log_probs.clear();
  const TrainBatch rollout = build_batch(groups);
  EXPECT_EQ(rollout.num_sequences(), 12);
  const auto parts = build_minibatches(rollout, groups, {}, 6, test_stream(1));
  EXPECT_EQ(parts.at(0).num_sequences(), 11);
  expect_batch(parts.at(0), groups);
}

TEST(MicroBatches, AreConsecutiveRangesAsFullAsTheyMayBe) {
  RandomStream random = test_stream(8);
  for (const int64_t limit : {1, 5, 7, 13, 40, 1000}) {
    auto groups = random_groups({.kept = true}, random);
    compute_advantages(groups, {});
    const TrainBatch batch = build_minibatches(rollout_of(groups), groups, {}, 6, test_stream(2)).at(0);
    const auto length = [&](int64_t begin, int64_t end) {
      return batch.offsets[static_cast<size_t>(end)] - batch.offsets[static_cast<size_t>(begin)];
    };
    int64_t next = 0;
    for (const SequenceRange range : micro_batches(batch, limit)) {
      ASSERT_EQ(range.begin, next);
      ASSERT_GT(range.end, range.begin);
      EXPECT_TRUE(length(range.begin, range.end) <= limit || range.end == range.begin + 1);
      if (range.end < batch.num_sequences()) {
        EXPECT_GT(length(range.begin, range.end + 1), limit);
      }
      const TrainBatch part = slice(batch, range);
      EXPECT_EQ(part.num_sequences(), range.end - range.begin);
      expect_batch(part, groups);
      next = range.end;
    }
    EXPECT_EQ(next, batch.num_sequences());
  }
}

}  // namespace
}  // namespace hone::algo
