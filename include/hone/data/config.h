// The section `data`: which problems or documents are read. Plain structs; see core/config.h.
#pragma once

#include "hone/core/config.h"

namespace hone {

enum class Split { kTrain, kTest };
inline constexpr std::string_view kSplitNames[] = {"train", "test"};
inline std::span<const std::string_view> enum_names(Split) {
  return kSplitNames;
}

/// The built-in world of bilingual chain arithmetic, as a data set of problems and as a corpus.
inline constexpr std::string_view kBuiltinChains = "builtin:chains";

/// Problems with an answer.
struct DataConfig {
  std::string path;
  Split split = Split::kTrain;
  int64_t min_operations = 2;
  int64_t max_operations = 5;
  bool operator==(const DataConfig&) const = default;
};

inline void describe(ConfigVisitor& v, DataConfig& c) {
  v.required("path", c.path, any_value(), "", "The problems: builtin:chains.");
  v.field("split", c.split, any_value(), "", "Part of the data; the parts do not overlap.");
  v.field("min_operations", c.min_operations, between(1, 7), "operations", "Shortest chain of builtin:chains.");
  v.field("max_operations", c.max_operations, between(1, 7), "operations", "Longest chain of builtin:chains.");
}

/// Documents for pretraining.
struct CorpusConfig {
  std::string path;
  bool operator==(const CorpusConfig&) const = default;
};

inline void describe(ConfigVisitor& v, CorpusConfig& c) {
  v.required("path", c.path, any_value(), "", "The documents: builtin:chains.");
}

}  // namespace hone
