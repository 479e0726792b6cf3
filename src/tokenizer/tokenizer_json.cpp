// tokenizer.json of Hugging Face, and vocab.json with merges.txt, which some of its models come with instead.
#include <algorithm>

#include "bpe.h"
#include "byte_level.h"
#include "hone/core/error.h"
#include "hone/core/file.h"
#include "parts.h"
#include "patterns.h"

namespace hone {
namespace {

std::unique_ptr<TokenModel> read_model(const Node& model, const JsonDocument& document, TokenizerParts& parts) {
  const std::string& file = document.file;
  if (!model.json().is_object()) model.refuse("is no object");
  // Old files of BPE do not say that they are.
  const std::string type = model["type"].text_or(document.lists.merges.empty() ? "" : "BPE");
  if (type == "Unigram") {
    HONE_CHECK(!document.lists.scores.empty(), .what = "model.vocab is missing or empty", .place = file);
    parts.vocabulary = Vocabulary(document.lists.scores.size());
    int64_t id = 0;
    for (const auto& [token, score] : document.lists.scores) {
      HONE_CHECK(parts.vocabulary.add(token, id), .what = fmt::format("model.vocab[{}] is empty or there twice", id),
                 .place = file, .got = token);
      ++id;
    }
    return read_unigram(model, document.lists, parts.vocabulary);
  }
  if (type != "BPE" && type != "WordLevel") model["type"].refuse("is not supported", "BPE, Unigram or WordLevel");
  HONE_CHECK(!document.lists.ids.empty(), .what = "model.vocab is missing or empty", .place = file);
  add_ids(document.lists, file, "model.vocab", parts.vocabulary);
  if (!model["merges"].is_null()) model["merges"].refuse("is no list", "a list");
  if (type == "BPE") return read_bpe(model, document.lists, parts.vocabulary);
  parts.no_holes = true;
  return read_word_level(model, parts.vocabulary);
}

/// What a TemplateProcessing puts around a text.
void read_template(const Node& node, TokenizerParts& parts) {
  bool seen_text = false;
  for (const Node& item : node["single"].elements()) {
    if (const Node text = item["Sequence"]; !text.is_null()) {
      if (seen_text || text["id"].text() != "A") text.refuse("is not supported", "the text once");
      seen_text = true;
      continue;
    }
    const std::string name = item["SpecialToken"]["id"].text();
    const Node token = node["special_tokens"][name.c_str()];
    for (const Node& id : token["ids"].elements()) {
      if (!parts.vocabulary.contains(id.integer())) id.refuse("is outside the vocabulary");
      (seen_text ? parts.after : parts.before).push_back(static_cast<int32_t>(id.integer()));
    }
  }
  if (!seen_text) node["single"].refuse("has no place for the text");
}

void read_post_processor(const Node& node, TokenizerParts& parts) {
  if (node.is_null()) return;
  const std::string type = node["type"].text();
  if (type == "ByteLevel") return;  // it corrects offsets, which are not kept here
  if (type == "TemplateProcessing") return read_template(node, parts);
  if (type != "Sequence") node["type"].refuse("is not supported", "TemplateProcessing, ByteLevel or Sequence");
  for (const Node& part : node["processors"].elements()) read_post_processor(part, parts);
}

VocabularyLists read_merges(const std::string& file) {
  VocabularyLists lists;
  const std::string text = read_file(file, kMaxTokenizerBytes);
  size_t number = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = std::string_view(text).substr(at, end - at);
    at = end + 1;
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with("#version")) continue;
    lists.merges.push_back(split_merge(line, fmt::format("{}:{}", file, number)));
  }
  return lists;
}

/// A kind of tokenizer that comes as vocab.json and merges.txt.
struct Family {
  const char* pattern;
  bool nfc;
};

Family family_of(const FolderFacts& facts, const Vocabulary& vocabulary) {
  const Family gpt2{kGpt2Pattern, false}, qwen2{kQwenPattern, true};
  std::string name = facts.tokenizer_class;
  if (name.ends_with("Fast")) name.resize(name.size() - 4);
  if (name == "GPT2Tokenizer" || name == "CodeGenTokenizer") return gpt2;
  if (name == "Qwen2Tokenizer") return qwen2;
  HONE_CHECK(name.empty(), .what = "tokenizer_class is not supported without tokenizer.json",
             .place = facts.config_file, .got = name, .expected = "GPT2Tokenizer, CodeGenTokenizer or Qwen2Tokenizer");
  if (facts.model_type == "gpt2") return gpt2;
  if (facts.model_type.starts_with("qwen2") || facts.model_type.starts_with("qwen3")) return qwen2;
  // Nothing says it: the sizes of the two vocabularies as they were published.
  if (vocabulary.size() == 50257) return gpt2;
  if (vocabulary.size() == 151643) return qwen2;
  throw_input({.what = "nothing says how this vocabulary cuts text",
               .place = facts.folder + "/vocab.json",
               .got = fmt::format("{} tokens", vocabulary.size()),
               .expected = "tokenizer.json, or tokenizer_config.json with a tokenizer_class"});
}

}  // namespace

void add_ids(const VocabularyLists& lists, const std::string& file, const char* json_path, Vocabulary& vocabulary) {
  vocabulary = Vocabulary(lists.ids.size());
  for (const auto& [token, id] : lists.ids) {
    HONE_CHECK(vocabulary.add(token, id), .what = fmt::format("{}['{}'] has a bad id", json_path, token), .place = file,
               .got = std::to_string(id), .expected = "every token and every id once");
  }
}

void load_tokenizer_json(const FolderFacts& facts, TokenizerParts& parts) {
  const JsonDocument document = read_tokenizer_json(facts.folder + "/tokenizer.json");
  const Node root = document.root();
  if (const Node version = root["version"]; !version.is_null() && version.json() != "1.0") {
    version.refuse("is not supported", "1.0");
  }
  parts.model = read_model(root["model"], document, parts);
  parts.normalizer = read_normalizer(root["normalizer"]);
  parts.pre_tokenizer = read_pre_tokenizer(root["pre_tokenizer"]);
  parts.decoder = read_decoder(root["decoder"]);
  parts.added_list = read_added_tokens(root["added_tokens"]);
  for (size_t i = 0; i < parts.added_list.size(); ++i) {
    const AddedToken& token = parts.added_list[i];
    HONE_CHECK(parts.vocabulary.add(token.content, token.id, /*of_model=*/false),
               .what = fmt::format("added_tokens[{}] has a bad id", i), .place = document.file,
               .got = fmt::format("{} for '{}'", token.id, token.content), .expected = "every token and every id once");
  }
  read_post_processor(root["post_processor"], parts);
}

void load_vocab_and_merges(const FolderFacts& facts, TokenizerParts& parts) {
  const std::string file = facts.folder + "/vocab.json";
  const JsonDocument document = read_vocab_json(file);
  add_ids(document.lists, file, "", parts.vocabulary);
  const Family family = family_of(facts, parts.vocabulary);
  const std::string merges = facts.folder + "/merges.txt";
  const Json model = {{"type", "BPE"}};
  parts.model = read_bpe(Node(model, merges, "model"), read_merges(merges), parts.vocabulary);
  if (family.nfc) parts.normalizer = make_nfc();
  parts.pre_tokenizer = make_byte_level(family.pattern, facts.add_prefix_space.value_or(false));
  parts.decoder = byte_level_decoder();
  if (!facts.added.empty() || facts.eos) return;
  // Without a configuration both families end a text with this token, which Qwen's vocabulary lacks.
  const std::string end = "<|endoftext|>";
  const auto id = parts.vocabulary.find(end).value_or(static_cast<int32_t>(parts.vocabulary.size()));
  parts.added_list.push_back({.content = end, .id = id, .special = true, .normalized = false});
  parts.eos_name = end;
}

}  // namespace hone
