#include "import/gguf_tokenizer.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "hone/core/error.h"
#include "hone/core/suggest.h"

namespace hone::cli {
namespace {

using Json = nlohmann::ordered_json;

// Of tokenizer.ggml.token_type.
enum TokenType : int64_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };

constexpr const char* kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

Json byte_level(bool use_regex) {
  return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", use_regex}};
}

Json split(const char* pattern) {
  return {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}, {"invert", false}};
}

Json sequence(Json parts) {
  return {{"type", "Sequence"}, {"pretokenizers", std::move(parts)}};
}

// How a family cuts text before BPE, by llama.cpp's name of it.
struct PreTokenizer {
  Json parts;
  bool nfc = false, ignore_merges = false;
};

PreTokenizer pre_tokenizer(const GgufFile& file) {
  const std::string name = file.text("tokenizer.ggml.pre").value_or("");
  const auto is = [&](std::initializer_list<const char*> names) { return std::ranges::count(names, name) > 0; };
  if (is({"gpt-2", "mpt", "olmo", "jais"})) return {byte_level(true)};
  if (is({"smollm", "starcoder", "refact", "command-r", "codeshell"})) {
    return {sequence({{{"type", "Digits"}, {"individual_digits", true}}, byte_level(true)})};
  }
  if (is({"qwen2", "deepseek-r1-qwen", "megrez"})) {
    return {.parts = sequence({split(kQwen2Pattern), byte_level(false)}), .nfc = true};
  }
  if (is({"llama-bpe", "llama-v3", "llama3"})) {
    return {.parts = sequence({split(kLlama3Pattern), byte_level(false)}), .ignore_merges = true};
  }
  throw_input({.what = "the way in which the tokenizer cuts text is not supported",
               .place = file.path().string() + ": tokenizer.ggml.pre",
               .got = name.empty() ? "no such key" : name,
               .expected = "gpt-2, smollm, starcoder, refact, command-r, codeshell, mpt, olmo, jais, qwen2, "
                           "deepseek-r1-qwen, megrez or llama-bpe"});
}

class TokenizerMaker {
 public:
  explicit TokenizerMaker(const GgufFile& file) : file_(file), place_(file.path().string()) {
    const auto* const tokens = file.texts("tokenizer.ggml.tokens");
    HONE_CHECK(tokens != nullptr && !tokens->empty(), .what = "the file holds no tokenizer", .place = place_);
    tokens_ = *tokens;
    const auto* const types = file.integers("tokenizer.ggml.token_type");
    HONE_CHECK(types == nullptr || types->size() == tokens_.size(),
               .what = "tokenizer.ggml.token_type has another length than the tokens", .place = place_);
    types_ = types != nullptr ? *types : std::vector<int64_t>(tokens_.size(), kNormal);
    for (size_t i = 0; i < tokens_.size(); ++i) ids_.emplace(tokens_[i], static_cast<int64_t>(i));
  }

  TokenizerFiles make() const {
    const std::string model = file_.text("tokenizer.ggml.model").value_or("");
    HONE_CHECK(model == "gpt2" || model == "llama", .what = "the kind of tokenizer is not supported",
               .place = place_ + ": tokenizer.ggml.model", .got = model, .expected = "gpt2 or llama");
    const bool add_bos = file_.boolean("tokenizer.ggml.add_bos_token").value_or(model == "llama");
    Json tokenizer = {
        {"version", "1.0"}, {"truncation", nullptr}, {"padding", nullptr}, {"added_tokens", added_tokens()}};
    if (model == "gpt2") {
      byte_level_bpe(tokenizer, add_bos);
    } else {
      sentencepiece_bpe(tokenizer, add_bos);
    }
    return {std::move(tokenizer), config(add_bos)};
  }

 private:
  bool is_added(size_t id) const {
    return types_[id] == kControl || types_[id] == kUserDefined || types_[id] == kUnknown;
  }

  Json added_tokens() const {
    Json added = Json::array();
    for (size_t id = 0; id < tokens_.size(); ++id) {
      if (!is_added(id)) continue;
      added.push_back({{"id", id},
                       {"content", tokens_[id]},
                       {"single_word", false},
                       {"lstrip", false},
                       {"rstrip", false},
                       {"normalized", false},
                       {"special", types_[id] != kUserDefined}});
    }
    return added;
  }

  // Without the added tokens at its end, as Hugging Face keeps it.
  Json vocabulary() const {
    size_t size = tokens_.size();
    while (size > 0 && is_added(size - 1)) --size;
    Json vocab = Json::object();
    for (size_t id = 0; id < size; ++id) vocab[tokens_[id]] = id;
    HONE_CHECK(vocab.size() == size, .what = "a token is there twice", .place = place_);
    return vocab;
  }

  Json post_processor(bool add_bos) const {
    const auto bos = token("bos");
    if (!add_bos || !bos) return nullptr;
    const Json mark = {{"SpecialToken", {{"id", *bos}, {"type_id", 0}}}};
    const auto text = [](const char* id) { return Json{{"Sequence", {{"id", id}, {"type_id", 0}}}}; };
    return {{"type", "TemplateProcessing"},
            {"single", {mark, text("A")}},
            {"pair", {mark, text("A"), mark, text("B")}},
            {"special_tokens", {{*bos, {{"id", *bos}, {"ids", {ids_.at(*bos)}}, {"tokens", {*bos}}}}}}};
  }

  static Json model(Json vocab, Json merges) {
    return {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", nullptr},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"ignore_merges", false},
            {"vocab", std::move(vocab)},
            {"merges", std::move(merges)}};
  }

  void byte_level_bpe(Json& tokenizer, bool add_bos) const {
    const PreTokenizer pre = pre_tokenizer(file_);
    const auto* const merges = file_.texts("tokenizer.ggml.merges");
    HONE_CHECK(merges != nullptr, .what = "the tokenizer has no merges", .place = place_);
    Json pairs = Json::array();
    for (const std::string& merge : *merges) {
      const size_t space = merge.find(' ', 1);
      HONE_CHECK(space != std::string::npos, .what = "a merge is no pair", .place = place_, .got = merge);
      pairs.push_back({merge.substr(0, space), merge.substr(space + 1)});
    }
    tokenizer["normalizer"] = pre.nfc ? Json{{"type", "NFC"}} : Json();
    tokenizer["pre_tokenizer"] = pre.parts;
    tokenizer["post_processor"] = post_processor(add_bos);
    tokenizer["decoder"] = byte_level(true);
    tokenizer["model"] = model(vocabulary(), std::move(pairs));
    tokenizer["model"]["ignore_merges"] = pre.ignore_merges;
  }

  // A SentencePiece model as transformers converts it: two pieces merge where their union is one, by its score.
  void sentencepiece_bpe(Json& tokenizer, bool add_bos) const {
    const bool prefix = file_.boolean("tokenizer.ggml.add_space_prefix").value_or(true);
    const std::string mark = "\u2581";
    const Json to_mark = {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", mark}};
    const Json to_space = {{"type", "Replace"}, {"pattern", {{"String", mark}}}, {"content", " "}};
    Json decoders = {to_space, {{"type", "ByteFallback"}}, {{"type", "Fuse"}}};
    if (prefix) decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
    tokenizer["normalizer"] =
        prefix ? Json{{"type", "Sequence"}, {"normalizers", {{{"type", "Prepend"}, {"prepend", mark}}, to_mark}}}
               : to_mark;
    tokenizer["pre_tokenizer"] = nullptr;
    tokenizer["post_processor"] = post_processor(add_bos);
    tokenizer["decoder"] = {{"type", "Sequence"}, {"decoders", std::move(decoders)}};
    tokenizer["model"] = model(vocabulary(), merges_by_score());
    tokenizer["model"]["byte_fallback"] = true;
    tokenizer["model"]["fuse_unk"] = true;
    if (const auto unknown = token("unknown")) tokenizer["model"]["unk_token"] = *unknown;
  }

  Json merges_by_score() const {
    const auto* const scores = file_.numbers("tokenizer.ggml.scores");
    HONE_CHECK(scores != nullptr && scores->size() == tokens_.size(),
               .what = "tokenizer.ggml.scores does not hold one score a token", .place = place_);
    struct Merge {
      int64_t left, right;
      double score;
      size_t left_length, right_length;  // characters
    };
    std::vector<Merge> merges;
    for (size_t id = 0; id < tokens_.size(); ++id) {
      if (types_[id] != kNormal) continue;
      const std::string& piece = tokens_[id];
      const auto is_start = [&](size_t at) { return (static_cast<unsigned char>(piece[at]) & 0xC0) != 0x80; };
      const auto characters =
          static_cast<size_t>(std::ranges::count_if(piece, [](unsigned char c) { return (c & 0xC0) != 0x80; }));
      const size_t first = merges.size();
      for (size_t cut = 1, left = 1; cut < piece.size(); ++cut) {
        if (!is_start(cut)) continue;
        const auto l = ids_.find(piece.substr(0, cut)), r = ids_.find(piece.substr(cut));
        if (l != ids_.end() && r != ids_.end())
          merges.push_back({l->second, r->second, (*scores)[id], left, characters - left});
        ++left;
      }
      std::sort(merges.begin() + static_cast<std::ptrdiff_t>(first), merges.end(),
                [](const Merge& a, const Merge& b) { return std::pair(a.left, a.right) < std::pair(b.left, b.right); });
    }
    std::ranges::stable_sort(merges, [](const Merge& a, const Merge& b) {
      return std::tuple(a.score, a.left_length, a.right_length) > std::tuple(b.score, b.left_length, b.right_length);
    });
    Json pairs = Json::array();
    for (const Merge& m : merges)
      pairs.push_back({tokens_[static_cast<size_t>(m.left)], tokens_[static_cast<size_t>(m.right)]});
    return pairs;
  }

  // The token of a role, "bos".
  std::optional<std::string> token(const std::string& role) const {
    const auto id = file_.integer("tokenizer.ggml." + role + "_token_id");
    if (!id) return std::nullopt;
    HONE_CHECK(*id >= 0 && static_cast<size_t>(*id) < tokens_.size(),
               .what = fmt::format("tokenizer.ggml.{}_token_id is no token", role), .place = place_,
               .got = std::to_string(*id));
    return tokens_[static_cast<size_t>(*id)];
  }

  Json config(bool add_bos) const {
    Json config = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                   {"add_bos_token", add_bos},
                   {"add_eos_token", file_.boolean("tokenizer.ggml.add_eos_token").value_or(false)},
                   {"clean_up_tokenization_spaces", false}};
    constexpr std::pair<const char*, const char*> kRoles[] = {
        {"bos", "bos_token"}, {"eos", "eos_token"}, {"unknown", "unk_token"}, {"padding", "pad_token"}};
    for (const auto& [role, key] : kRoles) {
      if (const auto text = token(role)) config[key] = *text;
    }
    if (const auto chat = file_.text("tokenizer.chat_template")) config["chat_template"] = *chat;
    return config;
  }

  const GgufFile& file_;
  const std::string place_;
  std::vector<std::string> tokens_;
  std::vector<int64_t> types_;
  std::unordered_map<std::string, int64_t> ids_;
};

}  // namespace

TokenizerFiles tokenizer_files(const GgufFile& file) {
  return TokenizerMaker(file).make();
}

}  // namespace hone::cli
