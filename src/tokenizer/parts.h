// What a Tokenizer is made of, and the loaders that make it from each kind of file. Immutable once loaded.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "added_tokens.h"
#include "decoder.h"
#include "folder.h"
#include "model.h"
#include "normalizer.h"
#include "pre_tokenizer.h"
#include "vocabulary.h"

namespace hone {

struct TokenizerParts {
  // As the loaders fill them.
  Vocabulary vocabulary;
  std::unique_ptr<Normalizer> normalizer;
  std::unique_ptr<PreTokenizer> pre_tokenizer;
  std::unique_ptr<TokenModel> model;  ///< refers to `vocabulary`
  DecoderChain decoder;
  std::vector<AddedToken> added_list;
  std::vector<int32_t> before, after;  ///< what stands around every text
  std::optional<std::string> bos_name, eos_name, pad_name;
  std::vector<int64_t> more_eos_ids;
  bool no_holes = false;  ///< the ids must be 0, 1, ...

  // Made of these and the facts of the folder.
  AddedTokens added;
  std::vector<bool> special;  ///< by id
  std::vector<int32_t> byte_ids;
  std::optional<int32_t> bos, eos, pad;
  std::vector<int32_t> eos_ids;

  /// Whether a token has a text to decode: the ids of holes and padding have none.
  bool is_shown(int32_t id, bool skip_special) const {
    return vocabulary.contains(id) && !vocabulary.token(id).empty() &&
           !(skip_special && special[static_cast<size_t>(id)]);
  }
};

/// The loaders. Throw Error kInput naming the file and, in JSON, the path.
void load_tokenizer_json(const FolderFacts& facts, TokenizerParts& parts);
void load_vocab_and_merges(const FolderFacts& facts, TokenizerParts& parts);
/// `bytes`: those of `file`.
void load_sentencepiece(const FolderFacts& facts, const std::string& file, const std::string& bytes,
                        TokenizerParts& parts);
void load_tiktoken(const std::string& file, const std::string& bytes, TokenizerParts& parts);
bool is_tiktoken(std::string_view bytes);

/// Adds the tokens of a list {"token": id}. `json_path` names it.
void add_ids(const VocabularyLists& lists, const std::string& file, const char* json_path, Vocabulary& vocabulary);

/// Whatever the folder has. Adds the facts to what a loader found.
std::shared_ptr<const TokenizerParts> load_parts(const std::string& folder);

}  // namespace hone
