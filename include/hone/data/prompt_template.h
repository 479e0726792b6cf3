// Prompt templates: the text around a question that a base model sees. Pure but for reading files. Thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace hone {

/// The text of a template, with its placeholder {{prompt}}. `name` with a slash or an extension is a file; any other is
/// MODEL_FOLDER/templates/NAME.txt where that exists, else a built-in one: r1_zero (DeepSeek-R1, arXiv 2501.12948,
/// table 1) or none (the question alone). One line break at a file's end is not part of the template. Throws Error
/// kInput for an unknown name and for a text without exactly one placeholder.
std::string load_template(const std::string& name, const std::string& model_folder);

/// The template with `prompt` in its place.
std::string fill_template(std::string_view template_text, std::string_view prompt);

}  // namespace hone
