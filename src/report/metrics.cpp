#include "hone/report/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

namespace hone {
namespace {

// The documented order. "rewards/" stands for the parts, which keep the order of the config.
constexpr std::string_view kOrder[] = {
    "loss",
    "reward",
    "reward_std",
    "rewards/",
    "frac_reward_zero_std",
    "frac_groups_kept",
    "completions/mean_length",
    "completions/max_length",
    "completions/clipped_ratio",
    "language_consistency",
    "entropy",
    "entropy_coef",
    "kl",
    "clip_ratio/low_mean",
    "clip_ratio/high_mean",
    "grad_norm",
    "learning_rate",
    "num_tokens",
    "step_time",
    "time/gen",
    "time/reward",
    "time/old_log_prob",
    "time/ref",
    "time/adv",
    "time/update",
    "time/eval",
    "time/save",
    "tokens_per_second",
    "memory/peak_mb",
    "rollout/logprob_diff_max",
};

// TRL's names and verl's (verl/trainer/ppo/metric_utils.py and its actor metrics).
constexpr std::pair<std::string_view, std::string_view> kVerlNames[] = {
    {"loss", "actor/pg_loss"},
    {"reward", "critic/rewards/mean"},
    {"completions/mean_length", "response_length/mean"},
    {"completions/max_length", "response_length/max"},
    {"completions/clipped_ratio", "response_length/clip_ratio"},
    {"entropy", "actor/entropy"},
    {"kl", "actor/kl_loss"},
    {"clip_ratio/low_mean", "actor/pg_clipfrac_lower"},
    {"clip_ratio/high_mean", "actor/pg_clipfrac"},
    {"grad_norm", "actor/grad_norm"},
    {"learning_rate", "actor/lr"},
    {"step_time", "timing_s/step"},
    {"time/gen", "timing_s/gen"},
    {"time/reward", "timing_s/reward"},
    {"time/old_log_prob", "timing_s/old_log_prob"},
    {"time/ref", "timing_s/ref"},
    {"time/update", "timing_s/update_actor"},
    {"time/eval", "timing_s/testing"},
    {"time/save", "timing_s/save_checkpoint"},
    {"tokens_per_second", "perf/throughput"},
};

size_t rank(std::string_view name) {
  const auto* at = std::ranges::find_if(
      kOrder, [&](std::string_view known) { return known.ends_with('/') ? name.starts_with(known) : name == known; });
  return static_cast<size_t>(at - std::begin(kOrder));
}

std::string number(double value) {
  if (!std::isfinite(value)) return "null";
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

}  // namespace

std::optional<double> find_metric(const StepMetrics& metrics, std::string_view name) {
  const auto at = std::ranges::find(metrics, name, &StepMetrics::value_type::first);
  if (at == metrics.end() || !std::isfinite(at->second)) return std::nullopt;
  return at->second;
}

StepMetrics in_log_order(StepMetrics metrics) {
  std::ranges::stable_sort(metrics, {}, [](const auto& metric) { return rank(metric.first); });
  return metrics;
}

StepMetrics in_verl_names(StepMetrics metrics) {
  for (auto& [name, value] : metrics) {
    const auto* const at = std::ranges::find(kVerlNames, name, [](const auto& names) { return names.first; });
    if (at != std::end(kVerlNames)) name = at->second;
  }
  return metrics;
}

StepMetrics in_eval_group(StepMetrics measures) {
  for (auto& [name, value] : measures) name = "eval/" + name;
  return measures;
}

std::string metrics_line(int64_t step, const StepMetrics& metrics) {
  std::string line = fmt::format("{{\"step\":{}", step);
  for (const auto& [name, value] : in_log_order(metrics)) {
    line += fmt::format(",{}:{}", nlohmann::json(name).dump(), number(value));
  }
  return line + "}";
}

}  // namespace hone
