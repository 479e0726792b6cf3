#include "hone/tokenizer/tokenizer.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "byte_level.h"
#include "hone/core/error.h"
#include "hone/core/file.h"
#include "parts.h"

namespace hone {
namespace {

using OrderedJson = nlohmann::ordered_json;

/// The text between two tokens found before: normalised, cut and turned into ids.
void encode_text(const TokenizerParts& parts, std::string text, bool starts_text, bool parse_special, bool escaped,
                 std::vector<int32_t>& ids) {
  if (parts.normalizer && parts.normalizer->apply(text)) starts_text = false;
  const auto encode_plain = [&](std::string plain, bool starts) {
    if (plain.empty()) return;
    if (!parts.pre_tokenizer) return parts.model->encode(plain, starts, ids);
    Pieces pieces{.text = std::move(plain), .ranges = {}, .starts_text = starts, .escaped = escaped};
    pieces.ranges = {{0, pieces.text.size()}};
    parts.pre_tokenizer->apply(pieces);
    for (const Range range : pieces.ranges) {
      parts.model->encode(pieces.view(range), pieces.starts_text && range.begin == 0, ids);
    }
  };
  if (!parts.added.any(/*normalized=*/true)) return encode_plain(std::move(text), starts_text);
  for (const auto& [range, id] : parts.added.split(text, /*normalized=*/true, parse_special)) {
    if (id >= 0) {
      ids.push_back(id);
    } else {
      encode_plain(text.substr(range.begin, range.end - range.begin), starts_text && range.begin == 0);
    }
  }
}

/// Escaped bytes (byte_level.h) that went through a model with byte tokens came out as the four bytes of the escape.
void unescape_ids(const std::vector<int32_t>& byte_ids, std::vector<int32_t>& ids, size_t first) {
  const auto is = [&](size_t i, int byte) { return ids[i] == byte_ids[static_cast<size_t>(byte)]; };
  const auto tail = [&](size_t i, int low) -> std::optional<int> {
    for (int byte = low; byte < 0xC0; ++byte) {
      if (is(i, byte)) return byte & 0x3F;
    }
    return {};
  };
  size_t out = first;
  for (size_t i = first; i < ids.size();) {
    if (i + 3 < ids.size() && is(i, 0xF4) && is(i + 1, 0x8F)) {
      const auto third = tail(i + 2, 0xBC), fourth = tail(i + 3, 0x80);
      if (third && fourth) {
        ids[out++] = byte_ids[static_cast<size_t>((*third & 3) << 6 | *fourth)];
        i += 4;
        continue;
      }
    }
    ids[out++] = ids[i++];
  }
  ids.resize(out);
}

/// Gives the tokens of `ids` to a decoding.
std::string decode_all(const TokenizerParts& parts, const std::vector<int32_t>& ids, bool skip_special, bool raw) {
  Decoding decoding(parts.decoder, raw);
  std::string text;
  for (const int32_t id : ids) {
    if (parts.is_shown(id, skip_special)) decoding.push(parts.vocabulary.token(id), text);
  }
  decoding.finish(text);
  return text;
}

}  // namespace

Tokenizer Tokenizer::load(const std::string& folder) {
  return Tokenizer(load_parts(folder));
}

std::vector<int32_t> Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  const TokenizerParts& parts = *parts_;
  std::vector<int32_t> ids;
  if (options.add_bos.value_or(true)) ids = parts.before;
  if (options.add_bos.value_or(false) && ids.empty()) {
    HONE_CHECK(parts.bos, .what = "the tokenizer has no token that begins a text");
    ids.push_back(*parts.bos);
  }
  const auto escaped = escape_bytes(text);
  if (escaped) text = *escaped;
  const size_t first = ids.size();
  for (const auto& [range, id] : parts.added.split(text, /*normalized=*/false, options.parse_special)) {
    if (id >= 0) {
      ids.push_back(id);
    } else {
      encode_text(parts, std::string(text.substr(range.begin, range.end - range.begin)), range.begin == 0,
                  options.parse_special, escaped.has_value(), ids);
    }
  }
  if (escaped) unescape_ids(parts.byte_ids, ids, first);
  ids.insert(ids.end(), parts.after.begin(), parts.after.end());
  return ids;
}

std::string Tokenizer::decode(const std::vector<int32_t>& ids, bool skip_special) const {
  return decode_all(*parts_, ids, skip_special, /*raw=*/false);
}

std::string Tokenizer::decode_bytes(const std::vector<int32_t>& ids, bool skip_special) const {
  return decode_all(*parts_, ids, skip_special, /*raw=*/true);
}

int64_t Tokenizer::vocab_size() const {
  return static_cast<int64_t>(parts_->vocabulary.size());
}

std::optional<int32_t> Tokenizer::id_of(std::string_view token) const {
  return parts_->vocabulary.find(token);
}

const std::string& Tokenizer::token(int32_t id) const {
  HONE_ASSERT(parts_->vocabulary.contains(id), "token id {}", id);
  return parts_->vocabulary.token(id);
}

bool Tokenizer::is_special(int32_t id) const {
  return parts_->vocabulary.contains(id) && parts_->special[static_cast<size_t>(id)];
}

std::optional<int32_t> Tokenizer::bos_id() const {
  return parts_->bos;
}

int32_t Tokenizer::eos_id() const {
  HONE_CHECK(parts_->eos, .what = "no file of the tokenizer names the token that ends a text",
             .expected = "eos_token in tokenizer_config.json");
  return *parts_->eos;
}

int32_t Tokenizer::pad_id() const {
  return parts_->pad ? *parts_->pad : eos_id();
}

const std::vector<int32_t>& Tokenizer::eos_ids() const {
  return parts_->eos_ids;
}

struct StreamDecoder::State {
  std::shared_ptr<const TokenizerParts> parts;
  bool skip_special;
  Decoding decoding;
};

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer, bool skip_special)
    : state_(std::make_unique<State>(
          State{tokenizer.parts_, skip_special, Decoding(tokenizer.parts_->decoder, /*raw=*/false)})) {}
StreamDecoder::~StreamDecoder() = default;
StreamDecoder::StreamDecoder(StreamDecoder&&) noexcept = default;
StreamDecoder& StreamDecoder::operator=(StreamDecoder&&) noexcept = default;

std::string StreamDecoder::push(int32_t id) {
  std::string text;
  const TokenizerParts& parts = *state_->parts;
  if (parts.is_shown(id, state_->skip_special)) state_->decoding.push(parts.vocabulary.token(id), text);
  return text;
}

std::string StreamDecoder::finish() {
  std::string text;
  state_->decoding.finish(text);
  return text;
}

void write_word_tokenizer(const std::string& folder, const std::vector<std::string>& vocabulary, const std::string& eos,
                          const std::string& pad) {
  OrderedJson vocab = OrderedJson::object(), added = OrderedJson::array();
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
  const OrderedJson tokenizer = {{"version", "1.0"},
                                 {"truncation", nullptr},
                                 {"padding", nullptr},
                                 {"added_tokens", added},
                                 {"normalizer", nullptr},
                                 {"pre_tokenizer", {{"type", "WhitespaceSplit"}}},
                                 {"post_processor", nullptr},
                                 {"decoder", nullptr},
                                 {"model", {{"type", "WordLevel"}, {"vocab", vocab}, {"unk_token", "<unk>"}}}};
  const OrderedJson config = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                              {"eos_token", eos},
                              {"pad_token", pad},
                              {"clean_up_tokenization_spaces", false}};
  write_atomic(folder + "/tokenizer.json", tokenizer.dump(1) + "\n");
  write_atomic(folder + "/tokenizer_config.json", config.dump(1) + "\n");
}

}  // namespace hone
