// Decoders of tokenizer.json: tokens to text. A chain is immutable and thread-safe; a Decoding is one row of tokens at
// work and belongs to one thread. Every step works token by token, so that a text can be shown while it comes.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "json.h"

namespace hone {

using Emit = std::function<void(std::string_view)>;

class DecodeStep {
 public:
  virtual ~DecodeStep() = default;
  virtual void push(std::string_view token, const Emit& emit) = 0;
  /// After the last token.
  virtual void finish(const Emit&) {}
};

/// `raw`: bytes stay as they are, where the files would have U+FFFD for what is not UTF-8.
using MakeStep = std::function<std::unique_ptr<DecodeStep>(bool raw)>;
using DecoderChain = std::vector<MakeStep>;

class Decoding {
 public:
  Decoding(const DecoderChain& chain, bool raw);
  /// Appends what is certain to `out`.
  void push(std::string_view token, std::string& out) { push_to(0, token, out); }
  void finish(std::string& out);

 private:
  void push_to(size_t step, std::string_view token, std::string& out);
  std::vector<std::unique_ptr<DecodeStep>> steps_;
};

/// Words with spaces between where the file has none. Throws Error kInput naming the JSON path.
DecoderChain read_decoder(const Node& node);
DecoderChain byte_level_decoder();
/// Of SentencePiece: U+2581 is a space, byte tokens are bytes, and up to `leading_spaces` go from the beginning.
DecoderChain sentencepiece_decoder(size_t leading_spaces);

}  // namespace hone
