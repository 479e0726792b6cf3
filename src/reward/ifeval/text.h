// Text as the instructions of IFEval see it: code points, with the character classes of Python's strings and regular
// expressions, on which the benchmark's definition rests. Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hone::ifeval {

using Text = std::u32string;
using TextView = std::u32string_view;

/// Invalid bytes become U+FFFD.
Text decode(std::string_view utf8);
std::string encode(TextView text);

bool is_space(char32_t c);   ///< \s and str.strip()
bool is_word(char32_t c);    ///< \w: letters, numbers and '_', but no combining marks
bool is_digit(char32_t c);   ///< \d
bool is_letter(char32_t c);  ///< str.isalpha()
bool is_upper(char32_t c);
bool is_lower(char32_t c);

/// str.isupper(): no lower-case or title-case character, and at least one upper-case one; is_lower_text likewise.
bool is_upper_text(TextView text);
bool is_lower_text(TextView text);
Text to_lower(TextView text);  ///< character by character
Text fold(TextView text);      ///< what IGNORECASE makes equal

TextView strip(TextView text);
TextView strip(TextView text, TextView characters);
bool is_blank(TextView text);
std::vector<TextView> split(TextView text, TextView separator);
Text remove(TextView text, char32_t c);

/// The starts of all occurrences of `needle`, overlapping ones included, in linear time. None of an empty needle.
std::vector<size_t> find_all(TextView text, TextView needle);

/// Runs of \w.
int64_t count_words(TextView text);
/// Sentences as the English Punkt tokenizer of nltk counts them.
int64_t count_sentences(TextView text);
/// Words, in capitals, of nltk's word tokenizer.
int64_t count_capital_words(TextView text);

}  // namespace hone::ifeval
