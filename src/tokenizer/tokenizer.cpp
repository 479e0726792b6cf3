#include "hone/tokenizer/tokenizer.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "hone/core/error.h"
#include "hone/core/file.h"
#include "hone/tokenizer/utf8.h"

namespace hone {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kMaxBytes = uint64_t{256} << 20;

Json read_json(const std::string& path) {
  Json json = Json::parse(read_file(path, kMaxBytes), nullptr, /*allow_exceptions=*/false);
  HONE_CHECK(json.is_object(), .what = "not a JSON object", .place = path);
  return json;
}

/// The member, or null.
const Json& member(const Json& json, const char* key) {
  static const Json null;
  const auto at = json.is_object() ? json.find(key) : json.end();
  return json.is_object() && at != json.end() ? *at : null;
}

void expect(const Json& json, const Json& wanted, const char* json_path, const std::string& path) {
  HONE_CHECK(json == wanted, .what = fmt::format("{} is not supported", json_path), .place = path, .got = json.dump(),
             .expected = wanted.dump());
}

void check_supported(const Json& json, const std::string& path) {
  expect(member(member(json, "model"), "type"), "WordLevel", "model.type", path);
  expect(member(member(json, "pre_tokenizer"), "type"), "WhitespaceSplit", "pre_tokenizer.type", path);
  for (const char* part : {"normalizer", "post_processor", "decoder", "truncation", "padding"}) {
    expect(member(json, part), nullptr, part, path);
  }
}

/// An entry of added_tokens.
struct AddedToken {
  std::string content;
  int64_t id;
  bool special;
};

std::vector<AddedToken> read_added_tokens(const Json& json, const std::string& path) {
  const Json& list = member(json, "added_tokens");
  HONE_CHECK(list.is_null() || list.is_array(), .what = "added_tokens is not a list", .place = path);
  std::vector<AddedToken> tokens;
  for (const Json& entry : list) {
    const std::string json_path = fmt::format("added_tokens[{}]", tokens.size());
    const Json &content = member(entry, "content"), &id = member(entry, "id");
    HONE_CHECK(content.is_string() && content != "" && id.is_number_integer(),
               .what = json_path + " needs a content and an id", .place = path, .got = entry.dump());
    for (const char* flag : {"lstrip", "rstrip", "single_word"}) {
      HONE_CHECK(member(entry, flag).is_null() || member(entry, flag) == false,
                 .what = fmt::format("{}.{} is not supported", json_path, flag), .place = path);
    }
    tokens.push_back({content.get<std::string>(), id.get<int64_t>(), member(entry, "special") == true});
  }
  return tokens;
}

}  // namespace

Tokenizer Tokenizer::load(const std::string& folder) {
  const std::string path = folder + "/tokenizer.json", config_path = folder + "/tokenizer_config.json";
  const Json json = read_json(path);
  check_supported(json, path);
  const Json& vocab = member(member(json, "model"), "vocab");
  HONE_CHECK(vocab.is_object() && !vocab.empty(), .what = "model.vocab is missing or empty", .place = path);
  const auto added = read_added_tokens(json, path);

  Tokenizer t;
  const auto put = [&](const std::string& token, int64_t id, const std::string& json_path) {
    const bool fits = id >= 0 && id < static_cast<int64_t>(vocab.size() + added.size());
    if (fits) t.tokens_.resize(std::max(t.tokens_.size(), static_cast<size_t>(id) + 1));
    std::string* const slot = fits ? &t.tokens_[static_cast<size_t>(id)] : nullptr;
    HONE_CHECK(slot != nullptr && !token.empty() && (slot->empty() || *slot == token) &&
                   t.ids_.try_emplace(token, id).first->second == id,
               .what = json_path + " has a bad id", .place = path, .got = fmt::format("{} for '{}'", id, token),
               .expected = "the ids 0, 1, ... once each");
    *slot = token;
  };
  for (const auto& [token, id] : vocab.items()) {
    put(token, id.is_number_integer() ? id.get<int64_t>() : -1, fmt::format("model.vocab['{}']", token));
  }
  for (const AddedToken& a : added) put(a.content, a.id, "added_tokens");
  const auto gap = std::find(t.tokens_.begin(), t.tokens_.end(), "");
  HONE_CHECK(gap == t.tokens_.end(), .what = fmt::format("no token has id {}", gap - t.tokens_.begin()), .place = path);

  t.special_.resize(t.tokens_.size());
  for (const AddedToken& a : added) {
    t.special_[static_cast<size_t>(a.id)] = a.special;
    t.added_.push_back(static_cast<int32_t>(a.id));
  }
  std::stable_sort(t.added_.begin(), t.added_.end(),
                   [&t](int32_t a, int32_t b) { return t.token(a).size() > t.token(b).size(); });
  const Json& unknown = member(member(json, "model"), "unk_token");
  if (unknown.is_string()) t.unknown_id_ = t.id_of(unknown.get<std::string>());

  const Json config = read_json(config_path);
  const auto named = [&](const char* key) {
    const Json& value = member(config, key).is_object() ? member(member(config, key), "content") : member(config, key);
    HONE_CHECK(value.is_string(), .what = fmt::format("'{}' is missing", key), .place = config_path);
    const auto id = t.id_of(value.get<std::string>());
    HONE_CHECK(id, .what = fmt::format("'{}' names a token outside the vocabulary", key), .place = config_path,
               .got = value.dump());
    return *id;
  };
  t.eos_id_ = named("eos_token");
  t.pad_id_ = named("pad_token");
  return t;
}

std::optional<int32_t> Tokenizer::id_of(std::string_view token) const {
  const auto at = ids_.find(std::string(token));
  return at == ids_.end() ? std::nullopt : std::optional(at->second);
}

const std::string& Tokenizer::token(int32_t id) const {
  HONE_ASSERT(id >= 0 && id < vocab_size(), "token id {}", id);
  return tokens_[static_cast<size_t>(id)];
}

std::vector<int32_t> Tokenizer::encode(std::string_view text) const {
  std::vector<int32_t> ids;
  while (!text.empty()) {
    // The first added token in the text; where several start together, the longest, which comes first in added_.
    size_t first = text.size();
    std::optional<int32_t> found;
    for (const int32_t id : added_) {
      const size_t at = text.substr(0, std::min(text.size(), first + token(id).size() - 1)).find(token(id));
      if (at < first) first = at, found = id;
    }
    encode_words(text.substr(0, first), ids);
    if (found) ids.push_back(*found);
    text.remove_prefix(first + (found ? token(*found).size() : 0));
  }
  return ids;
}

void Tokenizer::encode_words(std::string_view text, std::vector<int32_t>& ids) const {
  const auto take = [&](std::string_view word) {
    if (word.empty()) return;
    const auto id = id_of(word);
    HONE_CHECK(id || unknown_id_, .what = "word outside the tokenizer's vocabulary", .got = fmt::format("'{}'", word));
    ids.push_back(id ? *id : *unknown_id_);
  };
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t here = at;
    if (!is_white_space(next_code_point(text, at))) continue;
    take(text.substr(begin, here - begin));
    begin = at;
  }
  take(text.substr(begin));
}

std::string Tokenizer::decode(const std::vector<int32_t>& ids, bool skip_special) const {
  std::string text;
  bool first = true;
  for (const int32_t id : ids) {
    const std::string& word = token(id);
    if (skip_special && special_[static_cast<size_t>(id)]) continue;
    if (!first) text += ' ';
    text += word;
    first = false;
  }
  return text;
}

void write_word_tokenizer(const std::string& folder, const std::vector<std::string>& vocabulary, const std::string& eos,
                          const std::string& pad) {
  Json vocab = Json::object(), added = Json::array();
  for (size_t id = 0; id < vocabulary.size(); ++id) {
    vocab[vocabulary[id]] = id;
    if (vocabulary[id] != eos && vocabulary[id] != pad) continue;
    added.push_back({{"id", id},
                     {"content", vocabulary[id]},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  }
  // A word-level model must name an unknown token. This one is not in the vocabulary, so unknown words are errors.
  const Json tokenizer = {{"version", "1.0"},
                          {"truncation", nullptr},
                          {"padding", nullptr},
                          {"added_tokens", added},
                          {"normalizer", nullptr},
                          {"pre_tokenizer", {{"type", "WhitespaceSplit"}}},
                          {"post_processor", nullptr},
                          {"decoder", nullptr},
                          {"model", {{"type", "WordLevel"}, {"vocab", vocab}, {"unk_token", "<unk>"}}}};
  const Json config = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                       {"eos_token", eos},
                       {"pad_token", pad},
                       {"clean_up_tokenization_spaces", false}};
  write_atomic(folder + "/tokenizer.json", tokenizer.dump(1) + "\n");
  write_atomic(folder + "/tokenizer_config.json", config.dump(1) + "\n");
}

}  // namespace hone
