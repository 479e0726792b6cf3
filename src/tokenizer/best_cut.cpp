#include "best_cut.h"

#include <algorithm>

#include "characters.h"

namespace hone {

template <typename Score>
void BestCut<Score>::add(std::string_view token, int32_t id, Score score) {
  uint32_t node = 0;
  for (const char c : token) {
    const auto [at, is_new] = children_.try_emplace(key(node, c), static_cast<uint32_t>(entries_.size()));
    if (is_new) entries_.push_back({-1, 0});
    node = at->second;
  }
  entries_[node] = {id, score};
}

template <typename Score>
template <typename Each>
void BestCut<Score>::for_each_prefix(std::string_view text, Each each) const {
  uint32_t node = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto at = children_.find(key(node, text[i]));
    if (at == children_.end()) return;
    node = at->second;
    if (entries_[node].id >= 0) each(i + 1, entries_[node]);
  }
}

template <typename Score>
std::vector<TextCut> BestCut<Score>::cut(std::string_view text) const {
  struct Step {
    Score score = 0;
    size_t begin = std::string_view::npos;
    int32_t id = -1;
  };
  std::vector<Step> steps(text.size() + 1);  // steps[i]: the best way to have read i bytes
  for (size_t begin = 0; begin < text.size();) {
    const size_t character = character_bytes(text, begin);
    bool alone = false;
    const auto offer = [&](size_t size, const Entry& entry) {
      Step& step = steps[begin + size];
      const Score sum = steps[begin].score + entry.score;
      if (step.begin == std::string_view::npos || sum > step.score) step = {sum, begin, entry.id};
    };
    for_each_prefix(text.substr(begin), [&](size_t size, const Entry& entry) {
      offer(size, entry);
      alone = alone || size == character;
    });
    if (!alone) offer(character, {-1, unknown_});
    begin += character;
  }
  std::vector<TextCut> cuts;
  for (size_t end = text.size(); end > 0; end = steps[end].begin)
    cuts.push_back({steps[end].begin, end, steps[end].id});
  std::ranges::reverse(cuts);
  return cuts;
}

template class BestCut<float>;
template class BestCut<double>;

}  // namespace hone
