#include <array>

#include "text.h"

namespace hone::ifeval {
namespace {

// Where nltk's tokenizer, which follows the Penn Treebank, cuts a word whose length in capitals decides. Full stops are
// left alone: with or without one, a word is in capitals.
constexpr TextView kCutEverywhere = U";@#$%&?!*[](){}<>\"\u00AB\u00BB\u201C\u201D\u201E\u2018\u2019`";
constexpr std::array<TextView, 6> kEndings = {U"'s", U"'m", U"'d", U"'ll", U"'re", U"'ve"};
// Words that fall into two, and where.
constexpr std::pair<TextView, size_t> kPairs[] = {{U"cannot", 3}, {U"gimme", 3}, {U"gonna", 3},
                                                  {U"gotta", 3},  {U"lemme", 3}, {U"wanna", 3}};

int64_t count_part(TextView part) {
  return is_upper_text(part);
}

int64_t count_word(TextView word) {
  if (word.ends_with('.')) word.remove_suffix(1);
  const Text lower = to_lower(word);
  for (const auto& [whole, cut] : kPairs) {
    if (lower == whole) return count_part(word.substr(0, cut)) + count_part(word.substr(cut));
  }
  size_t cut = word.size();
  if (lower.ends_with(U"n't")) cut -= 3;
  for (const TextView ending : kEndings) {
    if (lower.ends_with(ending)) cut = word.size() - ending.size();
  }
  return count_part(word.substr(0, cut)) + count_part(word.substr(cut));
}

}  // namespace

int64_t count_capital_words(TextView text) {
  int64_t count = 0;
  size_t begin = 0;
  const auto cut = [&](size_t at, size_t length) {
    count += count_word(text.substr(begin, at - begin));
    begin = at + length;
  };
  for (size_t at = 0; at < text.size(); ++at) {
    const char32_t c = text[at], next = at + 1 < text.size() ? text[at + 1] : U' ';
    const bool pair = c == next && (c == '-' || c == '.');
    if (is_space(c) || kCutEverywhere.find(c) != TextView::npos || pair) cut(at, 1);
    if ((c == ',' || c == ':') && !is_digit(next)) cut(at, 1);
  }
  cut(text.size(), 0);
  return count;
}

}  // namespace hone::ifeval
