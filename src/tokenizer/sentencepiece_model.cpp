// SentencePiece's own files (tokenizer.model), cut by its library. Control tokens and the added ones of the folder are
// found by AddedTokens before; the library takes the texts between them.
#include <sentencepiece_processor.h>

#include "hone/core/error.h"
#include "parts.h"

namespace hone {
namespace {

/// The few fields of the model file (a protocol buffer) that the library does not tell.
struct Spec {
  bool add_dummy_prefix = true, whitespace_as_suffix = false;
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
  constexpr uint64_t kTrainer = 2, kNormalizer = 3, kWhitespaceAsSuffix = 24, kAddDummyPrefix = 3;
  Spec spec;
  bool whole = true;
  const auto no_bytes = [](uint64_t, std::string_view) {};
  const bool read = read_message(
      model, [](uint64_t, uint64_t) {},
      [&](uint64_t field, std::string_view part) {
        if (field == kTrainer) {
          const auto take = [&](uint64_t f, uint64_t v) {
            if (f == kWhitespaceAsSuffix) spec.whitespace_as_suffix = v != 0;
          };
          whole = read_message(part, take, no_bytes) && whole;
        } else if (field == kNormalizer) {
          const auto take = [&](uint64_t f, uint64_t v) {
            if (f == kAddDummyPrefix) spec.add_dummy_prefix = v != 0;
          };
          whole = read_message(part, take, no_bytes) && whole;
        }
      });
  return read && whole ? std::optional(spec) : std::nullopt;
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
  SentencePieceModel(std::unique_ptr<Processor> usual, std::unique_ptr<Processor> bare, bool always)
      : usual_(std::move(usual)), bare_(std::move(bare)), always_(always) {}

  void encode(std::string_view piece, bool starts_text, std::vector<int32_t>& ids) const override {
    const Processor& processor = always_ || starts_text || bare_ == nullptr ? *usual_ : *bare_;
    std::vector<int> found;
    const auto status = processor.Encode(piece, &found);
    if (!status.ok()) throw_failed({.what = "SentencePiece: " + status.ToString()});
    ids.insert(ids.end(), found.begin(), found.end());
  }

 private:
  const std::unique_ptr<Processor> usual_, bare_;
  const bool always_;
};

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
    HONE_CHECK(parts.vocabulary.add(piece, id), .what = fmt::format("piece {} is empty or there twice", id),
               .place = file, .got = piece);
    if (!usual->IsControl(id) && !usual->IsUnknown(id)) continue;
    parts.added_list.push_back({.content = piece, .id = id, .special = true, .normalized = false});
  }
  const auto name = [&](int id) { return id < 0 ? std::nullopt : std::optional(usual->IdToPiece(id)); };
  parts.bos_name = name(usual->bos_id());
  parts.eos_name = name(usual->eos_id());
  parts.pad_name = name(usual->pad_id());
  if (usual->bos_id() >= 0) parts.before = {usual->bos_id()};
  parts.decoder = sentencepiece_decoder(spec->add_dummy_prefix);
  // Another normalizer_spec at the end of the file is merged into the first: {add_dummy_prefix: false}.
  const bool always = facts.legacy.value_or(true);
  auto bare =
      spec->add_dummy_prefix && !always ? load_processor(file, bytes + std::string("\x1A\x02\x18\x00", 4)) : nullptr;
  parts.model = std::make_unique<SentencePieceModel>(std::move(usual), std::move(bare), always);
}

}  // namespace hone
