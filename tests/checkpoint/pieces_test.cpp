// Checkpoints that several ranks write together: read by any number of them, and whole or not there at all.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>

#include "checkpoint/states.h"
#include "dist/ranks.h"
#include "hone/core/error.h"
#include "hone/core/fail_point.h"

namespace hone {
namespace {

namespace fs = std::filesystem;
using test::run_ranks;
using test::TempFolder;

constexpr int64_t kLength = 1000;

at::Tensor long_vector(int64_t step) {
  return at::arange(step, step + kLength, at::kFloat).mul(0.01);
}

// Every rank's share of a vector, in two pieces of which the second comes first; beside them what states.h has.
State state_of(const dist::ProcessGroup& ranks, int64_t step) {
  State state = test::state_at(step);
  const int64_t begin = kLength * ranks.rank() / ranks.size(), end = kLength * (ranks.rank() + 1) / ranks.size();
  const int64_t middle = (begin + end) / 2;
  state.pieces = {{"long", middle, long_vector(step).narrow(0, middle, end - middle)},
                  {"long", begin, long_vector(step).narrow(0, begin, middle - begin)}};
  return state;
}

void save_on(int64_t size, const fs::path& folder, const std::vector<int64_t>& steps,
             const std::string& expected = "saved") {
  const auto results = run_ranks(size, [&](dist::ProcessGroup& ranks) {
    CheckpointStore store(folder, 2, ranks);
    for (const int64_t step : steps) store.save(step, state_of(ranks, step));
    return std::string("saved");
  });
  for (const std::string& result : results) EXPECT_EQ(result.substr(0, expected.size()), expected) << result;
}

TEST(Pieces, AreReadFromAnyPlace) {
  for (const int64_t size : {2, 3, 4}) {
    const TempFolder folder;
    save_on(size, folder.path(), {1, 2});
    const LoadResult loaded = CheckpointStore(folder.path(), 2).load_newest();
    ASSERT_TRUE(loaded.checkpoint.has_value());
    test::expect_state_of(*loaded.checkpoint, 2);
    const State& state = loaded.checkpoint->state;
    EXPECT_EQ(state.elements("long"), kLength);
    for (const auto& [begin, count] :
         std::vector<std::pair<int64_t, int64_t>>{{0, kLength}, {0, 1}, {333, 2}, {490, 20}, {999, 1}}) {
      const at::Tensor part = at::zeros({count});
      state.read("long", begin, part);
      EXPECT_TRUE(at::equal(part, long_vector(2).narrow(0, begin, count))) << begin;
    }
    EXPECT_THROW(state.read("long", kLength - 1, at::zeros({2})), Error);
    EXPECT_THROW(state.read("short", 0, at::zeros({1})), Error);
  }
}

TEST(Pieces, OneDamagedFileDamagesTheStep) {
  for (const char* name : {"state-00000-of-00003.safetensors", "state-00002-of-00003.safetensors"}) {
    const TempFolder folder;
    save_on(3, folder.path(), {1, 2});
    const fs::path file = folder.path() / "step-000002" / name;
    std::fstream(file, std::ios::in | std::ios::out | std::ios::binary).seekp(-1, std::ios::end).put('x');
    const LoadResult loaded = CheckpointStore(folder.path(), 2).load_newest();
    EXPECT_EQ(loaded.checkpoint.value().step, 1);
    EXPECT_EQ(loaded.refused.size(), 1U);
  }
}

// The n-th durable call of one rank fails, for every n: all ranks say so, and step 1 or step 2 is there and sound.
TEST(Pieces, AFailureOnOneRankIsEverybodys) {
  for (const int64_t bad : {0, 1}) {
    for (int n = 1; n <= 40; ++n) {
      const TempFolder folder;
      save_on(2, folder.path(), {1});
      const auto results = run_ranks(2, [&](dist::ProcessGroup& ranks) {
        CheckpointStore store(folder.path(), 2, ranks);
        if (ranks.rank() == bad) arm_fail_point("durable:error:" + std::to_string(n));
        try {
          store.save(2, state_of(ranks, 2));
        } catch (const Error& error) {
          disarm_fail_point();
          store.save(3, state_of(ranks, 3));  // once more
          return std::string("failed");
        }
        return std::string(ranks.rank() == bad && disarm_fail_point() ? "failed later" : "saved");
      });
      const int64_t newest = CheckpointStore(folder.path(), 2).load_newest().checkpoint.value().step;
      EXPECT_EQ(results[0] == "failed", results[1] == "failed") << "call " << n << " of rank " << bad;
      EXPECT_EQ(newest, results[0] == "failed" ? 3 : 2);
      if (results[0] == "saved" && results[1] == "saved") break;
      EXPECT_LT(n, 40) << "the fail point never ran out";
    }
  }
}

// Rank 1 dies in the middle: the checkpoint before is the newest, and the next save works.
TEST(Pieces, ARankThatDiesLeavesTheCheckpointBefore) {
  const TempFolder folder;
  save_on(2, folder.path(), {1});
  const auto results = run_ranks(2, [&](dist::ProcessGroup& ranks) {
    CheckpointStore store(folder.path(), 2, ranks);
    if (ranks.rank() == 1) arm_fail_point("checkpoint.before_sync:kill");
    store.save(2, state_of(ranks, 2));
    return std::string("saved");
  });
  EXPECT_EQ(results[0].substr(0, 6), "error:") << results[0];
  EXPECT_EQ(results[1], "");
  EXPECT_EQ(CheckpointStore(folder.path(), 2).load_newest().checkpoint.value().step, 1);
  save_on(2, folder.path(), {2});
  EXPECT_EQ(CheckpointStore(folder.path(), 2).load_newest().checkpoint.value().step, 2);
}

}  // namespace
}  // namespace hone
