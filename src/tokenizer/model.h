// What turns a piece of text into ids. Immutable; thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "json.h"
#include "vocabulary.h"

namespace hone {

/// The model of a tokenizer (model.h of hone/model is the neural one).
class TokenModel {
 public:
  virtual ~TokenModel() = default;
  /// Appends the ids of a piece, which is valid UTF-8 and not empty. `starts_text`: it stands where the text begins.
  virtual void encode(std::string_view piece, bool starts_text, std::vector<int32_t>& ids) const = 0;
};

/// The ids of the byte tokens <0x00>...<0xFF>; -1 for those outside the vocabulary.
std::vector<int32_t> byte_tokens(const Vocabulary& vocabulary);
/// Appends the ids of the bytes of `text`, or nothing where one has none; `byte_ids` is empty or has 256.
bool append_bytes(std::string_view text, const std::vector<int32_t>& byte_ids, std::vector<int32_t>& ids);

/// The parts of a file's `model`. They keep a reference to the vocabulary. Throw Error kInput naming the JSON path.
std::unique_ptr<TokenModel> read_bpe(const Node& model, const VocabularyLists& lists, const Vocabulary& vocabulary);
std::unique_ptr<TokenModel> read_unigram(const Node& model, const VocabularyLists& lists, const Vocabulary& vocabulary);
std::unique_ptr<TokenModel> read_word_level(const Node& model, const Vocabulary& vocabulary);

}  // namespace hone
