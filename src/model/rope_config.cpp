#include <algorithm>
#include <array>
#include <cmath>

#include "hone/core/error.h"
#include "model/families.h"

namespace hone {
namespace {

constexpr std::array kKnownKeys = {"rope_type",
                                   "type",
                                   "rope_theta",
                                   "factor",
                                   "short_factor",
                                   "long_factor",
                                   "beta_fast",
                                   "beta_slow",
                                   "mscale",
                                   "mscale_all_dim",
                                   "truncate",
                                   "low_freq_factor",
                                   "high_freq_factor",
                                   "attention_factor",
                                   "original_max_position_embeddings",
                                   "partial_rotary_factor"};

// How far yarn raises the temperature of attention (Peng et al. 2023, section 3.4).
double yarn_mscale(double factor, double mscale) {
  return factor <= 1 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

void read_llama3(const JsonConfig& rope, RopeScaling& s) {
  for (const char* key : {"factor", "low_freq_factor", "high_freq_factor"}) {
    if (!rope.given(key)) rope.refuse(key, "is missing");
  }
  s.low_freq_factor = *rope.positive("low_freq_factor");
  s.high_freq_factor = *rope.positive("high_freq_factor");
  if (s.high_freq_factor <= s.low_freq_factor) rope.refuse("high_freq_factor", "must be greater than low_freq_factor");
}

void read_yarn(const JsonConfig& rope, ModelConfig& c) {
  RopeScaling& s = c.rope_scaling;
  // A zero counts as omitted, as in transformers.
  const auto or_default = [&](const char* key, double fallback) {
    const double value = rope.non_negative(key, 0);
    return value == 0 ? fallback : value;
  };
  s.beta_fast = or_default("beta_fast", 32.0);
  s.beta_slow = or_default("beta_slow", 1.0);
  if (s.beta_fast < s.beta_slow) rope.refuse("beta_fast", "must not be less than beta_slow");
  s.truncate = rope.boolean("truncate", true);
  const double mscale = rope.non_negative("mscale", 0), mscale_all_dim = rope.non_negative("mscale_all_dim", 0);
  const double inferred = mscale > 0 && mscale_all_dim > 0
                              ? yarn_mscale(s.factor, mscale) / yarn_mscale(s.factor, mscale_all_dim)
                              : yarn_mscale(s.factor, 1.0);
  s.attention_factor = rope.positive("attention_factor", inferred);
}

void read_longrope(const JsonConfig& rope, ModelConfig& c) {
  RopeScaling& s = c.rope_scaling;
  const auto pairs = static_cast<size_t>(c.rope_dim() / 2);
  s.short_factor = rope.positives("short_factor", pairs);
  s.long_factor = rope.positives("long_factor", pairs);
  double inferred = 1.0;
  if (s.factor > 1) {
    const auto original = static_cast<double>(s.original_max_position_embeddings);
    if (original < 2) rope.refuse("original_max_position_embeddings", "must be at least 2");
    inferred = std::sqrt(1 + std::log(s.factor) / std::log(original));
  }
  s.attention_factor = rope.positive("attention_factor", inferred);
}

}  // namespace

void read_rope(const JsonConfig& file, ModelConfig& c) {
  file.require("partial_rotary_factor", {1, 1.0});
  c.rope_theta = file.positive("rope_theta", 10000.0);
  RopeScaling& s = c.rope_scaling;
  auto rope = file.object("rope_scaling");  // has precedence where both are given, as in transformers 5
  if (!rope || rope->json().empty()) rope = file.object("rope_parameters");
  if (!rope) return;
  for (const auto& [key, value] : rope->json().items()) {
    if (std::ranges::find(kKnownKeys, key) == kKnownKeys.end())
      rope->refuse(key.c_str(), "is not a known rotary parameter");
  }
  rope->require("partial_rotary_factor", {1, 1.0});
  c.rope_theta = rope->positive("rope_theta", c.rope_theta);
  const char* const type_key = rope->given("rope_type") || !rope->given("type") ? "rope_type" : "type";
  s.rope_type = rope->given(type_key) ? rope->text(type_key) : "default";
  if (s.rope_type == "default") return;

  constexpr std::array kTypes = {"linear", "dynamic", "llama3", "yarn", "longrope"};
  if (std::ranges::find(kTypes, s.rope_type) == kTypes.end())
    rope->refuse(type_key, "is not supported", "default, linear, dynamic, llama3, yarn or longrope");
  // One at the top comes first (Phi-3 has it there), then the one in place, then the model's own length.
  s.original_max_position_embeddings =
      rope->size("original_max_position_embeddings", 1, kMaxPositions, c.max_position_embeddings);
  s.original_max_position_embeddings =
      file.size("original_max_position_embeddings", 1, kMaxPositions, s.original_max_position_embeddings);
  const bool may_omit_factor = s.rope_type == "yarn" || s.rope_type == "longrope";
  if (!may_omit_factor && !rope->given("factor")) rope->refuse("factor", "is missing");
  s.factor = rope->positive("factor", static_cast<double>(c.max_position_embeddings) /
                                          static_cast<double>(s.original_max_position_embeddings));
  if (s.rope_type == "llama3") read_llama3(*rope, s);
  if (s.rope_type == "yarn") read_yarn(*rope, c);
  if (s.rope_type == "longrope") read_longrope(*rope, c);
  if (c.latent.kv_lora_rank > 0) {
    const double all_dim = rope->non_negative("mscale_all_dim", 0);
    if (all_dim > 0) c.latent.scale_factor = std::pow(yarn_mscale(s.factor, all_dim), 2);
  }
}

}  // namespace hone
