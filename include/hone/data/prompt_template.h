// What stands around a problem in a model's input: a text with a gap, or the model's own chat template. Immutable and
// thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "hone/data/records.h"
#include "hone/tokenizer/chat_template.h"
#include "hone/tokenizer/tokenizer.h"

namespace hone {

class PromptTemplate {
 public:
  /// "chat" is the model's chat template. A name with a slash or an extension is a file that holds {{prompt}} once; one
  /// line break at its end is no part of it. Any other name is MODEL_FOLDER/templates/NAME.txt where that exists, else
  /// a built-in one: r1_zero (DeepSeek-R1, arXiv 2501.12948, table 1) or none (the question alone). Throws Error
  /// kInput.
  static PromptTemplate load(const std::string& name, const std::string& model_folder);

  /// The model's input for a problem. A chat has the messages of the record, or the problem as its only one. Throws
  /// Error kInput for a record of several messages where the template is no chat.
  std::string fill(const Prompt& prompt) const;
  /// The same as ids. Chat templates write the token that begins a text themselves.
  std::vector<int32_t> encode(const Tokenizer& tokenizer, const Prompt& prompt) const;
  /// Fills in Prompt::ids of each.
  void encode(const Tokenizer& tokenizer, std::vector<Prompt>& prompts) const;

 private:
  std::string before_, after_;
  std::shared_ptr<const ChatTemplates> chat_;  ///< nothing for a text
};

}  // namespace hone
