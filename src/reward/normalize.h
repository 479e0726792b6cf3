// Texts in a form in which they can be compared: what Unicode calls canonically equivalent is equal, white space counts
// only as the end of a word, and more on request. Linear but for a sort of combining marks. Takes any bytes. Pure
// functions; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hone {

struct Normalization {
  bool ignore_case = false;         ///< by Unicode's full case folding: "Straße" is "STRASSE"
  bool ignore_punctuation = false;  ///< Unicode's general category P; "a-b" becomes one word
  bool ignore_articles = false;     ///< the words a, an, the
};

/// Words with one space between them.
std::u32string normalize(std::string_view text, const Normalization& options);

/// Its words, in order. Each Han, Hiragana or Katakana character is a word of its own, as those scripts write no
/// spaces.
std::vector<std::u32string> split_words(std::string_view text, const Normalization& options);

}  // namespace hone
