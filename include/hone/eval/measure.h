// How good completions are: the measures of the R1 paper's evaluation over k completions of each problem. Pure but for
// what the judge, a reward, may start; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hone/data/config.h"
#include "hone/data/records.h"
#include "hone/reward/reward.h"

namespace hone {

/// Shares are in 0..1; NaN stands for what nothing could be said of.
struct Measures {
  int64_t problems = 0, completions = 0;
  int64_t unusable = 0;  ///< completions that the judge could not judge; left out of all that speaks of right and wrong
  double accuracy = 0;   ///< pass@1: the mean over problems of the share of right completions
  /// Half of a 95 % confidence interval of accuracy: 1.96 standard errors of the problems' means, which counts all
  /// completions of a problem as one draw of a question (Miller 2024, arXiv 2411.00640, section 2).
  double accuracy_error = 0;
  /// For k = 2, 4, 8 ... and the number of completions, where all problems have that many: the chance that one of k
  /// completions is right, estimated without bias (Chen et al. 2021, arXiv 2107.03374, equation 1).
  std::vector<std::pair<int64_t, double>> pass_at;
  /// cons@k (Wang et al. 2022, arXiv 2203.11171): the share of problems whose most frequent answer is right, answers
  /// that the judge calls equal being one; a tie gives the share of right ones among the most frequent. Nothing where
  /// the judge reads no answers or a problem has a single completion.
  std::optional<double> consensus;
  double format = 0;                ///< share that the reward `format` accepts
  double mean_length = 0;           ///< tokens; NaN where these are not known
  double clipped_ratio = 0;         ///< share that was cut off
  double language_consistency = 0;  ///< mean of the reward language_consistency
  double reflection_words = 0;      ///< of the paper's list (wait, however, check ...), mean number a completion
};

struct Judged {
  Measures measures;
  std::vector<std::vector<RewardResult>> verdicts;  ///< [group][completion]
};

class Judge {
 public:
  /// `config` says what is right. Throws Error kInput as RewardSet does.
  explicit Judge(const RewardConfig& config);

  /// Groups are judged side by side.
  Judged operator()(const std::vector<RolloutGroup>& groups) const;
  const RewardSet& rewards() const { return judge_; }

 private:
  RewardConfig config_;
  RewardSet judge_, manners_;  ///< manners: format and language_consistency
};

/// 1 - C(n - c, k) / C(n, k) for c right ones of n >= k.
double pass_at_k(int64_t n, int64_t right, int64_t k);

/// The paper's reflection words in a text (arXiv 2501.12948 v2, appendix C.2).
int64_t count_reflection_words(std::string_view text);

/// Those of a list that are for the prompts of a source.
std::vector<RewardConfig> rewards_for(const std::vector<RewardConfig>& rewards, const std::string& source);
/// The reward that says what is right: of problems in a benchmark's format the one of a list with the type that judges
/// it, or that type with its defaults; of others the first of the list that can; nothing where none does.
std::optional<RewardConfig> judging_reward(const std::vector<RewardConfig>& rewards,
                                           std::optional<Benchmark> format = std::nullopt);

/// As named numbers: accuracy, format, mean_length, language_consistency, clipped_ratio and, of several completions a
/// problem, accuracy_error, pass@K, cons@K and reflection_words.
std::vector<std::pair<std::string, double>> to_metrics(const Measures& measures);

}  // namespace hone
