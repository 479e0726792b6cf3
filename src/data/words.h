// Words of the built-in world. Pure; thread-safe.
#pragma once

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "hone/data/chains.h"

namespace hone {

/// The same word in English and Chinese.
using Pair = std::pair<std::string_view, std::string_view>;

inline std::string_view in(ChainLanguage language, const Pair& pair) {
  return language == ChainLanguage::kEnglish ? pair.first : pair.second;
}

/// What white space separates.
inline std::vector<std::string_view> words_of(std::string_view text) {
  constexpr std::string_view kSpace = " \t\n\r\v\f";
  std::vector<std::string_view> words;
  for (size_t at = 0; (at = text.find_first_not_of(kSpace, at)) != std::string_view::npos;) {
    const size_t end = std::min(text.size(), text.find_first_of(kSpace, at));
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

}  // namespace hone
