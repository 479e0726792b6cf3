// Text to token ids and back, from an ordinary Hugging Face tokenizer.json. Immutable and thread-safe once loaded.
#pragma once

#include <cstdint>
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

  /// Throws Error kInput for a word outside the vocabulary.
  std::vector<int32_t> encode(std::string_view text) const;
  /// Words joined by spaces; the padding and end tokens are left out.
  std::string decode(const std::vector<int32_t>& ids) const;

  int64_t vocab_size() const { return static_cast<int64_t>(tokens_.size()); }
  int32_t eos_id() const { return eos_id_; }
  int32_t pad_id() const { return pad_id_; }

 private:
  std::vector<std::string> tokens_;
  std::unordered_map<std::string, int32_t> ids_;
  int32_t eos_id_ = -1, pad_id_ = -1;
};

/// Writes tokenizer.json and tokenizer_config.json of a word-level tokenizer whose token i is vocabulary[i].
void write_word_tokenizer(const std::string& folder, const std::vector<std::string>& vocabulary, const std::string& eos,
                          const std::string& pad);

}  // namespace hone
