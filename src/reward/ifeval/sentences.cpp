// Sentences by the decisions of Punkt (Kiss and Strunk, Unsupervised Multilingual Sentence Boundary Detection,
// Computational Linguistics 32:4, 2006), with small word lists of our own in place of its learned tables.
#include <algorithm>
#include <unordered_set>

#include "reward/language/identify.h"
#include "text.h"

namespace hone::ifeval {
namespace {

using Words = std::unordered_set<std::u32string_view>;

// Abbreviations that are followed by more of their sentence.
const Words& abbreviations() {
  static const Words words = {
      U"mr",    U"mrs",  U"ms",  U"dr",   U"prof", U"st",   U"jr",    U"sr",   U"rev", U"gen", U"sen",   U"rep",
      U"lt",    U"col",  U"maj", U"inc",  U"ltd",  U"co",   U"corp",  U"bros", U"vs",  U"v",   U"ave",   U"ft",
      U"ill",   U"jan",  U"feb", U"aug",  U"sep",  U"sept", U"oct",   U"nov",  U"dec", U"fri", U"wed",   U"tues",
      U"u.s",   U"u.k",  U"u.n", U"a.m",  U"p.m",  U"ph.d", U"m.b.a", U"d.c",  U"n.y", U"a.d", U"u.s.a", U"mg",
      U"calif", U"conn", U"fla", U"mich", U"tenn", U"wash", U"va",    U"pa",   U"c",   U"d",   U"e",     U"f",
      U"g",     U"h",    U"k",   U"l",    U"m",    U"n",    U"p",     U"r",    U"s",   U"t",   U"w"};
  return words;
}

// Words that start a sentence when they are capitalized behind an abbreviation or an ellipsis.
const Words& starters() {
  static const Words words = {U"the",     U"this",    U"these",   U"those",    U"there",  U"he",       U"it",
                              U"they",    U"i",       U"in",      U"if",       U"when",   U"while",    U"since",
                              U"but",     U"so",      U"yet",     U"nor",      U"both",   U"some",     U"many",
                              U"most",    U"under",   U"among",   U"although", U"even",   U"though",   U"thus",
                              U"however", U"instead", U"despite", U"moreover", U"indeed", U"according"};
  return words;
}

bool is_any_of(char32_t c, TextView set) {
  return set.find(c) != TextView::npos;
}
bool ends_sentence(char32_t c) {
  return is_any_of(c, U".?!");
}
// Ends a word wherever it stands.
bool is_separator(char32_t c) {
  return is_any_of(c, U")\";}]*:@'({[!?");
}

struct Token {
  TextView text;
  bool breaks = false, abbreviation = false, ellipsis = false;

  bool has_period() const { return text.back() == '.'; }
  bool is_initial() const { return text.size() == 2 && has_period() && is_letter(text[0]); }
  TextView stem() const { return text.size() > 1 && has_period() ? text.substr(0, text.size() - 1) : text; }
  bool is_number() const {
    TextView rest = text;
    if (rest.front() == '-') rest.remove_prefix(1);
    if (!rest.empty() && is_any_of(rest.front(), U".,")) rest.remove_prefix(1);
    return !rest.empty() && is_digit(rest.front()) &&
           std::ranges::all_of(rest, [](char32_t c) { return is_digit(c) || is_any_of(c, U".,-"); });
  }
};

size_t run_of(TextView text, size_t at, char32_t c) {
  size_t end = at;
  while (end < text.size() && text[end] == c) ++end;
  return end - at;
}
bool starts_run(TextView text, size_t at) {
  return run_of(text, at, '-') >= 2 || run_of(text, at, '.') >= 2;
}

// The token at text[at] of a text without spaces.
TextView token_at(TextView text, size_t at) {
  for (const char32_t c : {U'-', U'.'}) {
    if (const size_t length = run_of(text, at, c); length >= 2) return text.substr(at, length);
  }
  if (is_any_of(text[at], U"(\"`{[:;&#*@)}]-,")) return text.substr(at, 1);
  const auto ends = [&](size_t i) { return i == text.size() || is_separator(text[i]) || starts_run(text, i); };
  size_t end = at + 1;
  while (!ends(end) && !(text[end] == ',' && ends(end + 1))) ++end;
  return text.substr(at, end - at);
}

std::vector<Token> tokens_of(TextView text) {
  std::vector<Token> tokens;
  for (size_t at = 0; at < text.size(); at += tokens.back().text.size()) {
    Token token{.text = token_at(text, at)};
    if (token.text == U"." || token.text == U"?" || token.text == U"!") {
      token.breaks = true;
    } else if (token.text.ends_with(U"..")) {
      token.ellipsis = true;
    } else if (token.has_period()) {
      const Text stem = to_lower(token.stem());
      const TextView last = TextView(stem).substr(stem.rfind('-') + 1);
      token.abbreviation = abbreviations().contains(stem) || abbreviations().contains(last);
      token.breaks = !token.abbreviation;
    }
    tokens.push_back(token);
  }
  return tokens;
}

// What the next word says of the end of `token`.
void look_ahead(Token& token, const Token& next) {
  if (!token.has_period()) return;
  const bool capital = is_upper(next.text.front()), small = is_lower(next.text.front());
  const bool punctuation = next.text.size() == 1 && is_any_of(next.text.front(), U";:,.!?");
  const Text word = to_lower(next.stem());
  const bool starter = capital && starters().contains(word);
  const bool name = capital && !starter && !language::is_common_word(word, RewardLanguage::kEnglish);
  if ((token.abbreviation || token.ellipsis) && !token.is_initial()) token.breaks = starter;
  if (token.is_initial() || token.is_number()) {
    if (punctuation || small || (token.is_initial() && name)) token.breaks = false;
  }
}

// Whether a sentence ends within `before`, a stretch without spaces, when `after` follows.
bool has_break(TextView before, TextView after) {
  std::vector<Token> tokens = tokens_of(before);
  const std::vector<Token> rest = tokens_of(after);
  tokens.insert(tokens.end(), rest.begin(), rest.end());
  for (size_t i = 0; i + 1 < tokens.size(); ++i) {
    look_ahead(tokens[i], tokens[i + 1]);
    if (tokens[i].breaks) return true;
  }
  return false;
}

// The end of the stretch without (or, with `spaces`, of) spaces at `at`.
size_t stretch_end(TextView text, size_t at, bool spaces) {
  while (at < text.size() && is_space(text[at]) == spaces) ++at;
  return at;
}

}  // namespace

int64_t count_sentences(TextView text) {
  text = strip(text);
  int64_t sentences = 0;
  size_t open = 0;  // the start of the sentence that has not ended yet
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = stretch_end(text, begin, false);
    const size_t next = stretch_end(text, end, true);
    // The last place in the stretch where a sentence could end; Punkt looks at no other.
    size_t at = end;
    while (at > begin && !(ends_sentence(text[at - 1]) && (at == end ? next < text.size() : is_separator(text[at]))))
      --at;
    if (at > begin) {
      const TextView after = at < end ? text.substr(at, 1) : text.substr(next, stretch_end(text, next, false) - next);
      if (has_break(text.substr(begin, at - begin), after)) {
        ++sentences;
        open = at < end ? at : next;
        // Closing quotes and brackets belong to the sentence before them.
        size_t closed = open;
        while (closed < text.size() && is_any_of(text[closed], U"\"')]}")) ++closed;
        if (closed == text.size() || is_space(text[closed])) open = stretch_end(text, closed, true);
      }
    }
    begin = next;
  }
  return sentences + (open < text.size());
}

}  // namespace hone::ifeval
