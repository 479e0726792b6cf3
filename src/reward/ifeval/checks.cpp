#include "checks.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "reward/language/identify.h"

namespace hone::ifeval {
namespace {

constexpr size_t kNone = TextView::npos;

char32_t at_or_space(TextView text, size_t at) {
  return at < text.size() ? text[at] : U' ';
}

// Whether `pattern` stands at text[at], where '_' allows one space.
bool matches_at(TextView text, size_t at, TextView pattern) {
  for (const char32_t c : pattern) {
    if (c == '_') {
      at += at < text.size() && is_space(text[at]);
    } else if (at_or_space(text, at++) != c) {
      return false;
    }
  }
  return true;
}

bool is_english(TextView response) {
  return is_in_language(response, RewardLanguage::kEnglish);
}

}  // namespace

bool is_in_language(TextView response, RewardLanguage language) {
  const auto counts = language::count_languages(encode(response), language);
  return counts.total() > 1 && counts.main() == language;
}

bool contains(TextView text, TextView part) {
  return part.empty() || !find_all(text, part).empty();
}

int64_t count_keyword(TextView response, TextView keyword) {
  int64_t count = 0;
  size_t free = 0;
  for (const size_t at : find_all(fold(response), fold(keyword))) {
    if (at < free) continue;
    free = at + keyword.size();
    ++count;
  }
  return count;
}

bool has_word(TextView response, TextView word) {
  const auto joined = [](char32_t a, char32_t b) { return is_word(a) && is_word(b); };
  for (const size_t at : find_all(fold(response), fold(word))) {
    const size_t end = at + word.size();
    if (at > 0 && joined(response[at - 1], response[at])) continue;
    if (end < response.size() && joined(response[end - 1], response[end])) continue;
    return true;
  }
  return false;
}

int64_t count_letter(TextView response, char32_t letter) {
  return std::ranges::count(to_lower(response), to_lower(TextView(&letter, 1))[0]);
}

int64_t count_starred_paragraphs(TextView response) {
  const auto parts = split(response, U"***");
  int64_t count = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (!is_blank(parts[i])) {
      ++count;
    } else if (i > 0 && i + 1 < parts.size()) {
      return -1;
    }
  }
  return count;
}

bool nth_paragraph_starts_with(TextView response, int64_t paragraphs, int64_t nth, TextView word) {
  const auto parts = split(response, U"\n\n");
  const auto filled = std::ranges::count_if(parts, [](TextView part) { return !is_blank(part); });
  if (filled != paragraphs || nth > filled) return false;
  // Blank ones are counted here, as the original does.
  TextView first = strip(parts[static_cast<size_t>(nth - 1)]);
  first = first.substr(0, static_cast<size_t>(std::ranges::find_if(first, is_space) - first.begin()));
  for (const char32_t quote : {U'\'', U'"'})
    first.remove_prefix(std::min(first.find_first_not_of(quote), first.size()));
  first = first.substr(0, first.find_first_of(U".,?!'\""));
  return !first.empty() && to_lower(first) == to_lower(word);
}

// A bracket that is not closed on its line closes for none before it either: one look at each character is enough.
int64_t count_placeholders(TextView response) {
  int64_t count = 0;
  for (size_t at = response.find('['); at != kNone; at = response.find('[', at)) {
    at = response.find_first_of(U"]\n", at);
    if (at == kNone) break;
    count += response[at] == ']';
  }
  return count;
}

bool has_postscript(TextView response, TextView marker) {
  const Text text = to_lower(response);
  const Text pattern = marker == U"P.P.S" ? U"p._p._s" : marker == U"P.S." ? U"p._s." : Text();
  if (pattern.empty()) return contains(text, to_lower(marker));
  for (size_t at = text.find('p'); at != kNone; at = text.find('p', at + 1)) {
    if (matches_at(text, at, pattern)) return true;
  }
  return false;
}

int64_t count_bullets(TextView response) {
  const auto lines = split(response, U"\n");
  int64_t stars = 0, dashes = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    const auto begin = static_cast<size_t>(std::ranges::find_if_not(lines[i], is_space) - lines[i].begin());
    dashes += at_or_space(lines[i], begin) == '-';
  }
  for (size_t i = 0; i < lines.size(); ++i) {
    const auto begin = static_cast<size_t>(std::ranges::find_if_not(lines[i], is_space) - lines[i].begin());
    if (at_or_space(lines[i], begin) != '*' || at_or_space(lines[i], begin + 1) == '*') continue;
    const bool bare = begin + 1 == lines[i].size();
    if (bare && i + 1 == lines.size()) continue;
    ++stars;
    i += bare;  // a star alone takes the next line along
  }
  return stars + dashes;
}

int64_t count_highlights(TextView response) {
  int64_t count = 0;
  for (size_t at = response.find('*'); at != kNone; at = response.find('*', at)) {
    const size_t end = response.find_first_of(U"*\n", at + 1);
    if (end == kNone) break;
    if (response[end] == '*') count += !is_blank(response.substr(at + 1, end - at - 1));
    at = end + 1;
  }
  for (size_t at = response.find(U"**"); at != kNone; at = response.find(U"**", at)) {
    const size_t end = response.find_first_of(U"*\n", at + 2);
    if (end == kNone) break;
    const bool closed = response.substr(end, 2) == U"**";
    if (closed) count += !is_blank(response.substr(at + 2, end - at - 2));
    at = closed ? end + 2 : at + 1;
  }
  return count;
}

int64_t count_sections(TextView response, TextView splitter) {
  int64_t count = 0;
  size_t free = 0;
  for (const size_t found : find_all(response, splitter)) {
    if (found < free) continue;
    size_t at = found + splitter.size();
    at += is_space(at_or_space(response, at)) && at < response.size();
    const size_t digits = at;
    while (at < response.size() && is_digit(response[at])) ++at;
    if (at == digits) continue;
    ++count;
    free = at;
  }
  return count;
}

bool has_title(TextView response) {
  for (const TextView line : split(response, U"\n")) {
    const size_t begin = line.find(U"<<"), end = line.rfind(U">>");
    if (begin == kNone || end == kNone || end < begin + 3) continue;
    TextView title = line.substr(begin, end + 2 - begin);
    title.remove_prefix(std::min(title.find_first_not_of('<'), title.size()));
    title = title.substr(0, title.find_last_not_of('>') + 1);
    if (!is_blank(title)) return true;
  }
  return false;
}

bool is_constrained_answer(TextView response) {
  return contains(response, U"My answer is yes.") || contains(response, U"My answer is no.") ||
         contains(response, U"My answer is maybe.");
}

bool is_json(TextView response) {
  TextView text = strip(response);
  for (const TextView fence : {U"```json", U"```Json", U"```JSON", U"```"}) {
    if (text.starts_with(fence)) text.remove_prefix(fence.size());
  }
  if (text.ends_with(U"```")) text.remove_suffix(3);
  text = strip(text);
  // The library would skip a byte order mark.
  return !text.starts_with(U'\uFEFF') && nlohmann::json::accept(encode(text));
}

bool has_two_responses(TextView response) {
  const auto parts = split(response, U"******");
  std::vector<TextView> filled;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (!is_blank(parts[i])) {
      filled.push_back(strip(parts[i]));
    } else if (i > 0 && i + 1 < parts.size()) {
      return false;
    }
  }
  return filled.size() == 2 && filled[0] != filled[1];
}

bool repeats_prompt(TextView response, TextView prompt) {
  return to_lower(strip(response)).starts_with(to_lower(strip(prompt)));
}

bool ends_with_phrase(TextView response, TextView phrase) {
  return to_lower(strip(strip(response), U"\"")).ends_with(to_lower(strip(phrase)));
}

bool is_quoted(TextView response) {
  const TextView text = strip(response);
  return text.size() > 1 && text.front() == '"' && text.back() == '"';
}

bool is_english_capitals(TextView response) {
  return is_upper_text(response) && is_english(response);
}
bool is_english_lowercase(TextView response) {
  return is_lower_text(response) && is_english(response);
}

}  // namespace hone::ifeval
