#include "hone/reward/reward.h"

#include <algorithm>

#include "hone/core/error.h"
#include "hone/data/chains.h"
#include "hone/data/reasoning_text.h"
#include "hone/reward/code.h"
#include "hone/reward/math.h"
#include "reward/judge_reward.h"
#include "reward/model_reward.h"

namespace hone {
namespace {

/// What the rewards of a stage take from outside their own sections.
struct Context {
  int64_t max_completion_length;
};

RewardResult right() {
  return {1.0, Verdict::kRight};
}
RewardResult wrong(std::string reason) {
  return {0.0, Verdict::kWrong, std::move(reason)};
}
RewardResult unusable(std::string reason) {
  return {std::nullopt, Verdict::kUnusable, std::move(reason)};
}

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

RewardFunction make_reward(const FormatReward& config, const Context&) {
  return [config](const Prompt&, const Completion& completion) -> RewardResult {
    if (completion.finish_reason != FinishReason::kStop) return wrong("cut off");
    const TaggedText tags = read_tags(completion.text);
    if (!tags.well_formed) return wrong("not one thinking and one answer block, and nothing else");
    if (config.require_thinking && is_blank(tags.thinking)) return wrong("empty thinking");
    return right();
  };
}

std::optional<RewardLanguage> read_language(std::string_view code) {
  for (size_t i = 0; i < std::size(kRewardLanguageNames); ++i) {
    if (code == kRewardLanguageNames[i]) return static_cast<RewardLanguage>(i);
  }
  return std::nullopt;
}

RewardFunction make_reward(const LanguageConsistencyReward& config, const Context&) {
  return [config](const Prompt& prompt, const Completion& completion) -> RewardResult {
    auto target = config.target;
    if (!target) {
      const char* const field = prompt.record.has("target_language") ? "target_language" : "language";
      target = read_language(prompt.record.text(field).value_or(""));
    }
    if (!target) return unusable("the record names no known language");
    // Without words there is nothing consistent to pay for, or an empty thinking would earn the whole reward.
    const auto share = language_share(completion.text, *target);
    return {share.value_or(0.0), Verdict::kNone, share ? "" : "no words"};
  };
}

RewardFunction make_reward(const SoftOverlongReward& config, const Context& context) {
  const int64_t limit = config.max_length.value_or(context.max_completion_length);
  HONE_CHECK(config.cache <= limit, .what = "soft_overlong: cache is longer than the longest completion",
             .got = fmt::format("{}", config.cache), .expected = fmt::format("at most {}", limit));
  return [limit, cache = config.cache](const Prompt&, const Completion& completion) -> RewardResult {
    const auto over = static_cast<int64_t>(completion.ids.size()) - (limit - cache);
    return {static_cast<double>(-std::clamp(over, int64_t{0}, cache)) / static_cast<double>(cache)};
  };
}

RewardFunction make_reward(const MathReward& config, const Context&) {
  return
      [config](const Prompt& prompt, const Completion& completion) { return math_reward(prompt, completion, config); };
}

RewardFunction make_reward(const CodeReward& config, const Context&) {
  const auto judge = std::make_shared<const CodeJudge>(config);
  return [judge, partial = config.partial_credit](const Prompt& prompt, const Completion& completion) -> RewardResult {
    const CodeVerdict verdict = judge->judge(prompt.record, completion.text);
    if (verdict.status == CodeStatus::kOk) return right();
    const std::string reason = fmt::format("{}: {}", to_string(verdict.status), verdict.reason);
    if (verdict.status == CodeStatus::kSandboxError) return unusable(reason);
    RewardResult result = wrong(reason);
    if (partial)
      result.value = static_cast<double>(verdict.passed) / static_cast<double>(std::max<int64_t>(verdict.total, 1));
    return result;
  };
}

RewardFunction make_reward(const ModelReward& config, const Context&) {
  return model_reward(config);
}

RewardFunction make_reward(const JudgeReward& config, const Context&) {
  return judge_reward(config);
}

}  // namespace

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::kNone:
      return "none";
    case Verdict::kRight:
      return "right";
    case Verdict::kWrong:
      return "wrong";
    case Verdict::kUnusable:
      return "unusable";
  }
  HONE_ASSERT(false);
}

RewardSet::RewardSet(const std::vector<RewardConfig>& configs, int64_t max_completion_length) {
  for (const RewardConfig& config : configs) {
    const std::string name = config.label();
    HONE_CHECK(std::find(names_.begin(), names_.end(), name) == names_.end(), .what = "two rewards of one name",
               .place = "rewards", .got = name, .hint = "give one of them another `name`");
    names_.push_back(name);
    weights_.push_back(config.weight);
    functions_.push_back(
        std::visit([&](const auto& parameters) { return make_reward(parameters, Context{max_completion_length}); },
                   config.parameters));
  }
}

std::vector<RewardResult> RewardSet::judge(const Prompt& prompt, const Completion& completion) const {
  std::vector<RewardResult> results;
  for (const RewardFunction& function : functions_) results.push_back(function(prompt, completion));
  return results;
}

void RewardSet::score(std::vector<RolloutGroup>& groups) const {
  for (RolloutGroup& group : groups) {
    for (Completion& completion : group.completions) {
      completion.reward_parts.clear();
      completion.reward = 0;
      const auto results = judge(group.prompt, completion);
      for (size_t i = 0; i < results.size(); ++i) {
        completion.reward_parts.push_back(results[i].value);
        completion.reward += weights_[i] * results[i].value.value_or(0.0);
      }
    }
  }
}

std::optional<double> language_share(std::string_view completion, RewardLanguage language) {
  const WordCounts words = count_words(read_tags(completion).thinking);
  if (words.total() == 0) return std::nullopt;
  const int64_t wanted = language == RewardLanguage::kEnglish ? words.english : words.chinese;
  return static_cast<double>(wanted) / static_cast<double>(words.total());
}

}  // namespace hone
