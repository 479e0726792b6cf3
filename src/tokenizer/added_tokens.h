// Tokens that are cut out of a text before the model sees it. Owns them; immutable and thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "normalizer.h"
#include "regex.h"

namespace hone {

struct AddedToken {
  std::string content;
  int64_t id = -1;
  bool special = false;
  bool normalized = true;               ///< found in the normalised text, by its normalised form; else before that
  bool lstrip = false, rstrip = false;  ///< takes the white space beside it with it
  bool single_word = false;             ///< only where no word goes on beside it
};

class AddedTokens {
 public:
  /// A part of a text: a token, or text where `id` is -1.
  struct Part {
    Range range;
    int32_t id;
  };

  AddedTokens() = default;
  AddedTokens(std::vector<AddedToken> tokens, const Normalizer* normalizer);

  /// The parts of a text, in order and without empty ones; `normalized` says which kind of tokens is meant. At every
  /// place the longest token counts. Special ones are left in the text unless they are parsed.
  std::vector<Part> split(std::string_view text, bool normalized, bool parse_special) const;
  bool any(bool normalized) const { return !tries_[normalized].empty(); }

 private:
  class Trie {
   public:
    void add(std::string_view text, size_t token);
    bool empty() const { return tokens_.size() == 1; }
    /// The longest token that `text` begins with: its size and index. Size 0 where there is none.
    std::pair<size_t, size_t> longest(std::string_view text) const;
    bool may_begin(char c) const { return first_[static_cast<unsigned char>(c)]; }

   private:
    static constexpr size_t kNone = ~size_t{0};
    std::unordered_map<uint64_t, uint32_t> children_;  ///< by node and byte
    std::vector<size_t> tokens_ = {kNone};             ///< by node
    std::array<bool, 256> first_{};
  };

  std::vector<AddedToken> tokens_;
  std::array<Trie, 2> tries_;  ///< by `normalized`
};

/// `added_tokens` of tokenizer.json. Throws Error kInput naming the JSON path.
std::vector<AddedToken> read_added_tokens(const Node& list);
/// The flags of an entry; `special` and `normalized` where the file does not say.
AddedToken read_added_token(const Node& entry, bool special, bool normalized);

}  // namespace hone
