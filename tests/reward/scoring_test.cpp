// Scoring beside generation: the same numbers, and begun before the last completion is there.
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "core/faults.h"
#include "reward/judging.h"

namespace hone {
namespace {

namespace fs = std::filesystem;

// Leaves a file of the completion's name behind; "bad" is worth nothing.
constexpr const char* kProgram = R"(
while IFS= read -r line; do
  name=${line#*\"completion\":\"}; : > "$1/${name%%\"*}"
  case "$line" in 
    *'"completion":"bad"'*) echo '{"reward": 0, "verdict": "wrong"}' ;;
    *) echo '{"reward": 1, "verdict": "right"}' ;;
  esac
done
)";

class ScoringTest : public testing::Test {
 protected:
  ScoringTest() { std::ofstream(folder_ / "program") << kProgram; }

  std::vector<RewardConfig> configs(int64_t jobs) const {
    return {config(CommandReward{{"sh", (folder_ / "program").string(), folder_.path().string()}, jobs}, 2.0),
            config(SoftOverlongReward{.cache = 90}), config(LengthReward{.of = "command"})};
  }
  static std::vector<RolloutGroup> groups() {
    std::vector<RolloutGroup> all(3);
    for (RolloutGroup& group : all) {
      group.prompt = prompt("{}");
      for (const char* text : {"good", "bad", "fine"}) {
        group.completions.push_back(completion(text, FinishReason::kStop, 20 * group.completions.size() + 10));
      }
    }
    return all;
  }
  static std::vector<std::vector<std::optional<double>>> parts(const std::vector<RolloutGroup>& all) {
    std::vector<std::vector<std::optional<double>>> out;
    for (const RolloutGroup& group : all) {
      for (const Completion& c : group.completions) out.push_back(c.reward_parts);
    }
    return out;
  }
  bool appears(const std::string& name) const {
    for (int i = 0; i < 2000; ++i) {
      if (fs::exists(folder_ / name)) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  const test::TempFolder folder_;
};

TEST_F(ScoringTest, WaitingRewardsBeginBeforeTheEnd) {
  const RewardSet rewards(configs(1), 100);
  auto all = groups();
  Scoring scoring(rewards);
  scoring.add(all[0].prompt, all[0].completions[0]);
  EXPECT_TRUE(appears("good"));
  EXPECT_FALSE(fs::exists(folder_ / "bad"));
  for (size_t i = 1; i < 9; ++i) scoring.add(all[i / 3].prompt, all[i / 3].completions[i % 3]);
  scoring.finish(all);
  EXPECT_EQ(all[0].completions[0].reward_parts.at(0), 1.0);
  EXPECT_EQ(all[0].completions[1].reward_parts.at(0), 0.0);
}

TEST_F(ScoringTest, GivesTheNumbersOfJudge) {
  for (const int64_t jobs : {1, 4}) {
    const RewardSet rewards(configs(jobs), 100);
    auto all = groups();
    rewards.score(all);
    for (const RolloutGroup& group : all) {
      const auto judged = rewards.judge(group.prompt, group.completions);
      for (size_t c = 0; c < group.completions.size(); ++c) {
        double sum = 0;
        for (size_t r = 0; r < 3; ++r) {
          EXPECT_EQ(group.completions[c].reward_parts.at(r), judged[c][r].value);
          sum += (r == 0 ? 2.0 : 1.0) * judged[c][r].value.value();
        }
        EXPECT_EQ(group.completions[c].reward, sum);
      }
    }
    // In whatever order the completions end.
    auto backwards = groups();
    {
      Scoring scoring(rewards);
      for (size_t i = 9; i-- > 0;) scoring.add(backwards[i / 3].prompt, backwards[i / 3].completions[i % 3]);
      scoring.finish(backwards);
    }
    EXPECT_EQ(parts(backwards), parts(all));
  }
}

TEST_F(ScoringTest, WithoutAnEndItLeavesTheRestOut) {
  const RewardSet rewards(configs(1), 100);
  std::vector<RolloutGroup> all(1);
  all[0].prompt = prompt("{}");
  for (int i = 0; i < 500; ++i) all[0].completions.push_back(completion(std::to_string(i)));
  {
    Scoring scoring(rewards);
    for (const Completion& c : all[0].completions) scoring.add(all[0].prompt, c);
    EXPECT_TRUE(appears("0"));
  }
  EXPECT_FALSE(fs::exists(folder_ / "499"));
}

}  // namespace
}  // namespace hone
