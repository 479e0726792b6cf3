// Pre-tokenizers of tokenizer.json: they cut a text into the pieces that the model sees one by one. Immutable and
// thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "json.h"
#include "regex.h"

namespace hone {

/// The text between two added tokens, and where it is cut.
struct Pieces {
  std::string text;
  std::vector<Range> ranges;  ///< in order, none empty
  bool starts_text;           ///< text[0] is where the whole text begins
  bool escaped;               ///< bytes that are not UTF-8 are escaped (byte_level.h)

  std::string_view view(Range range) const {
    return std::string_view(text).substr(range.begin, range.end - range.begin);
  }
};

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  virtual void apply(Pieces& pieces) const = 0;
};

/// Null where the file has none. Throws Error kInput naming the JSON path.
std::unique_ptr<PreTokenizer> read_pre_tokenizer(const Node& node);
/// Cuts at every match of `pattern` and writes the pieces in the byte-level alphabet, as tiktoken's files need it.
std::unique_ptr<PreTokenizer> make_byte_level(const std::string& pattern, bool add_prefix_space);

}  // namespace hone
