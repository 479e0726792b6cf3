// What a model folder holds beside weights and config.json: how text becomes ids, and how it is sampled.
#pragma once

#include <filesystem>

namespace hone {

/// Copies tokenizer, chat template, generation config and prompt templates, those that there are. Throws Error.
void copy_text_files(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace hone
