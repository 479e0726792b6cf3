#include "pipeline/acceptance.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <set>
#include <span>

#include "hone/data/reasoning_text.h"
#include "hone/tokenizer/utf8.h"

namespace hone {
namespace {

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  size_t begin = 0;
  const auto end_word = [&](size_t end) {
    if (end > begin) words.push_back(text.substr(begin, end - begin));
  };
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    const char32_t code = next_code_point(text, at);
    const bool alone = code >= 0x3040 && code <= 0x9FFF;  // Kana and Han
    if (!alone && (code == kInvalidCodePoint || !is_white_space(code))) continue;
    end_word(start);
    if (alone) words.push_back(text.substr(start, at - start));
    begin = at;
  }
  end_word(text.size());
  return words;
}

// The runs of `n` words, each as one text.
std::vector<std::string> runs(std::span<const std::string_view> words, size_t n) {
  std::vector<std::string> out;
  for (size_t i = 0; i + n <= words.size(); ++i) {
    std::string run;
    for (const std::string_view word : words.subspan(i, n)) (run += word) += ' ';
    out.push_back(std::move(run));
  }
  return out;
}

RewardSet language_reward() {
  RewardConfig config;
  config.parameters = LanguageConsistencyReward{};
  return {{config}, /*max_completion_length=*/std::nullopt};
}

}  // namespace

int64_t longest_paragraph(std::string_view text) {
  int64_t longest = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.size(), text.find('\n', at));
    longest = std::max(longest, count_words(text.substr(at, end - at)).total());
    at = end + 1;
  }
  return longest;
}

double repeated_share(std::string_view text) {
  const auto all = runs(words_of(text), 4);
  if (all.size() < 2) return 0;
  const std::set<std::string> different(all.begin(), all.end());
  return 1.0 - static_cast<double>(different.size()) / static_cast<double>(all.size());
}

double similarity(std::string_view a, std::string_view b) {
  if (a == b) return 1;
  const auto set_of = [](std::string_view text) {
    const auto all = runs(words_of(text), 3);
    return std::set<std::string>(all.begin(), all.end());
  };
  const auto x = set_of(a), y = set_of(b);
  const auto common = std::ranges::count_if(x, [&](const std::string& run) { return y.contains(run); });
  const size_t either = x.size() + y.size() - static_cast<size_t>(common);
  return either == 0 ? (words_of(a) == words_of(b) ? 1.0 : 0.0)
                     : static_cast<double>(common) / static_cast<double>(either);
}

// A text that is too short for a run is one itself.
KeptTexts::Runs KeptTexts::runs_of(std::string_view text) {
  const std::vector<std::string_view> words = words_of(text);
  Runs hashes;
  for (const std::string& run : runs(words, std::min<size_t>(3, words.size())))
    hashes.push_back(std::hash<std::string>()(run));
  std::ranges::sort(hashes);
  const auto repeated = std::ranges::unique(hashes);
  hashes.erase(repeated.begin(), repeated.end());
  return hashes;
}

size_t KeptTexts::prefix(const Runs& runs) const {
  constexpr double kRounding = 1e-9;
  const double least = std::ceil(max_similarity_ * static_cast<double>(runs.size()) - kRounding);
  return std::min(runs.size(), runs.size() - static_cast<size_t>(std::max(0.0, least)) + 1);
}

bool KeptTexts::has_similar(std::string_view text) const {
  const Runs runs = runs_of(text);
  std::set<size_t> candidates;
  for (size_t i = 0; i < prefix(runs); ++i) {
    if (const auto at = by_run_.find(runs[i]); at != by_run_.end())
      candidates.insert(at->second.begin(), at->second.end());
  }
  return std::ranges::any_of(candidates, [&](size_t candidate) {
    const Runs& other = texts_[candidate];
    Runs common;
    std::ranges::set_intersection(runs, other, std::back_inserter(common));
    const auto either = static_cast<double>(runs.size() + other.size() - common.size());
    return runs == other || static_cast<double>(common.size()) / either > max_similarity_;
  });
}

void KeptTexts::add(std::string_view text) {
  Runs runs = runs_of(text);
  for (size_t i = 0; i < prefix(runs); ++i) by_run_[runs[i]].push_back(texts_.size());
  texts_.push_back(std::move(runs));
}

Acceptance::Acceptance(const RejectionSampleStage& stage, const RewardSet& rewards)
    : config_(stage.rejection_sample), names_(rewards.names()), language_(language_reward()) {}

std::string Acceptance::fate_alone(const RolloutGroup& group, const Completion& completion,
                                   const std::vector<RewardResult>& results) const {
  if (completion.finish_reason != FinishReason::kStop) return "cut_off";
  for (size_t r = 0; r < results.size(); ++r) {
    if (results[r].verdict == Verdict::kUnusable) return "unusable/" + names_[r];
    if (results[r].verdict == Verdict::kWrong) return "wrong/" + names_[r];
  }
  if (config_.min_reward && completion.reward < *config_.min_reward) return "low_reward";
  if (config_.min_language_consistency) {
    const auto share = language_.judge(group.prompt, completion).front().value;
    if (!share || *share < *config_.min_language_consistency) return "mixed_language";
  }
  const std::string_view thinking = read_tags(completion.text).thinking;
  if (config_.max_paragraph_words && longest_paragraph(thinking) > *config_.max_paragraph_words) {
    return "long_paragraph";
  }
  if (!config_.code_blocks && thinking.find("```") != std::string_view::npos) return "code_block";
  if (config_.max_repetition && repeated_share(completion.text) > *config_.max_repetition) return "repetition";
  const auto length = static_cast<int64_t>(completion.ids.size());
  if (length < config_.min_length.value_or(0) || length > config_.max_length.value_or(length)) return "length";
  return std::string(kKept);
}

std::vector<std::string> Acceptance::fates(const RolloutGroup& group,
                                           const std::vector<std::vector<RewardResult>>& results) const {
  std::vector<std::string> fates;
  std::vector<std::string_view> kept;
  for (size_t c = 0; c < group.completions.size(); ++c) {
    const Completion& completion = group.completions[c];
    std::string fate = fate_alone(group, completion, results[c]);
    if (fate == kKept) {
      const bool known =
          config_.max_similarity && std::ranges::any_of(kept, [&](std::string_view other) {
            return other == completion.text || similarity(other, completion.text) > *config_.max_similarity;
          });
      if (known) {
        fate = "near_duplicate";
      } else if (static_cast<int64_t>(kept.size()) >= config_.max_per_prompt) {
        fate = "over_cap";
      } else {
        kept.push_back(completion.text);
      }
    }
    fates.push_back(std::move(fate));
  }
  return fates;
}

}  // namespace hone
