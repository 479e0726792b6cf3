#include "model/rope.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "hone/core/error.h"
#include "hone/kernels/parallel.h"

namespace hone {
namespace {

// Llama 3.1: long waves are stretched, short ones stay, and between them it is blended.
double llama3_frequency(double frequency, const RopeScaling& s) {
  const double turns = static_cast<double>(s.original_max_position_embeddings) * frequency / (2 * std::numbers::pi);
  if (turns < s.low_freq_factor) return frequency / s.factor;
  if (turns > s.high_freq_factor) return frequency;
  const double blend = (turns - s.low_freq_factor) / (s.high_freq_factor - s.low_freq_factor);
  return (1 - blend) * frequency / s.factor + blend * frequency;
}

// YaRN (Peng et al. 2023, section 3.2): dimensions below `low` keep their frequency, those above `high` are stretched.
struct YarnRamp {
  YarnRamp(const ModelConfig& c, double dim) {
    const RopeScaling& s = c.rope_scaling;
    const auto dimension = [&](double turns) {
      const auto original = static_cast<double>(s.original_max_position_embeddings);
      return dim * std::log(original / (turns * 2 * std::numbers::pi)) / (2 * std::log(c.rope_theta));
    };
    low = dimension(s.beta_fast), high = dimension(s.beta_slow);
    if (s.truncate) low = std::floor(low), high = std::ceil(high);
    low = std::max(low, 0.0), high = std::min(high, dim - 1);
    if (low == high) high += 0.001;
  }
  double stretched(int64_t pair) const {
    return std::clamp((static_cast<double>(pair) - low) / (high - low), 0.0, 1.0);
  }
  double low, high;
};

// `per_pair` holds longrope's divisors. Dynamic scaling begins past max_position_embeddings, where no sequence goes.
std::vector<float> make_frequencies(const ModelConfig& c, const std::vector<double>& per_pair) {
  const RopeScaling& s = c.rope_scaling;
  const auto dim = static_cast<double>(c.rope_dim());
  const YarnRamp ramp(c, dim);
  std::vector<float> frequencies;
  for (int64_t i = 0; i < c.rope_dim() / 2; ++i) {
    double f = 1.0 / std::pow(c.rope_theta, 2.0 * static_cast<double>(i) / dim);
    if (s.rope_type == "linear") f /= s.factor;
    if (s.rope_type == "llama3") f = llama3_frequency(f, s);
    if (s.rope_type == "yarn") f = f / s.factor * ramp.stretched(i) + f * (1 - ramp.stretched(i));
    if (s.rope_type == "longrope") f /= per_pair[static_cast<size_t>(i)];
    frequencies.push_back(static_cast<float>(f));
  }
  return frequencies;
}

}  // namespace

RopeTables::RopeTables(const ModelConfig& config)
    : frequencies_(make_frequencies(config, config.rope_scaling.short_factor)),
      factor_(static_cast<float>(config.rope_scaling.attention_factor)) {
  if (config.rope_scaling.rope_type == "longrope") {
    long_frequencies_ = make_frequencies(config, config.rope_scaling.long_factor);
    rope_.long_after = config.rope_changes_after();
  }
}

const kernels::Rope& RopeTables::up_to(int64_t positions) {
  extend(rope_.table, frequencies_, std::min(positions, rope_.long_after));
  if (positions > rope_.long_after) extend(rope_.long_table, long_frequencies_, positions);
  return rope_;
}

void RopeTables::extend(kernels::RopeTable& table, const std::vector<float>& frequencies, int64_t positions) const {
  if (table.cos.defined() && table.cos.size(0) >= positions) return;
  constexpr int64_t kFirst = 1024;
  const int64_t known = table.cos.defined() ? table.cos.size(0) : 0;
  const int64_t wanted = std::max({positions, kFirst, 2 * known}), pairs = static_cast<int64_t>(frequencies.size());
  kernels::RopeTable grown{at::empty({wanted, pairs}, at::kFloat), at::empty({wanted, pairs}, at::kFloat)};
  auto* const cos = grown.cos.data_ptr<float>();
  auto* const sin = grown.sin.data_ptr<float>();
  if (known > 0) {
    std::copy_n(table.cos.const_data_ptr<float>(), known * pairs, cos);
    std::copy_n(table.sin.const_data_ptr<float>(), known * pairs, sin);
  }
  kernels::parallel(wanted - known, 30 * pairs, [&](int64_t begin, int64_t end) {
    for (int64_t t = known + begin; t < known + end; ++t) {
      for (int64_t i = 0; i < pairs; ++i) {
        const float angle = static_cast<float>(t) * frequencies[static_cast<size_t>(i)];  // fp32, as they were trained
        cos[t * pairs + i] = std::cos(angle) * factor_;
        sin[t * pairs + i] = std::sin(angle) * factor_;
      }
    }
  });
  table = std::move(grown);
}

}  // namespace hone
