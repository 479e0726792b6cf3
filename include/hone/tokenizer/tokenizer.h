// Text to token ids and back, from an ordinary Hugging Face tokenizer.json. Immutable and thread-safe once loaded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace hone {

/// For now word-level tokenizers that split at white space (the built-in world's); any other part of a file is refused
/// by name.
class Tokenizer {
 public:
  /// Reads tokenizer.json and tokenizer_config.json of a model folder. Throws Error kInput naming file and JSON path.
  static Tokenizer load(const std::string& folder);

  /// Special tokens are found wherever they stand in the text. Throws Error kInput for a word outside the vocabulary
  /// when the tokenizer has no unknown token.
  std::vector<int32_t> encode(std::string_view text) const;
  /// Words joined by spaces, with or without the special tokens.
  std::string decode(const std::vector<int32_t>& ids, bool skip_special = true) const;

  int64_t vocab_size() const { return static_cast<int64_t>(tokens_.size()); }
  int32_t eos_id() const { return eos_id_; }
  int32_t pad_id() const { return pad_id_; }
  std::optional<int32_t> id_of(std::string_view token) const;
  const std::string& token(int32_t id) const;

 private:
  void encode_words(std::string_view text, std::vector<int32_t>& ids) const;

  std::vector<std::string> tokens_;
  std::vector<bool> special_;  ///< by id
  std::unordered_map<std::string, int32_t> ids_;
  std::vector<int32_t> added_;  ///< tokens that are cut out of the text first, longest first
  std::optional<int32_t> unknown_id_;
  int32_t eos_id_ = -1;
  int32_t pad_id_ = -1;
};

/// Writes tokenizer.json and tokenizer_config.json of a word-level tokenizer whose token i is vocabulary[i]. It has no
/// unknown token.
void write_word_tokenizer(const std::string& folder, const std::vector<std::string>& vocabulary, const std::string& eos,
                          const std::string& pad);

}  // namespace hone
