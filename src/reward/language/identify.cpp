#include "identify.h"

#include <algorithm>
#include <numeric>

#include "profiles.h"

namespace hone::language {
namespace {

// What a change of the language costs, in quarter nats, within a sentence and between two.
constexpr int kChangeWithin = 28;
constexpr int kChangeBetween = 10;
// What it costs to start in another language than the wanted one. Less than a change, or a wrong beginning would be
// believed.
constexpr int kStart = 24;

// What a change to a language with few speakers costs more: by far most texts are in others.
constexpr int kRare = 12;

bool is_rare(RewardLanguage language) {
  return (language >= RewardLanguage::kFinnish && language <= RewardLanguage::kTagalog) ||
         language == RewardLanguage::kSerbian;
}

// The languages of `words`, as indices into profile.languages(): the sequence of the lowest cost, words and changes
// summed (Viterbi). The text is taken to start in `favoured`, which wins ties, too.
std::vector<uint8_t> cheapest_path(const std::vector<SharedWord>& words, const ScriptProfile& profile,
                                   size_t favoured) {
  const size_t n = profile.languages().size();
  std::vector<int> rarity(n);
  for (size_t i = 0; i < n; ++i) rarity[i] = i != favoured && is_rare(profile.languages()[i]) ? kRare : 0;
  std::vector<int64_t> total(n);
  for (size_t i = 0; i < n; ++i) total[i] = i == favoured ? 0 : kStart + rarity[i];
  std::vector<uint8_t> from(words.size() * n);
  const auto cheapest = [&] {
    const size_t best = static_cast<size_t>(std::ranges::min_element(total) - total.begin());
    return favoured < n && total[favoured] == total[best] ? favoured : best;
  };
  for (size_t w = 0; w < words.size(); ++w) {
    const std::vector<int> costs = profile.costs(words[w].letters);
    const size_t best = cheapest();
    const int64_t changed = total[best] + (w > 0 && words[w].after_break ? kChangeBetween : kChangeWithin);
    for (size_t i = 0; i < n; ++i) {
      const bool change = changed + rarity[i] < total[i];
      from[w * n + i] = static_cast<uint8_t>(change ? best : i);
      total[i] = (change ? changed + rarity[i] : total[i]) + costs[i];
    }
  }
  std::vector<uint8_t> path(words.size());
  size_t at = cheapest();
  for (size_t w = words.size(); w-- > 0;) {
    path[w] = static_cast<uint8_t>(at);
    at = from[w * n + at];
  }
  return path;
}

}  // namespace

int64_t LanguageCounts::total() const {
  return std::accumulate(words.begin(), words.end(), unknown);
}

std::optional<RewardLanguage> LanguageCounts::main() const {
  const auto most = std::ranges::max_element(words);
  if (*most * 2 <= total()) return std::nullopt;
  return static_cast<RewardLanguage>(most - words.begin());
}

LanguageCounts count_languages(std::string_view text, std::optional<RewardLanguage> favoured) {
  const Words words = split_words(text);
  LanguageCounts counts{.words = words.by_script, .unknown = words.unknown};
  for (size_t script = 0; script < kSharedScripts; ++script) {
    if (words.shared[script].empty()) continue;
    const ScriptProfile& profile = ScriptProfile::of(static_cast<SharedScript>(script));
    const auto& languages = profile.languages();
    const auto wanted = favoured ? std::ranges::find(languages, *favoured) : languages.end();
    const auto index = static_cast<size_t>(wanted - languages.begin());
    for (const uint8_t i : cheapest_path(words.shared[script], profile, index)) {
      ++counts.words[static_cast<size_t>(languages[i])];
    }
  }
  return counts;
}

bool is_common_word(const std::u32string& word, RewardLanguage language) {
  for (size_t script = 0; script < kSharedScripts; ++script) {
    const ScriptProfile& profile = ScriptProfile::of(static_cast<SharedScript>(script));
    if (profile.is_common(word, language)) return true;
  }
  return false;
}

std::optional<RewardLanguage> language_of_code(std::string_view code) {
  const auto found = std::ranges::find(kRewardLanguageNames, code);
  if (found == std::end(kRewardLanguageNames)) return std::nullopt;
  return static_cast<RewardLanguage>(found - std::begin(kRewardLanguageNames));
}

}  // namespace hone::language
