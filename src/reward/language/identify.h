// Which language the words of a text are in (docs/rewards_language.md has the rule). Pure functions; thread-safe.
#pragma once

#include <optional>
#include <string_view>

#include "words.h"

namespace hone::language {

struct LanguageCounts {
  std::array<int64_t, kLanguages> words{};
  int64_t unknown = 0;  ///< words of scripts without a known language

  int64_t of(RewardLanguage language) const { return words[static_cast<size_t>(language)]; }
  int64_t total() const;
  /// The language of more than half of the words, if there is one.
  std::optional<RewardLanguage> main() const;
};

/// Takes any bytes, in linear time. Words that could as well be of the language `favoured` are counted there.
LanguageCounts count_languages(std::string_view text, std::optional<RewardLanguage> favoured = std::nullopt);

/// `word` in lower case.
bool is_common_word(const std::u32string& word, RewardLanguage language);

std::optional<RewardLanguage> language_of_code(std::string_view code);

}  // namespace hone::language
