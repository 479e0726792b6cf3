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
  /// The language of most words; nothing where no word is of a known language.
  std::optional<RewardLanguage> main() const;
};

/// Takes any bytes, in linear time. A word that could as well be of the language `favoured` is counted there.
LanguageCounts count_languages(std::string_view text, std::optional<RewardLanguage> favoured = std::nullopt);

std::optional<RewardLanguage> language_of_code(std::string_view code);

}  // namespace hone::language
