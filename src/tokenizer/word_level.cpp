// A vocabulary of whole words.
#include "hone/core/error.h"
#include "model.h"

namespace hone {
namespace {

class WordLevel : public TokenModel {
 public:
  WordLevel(const Vocabulary& vocabulary, std::optional<int32_t> unknown)
      : vocabulary_(vocabulary), unknown_(unknown) {}
  void encode(std::string_view piece, bool, std::vector<int32_t>& ids) const override {
    const auto id = vocabulary_.find_of_model(piece);
    HONE_CHECK(id || unknown_, .what = "word outside the tokenizer's vocabulary", .got = fmt::format("'{}'", piece));
    ids.push_back(id ? *id : *unknown_);
  }

 private:
  const Vocabulary& vocabulary_;
  const std::optional<int32_t> unknown_;
};

}  // namespace

std::unique_ptr<TokenModel> read_word_level(const Node& model, const Vocabulary& vocabulary) {
  if (const auto hole = vocabulary.first_hole()) model["vocab"].refuse(fmt::format("has no token with id {}", *hole));
  const Node unknown = model["unk_token"];
  return std::make_unique<WordLevel>(vocabulary,
                                     unknown.is_null() ? std::nullopt : vocabulary.find_of_model(unknown.text()));
}

std::vector<int32_t> byte_tokens(const Vocabulary& vocabulary) {
  std::vector<int32_t> ids;
  for (int byte = 0; byte < 256; ++byte) ids.push_back(vocabulary.find(fmt::format("<0x{:02X}>", byte)).value_or(-1));
  return ids;
}

bool append_bytes(std::string_view text, const std::vector<int32_t>& byte_ids, std::vector<int32_t>& ids) {
  const auto id_of = [&](char byte) { return byte_ids.empty() ? -1 : byte_ids[static_cast<unsigned char>(byte)]; };
  for (const char byte : text) {
    if (id_of(byte) < 0) return false;
  }
  for (const char byte : text) ids.push_back(id_of(byte));
  return true;
}

}  // namespace hone
