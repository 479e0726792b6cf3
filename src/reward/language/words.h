// Cuts a text into the words that count for its language. Pure functions; thread-safe.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "hone/reward/config.h"

namespace hone::language {

inline constexpr size_t kLanguages = std::size(kRewardLanguageNames);

/// The scripts that several of our languages share; their words have to be told apart.
enum class SharedScript : uint8_t { kLatin, kCyrillic, kArabic, kDevanagari };
inline constexpr size_t kSharedScripts = 4;

struct SharedWord {
  std::u32string letters;  ///< lower case; '_' for a hyphen
  bool after_break;        ///< the first of its sentence or line
};

struct Words {
  std::array<std::vector<SharedWord>, kSharedScripts> shared;  ///< in the order of the text
  std::array<int64_t, kLanguages> by_script{};                 ///< words whose script says their language
  int64_t unknown = 0;                                         ///< words of scripts that we know no language for
};

/// Takes any bytes, in linear time. Tags, code in backticks, LaTeX and words that are part of a formula are left out.
Words split_words(std::string_view text);

}  // namespace hone::language
