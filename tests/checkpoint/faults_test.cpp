// What must survive while a checkpoint is saved: deaths, failing disks, power cuts, damage afterwards.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "checkpoint/states.h"
#include "core/faults.h"
#include "hone/core/error.h"
#include "hone/core/fail_point.h"
#include "hone/core/random.h"

namespace hone {
namespace {

namespace fs = std::filesystem;
using test::ChildEnd;
using test::in_child;
using test::newest_step;
using test::state_at;
using test::TempFolder;

/// Steps 1 and 2 are there; the tests disturb the save of step 3, which removes step 1 at its end.
void prepare(const fs::path& folder) {
  fs::remove_all(folder);
  CheckpointStore store(folder, 2);
  store.save(1, state_at(1));
  store.save(2, state_at(2));
}

void save_third(const fs::path& folder) {
  CheckpointStore(folder, 2).save(3, state_at(3));
}

/// What the next start does after any fault: clean up, load step 2 or 3, save again.
void expect_recovery(const fs::path& folder, int64_t at_least = 2) {
  CheckpointStore store(folder, 2);
  store.remove_leftovers();
  const int64_t found = newest_step(folder);
  EXPECT_TRUE(found >= at_least && found <= 3) << found;
  store.save(3, state_at(3));
  EXPECT_EQ(newest_step(folder), 3);
  EXPECT_EQ(store.steps(), (std::vector<int64_t>{found == 3 ? 2 : found, 3}));
  for (const auto& entry : fs::directory_iterator(folder)) {
    EXPECT_FALSE(entry.path().filename().string().starts_with(".tmp-")) << entry.path();
  }
}

TEST(CheckpointFaults, KillAtEachNamedPoint) {
  const TempFolder folder;
  const std::vector<std::string> before = {"checkpoint.begin", "checkpoint.before_sync", "checkpoint.before_sync:2",
                                           "checkpoint.before_manifest", "checkpoint.before_rename"};
  const std::vector<std::string> after = {"checkpoint.after_rename", "checkpoint.before_latest",
                                          "checkpoint.before_retention", "checkpoint.after_removal", "checkpoint.end"};
  for (const auto* const points : {&before, &after}) {
    for (const std::string& point : *points) {
      SCOPED_TRACE(point);
      prepare(folder / "c");
      const size_t name_end = point.find(':');
      const ChildEnd end = in_child([&] {
        arm_fail_point(point.substr(0, name_end) + ":kill" +
                       (name_end == std::string::npos ? "" : point.substr(name_end)));
        save_third(folder / "c");
      });
      ASSERT_EQ(end, ChildEnd::kKilled);
      EXPECT_EQ(newest_step(folder / "c"), points == &before ? 2 : 3);
      expect_recovery(folder / "c");
    }
  }
}

TEST(CheckpointFaults, KillAtEachDurableCall) {
  const TempFolder folder;
  int calls = 0;
  for (;; ++calls) {
    prepare(folder / "c");
    const ChildEnd end = in_child([&] {
      arm_fail_point(fmt::format("durable:kill:{}", calls + 1));
      save_third(folder / "c");
    });
    expect_recovery(folder / "c");
    if (end == ChildEnd::kReturned) break;
    ASSERT_EQ(end, ChildEnd::kKilled);
  }
  EXPECT_GT(calls, 20);
}

TEST(CheckpointFaults, EachDurableCallFails) {
  const TempFolder folder;
  for (const char* const action : {"error", "full"}) {
    int calls = 0;
    for (;; ++calls) {
      prepare(folder / "c");
      CheckpointStore store(folder / "c", 2);
      arm_fail_point(fmt::format("durable:{}:{}", action, calls + 1));
      std::string message;
      try {
        store.save(3, state_at(3));
      } catch (const Error& error) {
        message = error.what();
        EXPECT_EQ(error.kind(), ErrorKind::kFailed);
      }
      if (!disarm_fail_point()) break;
      EXPECT_NE(message.find(folder / "c"), std::string::npos) << message;
      EXPECT_NE(message.find(std::string(action) == "full" ? "No space left" : "Input/output"), std::string::npos);
      EXPECT_GE(newest_step(folder / "c"), 2);
      store.save(3, state_at(3));  // the same process tries again, without a clean-up
      EXPECT_EQ(newest_step(folder / "c"), 3);
      expect_recovery(folder / "c");
    }
    EXPECT_GT(calls, 20);
  }
}

TEST(CheckpointFaults, ReplacingAStepSurvivesEachKill) {
  // Between the two renames of a replacement step 2 is absent: the one before it must be found.
  const TempFolder folder;
  for (int n = 1;; ++n) {
    prepare(folder / "c");
    const ChildEnd end = in_child([&] {
      arm_fail_point(fmt::format("durable:kill:{}", n));
      CheckpointStore(folder / "c", 2).save(2, state_at(2));
    });
    expect_recovery(folder / "c", 1);
    if (end == ChildEnd::kReturned) break;
    ASSERT_EQ(end, ChildEnd::kKilled);
  }
}

/// Follows the durable calls of a process, and undoes what a power cut may undo: files and names that were not synced.
class PowerCut {
 public:
  /// `lose_names`: renames that no fsync of the folder followed are undone too. Otherwise they reached the disk early,
  /// before the bytes that they name.
  explicit PowerCut(bool lose_names) : lose_names_(lose_names) {}

  void see(std::string_view call, const fs::path& path, const fs::path& target) {
    if (call == "open" || call == "write") {
      unsynced_.insert(path);
    } else if (call == "fsync") {
      unsynced_.erase(path);
      std::erase_if(renames_, [&](const auto& names) { return names.first.parent_path() == path; });
    } else if (call == "rename") {
      renames_.emplace_back(path, target);
      std::set<fs::path> moved;
      for (const fs::path& file : unsynced_) {
        const bool inside = file == path || file.parent_path() == path;
        moved.insert(!inside ? file : file == path ? target : target / file.filename());
      }
      unsynced_ = moved;
    }
  }

  void strike() const {
    for (const fs::path& file : unsynced_) {
      if (fs::is_regular_file(file)) fs::resize_file(file, 0);
    }
    if (!lose_names_) return;
    for (auto names = renames_.rbegin(); names != renames_.rend(); ++names) {
      std::error_code ignored;  // its target may have been removed since
      fs::rename(names->second, names->first, ignored);
    }
  }

 private:
  bool lose_names_;
  std::set<fs::path> unsynced_;
  std::vector<std::pair<fs::path, fs::path>> renames_;
};

TEST(CheckpointFaults, PowerCutAtEachDurableCall) {
  const TempFolder folder;
  for (const bool lose_names : {false, true}) {
    for (int n = 1;; ++n) {
      SCOPED_TRACE(n);
      prepare(folder / "c");
      const ChildEnd end = in_child([&] {
        PowerCut cut(lose_names);
        int calls = 0;
        observe_durable_calls([&](std::string_view call, const fs::path& path, const fs::path& target) {
          if (++calls == n) {
            cut.strike();
            std::raise(SIGKILL);
          }
          cut.see(call, path, target);
        });
        save_third(folder / "c");
      });
      expect_recovery(folder / "c");
      if (end == ChildEnd::kReturned) break;
      ASSERT_EQ(end, ChildEnd::kKilled);
    }
  }
}

TEST(CheckpointFaults, CommittedStepSurvivesAPowerCut) {
  // After save() has returned, losing all that was not synced must not cost the step.
  const TempFolder folder;
  for (const bool lose_names : {false, true}) {
    prepare(folder / "c");
    PowerCut cut(lose_names);
    observe_durable_calls(
        [&](std::string_view call, const fs::path& path, const fs::path& target) { cut.see(call, path, target); });
    save_third(folder / "c");
    observe_durable_calls({});
    cut.strike();
    EXPECT_EQ(newest_step(folder / "c"), 3);
  }
}

void expect_fallback(const fs::path& folder) {
  const LoadResult result = CheckpointStore(folder, 2).load_newest();
  ASSERT_TRUE(result.checkpoint);
  test::expect_state_of(*result.checkpoint, 1);
  ASSERT_EQ(result.refused.size(), 1U);
  EXPECT_NE(result.refused[0].find("step-000002"), std::string::npos) << result.refused[0];
}

TEST(CheckpointFaults, EveryFlippedBitIsFound) {
  const TempFolder folder;
  prepare(folder / "c");
  RandomStream random(1, RandomPurpose::kTest);
  int flips = 0;
  for (const auto& entry : fs::directory_iterator(folder / "c" / "step-000002")) {
    const std::string whole = read_file(entry.path(), 1 << 20);
    for (size_t at = 0; at < whole.size(); at += 1 + random.next_below(16)) {
      std::string flipped = whole;
      flipped[at] = static_cast<char>(static_cast<unsigned char>(flipped[at]) ^ (1U << random.next_below(8)));
      std::ofstream(entry.path(), std::ios::binary) << flipped;
      expect_fallback(folder / "c");
      ++flips;
    }
    std::ofstream(entry.path(), std::ios::binary) << whole;
    EXPECT_EQ(newest_step(folder / "c"), 2);
  }
  EXPECT_GT(flips, 200);
}

TEST(CheckpointFaults, EveryTruncationAndLossIsFound) {
  const TempFolder folder;
  prepare(folder / "c");
  for (const auto& entry : fs::directory_iterator(folder / "c" / "step-000002")) {
    const std::string whole = read_file(entry.path(), 1 << 20);
    for (size_t size = 0; size < whole.size(); size += 64) {
      std::ofstream(entry.path(), std::ios::binary) << whole.substr(0, size);
      expect_fallback(folder / "c");
    }
    std::ofstream(entry.path(), std::ios::binary) << whole + "x";
    expect_fallback(folder / "c");
    fs::remove(entry.path());
    expect_fallback(folder / "c");
    std::ofstream(entry.path(), std::ios::binary) << whole;
    EXPECT_EQ(newest_step(folder / "c"), 2);
  }
}

}  // namespace
}  // namespace hone
