#include "profiles.h"

#include <algorithm>
#include <span>

#include "hone/core/error.h"
#include "hone/tokenizer/utf8.h"

namespace hone::language {
namespace {

// The cost of a language that does not know a common word of another one.
constexpr int kCommonElsewhere = 10;
// Longer words are no words; their beginning says enough.
constexpr size_t kLongestWord = 40;
constexpr size_t kMostLevels = 40;

struct Level {
  uint8_t gain;
  std::string_view trigrams;  // of three code points each, '_' at the ends of a word
};
struct Entry {
  std::string_view code, common_words;
  Level levels[kMostLevels];
};
constexpr Entry kTable[] = {
#include "profiles.inc"
};

std::u32string decode(std::string_view text) {
  std::u32string out;
  for (size_t at = 0; at < text.size();) out += next_code_point(text, at);
  return out;
}

RewardLanguage language_of(std::string_view code) {
  const auto found = std::ranges::find(kRewardLanguageNames, code);
  HONE_ASSERT(found != std::end(kRewardLanguageNames));
  return static_cast<RewardLanguage>(found - std::begin(kRewardLanguageNames));
}

SharedScript script_of(RewardLanguage language) {
  if (language >= RewardLanguage::kHindi) return SharedScript::kDevanagari;
  if (language >= RewardLanguage::kArabic) return SharedScript::kArabic;
  if (language >= RewardLanguage::kRussian) return SharedScript::kCyrillic;
  return SharedScript::kLatin;
}

}  // namespace

const ScriptProfile& ScriptProfile::of(SharedScript script) {
  static const ScriptProfile profiles[kSharedScripts] = {
      ScriptProfile(SharedScript::kLatin), ScriptProfile(SharedScript::kCyrillic), ScriptProfile(SharedScript::kArabic),
      ScriptProfile(SharedScript::kDevanagari)};
  return profiles[static_cast<size_t>(script)];
}

ScriptProfile::ScriptProfile(SharedScript script) {
  std::vector<const Entry*> entries;
  for (const Entry& entry : kTable) {
    if (script_of(language_of(entry.code)) == script) entries.push_back(&entry);
  }
  HONE_ASSERT(entries.size() <= 32);
  for (size_t i = 0; i < entries.size(); ++i) {
    languages_.push_back(language_of(entries[i]->code));
    const std::u32string words = decode(entries[i]->common_words);
    for (size_t begin = 0; begin < words.size();) {
      const size_t end = std::min(words.find(U' ', begin), words.size());
      common_[words.substr(begin, end - begin)] |= 1U << i;
      begin = end + 1;
    }
    for (const Level& level : entries[i]->levels) {
      const std::u32string trigrams = decode(level.trigrams);
      HONE_ASSERT(trigrams.size() % 3 == 0);
      for (size_t at = 0; at < trigrams.size(); at += 3) {
        auto& gains = gains_[trigrams.substr(at, 3)];
        gains.resize(entries.size());
        gains[i] = level.gain;
      }
    }
  }
}

std::vector<int> ScriptProfile::costs(const std::u32string& word) const {
  std::vector<int> out(languages_.size());
  const std::u32string padded = U'_' + word.substr(0, kLongestWord) + U'_';
  for (size_t at = 0; at + 3 <= padded.size(); ++at) {
    const auto found = gains_.find(padded.substr(at, 3));
    if (found == gains_.end()) continue;
    for (size_t i = 0; i < out.size(); ++i) out[i] += found->second[i];
  }
  const int best = *std::ranges::max_element(out);
  for (int& value : out) value = std::min((best - value) / 2, kHighestCost);
  if (const auto found = common_.find(word); found != common_.end()) {
    for (size_t i = 0; i < out.size(); ++i) {
      out[i] = (found->second >> i & 1U) != 0 ? 0 : std::max(out[i], kCommonElsewhere);
    }
  }
  return out;
}

bool ScriptProfile::is_common(const std::u32string& word, RewardLanguage language) const {
  const auto at = std::ranges::find(languages_, language) - languages_.begin();
  const auto found = common_.find(word);
  return found != common_.end() && (found->second >> at & 1U) != 0;  // a language of another script has no bit
}

}  // namespace hone::language
