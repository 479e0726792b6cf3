#include "hone/eval/evaluate.h"

namespace hone {

std::vector<RolloutGroup> sample_held_out(RolloutEngine& engine, std::vector<Prompt> prompts, int64_t num_generations,
                                          const SamplingConfig& sampling, uint64_t seed) {
  return engine.generate(std::move(prompts), num_generations, sampling, {seed, ~uint64_t{0}, 0});
}

EvalResult evaluate(RolloutEngine& engine, std::vector<Prompt> prompts, int64_t num_generations,
                    const SamplingConfig& sampling, uint64_t seed, const Judge& judge) {
  EvalResult result;
  result.groups = sample_held_out(engine, std::move(prompts), num_generations, sampling, seed);
  result.judged = judge(result.groups);
  return result;
}

}  // namespace hone
