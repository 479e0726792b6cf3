// What a model folder holds beside weights and config.json: how text becomes ids, and how it is sampled.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace hone {

/// The files of a model folder that a run depends on, by their names in it: config.json, weights and what
/// copy_text_files() takes. Sorted.
std::vector<std::string> model_files(const std::filesystem::path& folder);

/// Copies tokenizer, chat template, generation config and prompt templates, those that there are. Throws Error.
void copy_text_files(const std::filesystem::path& from, const std::filesystem::path& to);

/// Copies weights and config.json as well. Throws Error.
void copy_model(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace hone
