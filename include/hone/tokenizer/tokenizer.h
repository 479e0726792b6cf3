// Text to token ids and back, from the tokenizer files of a model folder: tokenizer.json, vocab.json with merges.txt,
// SentencePiece models and tiktoken files (docs/tokenizers.md says what of them is supported). A Tokenizer shares its
// tables with its copies; it is immutable and thread-safe once loaded. A StreamDecoder belongs to one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hone {

struct TokenizerParts;

struct EncodeOptions {
  /// Special tokens found in the text become tokens; else they are text like any other.
  bool parse_special = true;
  /// The token that begins a text comes first; where nothing is said, as the files have it.
  std::optional<bool> add_bos{};
};

class Tokenizer {
 public:
  /// Throws Error kInput naming the file and, in JSON, the path for what is missing, damaged or not supported.
  static Tokenizer load(const std::string& folder);

  /// Any bytes are taken: those that are not UTF-8 become byte tokens where the vocabulary has them. Throws Error
  /// kInput for a word outside the vocabulary when a tokenizer of whole words has no unknown token.
  std::vector<int32_t> encode(std::string_view text, const EncodeOptions& options = {}) const;
  /// Always UTF-8: bytes that do not form it become U+FFFD. Ids outside the vocabulary (models pad theirs) are nothing.
  std::string decode(const std::vector<int32_t>& ids, bool skip_special = true) const;
  /// The same with the bytes as they are. Where every byte has a token and the text is not normalised,
  /// decode_bytes(encode(x)) is x.
  std::string decode_bytes(const std::vector<int32_t>& ids, bool skip_special = true) const;

  /// One more than the largest id. There may be holes, whose token() is empty.
  int64_t vocab_size() const;
  std::optional<int32_t> id_of(std::string_view token) const;
  /// As the vocabulary spells it.
  const std::string& token(int32_t id) const;
  bool is_special(int32_t id) const;

  std::optional<int32_t> bos_id() const;
  /// The token that ends a text. Throws Error kInput where no file names one.
  int32_t eos_id() const;
  /// The end of text where no file names another.
  int32_t pad_id() const;
  /// Every token that ends a completion: eos_id() and those of generation_config.json and config.json, sorted.
  const std::vector<int32_t>& eos_ids() const;

 private:
  friend class StreamDecoder;
  explicit Tokenizer(std::shared_ptr<const TokenizerParts> parts) : parts_(std::move(parts)) {}

  std::shared_ptr<const TokenizerParts> parts_;
};

/// Ids to text as they come. What push() and finish() return, put together, is what Tokenizer::decode() returns; every
/// part is UTF-8.
class StreamDecoder {
 public:
  explicit StreamDecoder(const Tokenizer& tokenizer, bool skip_special = true);
  ~StreamDecoder();
  StreamDecoder(StreamDecoder&&) noexcept;
  StreamDecoder& operator=(StreamDecoder&&) noexcept;

  /// The text that is certain now; it may be empty.
  std::string push(int32_t id);
  /// The rest. Afterwards the decoder stands at the beginning again.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Writes tokenizer.json and tokenizer_config.json of a word-level tokenizer whose token i is vocabulary[i]. It has no
/// unknown token.
void write_word_tokenizer(const std::string& folder, const std::vector<std::string>& vocabulary, const std::string& eos,
                          const std::string& pad);

}  // namespace hone
