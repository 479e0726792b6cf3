// Which sampled completions are worth learning from: the filters of rejection sampling (DeepSeek-R1, arXiv 2501.12948
// v2, appendix B.3.3: right answers, no mixed languages, no long paragraphs, no code blocks). Pure functions but for
// what a reward may start; thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "hone/data/records.h"
#include "hone/pipeline/config.h"
#include "hone/reward/reward.h"

namespace hone {

/// Words in the longest paragraph, a text without a line break. A word is what count_words() counts.
int64_t longest_paragraph(std::string_view text);
/// Of all runs of four words, the share that occurred before in the text; 0 for fewer than five words. Words are
/// separated by white space; a Han or Kana character is a word.
double repeated_share(std::string_view text);
/// Jaccard index of the sets of runs of three words: 1 for equal texts, also for ones too short for a run.
double similarity(std::string_view a, std::string_view b);

/// Texts that are looked through for near-duplicates, exactly and without comparing all pairs: sets with a Jaccard
/// index of at least t share one of their first |set| - ceil(t |set|) + 1 elements in any one order (Bayardo et al.
/// 2007, "Scaling up all pairs similarity search", section 3). Not thread-safe.
class KeptTexts {
 public:
  explicit KeptTexts(double max_similarity) : max_similarity_(max_similarity) {}

  /// Whether a text that was added has a similarity() above max_similarity to this one, or is equal to it.
  bool has_similar(std::string_view text) const;
  void add(std::string_view text);

 private:
  using Runs = std::vector<uint64_t>;  // hashes, ascending, each once
  static Runs runs_of(std::string_view text);
  size_t prefix(const Runs& runs) const;

  double max_similarity_;
  std::vector<Runs> texts_;
  std::unordered_map<uint64_t, std::vector<size_t>> by_run_;  // of prefixes
};

/// Names the fate of a completion: kKept, or why it was dropped ("wrong/accuracy", "mixed_language", ...).
inline constexpr std::string_view kKept = "kept";

class Acceptance {
 public:
  /// Throws Error kInput as RewardSet does.
  Acceptance(const RejectionSampleStage& stage, const RewardSet& rewards);

  /// One fate for each completion of a scored group, with `results` of its completions by reward. Completions count in
  /// their order: the first ones of a prompt are kept.
  std::vector<std::string> fates(const RolloutGroup& group,
                                 const std::vector<std::vector<RewardResult>>& results) const;

 private:
  std::string fate_alone(const RolloutGroup& group, const Completion& completion,
                         const std::vector<RewardResult>& results) const;

  const RejectionSampleConfig& config_;
  std::vector<std::string> names_;
  RewardSet language_;
};

}  // namespace hone
