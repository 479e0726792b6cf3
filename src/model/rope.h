// The rotary tables of a model, computed as far as a sequence has needed them.
#pragma once

#include "hone/kernels/ops.h"
#include "hone/model/model_config.h"

namespace hone {

class RopeTables {
 public:
  explicit RopeTables(const ModelConfig& config);
  /// For sequences of up to `positions` tokens. An entry is a function of its position alone.
  const kernels::Rope& up_to(int64_t positions);

 private:
  void extend(kernels::RopeTable& table, const std::vector<float>& frequencies, int64_t positions) const;

  std::vector<float> frequencies_, long_frequencies_;
  float factor_;  // on cosine and sine
  kernels::Rope rope_;
};

}  // namespace hone
