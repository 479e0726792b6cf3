#include "hone/eval/evaluate.h"

#include <algorithm>

#include "hone/core/error.h"

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

int64_t completion_room(int64_t positions, const std::vector<Prompt>& prompts, const std::optional<int64_t>& asked) {
  constexpr int64_t kPaperLength = 32768;
  int64_t longest = 0;
  for (const Prompt& prompt : prompts) longest = std::max(longest, static_cast<int64_t>(prompt.ids.size()));
  const int64_t room = positions - longest;
  HONE_CHECK(room >= 1, .what = "the longest prompt leaves no room for a completion",
             .got = fmt::format("{} tokens", longest), .expected = fmt::format("below {}", positions));
  return asked.value_or(std::min(kPaperLength, room));
}

}  // namespace hone
