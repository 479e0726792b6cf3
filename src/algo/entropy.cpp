#include "hone/algo/entropy.h"

#include <algorithm>

namespace hone::algo {

EntropyControl::EntropyControl(const GrpoConfig& config) : config_(config), coefficient_(config.entropy_coef) {}

double EntropyControl::weight() const {
  return !adapts() || last_entropy_ <= config_.entropy_target ? coefficient_ : 0;
}

void EntropyControl::update(double entropy) {
  if (!adapts()) return;
  last_entropy_ = entropy;
  const double step = entropy <= config_.entropy_target ? config_.entropy_coef_delta : -config_.entropy_coef_delta;
  coefficient_ = std::clamp(coefficient_ + step, config_.entropy_coef_min, config_.entropy_coef_max);
}

void EntropyControl::continue_from(double coefficient, double last_entropy) {
  coefficient_ = coefficient, last_entropy_ = last_entropy;
}

}  // namespace hone::algo
