#include "hone/checkpoint/checkpoint.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "checkpoint/states.h"
#include "core/faults.h"
#include "hone/core/error.h"
#include "hone/core/random.h"

namespace hone {
namespace {

namespace fs = std::filesystem;
using test::expect_state_of;
using test::newest_step;
using test::state_at;
using test::TempFolder;

using Steps = std::vector<int64_t>;

TEST(Checkpoint, ComesBackBitForBit) {
  const TempFolder folder;
  const std::map<std::string, std::string> info = {{"config_sha256", "abc"}, {"version", "0.1"}};
  CheckpointStore(folder / "deep" / "checkpoints", 2).save(120, state_at(120), info);
  const LoadResult result = CheckpointStore(folder / "deep" / "checkpoints", 2).load_newest();
  ASSERT_TRUE(result.checkpoint);
  EXPECT_TRUE(result.refused.empty());
  expect_state_of(*result.checkpoint, 120);
  EXPECT_EQ(result.checkpoint->info, info);
  EXPECT_EQ(read_file(folder / "deep" / "checkpoints" / "latest", 100), "step-000120\n");
}

TEST(Checkpoint, EveryDoubleAndIntegerComesBack) {
  const TempFolder folder;
  CheckpointStore store(folder.path(), 2);
  State state;
  RandomStream random(1, RandomPurpose::kTest);
  std::vector<double> doubles = {
      0.0, -0.0, 1.0, 1e300, 5e-324, std::nan("7"), -std::numeric_limits<double>::infinity()};
  for (uint64_t i = 0; i < 2000; ++i) {
    const auto words = random.words(i);
    doubles.push_back(std::bit_cast<double>(uint64_t{words[0]} << 32 | words[1]));
  }
  for (size_t i = 0; i < doubles.size(); ++i) state.scalars[fmt::format("double.{}", i)] = doubles[i];
  state.scalars["smallest"] = std::numeric_limits<int64_t>::min();
  state.scalars["largest"] = std::numeric_limits<int64_t>::max();
  store.save(1, state);
  const State loaded = store.load_newest().checkpoint->state;
  EXPECT_EQ(loaded.scalars.size(), state.scalars.size());
  for (size_t i = 0; i < doubles.size(); ++i) {
    EXPECT_EQ(std::bit_cast<uint64_t>(loaded.number(fmt::format("double.{}", i))), std::bit_cast<uint64_t>(doubles[i]));
  }
  EXPECT_EQ(loaded.integer("smallest"), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(loaded.integer("largest"), std::numeric_limits<int64_t>::max());
}

TEST(Checkpoint, LoadedTensorsAreTheirOwn) {
  const TempFolder folder;
  CheckpointStore store(folder.path(), 2);
  store.save(3, state_at(3));
  store.load_newest().checkpoint->state.tensor("model.weight").fill_(0);
  EXPECT_EQ(newest_step(folder.path()), 3);
}

TEST(Checkpoint, EqualStatesHaveEqualFiles) {
  const TempFolder a, b;
  CheckpointStore(a.path(), 2).save(5, state_at(5));
  State reversed = state_at(5);
  std::swap(reversed.tensors[0], reversed.tensors[1]);
  CheckpointStore(b.path(), 2).save(5, reversed);
  for (const char* const name : {"manifest.json", "scalars.json", "state-00000-of-00001.safetensors"}) {
    EXPECT_EQ(read_file(a / "step-000005" / name, 1 << 20), read_file(b / "step-000005" / name, 1 << 20)) << name;
  }
}

TEST(Checkpoint, AbsentOrMistypedEntriesAreNamed) {
  const State state = state_at(1);
  EXPECT_EQ(state.integer("step"), 1);
  EXPECT_FALSE(state.boolean("done"));
  EXPECT_EQ(state.text("leftover"), "quote \" and ü\n");
  const auto message = [](const auto& body) {
    try {
      body();
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_NE(message([&] { state.integer("absent"); }).find("'absent'"), std::string::npos);
  EXPECT_NE(message([&] { state.integer("rate"); }).find("'rate'"), std::string::npos);
  EXPECT_NE(message([&] { state.tensor("absent"); }).find("'absent'"), std::string::npos);
}

TEST(Checkpoint, NothingIsFoundInAnEmptyFolder) {
  const TempFolder folder;
  CheckpointStore store(folder.path(), 2);
  const LoadResult result = store.load_newest();
  EXPECT_FALSE(result.checkpoint);
  EXPECT_TRUE(result.refused.empty());
}

TEST(Checkpoint, RetentionKeepsTheNewest) {
  for (const int64_t keep : {2, 3}) {
    const TempFolder folder;
    CheckpointStore store(folder.path(), keep);
    for (int64_t step = 0; step <= 50; step += 10) {
      store.save(step, state_at(step));
      Steps expected;
      for (int64_t kept = std::max<int64_t>(0, step - 10 * (keep - 1)); kept <= step; kept += 10)
        expected.push_back(kept);
      EXPECT_EQ(store.steps(), expected);
    }
  }
  const TempFolder folder;
  EXPECT_THROW(CheckpointStore(folder.path(), 1), Error);
}

TEST(Checkpoint, OtherNamesAreNotSteps) {
  const TempFolder folder;
  CheckpointStore store(folder.path(), 2);
  store.save(7, state_at(7));
  for (const char* const name :
       {"step-7", "step-0000070", "step-00007x", "step-", "step--00001", ".tmp-step-000009-1-0"}) {
    fs::create_directory(folder / name);
  }
  std::ofstream(folder / "step-000008") << "a file";
  EXPECT_EQ(store.steps(), Steps{7});
  store.save(12345678, state_at(12345678));
  EXPECT_EQ(store.steps(), (Steps{7, 12345678}));
  EXPECT_EQ(newest_step(folder.path()), 12345678);
}

TEST(Checkpoint, SameStepIsReplaced) {
  const TempFolder folder;
  CheckpointStore store(folder.path(), 2);
  store.save(1, state_at(1));
  State other = state_at(2);
  store.save(2, other, {{"which", "first"}});
  store.save(2, other, {{"which", "second"}});
  EXPECT_EQ(store.load_newest().checkpoint->info.at("which"), "second");
  EXPECT_EQ(store.steps(), (Steps{1, 2}));
}

void damage(const fs::path& file) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  const int byte = stream.get();
  stream.seekp(0);
  stream.put(static_cast<char>(byte ^ 1));
}

TEST(Checkpoint, DamagedOnesAreNamedAndDoNotCountAsKept) {
  const TempFolder folder;
  {
    CheckpointStore store(folder.path(), 3);
    for (const int64_t step : {10, 20, 30}) store.save(step, state_at(step));
  }
  damage(folder / "step-000030" / "scalars.json");
  fs::remove(folder / "step-000020" / "manifest.json");
  CheckpointStore store(folder.path(), 2);
  const LoadResult result = store.load_newest();
  ASSERT_TRUE(result.checkpoint);
  expect_state_of(*result.checkpoint, 10);
  ASSERT_EQ(result.refused.size(), 2U);
  EXPECT_NE(result.refused[0].find("step-000030"), std::string::npos);
  EXPECT_NE(result.refused[0].find("scalars.json"), std::string::npos);
  EXPECT_NE(result.refused[1].find("manifest.json: cannot open: No such file"), std::string::npos) << result.refused[1];

  store.save(15, state_at(15));
  EXPECT_EQ(store.steps(), (Steps{10, 15, 20, 30}));  // two valid ones: nothing may go
  EXPECT_EQ(newest_step(folder.path()), 15);
  store.save(20, state_at(20));  // takes the place of a damaged one
  EXPECT_EQ(store.steps(), (Steps{15, 20, 30}));
  store.save(30, state_at(30));
  EXPECT_EQ(store.steps(), (Steps{20, 30}));
  EXPECT_EQ(newest_step(folder.path()), 30);
}

TEST(Checkpoint, AllDamagedIsNothingButSaysSo) {
  const TempFolder folder;
  CheckpointStore store(folder.path(), 2);
  store.save(1, state_at(1));
  store.save(2, state_at(2));
  for (const char* const step : {"step-000001", "step-000002"}) fs::resize_file(folder / step / "scalars.json", 0);
  const LoadResult result = store.load_newest();
  EXPECT_FALSE(result.checkpoint);
  EXPECT_EQ(result.refused.size(), 2U);
}

TEST(Checkpoint, UnsavableTextFailsBeforeTheCommit) {
  const TempFolder folder;
  CheckpointStore store(folder.path(), 2);
  store.save(1, state_at(1));
  State state = state_at(2);
  state.scalars["bytes"] = std::string("\xff");
  EXPECT_THROW(store.save(2, state), Error);
  EXPECT_EQ(newest_step(folder.path()), 1);
  EXPECT_EQ(store.steps(), Steps{1});
}

}  // namespace
}  // namespace hone
