// accuracy and chat_quality (of the built-in world), exact_match.
#include <algorithm>

#include "answer_text.h"
#include "hone/data/chains.h"
#include "hone/data/chat.h"
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
    return *value == *gold ? right(std::to_string(*value)) : wrong("another value", std::to_string(*value));
  };
}

RewardFunction make_reward(const ChatQualityReward&, const Context&) {
  return [](const Prompt& prompt, const Completion& completion) -> RewardResult {
    const auto request = read_chat_request(prompt.text);
    if (!request) return unusable("the prompt is no general request of the built-in world");
    return graded(chat_quality(*request, completion.text));
  };
}

namespace {

Normalization normalization(const ExactMatchReward& config) {
  return {config.ignore_case, config.ignore_punctuation, config.ignore_articles};
}

}  // namespace

bool same_answer(const ExactMatchReward& config, const std::string& a, const std::string& b) {
  return normalize(a, normalization(config)) == normalize(b, normalization(config));
}

RewardFunction make_reward(const ExactMatchReward& config, const Context&) {
  const Normalization options = normalization(config);
  return [options, source = config.source](const Prompt& prompt, const Completion& completion) -> RewardResult {
    std::vector<std::u32string> golds;
    for (const std::string& gold : prompt.record.list("answer").value_or(std::vector<std::string>())) {
      golds.push_back(normalize(gold, options));
    }
    std::erase(golds, U"");
    if (golds.empty()) return unusable("the record has no answer");
    const FoundAnswer answer = find_answer(completion.text, source);
    if (!answer.text) return wrong(std::string(answer.reason));
    const std::string found(*answer.text);
    if (std::ranges::find(golds, normalize(found, options)) != golds.end()) return right(found);
    return wrong(found.empty() ? "empty answer" : "another text", found);
  };
}

}  // namespace hone
