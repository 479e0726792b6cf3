// What a word says of its language: letter statistics and common words of the languages that share a script. Immutable,
// made on first use; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "words.h"

namespace hone::language {

/// Quarter nats.
inline constexpr int kHighestCost = 16;

class ScriptProfile {
 public:
  static const ScriptProfile& of(SharedScript script);

  const std::vector<RewardLanguage>& languages() const { return languages_; }
  /// One cost per language: how much less likely the word is there than in the likeliest language, in quarter nats; 0
  /// where it is a common word of the language, at most kHighestCost.
  std::vector<int> costs(const std::u32string& word) const;
  bool is_common(const std::u32string& word, RewardLanguage language) const;

 private:
  explicit ScriptProfile(SharedScript script);

  std::vector<RewardLanguage> languages_;
  std::unordered_map<std::u32string, uint32_t> common_;  // word -> bit per language
  // Trigram -> per language by how many quarter nats it is more likely than a trigram that never occurs.
  std::unordered_map<std::u32string, std::vector<uint8_t>> gains_;
};

}  // namespace hone::language
