#include "added_tokens.h"

#include <algorithm>

#include "characters.h"
#include "hone/tokenizer/utf8.h"

namespace hone {
namespace {

/// Where the last character of text[0, end) begins; end > 0.
size_t before_character(std::string_view text, size_t end) {
  do {
    --end;
  } while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80);
  return end;
}

bool is_word_at(std::string_view text, size_t at) {
  return is_word_character(next_code_point(text, at));
}

bool inside_word(std::string_view text, Range match) {
  return (match.begin > 0 && is_word_at(text, before_character(text, match.begin))) ||
         (match.end < text.size() && is_word_at(text, match.end));
}

}  // namespace

void AddedTokens::Trie::add(std::string_view text, size_t token) {
  uint64_t node = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const auto [at, is_new] = children_.try_emplace(node << 8 | byte, static_cast<uint32_t>(tokens_.size()));
    if (is_new) tokens_.push_back(kNone);
    if (node == 0) first_[byte] = true;
    node = at->second;
  }
  if (node != 0 && tokens_[node] == kNone) tokens_[node] = token;
}

std::pair<size_t, size_t> AddedTokens::Trie::longest(std::string_view text) const {
  std::pair<size_t, size_t> found{0, 0};
  uint64_t node = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto at = children_.find(node << 8 | static_cast<unsigned char>(text[i]));
    if (at == children_.end()) break;
    node = at->second;
    if (tokens_[node] != kNone) found = {i + 1, tokens_[node]};
  }
  return found;
}

AddedTokens::AddedTokens(std::vector<AddedToken> tokens, const Normalizer* normalizer) : tokens_(std::move(tokens)) {
  // Of two with the same normalised form a special one counts.
  std::ranges::stable_sort(tokens_, [](const AddedToken& a, const AddedToken& b) { return a.special > b.special; });
  for (size_t i = 0; i < tokens_.size(); ++i) {
    std::string content = tokens_[i].content;
    if (tokens_[i].normalized && normalizer != nullptr) normalizer->apply(content);
    tries_[tokens_[i].normalized].add(content, i);
  }
}

std::vector<AddedTokens::Part> AddedTokens::split(std::string_view text, bool normalized, bool parse_special) const {
  const Trie& trie = tries_[normalized];
  std::vector<Part> parts;
  size_t done = 0;
  for (size_t at = 0; at < text.size();) {
    if (!trie.may_begin(text[at])) {
      ++at;
      continue;
    }
    const auto [size, index] = trie.longest(text.substr(at));
    if (size == 0) {
      ++at;
      continue;
    }
    const AddedToken& token = tokens_[index];
    Range match{at, at + size};
    at = match.end;
    if ((token.special && !parse_special) || (token.single_word && inside_word(text, match))) continue;
    while (token.lstrip && match.begin > done) {
      size_t place = before_character(text, match.begin);
      const size_t before = place;
      if (!is_white_space(next_code_point(text, place))) break;
      match.begin = before;
    }
    while (token.rstrip && match.end < text.size()) {
      size_t place = match.end;
      if (!is_white_space(next_code_point(text, place))) break;
      match.end = place;
    }
    if (done < match.begin) parts.push_back({{done, match.begin}, -1});
    parts.push_back({match, static_cast<int32_t>(token.id)});
    done = match.end;
  }
  if (done < text.size()) parts.push_back({{done, text.size()}, -1});
  return parts;
}

AddedToken read_added_token(const Node& entry, bool special, bool normalized) {
  const Node content = entry["content"];
  if (content.text().empty()) content.refuse("is empty");
  if (!is_valid_utf8(content.text())) content.refuse("is not UTF-8");
  return {.content = content.text(),
          .special = entry["special"].boolean_or(special),
          .normalized = entry["normalized"].boolean_or(normalized),
          .lstrip = entry["lstrip"].boolean_or(false),
          .rstrip = entry["rstrip"].boolean_or(false),
          .single_word = entry["single_word"].boolean_or(false)};
}

std::vector<AddedToken> read_added_tokens(const Node& list) {
  std::vector<AddedToken> tokens;
  if (list.is_null()) return tokens;
  for (const Node& entry : list.elements()) {
    tokens.push_back(read_added_token(entry, false, true));
    tokens.back().id = entry["id"].integer();
  }
  return tokens;
}

}  // namespace hone
