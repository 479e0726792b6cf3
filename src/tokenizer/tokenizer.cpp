#include "hone/tokenizer/tokenizer.h"

#include <nlohmann/json.hpp>

#include "hone/core/error.h"
#include "hone/core/file.h"

namespace hone {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kMaxBytes = int64_t{256} << 20;

Json read_json(const std::string& path) {
  Json json = Json::parse(read_file(path, kMaxBytes), nullptr, /*allow_exceptions=*/false);
  HONE_CHECK(json.is_object(), .what = "not a JSON object", .place = path);
  return json;
}

// Refuses a part of tokenizer.json that is there and is not of the type that is understood.
void expect_type(const Json& json, const char* key, const char* type, const std::string& path) {
  const auto at = json.find(key);
  const Json found = at == json.end() || at->is_null() ? Json() : at->value("type", Json("?"));
  HONE_CHECK(found == (type == nullptr ? Json() : Json(type)), .what = fmt::format("{} is not supported", key),
             .place = path, .got = found.dump(), .expected = type == nullptr ? "null" : type);
}

int32_t id_named(const Json& config, const char* key, const std::unordered_map<std::string, int32_t>& ids,
                 const std::string& path) {
  const auto at = config.find(key);
  HONE_CHECK(at != config.end() && (at->is_string() || at->is_object()), .what = fmt::format("'{}' is missing", key),
             .place = path);
  const std::string token = at->is_string() ? at->get<std::string>() : at->value("content", std::string());
  const auto id = ids.find(token);
  HONE_CHECK(id != ids.end(), .what = fmt::format("'{}' names a token outside the vocabulary", key), .place = path,
             .got = token);
  return id->second;
}

}  // namespace

Tokenizer Tokenizer::load(const std::string& folder) {
  const std::string path = folder + "/tokenizer.json", config_path = folder + "/tokenizer_config.json";
  const Json json = read_json(path);
  expect_type(json, "model", "WordLevel", path);
  expect_type(json, "pre_tokenizer", "WhitespaceSplit", path);
  for (const char* part : {"normalizer", "post_processor", "decoder"}) expect_type(json, part, nullptr, path);
  const auto vocab = json["model"].find("vocab");
  HONE_CHECK(vocab != json["model"].end() && vocab->is_object() && !vocab->empty(),
             .what = "model.vocab is missing or empty", .place = path);

  Tokenizer t;
  t.tokens_.resize(vocab->size());
  for (const auto& [token, id] : vocab->items()) {
    HONE_CHECK(id.is_number_integer() && id.get<int64_t>() >= 0 &&
                   id.get<int64_t>() < static_cast<int64_t>(vocab->size()) && t.tokens_[id.get<size_t>()].empty() &&
                   !token.empty(),
               .what = fmt::format("model.vocab['{}'] has a bad id", token), .place = path, .got = id.dump(),
               .expected = "the ids 0, 1, ... once each");
    t.tokens_[id.get<size_t>()] = token;
    t.ids_[token] = id.get<int32_t>();
  }
  for (const Json& added : json.value("added_tokens", Json::array())) {
    HONE_CHECK(added.is_object() && t.ids_.contains(added.value("content", "")),
               .what = "added_tokens names a token outside model.vocab", .place = path, .got = added.dump());
  }
  const Json config = read_json(config_path);
  t.eos_id_ = id_named(config, "eos_token", t.ids_, config_path);
  t.pad_id_ = id_named(config, "pad_token", t.ids_, config_path);
  return t;
}

std::vector<int32_t> Tokenizer::encode(std::string_view text) const {
  std::vector<int32_t> ids;
  constexpr std::string_view kSpace = " \t\n\r\v\f";
  for (size_t at = 0; (at = text.find_first_not_of(kSpace, at)) != std::string_view::npos;) {
    const size_t end = std::min(text.size(), text.find_first_of(kSpace, at));
    const std::string word(text.substr(at, end - at));
    const auto id = ids_.find(word);
    HONE_CHECK(id != ids_.end(), .what = "word outside the tokenizer's vocabulary", .got = fmt::format("'{}'", word));
    ids.push_back(id->second);
    at = end;
  }
  return ids;
}

std::string Tokenizer::decode(const std::vector<int32_t>& ids) const {
  std::string text;
  for (const int32_t id : ids) {
    HONE_ASSERT(id >= 0 && id < vocab_size());
    if (id == eos_id_ || id == pad_id_) continue;
    if (!text.empty()) text += ' ';
    text += tokens_[static_cast<size_t>(id)];
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
  // A word-level model must name an unknown token; the world has none, so the padding stands in and never comes out of
  // encode().
  const Json tokenizer = {{"version", "1.0"},
                          {"truncation", nullptr},
                          {"padding", nullptr},
                          {"added_tokens", added},
                          {"normalizer", nullptr},
                          {"pre_tokenizer", {{"type", "WhitespaceSplit"}}},
                          {"post_processor", nullptr},
                          {"decoder", nullptr},
                          {"model", {{"type", "WordLevel"}, {"vocab", vocab}, {"unk_token", pad}}}};
  const Json config = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                       {"eos_token", eos},
                       {"pad_token", pad},
                       {"clean_up_tokenization_spaces", false}};
  write_atomic(folder + "/tokenizer.json", tokenizer.dump(1) + "\n");
  write_atomic(folder + "/tokenizer_config.json", config.dump(1) + "\n");
}

}  // namespace hone
