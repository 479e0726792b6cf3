// language_consistency.
#include "hone/data/reasoning_text.h"
#include "make_reward.h"
#include "reward/language/identify.h"

namespace hone {
namespace {

// The record's word for it, else the language of the prompt itself.
std::optional<RewardLanguage> language_of(const Prompt& prompt) {
  for (const char* const field : {"target_language", "language"}) {
    if (prompt.record.has(field)) return language::language_of_code(prompt.record.text(field).value_or(""));
  }
  return language::count_languages(prompt.text).main();
}

}  // namespace

RewardFunction make_reward(const LanguageConsistencyReward& config, const Context&) {
  return [config](const Prompt& prompt, const Completion& completion) -> RewardResult {
    const auto target = config.target ? config.target : language_of(prompt);
    if (!target) return unusable("neither the record nor the prompt tells a known language");
    // Without words there is nothing consistent to pay for, or an empty thinking would earn the whole reward.
    const auto share = language_share(completion.text, *target);
    return {share.value_or(0.0), Verdict::kNone, share ? "" : "no words"};
  };
}

std::optional<double> language_share(std::string_view completion, RewardLanguage language) {
  const auto words = language::count_languages(read_tags(completion).thinking, language);
  if (words.total() == 0) return std::nullopt;
  return static_cast<double>(words.of(language)) / static_cast<double>(words.total());
}

}  // namespace hone
