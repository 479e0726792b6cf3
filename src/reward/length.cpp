// soft_overlong, cosine, length, length_target.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>

#include "hone/tokenizer/utf8.h"
#include "make_reward.h"

namespace hone {
namespace {

int64_t length_of(const Completion& completion, LengthUnit unit) {
  if (unit == LengthUnit::kTokens) return static_cast<int64_t>(completion.ids.size());
  int64_t characters = 0;
  for (size_t at = 0; at < completion.text.size(); ++characters) next_code_point(completion.text, at);
  return characters;
}

std::optional<RewardProblem> missing_limit(const std::optional<int64_t>& max_length, const Context& context) {
  if (max_length || context.max_completion_length) return std::nullopt;
  return RewardProblem{"max_length",
                       {.what = "no length limit", .hint = "there is no sampling section here to take it from"}};
}

std::optional<int64_t> target_length(const Record& record) {
  const auto text = record.text("target_length");
  int64_t value = 0;
  if (!text) return std::nullopt;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size() || value < 1) return std::nullopt;
  return value;
}

// What the other reward says, in the way of this one's result: whether the answer is right, or a result that says why
// that is not known.
struct Correctness {
  bool is_right = false;
  std::optional<RewardResult> unknown;
};
Correctness read_verdict(const RewardResult& judged, const std::string& of) {
  switch (judged.verdict) {
    case Verdict::kRight:
      return {true, std::nullopt};
    case Verdict::kWrong:
      return {false, std::nullopt};
    case Verdict::kUnusable:
      return {false, unusable(of + ": " + judged.reason)};
    case Verdict::kNone:
      return {false, unusable(of + " says nothing of right and wrong")};
  }
  HONE_ASSERT(false);
}

// A group's reward that looks at the completions one by one: `each` takes whether the answer is right, and the length.
using EachFunction = std::function<RewardResult(const Prompt& prompt, bool is_right, double length)>;
GroupReward one_by_one(const std::string& of, LengthUnit unit, EachFunction each) {
  return {of, [of, unit, each](const Prompt& prompt, std::span<const Completion> completions,
                               std::span<const RewardResult> judged) {
            std::vector<RewardResult> results;
            for (size_t i = 0; i < completions.size(); ++i) {
              auto [is_right, unknown] = read_verdict(judged[i], of);
              const auto length = static_cast<double>(length_of(completions[i], unit));
              results.push_back(unknown ? std::move(*unknown) : each(prompt, is_right, length));
            }
            return results;
          }};
}

}  // namespace

std::optional<RewardProblem> find_problem(const SoftOverlongReward& config, const Context& context) {
  if (auto missing = missing_limit(config.max_length, context)) return missing;
  const int64_t limit = config.max_length ? *config.max_length : *context.max_completion_length;
  if (config.cache <= limit) return std::nullopt;
  return RewardProblem{"cache",
                       {.what = fmt::format("the cache {} is more than the max_length {}", config.cache, limit)}};
}

RewardFunction make_reward(const SoftOverlongReward& config, const Context& context) {
  const int64_t limit = config.max_length ? *config.max_length : *context.max_completion_length;
  return [limit, cache = config.cache](const Prompt&, const Completion& completion) -> RewardResult {
    const auto over = static_cast<int64_t>(completion.ids.size()) - (limit - cache);
    return graded(static_cast<double>(-std::clamp(over, int64_t{0}, cache)) / static_cast<double>(cache));
  };
}

std::optional<RewardProblem> find_problem(const CosineReward& config, const Context& context) {
  return missing_limit(config.max_length, context);
}

GroupReward make_reward(const CosineReward& config, const Context& context) {
  const auto limit = static_cast<double>(config.max_length ? *config.max_length : *context.max_completion_length);
  return one_by_one(config.of, config.unit, [config, limit](const Prompt&, bool is_right, double length) {
    const double at_start = is_right ? config.max_value_correct : config.min_value_wrong;
    const double at_limit = is_right ? config.min_value_correct : config.max_value_wrong;
    const double cosine = std::cos(std::min(1.0, length / limit) * std::numbers::pi);
    return graded(at_limit + 0.5 * (at_start - at_limit) * (1.0 + cosine));
  });
}

GroupReward make_reward(const LengthReward& config, const Context&) {
  return {config.of,
          [config](const Prompt&, std::span<const Completion> completions, std::span<const RewardResult> judged) {
            std::vector<double> lengths;
            for (const Completion& c : completions) lengths.push_back(static_cast<double>(length_of(c, config.unit)));
            const auto [shortest, longest] = std::ranges::minmax(lengths);
            std::vector<RewardResult> results;
            for (size_t i = 0; i < completions.size(); ++i) {
              auto [is_right, unknown] = read_verdict(judged[i], config.of);
              const double value = shortest == longest ? 0.0 : 0.5 - (lengths[i] - shortest) / (longest - shortest);
              results.push_back(unknown ? std::move(*unknown) : graded(is_right ? value : std::min(0.0, value)));
            }
            return results;
          }};
}

GroupReward make_reward(const LengthTargetReward& config, const Context&) {
  return one_by_one(config.of, config.unit, [config](const Prompt& prompt, bool is_right, double length) {
    const auto target = config.target ? config.target : target_length(prompt.record);
    if (!target) return unusable("the record has no target_length, an integer from 1 on");
    const double spare = static_cast<double>(*target) - length;
    if (config.bound == LengthBound::kExact) return graded(-config.slope * std::abs(spare));
    return graded(is_right ? std::clamp(config.slope * spare + 0.5, 0.0, 1.0) : 0.0);
  });
}

}  // namespace hone
