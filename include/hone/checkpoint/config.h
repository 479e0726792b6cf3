// The section `checkpoint`: when state is saved and how much is kept. A plain struct; see core/config.h.
#pragma once

#include "hone/core/config.h"

namespace hone {

struct CheckpointConfig {
  std::optional<int64_t> every = 5;
  int64_t keep = 2;
  bool operator==(const CheckpointConfig&) const = default;
};

inline void describe(ConfigVisitor& v, CheckpointConfig& c) {
  v.field("every", c.every, at_least(1), "steps", "Saves after every so many steps; null for only at the end.");
  v.field("keep", c.keep, at_least(2), "checkpoints", "The newest checkpoints that are kept.");
}

}  // namespace hone
