// Normalizers of tokenizer.json: text to text before it is cut. Immutable and thread-safe.
#pragma once

#include <memory>
#include <string>

#include "json.h"

namespace hone {

class Normalizer {
 public:
  virtual ~Normalizer() = default;
  /// `text` is valid UTF-8 and stays so. Returns whether it has lost its beginning: what follows does not begin a text.
  virtual bool apply(std::string& text) const = 0;
};

/// Null where the file has none. Throws Error kInput naming the JSON path.
std::unique_ptr<Normalizer> read_normalizer(const Node& node);
/// NFC alone.
std::unique_ptr<Normalizer> make_nfc();
/// The pieces of a charsmap compiled by SentencePiece; `bytes` is its binary form.
std::unique_ptr<Normalizer> make_precompiled(const std::string& bytes, const Node& place);

}  // namespace hone
