#include "hone/eval/measure.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <map>

#include "hone/core/error.h"
#include "hone/core/parallel.h"
#include "hone/data/benchmarks.h"

namespace hone {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

struct Mean {
  double sum = 0, squares = 0, n = 0;
  void add(double value) { sum += value, squares += value * value, ++n; }
  double mean() const { return n > 0 ? sum / n : kUnknown; }
  // Of the mean.
  double standard_error() const {
    return n > 1 ? std::sqrt(std::max(0.0, squares - sum * sum / n) / (n - 1) / n) : kUnknown;
  }
};

struct Tally {
  int64_t judged = 0, right = 0;
};

Tally tally(const std::vector<RewardResult>& verdicts) {
  Tally t;
  for (const RewardResult& v : verdicts) {
    t.judged += v.verdict != Verdict::kUnusable;
    t.right += v.verdict == Verdict::kRight;
  }
  return t;
}

// The votes of one problem: how right the most frequent answer is. A problem without any answer is wrong.
double vote(const std::vector<RewardResult>& verdicts, const RewardConfig& config) {
  struct Class {
    const RewardResult* first;
    int64_t votes;
  };
  std::vector<Class> classes;
  for (const RewardResult& v : verdicts) {
    if (v.answer.empty()) continue;
    const auto same =
        std::ranges::find_if(classes, [&](const Class& c) { return same_answer(config, c.first->answer, v.answer); });
    if (same == classes.end()) {
      classes.push_back({&v, 1});
    } else {
      ++same->votes;
    }
  }
  int64_t most = 0;
  for (const Class& c : classes) most = std::max(most, c.votes);
  Mean right;
  for (const Class& c : classes) {
    if (c.votes == most) right.add(c.first->verdict == Verdict::kRight ? 1 : 0);
  }
  return classes.empty() ? 0.0 : right.mean();
}

void measure_verdicts(const std::vector<std::vector<RewardResult>>& verdicts, const RewardConfig& config, Measures& m) {
  Mean accuracy, consensus;
  int64_t fewest = std::numeric_limits<int64_t>::max();
  bool answers = false, single = false;
  std::vector<Tally> tallies;
  for (const auto& group : verdicts) {
    const Tally t = tally(group);
    m.unusable += static_cast<int64_t>(group.size()) - t.judged;
    if (t.judged == 0) continue;
    tallies.push_back(t);
    fewest = std::min(fewest, t.judged);
    accuracy.add(static_cast<double>(t.right) / static_cast<double>(t.judged));
    answers = answers || std::ranges::any_of(group, [](const RewardResult& v) { return !v.answer.empty(); });
    single = single || t.judged < 2;
    consensus.add(vote(group, config));
  }
  m.accuracy = accuracy.mean();
  m.accuracy_error = 1.96 * accuracy.standard_error();
  if (answers && !single) m.consensus = consensus.mean();
  if (tallies.empty()) return;
  for (int64_t k = 2; k <= fewest; k = k < fewest ? std::min(2 * k, fewest) : fewest + 1) {
    Mean pass;
    for (const Tally& t : tallies) pass.add(pass_at_k(t.judged, t.right, k));
    m.pass_at.emplace_back(k, pass.mean());
  }
}

RewardSet manners() {
  std::vector<RewardConfig> configs(2);
  configs[0].parameters = FormatReward{};
  configs[1].parameters = LanguageConsistencyReward{};
  return {configs, /*max_completion_length=*/std::nullopt};
}

}  // namespace

Judge::Judge(const RewardConfig& config)
    : config_(config), judge_({config}, /*max_completion_length=*/std::nullopt), manners_(manners()) {}

Judged Judge::operator()(const std::vector<RolloutGroup>& groups) const {
  Judged out;
  out.verdicts.resize(groups.size());
  std::vector<std::vector<std::vector<RewardResult>>> manners(groups.size());
  parallel_for(groups.size(), 0, [&](size_t g) {
    for (const auto& results : judge_.judge(groups[g].prompt, groups[g].completions)) {
      out.verdicts[g].push_back(results.front());
    }
    manners[g] = manners_.judge(groups[g].prompt, groups[g].completions);
  });

  Measures& m = out.measures;
  Mean format, length, cut_off, language, reflection;
  for (size_t g = 0; g < groups.size(); ++g) {
    ++m.problems;
    for (size_t c = 0; c < groups[g].completions.size(); ++c) {
      const Completion& completion = groups[g].completions[c];
      ++m.completions;
      format.add(*manners[g][c][0].value);
      if (const auto& share = manners[g][c][1].value) language.add(*share);
      if (!completion.ids.empty()) length.add(static_cast<double>(completion.ids.size()));
      cut_off.add(completion.finish_reason == FinishReason::kLength);
      reflection.add(static_cast<double>(count_reflection_words(completion.text)));
    }
  }
  m.format = format.mean();
  m.mean_length = length.mean();
  m.clipped_ratio = cut_off.mean();
  m.language_consistency = language.mean();
  m.reflection_words = reflection.mean();
  measure_verdicts(out.verdicts, config_, m);
  return out;
}

double pass_at_k(int64_t n, int64_t right, int64_t k) {
  HONE_ASSERT(k >= 1 && k <= n && right <= n);
  if (n - right < k) return 1.0;
  double all_wrong = 1.0;
  for (int64_t i = n - right + 1; i <= n; ++i) all_wrong *= 1.0 - static_cast<double>(k) / static_cast<double>(i);
  return 1.0 - all_wrong;
}

int64_t count_reflection_words(std::string_view text) {
  constexpr std::string_view kWords[] = {"wait",  "mistake", "however", "but",      "retry",
                                         "error", "verify",  "wrong",   "evaluate", "check"};
  int64_t count = 0;
  std::string word;
  for (size_t i = 0; i <= text.size(); ++i) {
    const auto c = i < text.size() ? static_cast<unsigned char>(text[i]) : static_cast<unsigned char>(' ');
    if (std::isalpha(c) != 0 || c >= 0x80) {
      word += static_cast<char>(std::tolower(c));
      continue;
    }
    count += std::ranges::find(kWords, word) != std::end(kWords);
    word.clear();
  }
  return count;
}

std::vector<RewardConfig> rewards_for(const std::vector<RewardConfig>& rewards, const std::string& source) {
  std::vector<RewardConfig> those;
  for (const RewardConfig& reward : rewards) {
    if (is_for(reward.sources, source)) those.push_back(reward);
  }
  return those;
}

std::optional<RewardConfig> judging_reward(const std::vector<RewardConfig>& rewards, std::optional<Benchmark> format) {
  if (format) {
    const auto own = std::ranges::find(rewards, judge_of(*format), &RewardConfig::type);
    return own != rewards.end() ? std::optional(*own) : default_reward(judge_of(*format));
  }
  const auto judges = [](const RewardConfig& config) {
    return std::visit(
        []<class P>(const P&) {
          return std::is_same_v<P, AccuracyReward> || std::is_same_v<P, MathReward> || std::is_same_v<P, CodeReward> ||
                 std::is_same_v<P, ExactMatchReward> || std::is_same_v<P, RegexReward> ||
                 std::is_same_v<P, MultipleChoiceReward> || std::is_same_v<P, CountdownReward> ||
                 std::is_same_v<P, IfevalReward>;
        },
        config.parameters);
  };
  const auto found = std::ranges::find_if(rewards, judges);
  return found == rewards.end() ? std::nullopt : std::optional(*found);
}

std::vector<std::pair<std::string, double>> to_metrics(const Measures& m) {
  std::vector<std::pair<std::string, double>> metrics = {{"accuracy", m.accuracy},
                                                         {"format", m.format},
                                                         {"mean_length", m.mean_length},
                                                         {"language_consistency", m.language_consistency},
                                                         {"clipped_ratio", m.clipped_ratio}};
  if (m.pass_at.empty()) return metrics;
  metrics.emplace_back("accuracy_error", m.accuracy_error);
  for (const auto& [k, share] : m.pass_at) metrics.emplace_back(fmt::format("pass@{}", k), share);
  if (m.consensus) metrics.emplace_back(fmt::format("cons@{}", m.pass_at.back().first), *m.consensus);
  metrics.emplace_back("reflection_words", m.reflection_words);
  return metrics;
}

}  // namespace hone
