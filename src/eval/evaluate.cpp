#include "hone/eval/evaluate.h"

namespace hone {

EvalResult evaluate(RolloutEngine& engine, std::vector<Prompt> prompts, int64_t num_generations,
                    const SamplingConfig& sampling, uint64_t seed, const Judge& judge) {
  EvalResult result;
  result.groups = engine.generate(std::move(prompts), num_generations, sampling, {seed, ~uint64_t{0}, 0});
  result.judged = judge(result.groups);
  return result;
}

}  // namespace hone
