// The unigram model: of all ways to cut a piece into tokens, the one whose scores have the largest sum.
#include <algorithm>
#include <limits>
#include <unordered_map>

#include "characters.h"
#include "hone/core/error.h"
#include "model.h"

namespace hone {
namespace {

constexpr double kUnknownPenalty = 10.0;

/// Tokens by their bytes. Nodes are numbers; 0 is the root.
class Trie {
 public:
  void add(std::string_view token, int32_t id) {
    uint32_t node = 0;
    for (const char c : token) {
      const auto [at, is_new] = children_.try_emplace(key(node, c), static_cast<uint32_t>(ids_.size()));
      if (is_new) ids_.push_back(-1);
      node = at->second;
    }
    ids_[node] = id;
  }

  /// Calls each(length, id) for every token that `text` begins with, the shortest first.
  template <typename Each>
  void for_each_prefix(std::string_view text, Each each) const {
    uint32_t node = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      const auto at = children_.find(key(node, text[i]));
      if (at == children_.end()) return;
      node = at->second;
      if (ids_[node] >= 0) each(i + 1, ids_[node]);
    }
  }

 private:
  static uint64_t key(uint32_t node, char c) { return uint64_t{node} << 8 | static_cast<unsigned char>(c); }

  std::unordered_map<uint64_t, uint32_t> children_;
  std::vector<int32_t> ids_ = {-1};
};

class Unigram : public TokenModel {
 public:
  Unigram(const VocabularyLists& lists, const Vocabulary& vocabulary, std::optional<int32_t> unknown,
          bool byte_fallback)
      : vocabulary_(vocabulary),
        unknown_(unknown),
        byte_ids_(byte_fallback ? byte_tokens(vocabulary) : std::vector<int32_t>{}) {
    double lowest = std::numeric_limits<double>::infinity();
    for (const auto& [token, score] : lists.scores) {
      trie_.add(token, static_cast<int32_t>(scores_.size()));
      scores_.push_back(score);
      lowest = std::min(lowest, score);
    }
    unknown_score_ = lowest - kUnknownPenalty;
  }

  void encode(std::string_view piece, bool, std::vector<int32_t>& ids) const override {
    struct Step {
      double score = 0;
      size_t begin = std::string_view::npos;
      int32_t id = -1;
    };
    std::vector<Step> steps(piece.size() + 1);  // steps[i]: the best way to have read i bytes
    for (size_t begin = 0; begin < piece.size();) {
      const size_t character = character_bytes(piece, begin);
      bool alone = false;
      const auto offer = [&](size_t size, int32_t id, double score) {
        Step& step = steps[begin + size];
        const double sum = steps[begin].score + score;
        if (step.begin == std::string_view::npos || sum > step.score) step = {sum, begin, id};
      };
      trie_.for_each_prefix(piece.substr(begin), [&](size_t size, int32_t id) {
        offer(size, id, scores_[static_cast<size_t>(id)]);
        alone = alone || size == character;
      });
      if (!alone) offer(character, unknown_.value_or(-1), unknown_score_);
      begin += character;
    }
    std::vector<Range> path;  // neighbours that are unknown are one
    for (size_t end = piece.size(); end > 0; end = steps[end].begin) {
      const bool unknown = steps[end].id == unknown_.value_or(-1);
      if (unknown && !path.empty() && path.back().unknown) {
        path.back().begin = steps[end].begin;
      } else {
        path.push_back({steps[end].begin, end, unknown});
      }
    }
    for (size_t i = path.size(); i-- > 0;) append(piece.substr(path[i].begin, path[i].end - path[i].begin), ids);
  }

 private:
  struct Range {
    size_t begin, end;
    bool unknown;
  };

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
  Trie trie_;
  std::vector<double> scores_;
  double unknown_score_ = 0;
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
