// One function per kind of instruction: what exactly is looked for. Pure functions; thread-safe; linear time.
#pragma once

#include "hone/reward/config.h"
#include "text.h"

namespace hone::ifeval {

/// More than half of the words are; a single word tells nothing.
bool is_in_language(TextView response, RewardLanguage language);

bool contains(TextView text, TextView part);
/// Occurrences that do not overlap, capitals or not.
int64_t count_keyword(TextView response, TextView keyword);
/// The word stands there, capitals or not, with no letter or digit right before or behind it.
bool has_word(TextView response, TextView word);
int64_t count_letter(TextView response, char32_t letter);

/// The paragraphs between lines of "***"; nothing where an inner one is blank.
int64_t count_starred_paragraphs(TextView response);
/// There are `paragraphs` non-blank ones between empty lines, and the `nth`, from 1, starts with `word`.
bool nth_paragraph_starts_with(TextView response, int64_t paragraphs, int64_t nth, TextView word);

int64_t count_placeholders(TextView response);  ///< [ ... ] within a line
bool has_postscript(TextView response, TextView marker);

int64_t count_bullets(TextView response);
int64_t count_highlights(TextView response);                   ///< *...* and **...** within a line
int64_t count_sections(TextView response, TextView splitter);  ///< the splitter and a number
bool has_title(TextView response);                             ///< <<...>> within a line
bool is_constrained_answer(TextView response);
bool is_json(TextView response);

bool has_two_responses(TextView response);
bool repeats_prompt(TextView response, TextView prompt);
bool ends_with_phrase(TextView response, TextView phrase);
bool is_quoted(TextView response);

/// Nothing but capitals (or small letters) among the letters that have case, and in English.
bool is_english_capitals(TextView response);
bool is_english_lowercase(TextView response);

}  // namespace hone::ifeval
