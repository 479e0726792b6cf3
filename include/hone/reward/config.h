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

/// Where the `math` reward looks for the answer.
enum class MathAnswer { kBoxed, kText, kBare };
inline constexpr std::string_view kMathAnswerNames[] = {"boxed", "text", "bare"};
inline std::span<const std::string_view> enum_names(MathAnswer) {
  return kMathAnswerNames;
}

/// 1 where the answer equals the record's `answer` as mathematics, else 0 (hone/reward/math.h).
struct MathReward {
  static constexpr std::string_view kType = "math";
  MathAnswer answer = MathAnswer::kBoxed;
  bool thinking_required = false;
  int64_t decimals = 6;
  bool relation_for_set = false;
  bool variable_names_matter = true;
  bool operator==(const MathReward&) const = default;
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
  std::optional<int64_t> jobs;
  std::optional<std::string> python;
  bool operator==(const CodeReward&) const = default;
};

enum class Squash { kNone, kSigmoid };
inline constexpr std::string_view kSquashNames[] = {"none", "sigmoid"};
inline std::span<const std::string_view> enum_names(Squash) {
  return kSquashNames;
}

/// The score of a sequence classifier in Hugging Face format (docs/rewards_models.md).
struct ModelReward {
  static constexpr std::string_view kType = "reward_model";
  std::string path;
  std::optional<std::string> text_template;
  Squash squash = Squash::kNone;
  std::optional<int64_t> max_tokens;
  bool operator==(const ModelReward&) const = default;
};

/// The score that a chat model behind an OpenAI-compatible endpoint gives (docs/rewards_models.md).
struct JudgeReward {
  static constexpr std::string_view kType = "judge";
  std::string url;
  std::string model;
  std::string prompt;
  std::optional<std::string> api_key_env;
  std::optional<std::string> pattern;
  double min = 0;
  double max = 1;
  std::optional<double> temperature = 0.0;
  double timeout_seconds = 60;
  int64_t retries = 2;
  std::optional<std::string> cache;
  std::optional<std::string> proxy;
  bool operator==(const JudgeReward&) const = default;
};

struct RewardConfig {
  double weight = 1.0;
  std::optional<std::string> name;
  std::variant<AccuracyReward,             //
               FormatReward,               //
               LanguageConsistencyReward,  //
               SoftOverlongReward,         //
               MathReward,                 //
               CodeReward,                 //
               ModelReward,                //
               JudgeReward>
      parameters;

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
inline void describe(ConfigVisitor& v, MathReward& c) {
  v.field("answer", c.answer, any_value(), "",
          "Where the answer stands: the last box or answer block (boxed), also in free text (text), or the whole text "
          "(bare).");
  v.field("thinking_required", c.thinking_required, any_value(), "",
          "Gives nothing where no </think> stands; for templates that open the thinking themselves.");
  v.field("decimals", c.decimals, between(1, 30), "",
          "A decimal of so many places or more may stand for what it rounds.");
  v.field("relation_for_set", c.relation_for_set, any_value(), "",
          "Takes 1 < x < 2 where the gold is the interval (1, 2).");
  v.field("variable_names_matter", c.variable_names_matter, any_value(), "", "Off, f(x) and f(y) are the same answer.");
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
  v.field("jobs", c.jobs, between(1, 4096), "programs",
          "Programs that run at the same time; null for one a processor.");
  v.field("python", c.python, any_value(), "", "Interpreter for Python programs; null for the system's.");
}
inline void describe(ConfigVisitor& v, ModelReward& c) {
  v.required("path", c.path, any_value(), "", "Model folder of the sequence classifier.");
  v.field("template", c.text_template, any_value(), "",
          "Text with {{prompt}} and {{completion}} that is scored; null for the two as they are, as ids.");
  v.field("squash", c.squash, any_value(), "", "What becomes of a score: nothing, or 1 / (1 + exp(-score)).");
  v.field("max_tokens", c.max_tokens, at_least(1), "tokens",
          "Longer texts have no value; null for the positions of the model.");
}
inline void describe(ConfigVisitor& v, JudgeReward& c) {
  v.required("url", c.url, any_value(), "", "Address of an OpenAI-compatible API: https://HOST/v1.");
  v.required("model", c.model, any_value(), "", "Name of the model there.");
  v.required("prompt", c.prompt, any_value(), "",
             "What it is asked; {{prompt}}, {{completion}} and {{answer}} are filled in.");
  v.field("api_key_env", c.api_key_env, any_value(), "",
          "Name of the environment variable that holds the key; null to send none.");
  v.field("pattern", c.pattern, any_value(), "",
          "Regular expression (RE2) whose one group is the score, at its last match; null for the last number.");
  v.field("min", c.min, any_value(), "", "The score that becomes 0.");
  v.field("max", c.max, any_value(), "", "The score that becomes 1.");
  v.field("temperature", c.temperature, at_least(0), "", "Temperature of the judge; null to leave it to the endpoint.");
  v.field("timeout_seconds", c.timeout_seconds, above_up_to(0, 3600), "seconds", "Time of one request.");
  v.field("retries", c.retries, between(0, 100), "requests", "Further tries where a failure may pass (429, 5xx).");
  v.field("cache", c.cache, any_value(), "", "File that keeps replies, so that none is asked for twice.");
  v.field("proxy", c.proxy, any_value(), "", "Proxy to go through; null for none, whatever the environment says.");
}
inline void describe(ConfigVisitor& v, RewardConfig& c) {
  v.tagged("type", c.parameters, "What is rewarded.");
  v.field("weight", c.weight, any_value(), "", "Factor of this reward in the weighted sum.");
  v.field("name", c.name, any_value(), "", "Name in metrics; null for the type.");
}

}  // namespace hone
