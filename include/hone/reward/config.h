// An entry of the section `rewards`: `type` selects the parameters. Plain structs; see core/config.h.
#pragma once

#include "hone/core/config.h"

namespace hone {

enum class RewardLanguage { kEnglish, kChinese };
inline constexpr std::string_view kRewardLanguageNames[] = {"en", "zh"};
inline std::span<const std::string_view> enum_names(RewardLanguage) {
  return kRewardLanguageNames;
}

/// 1 where the answer is right, else 0.
struct AccuracyReward {
  static constexpr std::string_view kType = "accuracy";
  bool operator==(const AccuracyReward&) const = default;
};

/// 1 where thinking and answer stand in their tags, in order, else 0.
struct FormatReward {
  static constexpr std::string_view kType = "format";
  bool require_thinking = true;
  bool operator==(const FormatReward&) const = default;
};

/// The share of the words of the thinking that are in the wanted language.
struct LanguageConsistencyReward {
  static constexpr std::string_view kType = "language_consistency";
  std::optional<RewardLanguage> target;
  bool operator==(const LanguageConsistencyReward&) const = default;
};

/// 0 up to max_length - cache tokens, falling to -1 at max_length (DAPO, arXiv 2503.14476, equation 13).
struct SoftOverlongReward {
  static constexpr std::string_view kType = "soft_overlong";
  std::optional<int64_t> max_length;
  int64_t cache = 1;
  bool operator==(const SoftOverlongReward&) const = default;
};

enum class CodeComparison { kTokens, kLines };
inline constexpr std::string_view kCodeComparisonNames[] = {"tokens", "lines"};
inline std::span<const std::string_view> enum_names(CodeComparison) {
  return kCodeComparisonNames;
}

/// 1 where the program passes the tests of its record, else 0, or with partial_credit the share of tests it passes.
struct CodeReward {
  static constexpr std::string_view kType = "code";
  double cpu_seconds = 4;
  double wall_seconds = 12;
  int64_t memory_mebibytes = 512;
  bool partial_credit = false;
  CodeComparison comparison = CodeComparison::kTokens;
  std::optional<double> float_tolerance;
  int64_t jobs = 0;
  std::string python;
  bool operator==(const CodeReward&) const = default;
};

struct RewardConfig {
  double weight = 1.0;
  std::optional<std::string> name;
  std::variant<AccuracyReward, FormatReward, LanguageConsistencyReward, SoftOverlongReward, CodeReward> parameters;

  std::string_view type() const {
    return std::visit([](const auto& p) { return std::decay_t<decltype(p)>::kType; }, parameters);
  }
  /// The name in metrics: `name`, else the type.
  std::string label() const { return name.value_or(std::string(type())); }
  bool operator==(const RewardConfig&) const = default;
};

inline void describe(ConfigVisitor&, AccuracyReward&) {}
inline void describe(ConfigVisitor& v, FormatReward& c) {
  v.field("require_thinking", c.require_thinking, any_value(), "", "Gives nothing where the thinking is empty.");
}
inline void describe(ConfigVisitor& v, LanguageConsistencyReward& c) {
  v.field("target", c.target, any_value(), "", "The language that is wanted; null for the language of the prompt.");
}
inline void describe(ConfigVisitor& v, SoftOverlongReward& c) {
  v.field("max_length", c.max_length, at_least(1), "tokens",
          "Completions of this length or longer get -1; null for sampling.max_completion_length.");
  v.required("cache", c.cache, at_least(1), "tokens",
             "Length before max_length over which the reward falls from 0 to -1.");
}
inline void describe(ConfigVisitor& v, CodeReward& c) {
  v.field("cpu_seconds", c.cpu_seconds, above_up_to(0, 3600), "seconds", "CPU time of one run of a program.");
  v.field("wall_seconds", c.wall_seconds, above_up_to(0, 3600), "seconds", "Time of one run by the clock.");
  v.field("memory_mebibytes", c.memory_mebibytes, between(16, 1 << 20), "MiB", "Memory of all processes of one run.");
  v.field("partial_credit", c.partial_credit, any_value(), "",
          "Pays the share of tests passed instead of all or nothing.");
  v.field("comparison", c.comparison, any_value(), "", "What of an output must be equal: its words or its lines.");
  v.field("float_tolerance", c.float_tolerance, at_least(0), "",
          "Absolute and relative error allowed in numbers of an output; null for none. For comparison: tokens.");
  v.field("jobs", c.jobs, between(0, 4096), "", "Programs that run at the same time; 0 for one a processor.");
  v.field("python", c.python, any_value(), "", "Interpreter for Python programs; empty for the system's.");
}
inline void describe(ConfigVisitor& v, RewardConfig& c) {
  v.tagged("type", c.parameters, "What is rewarded.");
  v.field("weight", c.weight, any_value(), "", "Factor of this reward in the weighted sum.");
  v.field("name", c.name, any_value(), "", "Name in metrics; null for the type.");
}

}  // namespace hone
