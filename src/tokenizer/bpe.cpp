#include "bpe.h"

#include <algorithm>
#include <bit>
#include <queue>

#include "characters.h"
#include "hone/core/error.h"
#include "hone/tokenizer/utf8.h"

namespace hone {
namespace {

constexpr uint64_t kNoKey = ~uint64_t{0};
constexpr std::string_view kSpace = "▁";  // SentencePiece's
constexpr size_t kMostCachedBytes = 64;
// Up to here a scan for the lowest rank is faster than a heap.
constexpr size_t kShort = 48;

uint64_t key_of(int32_t left, int32_t right) {
  return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
}

}  // namespace

MergeTable::MergeTable(size_t expected)
    : slots_(std::bit_ceil(std::max<size_t>(16, 2 * expected)), Slot{kNoKey, {}}),
      shift_(64 - std::countr_zero(slots_.size())) {}

size_t MergeTable::slot_of(uint64_t key) const {
  const size_t mask = slots_.size() - 1;
  size_t at = (key ^ key >> 32) * 0x9E3779B97F4A7C15 >> shift_;
  while (slots_[at].key != kNoKey && slots_[at].key != key) at = (at + 1) & mask;
  return at;
}

void MergeTable::put(int32_t left, int32_t right, Merge merge) {
  Slot& slot = slots_[slot_of(key_of(left, right))];
  const bool is_new = slot.key == kNoKey;
  slot = {key_of(left, right), merge};
  if (is_new && 2 * ++used_ > slots_.size()) grow();
}

void MergeTable::grow() {
  std::vector<Slot> old(slots_.size() * 2, Slot{kNoKey, {}});
  old.swap(slots_);
  --shift_;
  for (const Slot& slot : old) {
    if (slot.key != kNoKey) slots_[slot_of(slot.key)] = slot;
  }
}

const Merge* MergeTable::find(int32_t left, int32_t right) const {
  const Slot& slot = slots_[slot_of(key_of(left, right))];
  return slot.key == kNoKey ? nullptr : &slot.merge;
}

MergeTable merges_of_tokens(const Vocabulary& vocabulary, const std::vector<uint32_t>& ranks) {
  MergeTable table(2 * vocabulary.size());
  for (size_t id = 0; id < ranks.size(); ++id) {
    const std::string_view token = vocabulary.token(static_cast<int32_t>(id));
    if (token.empty() || ranks[id] == kNoRank) continue;
    for (size_t at = character_bytes(token, 0); at < token.size(); at += character_bytes(token, at)) {
      const auto left = vocabulary.find_of_model(token.substr(0, at));
      const auto right = left ? vocabulary.find_of_model(token.substr(at)) : std::nullopt;
      if (right) table.put(*left, *right, {ranks[id], static_cast<int32_t>(id)});
    }
  }
  return table;
}

bool Bpe::Cache::find(std::string_view piece, std::vector<int32_t>& ids) {
  Shard& shard = shards_[Hash()(piece) >> 8 & (kShards - 1)];
  const std::lock_guard lock(shard.mutex);
  const auto at = shard.pieces.find(piece);
  if (at == shard.pieces.end()) return false;
  ids.insert(ids.end(), at->second.begin(), at->second.end());
  return true;
}

void Bpe::Cache::put(std::string_view piece, const int32_t* ids, size_t count) {
  Shard& shard = shards_[Hash()(piece) >> 8 & (kShards - 1)];
  const std::lock_guard lock(shard.mutex);
  if (shard.pieces.size() >= kMostPieces) shard.pieces.clear();
  shard.pieces.try_emplace(std::string(piece), ids, ids + count);
}

Bpe::Bpe(const Vocabulary& vocabulary, MergeTable merges, BpeOptions options)
    : vocabulary_(vocabulary),
      merges_(std::move(merges)),
      options_(std::move(options)),
      byte_ids_(options_.byte_fallback ? byte_tokens(vocabulary) : std::vector<int32_t>{}),
      cuts_(never_joins_over_space(vocabulary)) {
  for (size_t c = 0; c < small_.size(); ++c) {
    std::string text;
    append_utf8(text, static_cast<char32_t>(c));
    small_[c] = vocabulary.find_of_model(text).value_or(-1);
  }
}

bool Bpe::never_joins_over_space(const Vocabulary& vocabulary) const {
  const bool plain = options_.continuing_prefix.empty() && options_.word_suffix.empty() && !options_.whole_first;
  if (!plain || !vocabulary.find_of_model(kSpace)) return false;
  for (size_t id = 0; id < vocabulary.size(); ++id) {
    const std::string_view token = vocabulary.token(static_cast<int32_t>(id));
    const size_t text = std::min(token.find_first_not_of(kSpace), token.size());
    if (token.find(kSpace, text) != std::string_view::npos) return false;
  }
  return true;
}

void Bpe::encode(std::string_view piece, bool, std::vector<int32_t>& ids) const {
  if (options_.whole_first) {
    if (const auto id = vocabulary_.find_of_model(piece)) return ids.push_back(*id);
  }
  if (!cuts_) return encode_part(piece, ids);
  while (!piece.empty()) {
    size_t end = 0;
    while (piece.substr(end).starts_with(kSpace)) end += kSpace.size();
    end = std::min(piece.find(kSpace, end), piece.size());
    encode_part(piece.substr(0, end), ids);
    piece.remove_prefix(end);
  }
}

void Bpe::encode_part(std::string_view part, std::vector<int32_t>& ids) const {
  const bool cached = part.size() <= kMostCachedBytes;
  if (cached && cache_.find(part, ids)) return;
  const size_t first = ids.size();
  first_symbols(part, ids);
  if (ids.size() - first <= kShort) {
    merge_short(ids, first);
  } else {
    merge_long(ids, first);
  }
  if (cached) cache_.put(part, ids.data() + first, ids.size() - first);
}

std::optional<int32_t> Bpe::id_of_character(std::string_view character) const {
  size_t at = 0;
  const char32_t c = next_code_point(character, at);
  if (at != character.size() || c >= small_.size()) return vocabulary_.find_of_model(character);
  return small_[c] < 0 ? std::nullopt : std::optional(small_[c]);
}

// The characters' own tokens; what has none becomes bytes, the unknown token or, without one, nothing.
void Bpe::first_symbols(std::string_view piece, std::vector<int32_t>& ids) const {
  bool unknown_waits = false;
  const auto flush = [&] {
    if (unknown_waits) ids.push_back(*options_.unknown);
    unknown_waits = false;
  };
  const bool plain = options_.continuing_prefix.empty() && options_.word_suffix.empty();
  std::string spelled;
  for (size_t at = 0; at < piece.size();) {
    const size_t size = character_bytes(piece, at);
    std::string_view symbol = piece.substr(at, size);
    if (!plain) {
      spelled = at > 0 ? options_.continuing_prefix : "";
      spelled += symbol;
      if (at + size == piece.size()) spelled += options_.word_suffix;
      symbol = spelled;
    }
    at += size;
    if (const auto id = id_of_character(symbol)) {
      flush();
      ids.push_back(*id);
    } else if (append_bytes(symbol, byte_ids_, ids)) {
      continue;
    } else if (options_.unknown) {
      if (!options_.fuse_unknown) flush();
      unknown_waits = true;
    } else {
      HONE_CHECK(!options_.refuses_unknown, .what = "text outside the tokenizer's vocabulary, as its unknown token is",
                 .got = fmt::format("'{}'", symbol));
    }
  }
  flush();
}

void Bpe::merge_short(std::vector<int32_t>& ids, size_t first) const {
  const auto offset = static_cast<std::ptrdiff_t>(first);
  size_t count = ids.size() - first;
  int32_t* const symbols = ids.data() + first;
  constexpr Merge kNone{~uint32_t{0}, -1};
  std::array<Merge, kShort> merges;  // merges[i]: of symbols i and i + 1
  const auto look_up = [&](size_t i) {
    const Merge* const merge = i + 1 < count ? merges_.find(symbols[i], symbols[i + 1]) : nullptr;
    return merge == nullptr ? kNone : *merge;
  };
  for (size_t i = 0; i < count; ++i) merges[i] = look_up(i);
  while (count > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < count; ++i) {
      if (merges[i].rank < merges[best].rank) best = i;
    }
    if (merges[best].id < 0) break;
    symbols[best] = merges[best].id;
    std::copy(symbols + best + 2, symbols + count, symbols + best + 1);
    std::copy(merges.begin() + static_cast<std::ptrdiff_t>(best) + 2,
              merges.begin() + static_cast<std::ptrdiff_t>(count),
              merges.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    --count;
    merges[best] = look_up(best);
    if (best > 0) merges[best - 1] = look_up(best - 1);
  }
  ids.resize(static_cast<size_t>(offset) + count);
}

// Symbols in a linked list; a heap holds the pairs, of which those that have changed meanwhile are passed over.
void Bpe::merge_long(std::vector<int32_t>& ids, size_t first) const {
  struct Symbol {
    int32_t id;
    uint32_t previous, next;
  };
  constexpr uint32_t kNone = ~uint32_t{0};
  const size_t count = ids.size() - first;
  HONE_CHECK(count < kNone, .what = "a text of more than 2^32 characters in one piece");
  std::vector<Symbol> symbols(count);
  for (uint32_t i = 0; i < count; ++i) {
    symbols[i] = {ids[first + i], i == 0 ? kNone : i - 1, i + 1 == count ? kNone : i + 1};
  }
  const auto merge_at = [&](uint32_t i) -> const Merge* {
    return symbols[i].next == kNone ? nullptr : merges_.find(symbols[i].id, symbols[symbols[i].next].id);
  };
  std::vector<uint64_t> pairs;  // rank and place of the left symbol: the order in which they are merged
  for (uint32_t i = 0; i < count; ++i) {
    if (const Merge* const merge = merge_at(i)) pairs.push_back(uint64_t{merge->rank} << 32 | i);
  }
  std::priority_queue<uint64_t, std::vector<uint64_t>, std::greater<>> heap(std::greater<>(), std::move(pairs));
  const auto push = [&](uint32_t i) {
    const Merge* const merge = i == kNone ? nullptr : merge_at(i);
    if (merge != nullptr) heap.push(uint64_t{merge->rank} << 32 | i);
  };
  while (!heap.empty()) {
    const auto rank = static_cast<uint32_t>(heap.top() >> 32);
    const auto i = static_cast<uint32_t>(heap.top());
    heap.pop();
    if (symbols[i].id < 0) continue;
    const Merge* const merge = merge_at(i);
    if (merge == nullptr || merge->rank != rank) continue;
    Symbol& right = symbols[symbols[i].next];
    symbols[i].id = merge->id;
    symbols[i].next = right.next;
    right.id = -1;
    if (right.next != kNone) symbols[right.next].previous = i;
    push(symbols[i].previous);
    push(i);
  }
  size_t out = first;
  for (const Symbol& symbol : symbols) {
    if (symbol.id >= 0) ids[out++] = symbol.id;
  }
  ids.resize(out);
}

std::unique_ptr<TokenModel> read_bpe(const Node& model, const VocabularyLists& lists, const Vocabulary& vocabulary) {
  const Node dropout = model["dropout"];
  if (!dropout.is_null() && dropout.json() != 0) dropout.refuse("is not supported: ids would be random");
  BpeOptions options{.byte_fallback = model["byte_fallback"].boolean_or(false),
                     .fuse_unknown = model["fuse_unk"].boolean_or(false),
                     .whole_first = model["ignore_merges"].boolean_or(false),
                     .continuing_prefix = model["continuing_subword_prefix"].text_or(""),
                     .word_suffix = model["end_of_word_suffix"].text_or("")};
  if (const Node unknown = model["unk_token"]; !unknown.is_null()) {
    options.unknown = vocabulary.find_of_model(unknown.text());
    options.refuses_unknown = !options.unknown;
  }
  MergeTable table(lists.merges.size());
  uint32_t rank = 0;
  for (const auto& [left, right] : lists.merges) {
    const auto a = vocabulary.find_of_model(left), b = vocabulary.find_of_model(right);
    const size_t prefix = options.continuing_prefix.size();
    const auto whole = prefix <= right.size() ? vocabulary.find_of_model(left + right.substr(prefix)) : std::nullopt;
    HONE_CHECK(a && b && whole, .what = fmt::format("model.merges[{}] is outside the vocabulary", rank),
               .place = model.file(), .got = left + " " + right);
    table.put(*a, *b, {rank++, *whole});
  }
  return std::make_unique<Bpe>(vocabulary, std::move(table), std::move(options));
}

}  // namespace hone
