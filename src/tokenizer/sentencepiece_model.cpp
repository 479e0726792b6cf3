// SentencePiece's own files (tokenizer.model). Control tokens and the added ones of the folder are found by AddedTokens
// before; SentencePiece's library, or for plain BPE our own code, takes the texts between them.
#include <sentencepiece_processor.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "best_cut.h"
#include "bpe.h"
#include "hone/core/error.h"
#include "hone/tokenizer/utf8.h"
#include "parts.h"

namespace hone {
namespace {

enum class PieceType : uint64_t { kNormal = 1, kUserDefined = 4, kUnused = 5, kByte = 6 };
enum class ModelType : uint64_t { kUnigram = 1, kBpe = 2 };

/// The fields of the model file (a protocol buffer) that the library does not tell, with the defaults of its schema.
struct Spec {
  std::vector<PieceType> types;  ///< by id
  ModelType model_type = ModelType::kUnigram;
  bool whitespace_as_suffix = false;
  bool add_dummy_prefix = true, remove_extra_whitespaces = true, escape_whitespaces = true;
  bool normalizes = false;

  /// BPE over the text as it is, as Llama's and Mistral's: our own is the same there, and many times faster.
  bool is_plain_bpe() const {
    return model_type == ModelType::kBpe && !normalizes && !remove_extra_whitespaces && escape_whitespaces &&
           std::ranges::count(types, PieceType::kUnused) == 0;
  }
};

/// Reads the fields of a message: calls number(field, value) and bytes(field, view). False where it is damaged.
template <typename Number, typename Bytes>
bool read_message(std::string_view message, Number number, Bytes bytes) {
  const auto varint = [&message]() -> std::optional<uint64_t> {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !message.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(message.front());
      message.remove_prefix(1);
      value |= uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return value;
    }
    return {};
  };
  while (!message.empty()) {
    const auto tag = varint();
    if (!tag) return false;
    size_t size = 0;
    switch (*tag & 7) {
      case 0: {
        const auto value = varint();
        if (!value) return false;
        number(*tag >> 3, *value);
        continue;
      }
      case 1:
        size = 8;
        break;
      case 5:
        size = 4;
        break;
      case 2: {
        const auto length = varint();
        if (!length || *length > message.size()) return false;
        bytes(*tag >> 3, message.substr(0, *length));
        size = *length;
        break;
      }
      default:
        return false;
    }
    if (size > message.size()) return false;
    message.remove_prefix(size);
  }
  return true;
}

std::optional<Spec> read_spec(std::string_view model) {
  Spec spec;
  bool whole = true;
  const auto no_number = [](uint64_t, uint64_t) {};
  const auto no_bytes = [](uint64_t, std::string_view) {};
  const bool read = read_message(model, no_number, [&](uint64_t field, std::string_view part) {
    if (field == 1) {
      spec.types.push_back(PieceType::kNormal);
      const auto take = [&](uint64_t f, uint64_t v) {
        if (f == 3) spec.types.back() = static_cast<PieceType>(v);
      };
      whole = read_message(part, take, no_bytes) && whole;
    } else if (field == 2) {
      const auto take = [&](uint64_t f, uint64_t v) {
        if (f == 3) spec.model_type = static_cast<ModelType>(v);
        if (f == 24) spec.whitespace_as_suffix = v != 0;
      };
      whole = read_message(part, take, no_bytes) && whole;
    } else if (field == 3) {
      const auto take = [&](uint64_t f, uint64_t v) {
        if (f == 3) spec.add_dummy_prefix = v != 0;
        if (f == 4) spec.remove_extra_whitespaces = v != 0;
        if (f == 5) spec.escape_whitespaces = v != 0;
      };
      const auto map = [&](uint64_t f, std::string_view bytes) {
        if (f == 2) spec.normalizes = !bytes.empty();
      };
      whole = read_message(part, take, map) && whole;
    }
  });
  return read && whole ? std::optional(std::move(spec)) : std::nullopt;
}

using Processor = sentencepiece::SentencePieceProcessor;

std::unique_ptr<Processor> load_processor(const std::string& file, const std::string& bytes) {
  auto processor = std::make_unique<Processor>();
  const sentencepiece::util::Status status = processor->LoadFromSerializedProto(bytes);
  HONE_CHECK(status.ok(), .what = "neither a SentencePiece model nor a file of tiktoken", .place = file,
             .got = status.ToString());
  return processor;
}

class SentencePieceModel : public TokenModel {
 public:
  /// `bare` puts no space before a text; null where `usual` does not either. `always`: a text behind a token gets one.
  SentencePieceModel(std::unique_ptr<Processor> usual, std::unique_ptr<Processor> bare, bool always,
                     std::optional<BestCut<float>> best, std::vector<int32_t> byte_ids)
      : usual_(std::move(usual)),
        bare_(std::move(bare)),
        always_(always),
        best_(std::move(best)),
        byte_ids_(std::move(byte_ids)) {}

  void encode(std::string_view piece, bool starts_text, std::vector<int32_t>& ids) const override {
    const Processor& processor = always_ || starts_text || bare_ == nullptr ? *usual_ : *bare_;
    if (best_) return cut_again(processor.EncodeAsImmutableProto(piece), ids);
    std::vector<int> found;
    const auto status = processor.Encode(piece, &found);
    if (!status.ok()) throw_failed({.what = "SentencePiece: " + status.ToString()});
    ids.insert(ids.end(), found.begin(), found.end());
  }

 private:
  // The library's pieces are the normalised text. Where two ways to cut it are equally good, this version of the
  // library compares a sum in double with one rounded to float; later ones have float throughout, and models are used
  // with those.
  void cut_again(const sentencepiece::ImmutableSentencePieceText& found, std::vector<int32_t>& ids) const {
    std::string text;
    for (const auto& part : found.pieces()) {
      const auto id = static_cast<int32_t>(part.id());
      if (usual_->IsByte(id)) {
        text += static_cast<char>(std::ranges::find(byte_ids_, id) - byte_ids_.begin());
      } else {
        text += part.piece();
      }
    }
    bool after_unknown = false;
    for (const auto& [begin, end, id] : best_->cut(text)) {
      if (id >= 0) {
        ids.push_back(id);
      } else if (!append_bytes(std::string_view(text).substr(begin, end - begin), byte_ids_, ids) && !after_unknown) {
        ids.push_back(usual_->unk_id());
      }
      after_unknown = id < 0;
    }
  }

  const std::unique_ptr<Processor> usual_, bare_;
  const bool always_;
  const std::optional<BestCut<float>> best_;  // of a unigram model
  const std::vector<int32_t> byte_ids_;       // empty without byte fallback
};

/// Scored as SentencePiece 0.2 does: a user-defined piece has a tenth for each byte but the first, so it is always
/// taken.
BestCut<float> unigram_cut(const Processor& processor, const Spec& spec) {
  constexpr float kUnknownPenalty = 10;
  float lowest = std::numeric_limits<float>::max();
  for (size_t id = 0; id < spec.types.size(); ++id) {
    if (spec.types[id] == PieceType::kNormal) lowest = std::min(lowest, processor.GetScore(static_cast<int>(id)));
  }
  BestCut<float> best(lowest - kUnknownPenalty);
  for (size_t i = 0; i < spec.types.size(); ++i) {
    const auto id = static_cast<int32_t>(i);
    const std::string& piece = processor.IdToPiece(id);
    if (spec.types[i] == PieceType::kNormal) best.add(piece, id, processor.GetScore(id));
    if (spec.types[i] == PieceType::kUserDefined)
      best.add(piece, id, 0.1F * static_cast<float>(std::max<size_t>(piece.size(), 1) - 1));
  }
  return best;
}

/// The same without the library, for plain BPE.
class PlainBpe : public TokenModel {
 public:
  PlainBpe(AddedTokens user_defined, std::unique_ptr<Bpe> bpe, bool prefix, bool always)
      : user_defined_(std::move(user_defined)), bpe_(std::move(bpe)), prefix_(prefix), always_(always) {}

  void encode(std::string_view piece, bool starts_text, std::vector<int32_t>& ids) const override {
    std::string text = prefix_ && (always_ || starts_text) ? "▁" : "";
    text += Pattern(" ").replaced(piece, "▁");
    for (const auto& [range, id] : user_defined_.split(text, /*normalized=*/true, /*parse_special=*/true)) {
      if (id >= 0) {
        ids.push_back(id);
      } else {
        bpe_->encode(std::string_view(text).substr(range.begin, range.end - range.begin), false, ids);
      }
    }
  }

 private:
  const AddedTokens user_defined_;
  const std::unique_ptr<Bpe> bpe_;
  const bool prefix_, always_;
};

std::unique_ptr<TokenModel> make_plain_bpe(const Processor& processor, const Spec& spec, bool always,
                                           const Vocabulary& vocabulary) {
  std::vector<float> scores;
  std::vector<AddedToken> user_defined;
  const auto is_made = [&](size_t id) {
    return spec.types[id] == PieceType::kNormal || spec.types[id] == PieceType::kUserDefined;
  };
  for (size_t id = 0; id < spec.types.size(); ++id) {
    const auto piece = static_cast<int32_t>(id);
    if (is_made(id)) scores.push_back(processor.GetScore(piece));
    if (spec.types[id] == PieceType::kUserDefined) {
      user_defined.push_back({.content = vocabulary.token(piece), .id = piece});
    }
  }
  std::ranges::sort(scores, std::greater<>());
  std::vector<uint32_t> ranks(spec.types.size(), kNoRank);
  for (size_t id = 0; id < ranks.size(); ++id) {
    if (!is_made(id)) continue;
    const auto place = std::ranges::lower_bound(scores, processor.GetScore(static_cast<int>(id)), std::greater<>());
    ranks[id] = static_cast<uint32_t>(place - scores.begin());
  }
  std::optional<int32_t> unknown;
  if (processor.unk_id() >= 0) unknown = processor.unk_id();
  auto bpe = std::make_unique<Bpe>(vocabulary, merges_of_tokens(vocabulary, ranks),
                                   BpeOptions{.byte_fallback = true, .fuse_unknown = true, .unknown = unknown});
  return std::make_unique<PlainBpe>(AddedTokens(std::move(user_defined), nullptr), std::move(bpe),
                                    spec.add_dummy_prefix, always);
}

}  // namespace

void load_sentencepiece(const FolderFacts& facts, const std::string& file, const std::string& bytes,
                        TokenizerParts& parts) {
  const auto spec = read_spec(bytes);
  HONE_CHECK(spec && !bytes.empty(), .what = "neither a SentencePiece model nor a file of tiktoken", .place = file);
  HONE_CHECK(!spec->whitespace_as_suffix, .what = "treat_whitespace_as_suffix is not supported", .place = file);
  auto usual = load_processor(file, bytes);
  const int count = usual->GetPieceSize();
  parts.vocabulary = Vocabulary(static_cast<size_t>(count));
  for (int id = 0; id < count; ++id) {
    const std::string& piece = usual->IdToPiece(id);
    HONE_CHECK(is_valid_utf8(piece) && std::isfinite(usual->GetScore(id)) && parts.vocabulary.add(piece, id),
               .what = fmt::format("piece {} is damaged or there twice", id), .place = file, .got = piece);
    if (!usual->IsControl(id) && !usual->IsUnknown(id)) continue;
    parts.added_list.push_back({.content = piece, .id = id, .special = true, .normalized = false});
  }
  const auto name = [&](int id) { return id < 0 ? std::nullopt : std::optional(usual->IdToPiece(id)); };
  parts.bos_name = name(usual->bos_id());
  parts.eos_name = name(usual->eos_id());
  parts.pad_name = name(usual->pad_id());
  if (usual->bos_id() >= 0) parts.before = {usual->bos_id()};
  const size_t all = std::numeric_limits<size_t>::max();
  parts.decoder = sentencepiece_decoder(spec->remove_extra_whitespaces ? all : spec->add_dummy_prefix ? 1 : 0);
  const bool always = facts.legacy.value_or(true);
  const bool types_known = spec->types.size() == static_cast<size_t>(count);
  if (spec->is_plain_bpe() && types_known) {
    parts.model = make_plain_bpe(*usual, *spec, always, parts.vocabulary);
    return;
  }
  // Another normalizer_spec at the end of the file is merged into the first: {add_dummy_prefix: false}.
  auto bare =
      spec->add_dummy_prefix && !always ? load_processor(file, bytes + std::string("\x1A\x02\x18\x00", 4)) : nullptr;
  std::optional<BestCut<float>> best;
  if (spec->model_type == ModelType::kUnigram && types_known) best = unigram_cut(*usual, *spec);
  const bool has_bytes = std::ranges::count(spec->types, PieceType::kByte) > 0;
  parts.model =
      std::make_unique<SentencePieceModel>(std::move(usual), std::move(bare), always, std::move(best),
                                           has_bytes ? byte_tokens(parts.vocabulary) : std::vector<int32_t>{});
}

}  // namespace hone
