// Rewards: what a completion is worth.
//
// A reward is a pure function of a prompt's record and a completion: the same bytes give the same number, for any
// bytes, and it may be called from several threads. It says `unusable` where it could not judge (no gold answer, say);
// that part is then left out, never counted as 0. A new type is a struct in reward/config.h and an overload of
// `make_reward` (src/reward/make_reward.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "hone/core/error.h"
#include "hone/data/records.h"
#include "hone/reward/config.h"

namespace hone {

enum class Verdict { kNone, kRight, kWrong, kUnusable };
/// "none" (a graded reward), "right", "wrong", "unusable".
std::string_view to_string(Verdict verdict);

struct RewardResult {
  std::optional<double> value;  ///< nothing when unusable
  Verdict verdict = Verdict::kNone;
  std::string reason{};  ///< why, for people: "no answer block"
  std::string answer{};  ///< what was compared with the gold, where the reward reads an answer (see same_answer)
  bool operator==(const RewardResult&) const = default;
};

using RewardFunction = std::function<RewardResult(const Prompt& prompt, const Completion& completion)>;

/// A reward that needs the verdicts of another one, or all completions of a prompt at once.
struct GroupReward {
  /// Gives one result per completion; `judged` holds the other reward's.
  using Function = std::function<std::vector<RewardResult>(
      const Prompt& prompt, std::span<const Completion> completions, std::span<const RewardResult> judged)>;
  std::string of;  ///< the other reward: its name in the list, or a type
  Function function;
};

/// The rewards of a stage, in the order of the config.
class RewardSet {
 public:
  /// `max_completion_length` in tokens is the length limit where a reward has none of its own. Throws Error kInput for
  /// two rewards of one name and for parameters that contradict each other.
  RewardSet(const std::vector<RewardConfig>& configs, std::optional<int64_t> max_completion_length);

  /// One result per reward, for a completion that is a group by itself.
  std::vector<RewardResult> judge(const Prompt& prompt, const Completion& completion) const;
  /// One list of results per completion.
  std::vector<std::vector<RewardResult>> judge(const Prompt& prompt, std::span<const Completion> completions) const;
  /// Fills Completion::reward_parts and Completion::reward, the weighted sum of the usable parts. See Scoring.
  void score(std::vector<RolloutGroup>& groups) const;

  /// Looks at a record before anything is sampled: for each reward why it can judge no completion of it ("the record
  /// has no answer"), nothing where it can or where only a completion tells. No program runs, no model works.
  std::vector<std::optional<std::string>> record_problems(const Prompt& prompt) const;

  /// The names in metrics: rewards/NAME/mean.
  const std::vector<std::string>& names() const { return names_; }
  /// The most that any of the rewards needs to know of a completion's tokens.
  TokenNeed token_need() const { return token_need_; }

 private:
  friend class Scoring;
  using Row = std::vector<RewardResult>;  // one per function
  struct Entry {
    std::variant<RewardFunction, GroupReward> function;
    std::vector<std::string> sources{};  // of RewardConfig
    bool waits = false;                  // for a program or a service: it has `jobs`
    size_t of = 0;                       // of a group's: the function that it builds on
  };
  void add(const RewardConfig& config, std::optional<int64_t> max_completion_length);
  /// Fills in the functions of single completions that wait, or those that do not.
  void judge_alone(const Prompt& prompt, const Completion& completion, bool waits, Row& row) const;
  void judge_together(const Prompt& prompt, std::span<const Completion> completions, std::span<Row> rows) const;

  std::vector<RewardConfig> configs_;
  std::vector<std::string> names_;
  std::vector<double> weights_;
  std::vector<Entry> functions_;  // those of names_, then those that only others build on
  TokenNeed token_need_ = TokenNeed::kNone;
  size_t jobs_ = 0;  // the most of any that waits
};

/// Scores a rollout while it is still being generated: what waits for a program or a service (the rewards with `jobs`)
/// is judged in threads of its own as soon as a completion is added. The numbers are those of RewardSet::score().
class Scoring {
 public:
  explicit Scoring(const RewardSet& rewards);
  /// Waits for what has begun and leaves out the rest.
  ~Scoring();
  Scoring(const Scoring&) = delete;
  Scoring& operator=(const Scoring&) = delete;

  /// Both stay where they are until finish().
  void add(const Prompt& prompt, const Completion& completion);
  /// Fills the rewards of `groups`, all of whose completions have been added, and gives the results by group,
  /// completion and reward. Throws the first error of a judgement.
  std::vector<std::vector<std::vector<RewardResult>>> finish(std::vector<RolloutGroup>& groups);

 private:
  struct Queue;
  const RewardSet& rewards_;
  std::unique_ptr<Queue> queue_;
};

/// Whether two answers (RewardResult::answer) of completions of one prompt are the same: how votes are counted.
bool same_answer(const RewardConfig& config, const std::string& a, const std::string& b);

/// A key of a reward whose value is in range and yet wrong.
struct RewardProblem {
  std::string key;
  Problem problem;
};
/// Looks at configs[index] among its like; starts and loads nothing.
std::optional<RewardProblem> find_problem(const std::vector<RewardConfig>& configs, size_t index,
                                          std::optional<int64_t> max_completion_length);

/// All types of rewards, in the order of the reference.
std::vector<std::string> reward_types();
/// A reward with its defaults; nothing for an unknown type.
std::optional<RewardConfig> default_reward(std::string_view type);

/// The share of the words of the thinking (of the whole text where there are no tags) that are in `language`; nothing
/// when there are no words. docs/rewards_language.md has the rule.
std::optional<double> language_share(std::string_view completion, RewardLanguage language);

}  // namespace hone
