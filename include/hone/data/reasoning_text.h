// What any completion says by its tags and its scripts: the thinking, the answer, the languages. Takes any bytes. Pure
// functions; the views point into the text. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace hone {

/// A text cut at the tags of the R1-Zero template.
struct TaggedText {
  /// Each of <think>, </think>, <answer>, </answer> once, in this order; only white space before, between </think> and
  /// <answer>, and after.
  bool well_formed = false;
  /// Each of <think> and </think> once, in this order; only white space before, something else after.
  bool thinking_well_formed = false;
  /// From the first <think> to the last </think>; where one of them is missing, from the start or to the end.
  std::string_view thinking;
  /// What follows the last </think>, or the whole text where there is neither tag; a text whose last <think> is never
  /// closed has none.
  std::optional<std::string_view> rest;
  /// The inside of the last <answer> ... </answer> in `rest`.
  std::optional<std::string_view> answer;
};
/// With `thinking_opened` the text is read as if <think> stood before its first byte: the prompt ended with it.
TaggedText read_tags(std::string_view text, bool thinking_opened = false);

/// True when nothing but white space is left.
bool is_blank(std::string_view text);
/// Without the white space at both ends.
std::string_view trim(std::string_view text);

/// Words by script. A run of Latin letters (hyphens and apostrophes inside belong to it) is an English word, a Han
/// character is a Chinese word, a run of any other alphabet is a word of another language. Digits, punctuation, Greek
/// letters, symbols, <tags> and invalid bytes are neutral.
struct WordCounts {
  int64_t english = 0;
  int64_t chinese = 0;
  int64_t other = 0;
  int64_t total() const { return english + chinese + other; }
};
WordCounts count_words(std::string_view text);

}  // namespace hone
