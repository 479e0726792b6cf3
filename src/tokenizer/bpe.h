// Byte-pair encoding: the pair of neighbours with the lowest rank is merged, the leftmost first, until none is left.
// Owns its tables; thread-safe (the cache locks).
#pragma once

#include <array>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "model.h"

namespace hone {

struct Merge {
  uint32_t rank;
  int32_t id;  ///< of the merged token
};

/// Pairs of ids to what they merge into.
class MergeTable {
 public:
  explicit MergeTable(size_t expected);
  /// Replaces an earlier entry.
  void put(int32_t left, int32_t right, Merge merge);
  const Merge* find(int32_t left, int32_t right) const;

 private:
  struct Slot {
    uint64_t key;
    Merge merge;
  };
  size_t slot_of(uint64_t key) const;
  void grow();

  std::vector<Slot> slots_;
  size_t used_ = 0;
  int shift_;
};

inline constexpr uint32_t kNoRank = ~uint32_t{0};

/// For models without a list of merges: two neighbours are merged wherever the two together are a token, whose rank (by
/// id; kNoRank where it is never made) then counts.
MergeTable merges_of_tokens(const Vocabulary& vocabulary, const std::vector<uint32_t>& ranks);

struct BpeOptions {
  bool byte_fallback = false, fuse_unknown = false;
  bool whole_first = false;  ///< a piece that is a token is not merged together
  std::string continuing_prefix{}, word_suffix{};
  std::optional<int32_t> unknown{};
  bool refuses_unknown = false;  ///< the unknown token has no id
};

class Bpe : public TokenModel {
 public:
  Bpe(const Vocabulary& vocabulary, MergeTable merges, BpeOptions options);
  void encode(std::string_view piece, bool starts_text, std::vector<int32_t>& ids) const override;

 private:
  /// The ids of pieces seen lately. Text repeats its words, and a table hit costs a tenth of merging.
  class Cache {
   public:
    bool find(std::string_view piece, std::vector<int32_t>& ids);
    void put(std::string_view piece, const int32_t* ids, size_t count);

   private:
    static constexpr size_t kShards = 32, kMostPieces = 2048;
    struct Hash {
      using is_transparent = void;
      size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
    };
    struct Shard {
      std::mutex mutex;
      std::unordered_map<std::string, std::vector<int32_t>, Hash, std::equal_to<>> pieces;
    };
    std::array<Shard, kShards> shards_;
  };

  void encode_part(std::string_view part, std::vector<int32_t>& ids) const;
  bool never_joins_over_space(const Vocabulary& vocabulary) const;
  void first_symbols(std::string_view piece, std::vector<int32_t>& ids) const;
  std::optional<int32_t> id_of_character(std::string_view character) const;
  void merge_short(std::vector<int32_t>& ids, size_t first) const;
  void merge_long(std::vector<int32_t>& ids, size_t first) const;

  const Vocabulary& vocabulary_;
  const MergeTable merges_;
  const BpeOptions options_;
  const std::vector<int32_t> byte_ids_;
  const bool cuts_;  ///< no token goes on over the beginning of a word, so that words can be merged one by one
  std::array<int32_t, 0x180> small_{};  ///< ids of the characters of ASCII and of the byte-level alphabet, or -1
  mutable Cache cache_;
};

}  // namespace hone
