// Of all ways to cut a text into tokens, the one whose scores have the largest sum (Viterbi): what unigram models do.
// Immutable; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace hone {

/// A part of the text, [begin, end) in bytes.
struct TextCut {
  size_t begin, end;
  int32_t id;  ///< -1 for a character that is no token
};

/// Sums are made in `Score`: which of two equally good ways is taken is a matter of rounding, and Hugging Face's
/// library computes in double where SentencePiece does in float.
template <typename Score>
class BestCut {
 public:
  /// `unknown`: of a character that is no token.
  explicit BestCut(Score unknown) : unknown_(unknown) {}
  void add(std::string_view token, int32_t id, Score score);
  /// `text` is valid UTF-8.
  std::vector<TextCut> cut(std::string_view text) const;

 private:
  struct Entry {
    int32_t id;
    Score score;
  };

  /// Calls each(length, entry) for every token that `text` begins with, the shortest first.
  template <typename Each>
  void for_each_prefix(std::string_view text, Each each) const;

  static uint64_t key(uint32_t node, char c) { return uint64_t{node} << 8 | static_cast<unsigned char>(c); }

  // The tokens by their bytes. Nodes are numbers; 0 is the root.
  std::unordered_map<uint64_t, uint32_t> children_;
  std::vector<Entry> entries_ = {{-1, 0}};  // by node; id -1 where no token ends
  Score unknown_;
};

extern template class BestCut<float>;
extern template class BestCut<double>;

}  // namespace hone
