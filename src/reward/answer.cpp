// accuracy (of the built-in chains), exact_match.
#include <algorithm>

#include "answer_text.h"
#include "hone/data/chains.h"
#include "hone/data/reasoning_text.h"
#include "make_reward.h"
#include "normalize.h"

namespace hone {

RewardFunction make_reward(const AccuracyReward&, const Context&) {
  return [](const Prompt& prompt, const Completion& completion) -> RewardResult {
    const auto field = prompt.record.text("answer");
    const auto gold = field ? read_answer(*field) : std::nullopt;
    if (!gold) return unusable("the record has no readable answer");
    const auto block = read_tags(completion.text).answer;
    if (!block) return wrong("no answer block");
    const auto value = read_answer(*block);
    if (!value) return wrong("the answer block does not hold exactly one value");
    return *value == *gold ? right() : wrong("another value");
  };
}

RewardFunction make_reward(const ExactMatchReward& config, const Context&) {
  const Normalization options{config.ignore_case, config.ignore_punctuation, config.ignore_articles};
  return [options, source = config.source](const Prompt& prompt, const Completion& completion) -> RewardResult {
    std::vector<std::u32string> golds;
    for (const std::string& gold : prompt.record.list("answer").value_or(std::vector<std::string>())) {
      golds.push_back(normalize(gold, options));
    }
    std::erase(golds, U"");
    if (golds.empty()) return unusable("the record has no answer");
    const FoundAnswer answer = find_answer(completion.text, source);
    if (!answer.text) return wrong(std::string(answer.reason));
    const bool equal = std::ranges::find(golds, normalize(*answer.text, options)) != golds.end();
    return equal ? right() : wrong(answer.text->empty() ? "empty answer" : "another text");
  };
}

}  // namespace hone
