// The weights and the shape of a llama.cpp file as Hugging Face's config.json and safetensors.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "hone/model/gguf.h"

namespace hone::cli {

/// Writes config.json, generation_config.json and the weights (float32; in shards where there are more than 4 GB) to
/// `folder`. Architectures llama (Mistral's models are such files, too), qwen2 and qwen3. Throws Error kInput naming
/// what is not supported before anything is written.
void write_model(const GgufFile& file, const std::filesystem::path& folder);

}  // namespace hone::cli
