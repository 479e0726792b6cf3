#include "parts.h"

#include <algorithm>
#include <filesystem>

#include "hone/core/error.h"
#include "hone/core/file.h"

namespace hone {
namespace {

namespace fs = std::filesystem;

/// tokenizer.model, another SentencePiece model (tokenizer.model.v3) or a file of tiktoken.
std::optional<std::string> find_model_file(const std::string& folder) {
  if (fs::exists(folder + "/tokenizer.model")) return folder + "/tokenizer.model";
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename();
    if (name.ends_with(".tiktoken") || name.ends_with(".model") || name.find(".model.v") != std::string::npos) {
      found.push_back(entry.path());
    }
  }
  std::ranges::sort(found);
  HONE_CHECK(found.size() < 2, .what = "more than one tokenizer", .place = folder,
             .got = fs::path(found[0]).filename().string() + " and " + fs::path(found[1]).filename().string());
  return found.empty() ? std::nullopt : std::optional(found[0]);
}

void load_files(const FolderFacts& facts, TokenizerParts& parts) {
  if (facts.has_file("tokenizer.json")) return load_tokenizer_json(facts, parts);
  if (facts.has_file("vocab.json") && facts.has_file("merges.txt")) return load_vocab_and_merges(facts, parts);
  const auto file = find_model_file(facts.folder);
  HONE_CHECK(file, .what = "no tokenizer", .place = facts.folder, .got = {},
             .expected = "tokenizer.json, vocab.json with merges.txt, tokenizer.model or a .tiktoken file");
  const std::string bytes = read_file(*file, kMaxTokenizerBytes);
  if (is_tiktoken(bytes)) return load_tiktoken(*file, bytes, parts);
  load_sentencepiece(facts, *file, bytes, parts);
}

/// The folder's entries replace those of the vocabulary's file or come on top.
void add_tokens(const FolderFacts& facts, TokenizerParts& parts) {
  std::vector<AddedToken>& list = parts.added_list;
  for (const AddedToken& token : facts.added) {
    const auto known =
        std::ranges::find_if(list, [&](const AddedToken& t) { return t.content == token.content || t.id == token.id; });
    if (known == list.end()) {
      list.push_back(token);
    } else {
      HONE_CHECK(known->id == token.id, .what = fmt::format("'{}' has another id than its vocabulary", token.content),
                 .place = facts.config_file, .got = std::to_string(token.id), .expected = std::to_string(known->id));
      *known = token;
    }
  }
  for (const AddedToken& token : list) {
    HONE_CHECK(parts.vocabulary.add(token.content, token.id, /*of_model=*/false),
               .what = fmt::format("the added token '{}' has a bad id", token.content), .place = facts.config_file,
               .got = std::to_string(token.id), .expected = "every token and every id once");
  }
}

/// The id of a token with a role, which is special from now on.
int32_t special_token(const FolderFacts& facts, const char* key, const std::string& content, TokenizerParts& parts) {
  const auto id = parts.vocabulary.find(content);
  HONE_CHECK(id, .what = fmt::format("'{}' names a token outside the vocabulary", key), .place = facts.config_file,
             .got = content);
  const bool added = std::ranges::any_of(parts.added_list, [&](const AddedToken& t) { return t.id == *id; });
  if (!added) parts.added_list.push_back({.content = content, .id = *id, .special = true, .normalized = false});
  return *id;
}

void find_special_tokens(const FolderFacts& facts, TokenizerParts& parts) {
  const auto find = [&](const char* key, const std::optional<std::string>& said,
                        const std::optional<std::string>& usual) -> std::optional<int32_t> {
    const auto& name = said ? said : usual;
    return name ? std::optional(special_token(facts, key, *name, parts)) : std::nullopt;
  };
  parts.bos = find("bos_token", facts.bos, parts.bos_name);
  parts.eos = find("eos_token", facts.eos, parts.eos_name);
  parts.pad = find("pad_token", facts.pad, parts.pad_name);
  for (const std::string& name : facts.other_specials) {
    if (parts.vocabulary.find(name)) special_token(facts, "a special token", name, parts);
  }
  if (!parts.bos && !parts.before.empty()) parts.bos = parts.before.front();
}

/// What stands around a text: an explicit add_bos_token or add_eos_token counts more than the vocabulary's file.
void apply_flags(const FolderFacts& facts, TokenizerParts& parts) {
  const auto apply = [&](const std::optional<bool>& add, const std::optional<int32_t>& id, const char* name,
                         std::vector<int32_t>& ids) {
    if (!add) return;
    ids.clear();
    if (!*add) return;
    HONE_CHECK(id, .what = fmt::format("add_{0}_token is true, but there is no {0}_token", name),
               .place = facts.config_file);
    ids.push_back(*id);
  };
  apply(facts.add_bos, parts.bos, "bos", parts.before);
  apply(facts.add_eos, parts.eos, "eos", parts.after);
}

void collect_eos_ids(const FolderFacts& facts, TokenizerParts& parts) {
  std::vector<int64_t> ids = facts.eos_ids;
  if (ids.empty()) ids = parts.more_eos_ids;
  for (const int64_t id : ids) {  // models for other tasks may name ids that are none
    if (!parts.vocabulary.contains(id)) continue;
    if (!parts.eos) parts.eos = static_cast<int32_t>(id);
    parts.eos_ids.push_back(static_cast<int32_t>(id));
  }
  if (parts.eos) parts.eos_ids.push_back(*parts.eos);
  std::ranges::sort(parts.eos_ids);
  parts.eos_ids.erase(std::unique(parts.eos_ids.begin(), parts.eos_ids.end()), parts.eos_ids.end());
}

}  // namespace

std::shared_ptr<const TokenizerParts> load_parts(const std::string& folder) {
  const FolderFacts facts = read_folder_facts(folder);
  const auto parts = std::make_shared<TokenizerParts>();
  load_files(facts, *parts);
  add_tokens(facts, *parts);
  find_special_tokens(facts, *parts);
  apply_flags(facts, *parts);
  collect_eos_ids(facts, *parts);
  if (const auto hole = parts->no_holes ? parts->vocabulary.first_hole() : std::nullopt) {
    throw_input({.what = fmt::format("model.vocab: no token has id {}", *hole), .place = folder + "/tokenizer.json"});
  }
  parts->special.resize(parts->vocabulary.size());
  for (const AddedToken& token : parts->added_list) parts->special[static_cast<size_t>(token.id)] = token.special;
  parts->added = AddedTokens(std::move(parts->added_list), parts->normalizer.get());
  parts->byte_ids = byte_tokens(parts->vocabulary);
  return parts;
}

}  // namespace hone
