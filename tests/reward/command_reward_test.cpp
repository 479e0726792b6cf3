// The program is a shell script in a file of its own, so that nothing but /bin/sh is needed.
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>

#include "core/faults.h"
#include "hone/core/error.h"
#include "hone/core/parallel.h"
#include "reward/judging.h"

namespace hone {
namespace {

// Reads a question, and answers as the completion says.
constexpr const char* kProgram = R"(
while IFS= read -r line; do
  case "$line" in
    *'"completion":"good"'*) echo '{"reward": 1, "verdict": "right"}' ;;
    *'"completion":"bad"'*) echo '{"reward": 0, "verdict": "wrong", "reason": "bad"}' ;;
    *'"completion":"half"'*) echo '{"reward": 0.5}' ;;
    *'"completion":"null"'*) echo '{"reward": null, "reason": "no gold"}' ;;
    *'"completion":"pid"'*) echo "{\"reward\": $$}" ;;
    *'"completion":"die"'*) exit 3 ;;
    *'"completion":"kill"'*) kill -9 $$ ;;
    *'"completion":"hang"'*) sleep 1000 ;;
    *'"completion":"drip"'*) while :; do printf x; sleep 0.02; done ;;
    *'"completion":"words"'*) echo 'one point' ;;
    *'"completion":"list"'*) echo '[1]' ;;
    *'"completion":"text"'*) echo '{"reward": "1"}' ;;
    *'"completion":"huge"'*) echo '{"reward": 1e999}' ;;
    *'"completion":"verdict"'*) echo '{"reward": 1, "verdict": "perfect"}' ;;
    *'"completion":"twice"'*) printf '{"reward": 1}\n{"reward": 1}\n' ;;
    *'"completion":"late"'*) echo '{"reward": 1}'; (sleep 0.2; echo '{"reward": 7}') ;;
    *'"record":{"answer":"gold"}'*'"completion":'*) echo '{"reward": -1}' ;;
    *) echo '{"reward": '${#line}'}' ;;
  esac
done
)";

class CommandRewardTest : public testing::Test {
 protected:
  CommandRewardTest() { std::ofstream(folder_ / "program") << kProgram; }

  RewardSet rewards(int64_t jobs = 1, double timeout = 20) const {
    return RewardSet({config(CommandReward{{"sh", (folder_ / "program").string()}, jobs, timeout})}, 100);
  }
  static RewardResult ask(const RewardSet& set, const std::string& text) {
    return set.judge(prompt(R"({"answer":"七"})"), completion(text)).at(0);
  }

  const test::TempFolder folder_;
};

TEST_F(CommandRewardTest, SaysWhatTheProgramSays) {
  const RewardSet set = rewards();
  for (int again = 0; again < 3; ++again) {
    EXPECT_EQ(ask(set, "good"), (RewardResult{1.0, Verdict::kRight}));
    EXPECT_EQ(ask(set, "bad"), (RewardResult{0.0, Verdict::kWrong, "bad"}));
    EXPECT_EQ(ask(set, "half"), (RewardResult{0.5}));
    EXPECT_EQ(ask(set, "null"), (RewardResult{std::nullopt, Verdict::kUnusable, "no gold"}));
  }
  const std::string question =
      R"({"prompt":"","completion":"ééé","finish_reason":"stop","tokens":10,"record":{"answer":"七"}})";
  const double got = ask(set, "ééé").value.value();  // sh counts bytes or characters, by the locale
  EXPECT_TRUE(got == static_cast<double>(question.size()) || got == static_cast<double>(question.size() - 5)) << got;
  EXPECT_EQ(ask(set, "pid"), ask(set, "pid")) << "one process for all";
}

TEST_F(CommandRewardTest, StartsAgainAfterEveryFailure) {
  const RewardSet set = rewards();
  const std::pair<const char*, const char*> failures[] = {
      {"die", "ended with exit code 3"}, {"kill", "ended by signal 9"},   {"words", "is no answer"},
      {"list", "is no answer"},          {"text", "is no answer"},        {"huge", "is no answer"},
      {"verdict", "is no answer"},       {"twice", "more than one line"},
  };
  for (const auto& [text, reason] : failures) {
    const RewardResult r = ask(set, text);
    EXPECT_EQ(r.value, std::nullopt) << text;
    EXPECT_EQ(r.verdict, Verdict::kUnusable) << text;
    EXPECT_NE(r.reason.find(reason), std::string::npos) << text << ": " << r.reason;
    EXPECT_EQ(ask(set, "half").value, 0.5) << "after " << text;
  }
  // An unasked line never becomes the answer to another question.
  EXPECT_EQ(ask(set, "late").value, 1.0);
  std::this_thread::sleep_for(std::chrono::milliseconds(600));
  EXPECT_EQ(ask(set, "half").value, 0.5);
}

TEST_F(CommandRewardTest, EndsWhatTakesTooLong) {
  const RewardSet set = rewards(1, 0.3);
  for (const char* text : {"hang", "drip"}) {
    const auto begin = std::chrono::steady_clock::now();
    const RewardResult r = ask(set, text);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
    EXPECT_EQ(r, (RewardResult{std::nullopt, Verdict::kUnusable, "no answer within 0.3 s"}));
  }
}

TEST_F(CommandRewardTest, TakesLongQuestionsAndIsNeverStuck) {
  const RewardSet set = rewards(1, 60);
  EXPECT_GT(ask(set, std::string(3'000'000, 'a')).value.value(), 3'000'000);
  // A program that reads nothing, or ends at once.
  for (const std::vector<std::string>& argv : {std::vector<std::string>{"sleep", "1000"}, {"true"}, {"false"}}) {
    const RewardSet deaf({config(CommandReward{argv, 1, 0.3})}, 100);
    for (const size_t size : {10, 3'000'000}) {
      EXPECT_EQ(ask(deaf, std::string(size, 'a')).verdict, Verdict::kUnusable) << argv[0];
    }
  }
}

TEST_F(CommandRewardTest, ANewProcessDecidesWhereAnOldOneHasEnded) {
  std::ofstream(folder_ / "once") << "read -r line; echo '{\"reward\": 4}'";
  const RewardSet set({config(CommandReward{{"sh", (folder_ / "once").string()}, 1, 20})}, 100);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(ask(set, "a").value, 4.0) << i;
}

TEST_F(CommandRewardTest, JudgesSideBySide) {
  const RewardSet set = rewards(4);
  std::vector<RolloutGroup> groups(10);
  const std::vector<std::string> texts = {"good", "bad", "half", "die", "null", "words"};
  for (RolloutGroup& group : groups) {
    for (const std::string& text : texts) group.completions.push_back(completion(text));
  }
  set.score(groups);
  using Parts = std::vector<std::optional<double>>;
  const Parts expected = {1.0, 0.0, 0.5, std::nullopt, std::nullopt, std::nullopt};
  for (const RolloutGroup& group : groups) {
    for (size_t i = 0; i < texts.size(); ++i)
      EXPECT_EQ(group.completions[i].reward_parts, Parts{expected[i]}) << texts[i];
  }
  // More threads than processes take turns.
  std::vector<RewardResult> results(40);
  parallel_for(results.size(), 8, [&](size_t i) { results[i] = ask(set, "half"); });
  for (const RewardResult& r : results) EXPECT_EQ(r.value, 0.5);
}

TEST_F(CommandRewardTest, RefusesAProgramThatIsNotThere) {
  for (const std::vector<std::string>& argv : {std::vector<std::string>{},
                                               {""},
                                               {"no_such_program_anywhere"},
                                               {"/no/such/program"},
                                               {folder_.path().string()}}) {
    EXPECT_THROW(RewardSet({config(CommandReward{argv})}, 100), Error);
  }
}

}  // namespace
}  // namespace hone
