#include "folder.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "hone/core/error.h"

namespace hone {
namespace {

/// A token's text, or {"content": text}; nothing for null.
std::optional<std::string> read_name(const Node& node) {
  if (node.is_null()) return {};
  return node.json().is_object() ? node["content"].text() : node.text();
}

std::optional<bool> read_flag(const Node& node) {
  return node.is_null() ? std::nullopt : std::optional(node.boolean());
}

std::vector<AddedToken> read_added_decoder(const Node& decoder) {
  std::vector<AddedToken> tokens;
  if (decoder.is_null()) return tokens;
  if (!decoder.json().is_object()) decoder.refuse("is no object");
  for (const auto& [key, entry] : decoder.json().items()) {
    const Node node(entry, decoder.file(), fmt::format("{}['{}']", decoder.path(), key));
    AddedToken token = read_added_token(node, false, true);
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), token.id);
    if (error != std::errc() || end != key.data() + key.size()) node.refuse("has a key that is no id");
    tokens.push_back(std::move(token));
  }
  std::ranges::sort(tokens, {}, &AddedToken::id);
  return tokens;
}

void read_eos_ids(const Node& node, std::vector<int64_t>& ids) {
  if (node.is_null()) return;
  if (!node.json().is_array()) return ids.push_back(node.integer());
  for (const Node& id : node.elements()) ids.push_back(id.integer());
}

void read_names(const Node& root, FolderFacts& facts) {
  const auto name = [&](const char* key, std::optional<std::string>& out) {
    if (!out) out = read_name(root[key]);
  };
  name("bos_token", facts.bos);
  name("eos_token", facts.eos);
  name("pad_token", facts.pad);
  for (const char* key : {"unk_token", "sep_token", "cls_token", "mask_token"}) {
    if (const auto other = read_name(root[key])) facts.other_specials.push_back(*other);
  }
  const Node more = root["additional_special_tokens"];
  if (more.is_null()) return;
  for (const Node& token : more.elements()) facts.other_specials.push_back(read_name(token).value_or(""));
}

}  // namespace

bool FolderFacts::has_file(const std::string& name) const {
  return std::filesystem::exists(folder + "/" + name);
}

FolderFacts read_folder_facts(const std::string& folder) {
  FolderFacts facts{.folder = folder, .config_file = folder + "/tokenizer_config.json"};
  const JsonDocument config = read_json_if_any(facts.config_file);
  const Node root = config.root();
  facts.tokenizer_class = root["tokenizer_class"].text_or("");
  facts.add_bos = read_flag(root["add_bos_token"]);
  facts.add_eos = read_flag(root["add_eos_token"]);
  facts.legacy = read_flag(root["legacy"]);
  facts.add_prefix_space = read_flag(root["add_prefix_space"]);
  facts.added = read_added_decoder(root["added_tokens_decoder"]);
  read_names(root, facts);
  const JsonDocument map = read_json_if_any(folder + "/special_tokens_map.json");
  read_names(map.root(), facts);

  const JsonDocument added = read_json_if_any(folder + "/added_tokens.json");
  for (const auto& [content, id] : added.json.items()) {
    const Node node(id, added.file, "['" + content + "']");
    const bool known = std::ranges::any_of(facts.added, [&](const AddedToken& t) { return t.content == content; });
    if (!known && !content.empty()) facts.added.push_back({.content = content, .id = node.integer()});
  }

  const JsonDocument generation = read_json_if_any(folder + "/generation_config.json");
  read_eos_ids(generation.root()["eos_token_id"], facts.eos_ids);
  const JsonDocument model = read_json_if_any(folder + "/config.json");
  read_eos_ids(model.root()["eos_token_id"], facts.eos_ids);
  facts.model_type = model.root()["model_type"].text_or("");
  return facts;
}

}  // namespace hone
