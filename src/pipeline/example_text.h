// A record's prompt and completion as the model sees them when the completion is sampled. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "hone/data/prompt_template.h"
#include "hone/tokenizer/tokenizer.h"

namespace hone {

class ExampleText {
 public:
  /// Throws Error kInput as its parts do.
  ExampleText(const std::string& prompt_template, const std::string& model_folder)
      : tokenizer_(Tokenizer::load(model_folder)), template_(PromptTemplate::load(prompt_template, model_folder)) {}

  /// The model's input. Throws Error kInput naming `place` when it has no token.
  std::vector<int32_t> prompt(const Prompt& prompt, const std::string& place) const;
  /// With a completion that goes on where the prompt (not empty) ends, and the end token.
  std::vector<int32_t> with_completion(std::vector<int32_t> prompt, const std::string& completion) const;

 private:
  std::vector<int32_t> continuation(int32_t last, const std::string& completion) const;

  const Tokenizer tokenizer_;
  const PromptTemplate template_;
};

/// A text field of a record. Throws Error kInput naming `place` when there is none.
std::string required_text(const Record& record, std::string_view field, const std::string& place);

}  // namespace hone
