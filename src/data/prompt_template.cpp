#include "hone/data/prompt_template.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "hone/core/error.h"
#include "hone/core/file.h"

namespace hone {
namespace {

constexpr std::string_view kPlaceholder = "{{prompt}}";
constexpr uint64_t kMaxBytes = 1 << 20;

// The wording of the paper's table, on which the tags of the format reward rest.
constexpr std::string_view kR1Zero =
    "A conversation between User and Assistant. The user asks a question, and the Assistant solves it. The assistant "
    "first thinks about the reasoning process in the mind and then provides the user with the answer. The reasoning "
    "process and answer are enclosed within <think>...</think> and <answer>...</answer> tags, respectively, i.e., "
    "<think> reasoning process here </think> <answer> answer here </answer>. User: {{prompt}}. Assistant:";

std::string as_json(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string read_template_file(const std::filesystem::path& path) {
  std::string text = read_file(path, kMaxBytes);
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

std::string find_template(const std::string& name, const std::string& model_folder) {
  const std::filesystem::path path(name);
  if (name.find('/') != std::string::npos || path.has_extension()) return read_template_file(path);
  const auto own = std::filesystem::path(model_folder) / "templates" / (name + ".txt");
  if (std::filesystem::exists(own)) return read_template_file(own);
  if (name == "r1_zero") return std::string(kR1Zero);
  if (name == "none") return std::string(kPlaceholder);
  throw_input({.what = "unknown prompt template",
               .got = name,
               .expected = "chat, r1_zero, none, a file, or a name in the model's folder templates",
               .hint = own.string() + " does not exist"});
}

}  // namespace

PromptTemplate PromptTemplate::load(const std::string& name, const std::string& model_folder) {
  PromptTemplate made;
  if (name == "chat") {
    made.chat_ = std::make_shared<const ChatTemplates>(ChatTemplates::load(model_folder));
    return made;
  }
  const std::string text = find_template(name, model_folder);
  const size_t at = text.find(kPlaceholder);
  HONE_CHECK(at != std::string::npos && text.find(kPlaceholder, at + 1) == std::string::npos,
             .what = "a prompt template must hold {{prompt}} exactly once", .place = name);
  made.before_ = text.substr(0, at);
  made.after_ = text.substr(at + kPlaceholder.size());
  return made;
}

std::string PromptTemplate::fill(const Prompt& prompt) const {
  const bool has_messages = prompt.record.has("messages");
  if (chat_ != nullptr) {
    const std::string messages = has_messages
                                     ? *prompt.record.json("messages")
                                     : fmt::format(R"([{{"role":"user","content":{}}}])", as_json(prompt.text));
    const std::string tools = prompt.record.json("tools").value_or("null");
    try {
      return chat_->render(
          fmt::format(R"({{"messages":{},"tools":{},"add_generation_prompt":true}})", messages, tools));
    } catch (const Error& error) {
      throw Error(error.kind(), fmt::format("{}: {}", prompt.id, error.what()));
    }
  }
  HONE_CHECK(!has_messages || prompt.record.messages() <= 1 || prompt.record.has("prompt"),
             .what = "a chat of several messages needs the template 'chat'", .place = prompt.id);
  return before_ + prompt.text + after_;
}

std::vector<int32_t> PromptTemplate::encode(const Tokenizer& tokenizer, const Prompt& prompt) const {
  EncodeOptions options;
  if (chat_ != nullptr) options.add_bos = false;
  return tokenizer.encode(fill(prompt), options);
}

void PromptTemplate::encode(const Tokenizer& tokenizer, std::vector<Prompt>& prompts) const {
  for (Prompt& prompt : prompts) prompt.ids = encode(tokenizer, prompt);
}

}  // namespace hone
