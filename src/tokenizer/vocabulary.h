// The tokens of a vocabulary by id, and back. Owns its texts; immutable use is thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hone {

class Vocabulary {
 public:
  /// `expected`: about how many tokens there will be.
  explicit Vocabulary(size_t expected = 0);

  /// Whether it fits: the id is free or has this very token, and the token has no other id. Tokens that are added to
  /// a vocabulary are not the model's: it does not cut text into them.
  bool add(std::string_view token, int64_t id, bool of_model = true);

  std::optional<int32_t> find(std::string_view token) const;
  std::optional<int32_t> find_of_model(std::string_view token) const;
  /// Empty for a hole.
  const std::string& token(int32_t id) const { return tokens_[static_cast<size_t>(id)]; }
  /// One more than the largest id.
  size_t size() const { return tokens_.size(); }
  bool contains(int64_t id) const { return id >= 0 && id < static_cast<int64_t>(tokens_.size()); }
  /// The smallest id without a token.
  std::optional<int32_t> first_hole() const;

 private:
  size_t slot_of(std::string_view token) const;
  void grow();

  std::vector<std::string> tokens_;
  std::vector<bool> of_model_;
  std::vector<int32_t> slots_;  ///< open addressing: the id of the token that hashes there, or -1
  size_t used_ = 0;
};

}  // namespace hone
