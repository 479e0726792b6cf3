#include <nlohmann/json.hpp>

#include "hone/reward/math.h"

namespace hone {
namespace {

/// The field `answer`: a text, a number, or a list of them.
std::vector<std::string> gold_of(const Record& record) {
  if (const auto text = record.text("answer")) return {*text};
  std::vector<std::string> golds;
  const auto json = nlohmann::json::parse(record.dump(), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("answer") || !json["answer"].is_array()) return golds;
  for (const auto& value : json["answer"]) {
    if (value.is_string()) golds.push_back(value.get<std::string>());
    if (value.is_number()) golds.push_back(value.dump());
    if (!value.is_string() && !value.is_number()) return {};
  }
  return golds;
}

}  // namespace

RewardResult math_reward(const Prompt& prompt, const Completion& completion, const MathOptions& options) {
  MathVerdict verdict = verify_math(completion.text, gold_of(prompt.record), options);
  if (verdict.verdict == Verdict::kUnusable) return {std::nullopt, Verdict::kUnusable, std::move(verdict.reason)};
  return {verdict.right() ? 1.0 : 0.0, verdict.verdict, std::move(verdict.reason)};
}

}  // namespace hone
