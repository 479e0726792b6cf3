// The weight of the entropy bonus over the updates of a stage: constant, or adaptive as in Skywork-OR1 (He et al. 2025,
// arXiv 2505.22312), with TRL's keys and bounds. A few numbers; one thread.
#pragma once

#include <limits>

#include "hone/algo/config.h"

namespace hone::algo {

class EntropyControl {
 public:
  explicit EntropyControl(const GrpoConfig& config);

  /// For the next update. Adaptive: the coefficient while the last update saw an entropy of at most the target, else 0;
  /// 0 for the first update.
  double weight() const;
  /// After an update: the mean entropy of its tokens. Adaptive: the coefficient goes up one step when that was at most
  /// the target, else down one, within its bounds.
  void update(double entropy);

  bool adapts() const { return config_.use_adaptive_entropy; }
  double coefficient() const { return coefficient_; }
  double last_entropy() const { return last_entropy_; }
  /// Goes on as the one that had these.
  void continue_from(double coefficient, double last_entropy);

 private:
  GrpoConfig config_;
  double coefficient_;
  double last_entropy_ = std::numeric_limits<double>::infinity();
};

}  // namespace hone::algo
