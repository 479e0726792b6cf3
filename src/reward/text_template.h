// Text with places to fill in: "Question: {{prompt}} Answer: {{completion}}". What is filled in is never read as a
// place itself. Immutable once made; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hone {

class TextTemplate {
 public:
  struct Piece {
    bool place;  ///< `text` is the name of a place; else it stands for itself
    std::string text;
  };

  /// Throws Error kInput, naming `key`, for a place of another name than `names`.
  TextTemplate(std::string_view text, const std::vector<std::string_view>& names, std::string_view key);

  const std::vector<Piece>& pieces() const { return pieces_; }
  /// How often a place occurs.
  int64_t count(std::string_view name) const;

 private:
  std::vector<Piece> pieces_;
};

}  // namespace hone
