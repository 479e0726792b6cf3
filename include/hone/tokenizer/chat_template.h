// Chat templates: a conversation as the text that a model was trained on. The templates are Jinja, and what Hugging
// Face transformers renders is rendered here byte for byte (docs/chat_templates.md has the exceptions and the limits).
//
// A template is immutable once parsed and thread-safe; it owns its tree. Templates come with models, from strangers:
// none takes more than the documented time, memory and stack.
#pragma once

#include <ctime>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hone {

/// A stretch of the rendered text, in bytes.
struct TextSpan {
  size_t begin, end;

  bool operator==(const TextSpan&) const = default;
};

struct RenderedChat {
  std::string text;
  std::vector<TextSpan> assistant;  ///< what {% generation %} blocks wrote: the assistant's own words
};

class ChatTemplate {
 public:
  /// Parses Jinja. `name` stands in front of the line in messages. Throws Error kInput naming the line.
  static ChatTemplate parse(std::string_view text, std::string name = "chat template");

  /// The text for `variables`, a JSON object: messages, add_generation_prompt and whatever the template asks for. `now`
  /// is what strftime_now prints. Throws Error kInput naming the line, with the template's own words for
  /// raise_exception.
  std::string render(std::string_view variables, std::time_t now = std::time(nullptr)) const;
  /// The same with the assistant's stretches; throws Error kInput when one has no place in the text, being written
  /// inside a macro or a captured block.
  RenderedChat render_spans(std::string_view variables, std::time_t now = std::time(nullptr)) const;

 private:
  struct Tree;
  explicit ChatTemplate(std::shared_ptr<const Tree> tree) : tree_(std::move(tree)) {}
  RenderedChat render_all(std::string_view variables, std::time_t now, bool spans) const;

  std::shared_ptr<const Tree> tree_;
};

/// The chat templates of a model folder and the special tokens that they are given. Immutable and thread-safe.
class ChatTemplates {
 public:
  /// Reads chat_template.jinja and additional_chat_templates/*.jinja, else `chat_template` of tokenizer_config.json;
  /// and the special tokens of tokenizer_config.json and special_tokens_map.json. Throws Error kInput naming the file.
  static ChatTemplates load(const std::string& folder);

  /// By name; for an empty one "tool_use" where there are tools and such a template, else "default". Throws Error
  /// kInput listing the names.
  const ChatTemplate& choose(const std::string& name, bool has_tools) const;

  /// A chat as transformers' apply_chat_template renders it. `chat` is a JSON object: "messages", which is required,
  /// "tools", "documents", "add_generation_prompt", and any other variable of the template; "chat_template" is the name
  /// of the template. A variable wins over a special token of its name.
  std::string render(std::string_view chat, std::time_t now = std::time(nullptr)) const;
  RenderedChat render_spans(std::string_view chat, std::time_t now = std::time(nullptr)) const;

 private:
  std::map<std::string, ChatTemplate> templates_;
  std::map<std::string, std::string> special_tokens_;
  std::string folder_;
};

}  // namespace hone
