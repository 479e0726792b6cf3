// What the files beside a vocabulary say about it: tokenizer_config.json, special_tokens_map.json, added_tokens.json,
// generation_config.json and config.json. All may be missing. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "added_tokens.h"

namespace hone {

struct FolderFacts {
  std::string folder{};
  std::string config_file{};      ///< tokenizer_config.json, for messages
  std::string tokenizer_class{};  ///< "Qwen2Tokenizer"
  std::string model_type{};       ///< "qwen2"
  std::optional<std::string> bos{}, eos{}, pad{};
  std::vector<std::string> other_specials{};
  std::vector<AddedToken> added{};  ///< flags here count more than those in tokenizer.json
  std::optional<bool> add_bos{}, add_eos{}, legacy{}, add_prefix_space{};
  std::vector<int64_t> eos_ids{};  ///< as generation_config.json and config.json have them

  bool has_file(const std::string& name) const;
};

/// Throws Error kInput naming file and JSON path.
FolderFacts read_folder_facts(const std::string& folder);

}  // namespace hone
