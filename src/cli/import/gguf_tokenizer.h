// The tokenizer of a llama.cpp file as Hugging Face's tokenizer.json and tokenizer_config.json.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "hone/model/gguf.h"

namespace hone::cli {

struct TokenizerFiles {
  nlohmann::ordered_json tokenizer, tokenizer_config;
};

/// Byte-level BPE ("gpt2") with a known way to cut text, and SentencePiece BPE ("llama"). Throws Error kInput naming
/// what is not supported.
TokenizerFiles tokenizer_files(const GgufFile& file);

}  // namespace hone::cli
