// language_consistency.
#include "hone/data/reasoning_text.h"
#include "make_reward.h"

namespace hone {
namespace {

std::optional<RewardLanguage> read_language(std::string_view code) {
  for (size_t i = 0; i < std::size(kRewardLanguageNames); ++i) {
    if (code == kRewardLanguageNames[i]) return static_cast<RewardLanguage>(i);
  }
  return std::nullopt;
}

}  // namespace

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

std::optional<double> language_share(std::string_view completion, RewardLanguage language) {
  const WordCounts words = count_words(read_tags(completion).thinking);
  if (words.total() == 0) return std::nullopt;
  const int64_t wanted = language == RewardLanguage::kEnglish ? words.english : words.chinese;
  return static_cast<double>(wanted) / static_cast<double>(words.total());
}

}  // namespace hone
