// repetition.
#include <algorithm>
#include <unordered_map>

#include "make_reward.h"
#include "normalize.h"

namespace hone {
namespace {

// Words as small numbers, equal for equal words.
std::vector<uint32_t> number_words(std::string_view text) {
  std::unordered_map<std::u32string, uint32_t> known;
  std::vector<uint32_t> numbers;
  for (std::u32string& word : split_words(text, {.ignore_case = true})) {
    numbers.push_back(known.try_emplace(std::move(word), static_cast<uint32_t>(known.size())).first->second);
  }
  return numbers;
}

// How many of the n-grams there are are different. Exact and in time n * size: an n-gram gets a number from the number
// of the one that is shorter by its last symbol, and that symbol.
size_t count_distinct(const std::vector<uint32_t>& symbols, size_t n) {
  std::vector<uint32_t> grams = symbols;
  size_t distinct = 0;
  for (size_t length = 1; length <= n; ++length) {
    const size_t count = symbols.size() - length + 1;
    std::unordered_map<uint64_t, uint32_t> known;
    known.reserve(count);
    for (size_t i = 0; i < count; ++i) {
      const uint64_t key = length == 1 ? symbols[i] : uint64_t{grams[i]} << 32 | symbols[i + length - 1];
      grams[i] = known.try_emplace(key, static_cast<uint32_t>(known.size())).first->second;
    }
    distinct = known.size();
    if (distinct == count) return symbols.size() - n + 1;  // longer ones are different, too
  }
  return distinct;
}

}  // namespace

RewardFunction make_reward(const RepetitionReward& config, const Context&) {
  return [config](const Prompt&, const Completion& completion) -> RewardResult {
    const auto n = static_cast<size_t>(config.ngram_size);
    const auto symbols = config.unit == RepetitionUnit::kWords
                             ? number_words(completion.text)
                             : std::vector<uint32_t>(completion.ids.begin(), completion.ids.end());
    if (symbols.size() < n) return graded(0.0);
    const auto total = static_cast<double>(symbols.size() - n + 1);
    return graded((1.0 - static_cast<double>(count_distinct(symbols, n)) / total) * config.max_penalty);
  };
}

}  // namespace hone
