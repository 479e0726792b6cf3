#include "hone/rollout/sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "hone/core/error.h"
#include "hone/kernels/ops.h"

namespace hone {
namespace {

// The ids that the filters leave, ascending. Ties go to the smaller id.
std::vector<int32_t> filter(const float* logits, int64_t vocab, const SamplingConfig& config,
                            std::span<const int32_t> banned) {
  std::vector<int32_t> ids(static_cast<size_t>(vocab));
  std::iota(ids.begin(), ids.end(), 0);
  std::erase_if(ids, [&](int32_t id) { return std::ranges::find(banned, id) != banned.end(); });
  const auto larger = [logits](int32_t a, int32_t b) { return logits[a] != logits[b] ? logits[a] > logits[b] : a < b; };
  const auto keep = [&ids](size_t n) { ids.resize(std::max<size_t>(1, std::min(n, ids.size()))); };
  if (config.top_k) {
    const auto k = std::min(ids.size(), static_cast<size_t>(*config.top_k));
    std::partial_sort(ids.begin(), ids.begin() + static_cast<int64_t>(k), ids.end(), larger);
    keep(k);
  }
  if (config.top_p < 1.0 || config.min_p) {
    std::sort(ids.begin(), ids.end(), larger);
    std::vector<double> p(ids.size());
    for (size_t i = 0; i < ids.size(); ++i) {
      p[i] = std::exp((static_cast<double>(logits[ids[i]]) - static_cast<double>(logits[ids[0]])) / config.temperature);
    }
    if (config.top_p < 1.0) {
      const double wanted = config.top_p * std::accumulate(p.begin(), p.end(), 0.0);
      double mass = 0;
      size_t n = 0;
      while (n < p.size() && mass < wanted) mass += p[n++];
      keep(n);
    }
    if (config.min_p) {
      size_t n = 0;
      while (n < ids.size() && p[n] >= *config.min_p) ++n;  // p is relative to the likeliest token
      keep(n);
    }
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace

SampledToken sample_token(const float* logits, int64_t vocab, const SamplingConfig& config,
                          std::span<const int32_t> banned, double uniform) {
  const bool greedy = config.temperature == 0.0;
  const bool filtered = !banned.empty() || (!greedy && (config.top_k || config.top_p < 1.0 || config.min_p));
  SampledToken token;
  if (filtered) {
    SamplingConfig only_ban;
    token.kept = filter(logits, vocab, greedy ? only_ban : config, banned);
  }
  const int64_t n = filtered ? static_cast<int64_t>(token.kept.size()) : vocab;
  std::vector<float> scratch(static_cast<size_t>(2 * n));
  const kernels::RowDistribution row = kernels::row_distribution(
      logits, n, greedy ? 1.0 : config.temperature, filtered ? token.kept.data() : nullptr, scratch.data());
  if (!std::isfinite(row.largest) || !std::isfinite(row.total)) {
    throw_failed({.what = "the model's logits are not finite",
                  .hint = "the weights have diverged; resume from an earlier checkpoint with a smaller learning rate"});
  }
  int64_t chosen = std::max_element(row.z, row.z + n) - row.z;
  if (!greedy) {
    double total = 0;
    for (int64_t i = 0; i < n; ++i) total += static_cast<double>(row.e[i]);
    const double target = uniform * total;
    double mass = 0;
    for (int64_t i = 0; i < n; ++i) {
      if (row.e[i] == 0.0F) continue;
      mass += static_cast<double>(row.e[i]);
      chosen = i;
      if (mass > target) break;
    }
  }
  token.id = filtered ? token.kept[static_cast<size_t>(chosen)] : static_cast<int32_t>(chosen);
  token.log_prob = row.log_prob(chosen);
  return token;
}

}  // namespace hone
