// The chat templates and special tokens of a model folder, chosen and passed as transformers 5.24 does
// (tokenization_utils_base.py, chat_template_utils.py).
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "hone/core/error.h"
#include "hone/core/file.h"
#include "hone/tokenizer/chat_template.h"
#include "tokenizer/chat_template/limits.h"

namespace hone {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr uint64_t kMaxConfigBytes = uint64_t{64} << 20;
constexpr const char* kTokenNames[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                       "pad_token", "cls_token", "mask_token"};

/// The object in a file; an empty one where there is no file.
Json read_object(const fs::path& path) {
  if (!fs::exists(path)) return Json::object();
  Json json = Json::parse(read_file(path, kMaxConfigBytes), nullptr, /*allow_exceptions=*/false);
  HONE_CHECK(json.is_object(), .what = "not a JSON object", .place = path.string());
  return json;
}

/// The text of a token, which stands as it is or as an AddedToken; nothing for null.
std::optional<std::string> token_text(const Json& token) {
  if (token.is_string()) return token.get<std::string>();
  if (token.is_object() && token.contains("content") && token["content"].is_string()) {
    return token["content"].get<std::string>();
  }
  return std::nullopt;
}

void take_tokens(const Json& config, std::map<std::string, std::string>& tokens) {
  for (const char* name : kTokenNames) {
    if (!config.contains(name)) continue;
    if (const auto text = token_text(config[name])) tokens[name] = *text;
  }
  // Tokens with names of their own, as the image tokens of a model that sees.
  const auto extra = config.find("extra_special_tokens");
  if (extra == config.end() || !extra->is_object()) return;
  for (const auto& [name, token] : extra->items()) {
    if (const auto text = token_text(token)) tokens[name] = *text;
  }
}

/// What transformers does to a message: null members go, and the names that reasoning goes by stand for each other.
Json normalized(const Json& message, const std::string& place) {
  HONE_CHECK(message.is_object(), .what = "a message is not an object", .place = place, .got = message.type_name());
  Json result = Json::object();
  for (const auto& [name, value] : message.items()) {
    if (!value.is_null()) result[name] = value;
  }
  for (const char* name : {"reasoning_content", "thinking", "reasoning"}) {
    if (!result.contains(name)) continue;
    Json with_aliases = {{"thinking", result[name]}};
    with_aliases.update(result);
    with_aliases["reasoning_content"] = result[name];
    return with_aliases;
  }
  return result;
}

/// A chat made ready: the template that it asks for, and its variables.
struct Request {
  const ChatTemplate* chosen;
  std::string variables;
};

}  // namespace

ChatTemplates ChatTemplates::load(const std::string& folder) {
  ChatTemplates loaded;
  loaded.folder_ = folder;
  const auto add = [&](const std::string& name, const std::string& text, const std::string& place) {
    loaded.templates_.insert_or_assign(name, ChatTemplate::parse(text, place));
  };
  const fs::path root(folder), file = root / "chat_template.jinja", more = root / "additional_chat_templates";
  HONE_CHECK(fs::is_directory(root), .what = "no such folder", .place = folder);
  if (fs::exists(file)) add("default", read_file(file, jinja::kMaxTemplateBytes), file.string());
  if (fs::is_directory(more)) {
    for (const auto& entry : fs::directory_iterator(more)) {
      if (entry.path().extension() != ".jinja") continue;
      add(entry.path().stem().string(), read_file(entry.path(), jinja::kMaxTemplateBytes), entry.path().string());
    }
  }
  const fs::path config_path = root / "tokenizer_config.json";
  const Json config = read_object(config_path);
  if (const auto at = config.find("chat_template"); loaded.templates_.empty() && at != config.end()) {
    const std::string place = config_path.string() + ": chat_template";
    if (at->is_string()) add("default", at->get<std::string>(), place);
    for (const Json& entry : at->is_array() ? *at : Json::array()) {
      HONE_CHECK(entry.is_object() && entry.contains("name") && entry["name"].is_string() &&
                     entry.contains("template") && entry["template"].is_string(),
                 .what = "an entry without a name and a template", .place = place);
      const auto name = entry["name"].get<std::string>();
      add(name, entry["template"].get<std::string>(), fmt::format("{} {}", place, name));
    }
  }
  HONE_CHECK(!loaded.templates_.empty(), .what = "the model folder has no chat template", .place = folder, .got = {},
             .expected = "chat_template.jinja, or \"chat_template\" in tokenizer_config.json");
  take_tokens(config, loaded.special_tokens_);
  // The older file counts where the newer one does not list its tokens.
  if (!config.contains("added_tokens_decoder")) {
    take_tokens(read_object(root / "special_tokens_map.json"), loaded.special_tokens_);
  }
  return loaded;
}

const ChatTemplate& ChatTemplates::choose(const std::string& name, bool has_tools) const {
  std::string wanted = name;
  if (wanted.empty()) wanted = has_tools && templates_.contains("tool_use") ? "tool_use" : "default";
  const auto at = templates_.find(wanted);
  if (at != templates_.end()) return at->second;
  std::vector<std::string> names;
  for (const auto& [known, unused] : templates_) names.push_back(known);
  throw_input({.what = fmt::format("no chat template '{}'", wanted),
               .place = folder_,
               .got = {},
               .expected = fmt::format("one of {}", fmt::join(names, ", "))});
}

namespace {

Request prepare(const ChatTemplates& templates, const std::map<std::string, std::string>& special_tokens,
                std::string_view chat) {
  const std::string place = "chat";
  const Json given = Json::parse(chat, nullptr, /*allow_exceptions=*/false);
  HONE_CHECK(given.is_object(), .what = "not a JSON object", .place = place);
  const auto messages = given.find("messages");
  HONE_CHECK(messages != given.end() && messages->is_array() && !messages->empty(),
             .what = "needs \"messages\", a list of at least one", .place = place);
  Json variables = {
      {"messages", Json::array()}, {"tools", nullptr}, {"documents", nullptr}, {"add_generation_prompt", false}};
  for (const auto& [name, text] : special_tokens) variables[name] = text;
  std::string name;
  for (const auto& [key, value] : given.items()) {
    if (key == "messages") continue;
    if (key == "chat_template" && !value.is_null()) {
      HONE_CHECK(value.is_string(), .what = "\"chat_template\" is no name", .place = place);
      name = value.get<std::string>();
    } else {
      variables[key] = value;
    }
  }
  for (const Json& message : *messages) variables["messages"].push_back(normalized(message, place));
  return {&templates.choose(name, !variables["tools"].is_null()), variables.dump()};
}

}  // namespace

std::string ChatTemplates::render(std::string_view chat, std::time_t now) const {
  const Request request = prepare(*this, special_tokens_, chat);
  return request.chosen->render(request.variables, now);
}

RenderedChat ChatTemplates::render_spans(std::string_view chat, std::time_t now) const {
  const Request request = prepare(*this, special_tokens_, chat);
  return request.chosen->render_spans(request.variables, now);
}

}  // namespace hone
