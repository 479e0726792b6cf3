#include "vocabulary.h"

#include <algorithm>
#include <bit>
#include <functional>

namespace hone {
namespace {

// Numbers of specials leave holes above the vocabulary; ids far above are damage, and would cost memory.
constexpr int64_t kMaxHoles = 1 << 16;

}  // namespace

Vocabulary::Vocabulary(size_t expected) : slots_(std::bit_ceil(std::max<size_t>(16, 2 * expected)), -1) {
  tokens_.reserve(expected);
}

size_t Vocabulary::slot_of(std::string_view token) const {
  const size_t mask = slots_.size() - 1;
  size_t at = std::hash<std::string_view>()(token) & mask;
  while (slots_[at] >= 0 && tokens_[static_cast<size_t>(slots_[at])] != token) at = (at + 1) & mask;
  return at;
}

bool Vocabulary::add(std::string_view token, int64_t id, bool of_model) {
  const auto largest = static_cast<int64_t>(std::max(tokens_.capacity(), 2 * used_)) + kMaxHoles;
  if (token.empty() || id < 0 || id > largest) return false;
  const size_t slot = slot_of(token);
  if (slots_[slot] >= 0) return slots_[slot] == id;
  const auto index = static_cast<size_t>(id);
  if (index >= tokens_.size()) tokens_.resize(index + 1), of_model_.resize(index + 1);
  if (!tokens_[index].empty()) return false;
  tokens_[index] = token;
  of_model_[index] = of_model;
  slots_[slot] = static_cast<int32_t>(id);
  if (2 * ++used_ > slots_.size()) grow();
  return true;
}

void Vocabulary::grow() {
  std::vector<int32_t> old(slots_.size() * 2, -1);
  old.swap(slots_);
  for (const int32_t id : old) {
    if (id >= 0) slots_[slot_of(token(id))] = id;
  }
}

std::optional<int32_t> Vocabulary::find(std::string_view token) const {
  const int32_t id = slots_[slot_of(token)];
  return id < 0 ? std::nullopt : std::optional(id);
}

std::optional<int32_t> Vocabulary::find_of_model(std::string_view token) const {
  const auto id = find(token);
  return id && of_model_[static_cast<size_t>(*id)] ? id : std::nullopt;
}

std::optional<int32_t> Vocabulary::first_hole() const {
  const auto hole = std::ranges::find(tokens_, "");
  return hole == tokens_.end() ? std::nullopt : std::optional(static_cast<int32_t>(hole - tokens_.begin()));
}

}  // namespace hone
