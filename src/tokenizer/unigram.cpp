// The unigram model of tokenizer.json.
#include <algorithm>
#include <limits>

#include "best_cut.h"
#include "hone/core/error.h"
#include "model.h"

namespace hone {
namespace {

constexpr double kUnknownPenalty = 10.0;

double unknown_score(const VocabularyLists& lists) {
  double lowest = std::numeric_limits<double>::infinity();
  for (const auto& [token, score] : lists.scores) lowest = std::min(lowest, score);
  return lowest - kUnknownPenalty;
}

class Unigram : public TokenModel {
 public:
  Unigram(const VocabularyLists& lists, const Vocabulary& vocabulary, std::optional<int32_t> unknown,
          bool byte_fallback)
      : vocabulary_(vocabulary),
        unknown_(unknown),
        byte_ids_(byte_fallback ? byte_tokens(vocabulary) : std::vector<int32_t>{}),
        best_(unknown_score(lists)) {
    int32_t id = 0;
    for (const auto& [token, score] : lists.scores) best_.add(token, id++, score);
  }

  void encode(std::string_view piece, bool, std::vector<int32_t>& ids) const override {
    const auto is_unknown = [&](const TextCut& cut) { return cut.id < 0 || cut.id == unknown_; };
    const std::vector<TextCut> cuts = best_.cut(piece);
    for (size_t i = 0; i < cuts.size();) {
      const size_t first = i++;
      if (is_unknown(cuts[first])) {  // neighbours that are unknown are one
        while (i < cuts.size() && is_unknown(cuts[i])) ++i;
      }
      append(piece.substr(cuts[first].begin, cuts[i - 1].end - cuts[first].begin), ids);
    }
  }

 private:
  void append(std::string_view token, std::vector<int32_t>& ids) const {
    if (const auto id = vocabulary_.find_of_model(token)) {
      ids.push_back(*id);
    } else if (!append_bytes(token, byte_ids_, ids)) {
      HONE_CHECK(unknown_, .what = "text outside the tokenizer's vocabulary, which has no unknown token",
                 .got = fmt::format("'{}'", token));
      ids.push_back(*unknown_);
    }
  }

  const Vocabulary& vocabulary_;
  const std::optional<int32_t> unknown_;
  const std::vector<int32_t> byte_ids_;
  BestCut<double> best_;
};

}  // namespace

std::unique_ptr<TokenModel> read_unigram(const Node& model, const VocabularyLists& lists,
                                         const Vocabulary& vocabulary) {
  std::optional<int32_t> unknown;
  if (const Node id = model["unk_id"]; !id.is_null()) {
    const auto limit = static_cast<int64_t>(lists.scores.size());
    if (id.integer() < 0 || id.integer() >= limit) id.refuse("is outside the vocabulary");
    unknown = static_cast<int32_t>(id.integer());
  }
  return std::make_unique<Unigram>(lists, vocabulary, unknown, model["byte_fallback"].boolean_or(false));
}

}  // namespace hone
