// The model families: which config.json is read how.
#pragma once

#include <string>

#include "hone/model/model_config.h"
#include "model/json_config.h"

namespace hone {

struct Family {
  const char* model_type;
  const char* architecture;  ///< in config.json, of a model with a vocabulary head
  /// Reads what differs between families: attention, experts, and defaults of omitted keys.
  void (*read)(const JsonConfig& file, ModelConfig& config);
};

/// Throws Error kInput with the known names for one that is not known.
const Family& find_family(const std::string& model_type, const std::string& place);

/// Reads rope_theta and rope_scaling (transformers 4) or rope_parameters (5) into `config`, which has its head sizes
/// and max_position_embeddings already.
void read_rope(const JsonConfig& file, ModelConfig& config);

// Bounds of single sizes, far above any model's: with them no product of a few overflows.
constexpr int64_t kMaxWidth = int64_t{1} << 20;
constexpr int64_t kMaxVocabulary = int64_t{1} << 24;
constexpr int64_t kMaxPositions = int64_t{1} << 31;
constexpr int64_t kMaxLayers = 4096;
constexpr int64_t kMaxExperts = 4096;

}  // namespace hone
