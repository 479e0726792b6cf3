// A model on held-out problems: completions sampled by an engine, and measured. Pure but for the engine it borrows.
#pragma once

#include <optional>
#include <vector>

#include "hone/eval/measure.h"
#include "hone/rollout/engine.h"

namespace hone {

struct EvalResult {
  std::vector<RolloutGroup> groups;  ///< every problem with its completions
  Judged judged;
};

/// `num_generations` completions a prompt. The random streams are those of no stage: evaluating never repeats a
/// training sample.
std::vector<RolloutGroup> sample_held_out(RolloutEngine& engine, std::vector<Prompt> prompts, int64_t num_generations,
                                          const SamplingConfig& sampling, uint64_t seed);

/// The same, judged.
EvalResult evaluate(RolloutEngine& engine, std::vector<Prompt> prompts, int64_t num_generations,
                    const SamplingConfig& sampling, uint64_t seed, const Judge& judge);

/// Tokens that completions may have: `asked`, or what a model's positions leave beside the longest prompt (its ids), at
/// most the paper's 32768. Throws Error kInput when that is nothing.
int64_t completion_room(int64_t positions, const std::vector<Prompt>& prompts, const std::optional<int64_t>& asked);

}  // namespace hone
