// An entry of the section `rewards`: `type` selects the parameters. Plain structs; see core/config.h. What each reward
// pays is in docs/rewards.md.
#pragma once

#include "hone/core/config.h"

namespace hone {

/// The languages that are told apart, by ISO 639-1 code (docs/rewards_language.md).
enum class RewardLanguage : uint8_t {
  kEnglish,
  kChinese,
  kGerman,
  kFrench,
  kSpanish,
  kItalian,
  kPortuguese,
  kDutch,
  kPolish,
  kTurkish,
  kVietnamese,
  kSwedish,
  kIndonesian,
  kFinnish,
  kSwahili,
  kDanish,
  kNorwegian,
  kRomanian,
  kCzech,
  kHungarian,
  kCatalan,
  kCroatian,
  kTagalog,
  kRussian,
  kUkrainian,
  kBulgarian,
  kSerbian,
  kArabic,
  kPersian,
  kUrdu,
  kHindi,
  kMarathi,
  kNepali,
  kJapanese,
  kKorean,
  kThai,
  kHebrew,
  kGreek,
  kBengali,
  kTamil,
  kTelugu,
  kKannada,
  kGujarati,
  kPunjabi,
  kMalayalam,
  kGeorgian,
  kArmenian,
  kKhmer,
  kLao,
  kBurmese,
  kSinhala,
  kAmharic,
};
inline constexpr std::string_view kRewardLanguageNames[] = {
    "en", "zh", "de", "fr", "es", "it", "pt", "nl", "pl", "tr", "vi", "sv", "id", "fi", "sw", "da", "no", "ro",
    "cs", "hu", "ca", "hr", "tl", "ru", "uk", "bg", "sr", "ar", "fa", "ur", "hi", "mr", "ne", "ja", "ko", "th",
    "he", "el", "bn", "ta", "te", "kn", "gu", "pa", "ml", "ka", "hy", "km", "lo", "my", "si", "am"};
inline std::span<const std::string_view> enum_names(RewardLanguage) {
  return kRewardLanguageNames;
}

/// What a length is counted in.
enum class LengthUnit { kTokens, kCharacters };
inline constexpr std::string_view kLengthUnitNames[] = {"tokens", "characters"};
inline std::span<const std::string_view> enum_names(LengthUnit) {
  return kLengthUnitNames;
}

/// What a reward needs to know of a completion's tokens.
enum class TokenNeed { kNone, kCount, kIds };
constexpr TokenNeed token_need(LengthUnit unit) {
  return unit == LengthUnit::kTokens ? TokenNeed::kCount : TokenNeed::kNone;
}

/// Where in a completion the answer stands; always after the thinking.
enum class AnswerPlace { kAuto, kTags, kBox, kText };
inline constexpr std::string_view kAnswerPlaceNames[] = {"auto", "tags", "box", "text"};
inline std::span<const std::string_view> enum_names(AnswerPlace) {
  return kAnswerPlaceNames;
}
struct AnswerSource {
  AnswerPlace answer_in = AnswerPlace::kAuto;
  bool think_opened_by_prompt = false;
  bool operator==(const AnswerSource&) const = default;
};

/// 1 where the answer is right, else 0.
struct AccuracyReward {
  static constexpr std::string_view kType = "accuracy";
  bool operator==(const AccuracyReward&) const = default;
};

/// 1 where thinking and answer stand in their tags, in order, else 0.
struct FormatReward {
  static constexpr std::string_view kType = "format";
  bool require_thinking = true;
  bool answer_tags = true;
  bool think_opened_by_prompt = false;
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
  std::optional<int64_t> max_length{};
  int64_t cache = 1;
  TokenNeed token_need() const { return TokenNeed::kCount; }
  bool operator==(const SoftOverlongReward&) const = default;
};

/// The share of the tags <think>, </think>, <answer>, </answer> that stand there exactly once (open-r1).
struct TagCountReward {
  static constexpr std::string_view kType = "tag_count";
  bool think_opened_by_prompt = false;
  bool operator==(const TagCountReward&) const = default;
};

/// 1 where the format is kept and the answer holds a fenced block of the language, else 0 (open-r1).
struct CodeFormatReward {
  static constexpr std::string_view kType = "code_format";
  std::optional<std::string> language{};
  bool think_opened_by_prompt = false;
  bool operator==(const CodeFormatReward&) const = default;
};

/// Marks of steps ("Step 1:", "2.", "-", "First,") over the number that is wanted, at most 1 (open-r1).
struct ReasoningStepsReward {
  static constexpr std::string_view kType = "reasoning_steps";
  int64_t steps = 3;
  bool operator==(const ReasoningStepsReward&) const = default;
};

/// Between two values by a cosine of the length, one pair for right and one for wrong answers (Demystifying Long
/// Chain-of-Thought Reasoning, arXiv 2502.03373).
struct CosineReward {
  static constexpr std::string_view kType = "cosine";
  std::string of = "math";
  LengthUnit unit = LengthUnit::kTokens;
  std::optional<int64_t> max_length{};
  double min_value_correct = 0.5, max_value_correct = 1.0;
  double min_value_wrong = -1.0, max_value_wrong = -0.5;
  TokenNeed token_need() const { return hone::token_need(unit); }
  bool operator==(const CosineReward&) const = default;
};

/// 0.5 for the shortest of a group falling to -0.5 for the longest, never positive for a wrong answer (Kimi k1.5, arXiv
/// 2501.12599, section 2.3.3).
struct LengthReward {
  static constexpr std::string_view kType = "length";
  std::string of = "math";
  LengthUnit unit = LengthUnit::kTokens;
  TokenNeed token_need() const { return hone::token_need(unit); }
  bool operator==(const LengthReward&) const = default;
};

/// How well a wanted length is kept (L1, arXiv 2503.04697).
enum class LengthBound { kExact, kAtMost };
inline constexpr std::string_view kLengthBoundNames[] = {"exact", "at_most"};
inline std::span<const std::string_view> enum_names(LengthBound) {
  return kLengthBoundNames;
}
struct LengthTargetReward {
  static constexpr std::string_view kType = "length_target";
  std::string of = "math";
  LengthUnit unit = LengthUnit::kTokens;
  std::optional<int64_t> target{};
  LengthBound bound = LengthBound::kExact;
  double slope = 0.0003;
  TokenNeed token_need() const { return hone::token_need(unit); }
  bool operator==(const LengthTargetReward&) const = default;
};

/// A penalty for n-grams that come again (Demystifying Long Chain-of-Thought Reasoning, open-r1, TRL).
enum class RepetitionUnit { kWords, kTokens };
inline constexpr std::string_view kRepetitionUnitNames[] = {"words", "tokens"};
inline std::span<const std::string_view> enum_names(RepetitionUnit) {
  return kRepetitionUnitNames;
}
struct RepetitionReward {
  static constexpr std::string_view kType = "repetition";
  int64_t ngram_size = 3;
  double max_penalty = -1.0;
  RepetitionUnit unit = RepetitionUnit::kWords;
  TokenNeed token_need() const { return unit == RepetitionUnit::kTokens ? TokenNeed::kIds : TokenNeed::kNone; }
  bool operator==(const RepetitionReward&) const = default;
};

/// 1 where the answer is the record's `answer` (one of them, when it is a list) letter for letter, else 0.
struct ExactMatchReward {
  static constexpr std::string_view kType = "exact_match";
  AnswerSource source{};
  bool ignore_case = false, ignore_punctuation = false, ignore_articles = false;
  bool operator==(const ExactMatchReward&) const = default;
};

/// 1 where the text matches a regular expression (RE2: linear time), else 0.
enum class RegexPart { kAll, kThinking, kAfterThinking };
inline constexpr std::string_view kRegexPartNames[] = {"all", "thinking", "after_thinking"};
inline std::span<const std::string_view> enum_names(RegexPart) {
  return kRegexPartNames;
}
struct RegexReward {
  static constexpr std::string_view kType = "regex";
  std::optional<std::string> pattern{};
  RegexPart part = RegexPart::kAfterThinking;
  bool full = false;
  std::optional<int64_t> answer_group{};
  bool think_opened_by_prompt = false;
  bool operator==(const RegexReward&) const = default;
};

/// 1 where the options that are chosen are those of the record's `answer`, else 0.
struct MultipleChoiceReward {
  static constexpr std::string_view kType = "multiple_choice";
  AnswerSource source{};
  bool operator==(const MultipleChoiceReward&) const = default;
};

/// 1 where an expression of the record's `numbers`, each exactly once, has the value `target`, else 0.
struct CountdownReward {
  static constexpr std::string_view kType = "countdown";
  AnswerSource source{};
  bool operator==(const CountdownReward&) const = default;
};

/// What a program of the user's says: JSON Lines in and out.
struct CommandReward {
  static constexpr std::string_view kType = "command";
  std::vector<std::string> argv{};
  int64_t jobs = 1;
  double timeout = 30;
  bool operator==(const CommandReward&) const = default;
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

enum class IfevalMode { kStrict, kLoose };
inline constexpr std::string_view kIfevalModeNames[] = {"strict", "loose"};
inline std::span<const std::string_view> enum_names(IfevalMode) {
  return kIfevalModeNames;
}
enum class IfevalValue { kAll, kShare };
inline constexpr std::string_view kIfevalValueNames[] = {"all", "share"};
inline std::span<const std::string_view> enum_names(IfevalValue) {
  return kIfevalValueNames;
}

/// Whether the record's verifiable instructions are followed (IFEval, arXiv 2311.07911; docs/rewards_ifeval.md).
struct IfevalReward {
  static constexpr std::string_view kType = "ifeval";
  IfevalMode mode = IfevalMode::kStrict;
  IfevalValue value = IfevalValue::kAll;
  bool operator==(const IfevalReward&) const = default;
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

/// In the order of the reference; one type a line.
using RewardParameters = std::variant<  //
    AccuracyReward,                     //
    FormatReward,                       //
    LanguageConsistencyReward,          //
    SoftOverlongReward,                 //
    TagCountReward,                     //
    CodeFormatReward,                   //
    ReasoningStepsReward,               //
    CosineReward,                       //
    LengthReward,                       //
    LengthTargetReward,                 //
    RepetitionReward,                   //
    ExactMatchReward,                   //
    RegexReward,                        //
    MultipleChoiceReward,               //
    CountdownReward,                    //
    CommandReward,                      //
    MathReward,                         //
    CodeReward,                         //
    IfevalReward,                       //
    ModelReward,                        //
    JudgeReward>;

struct RewardConfig {
  double weight = 1.0;
  std::optional<std::string> name;
  RewardParameters parameters;

  std::string_view type() const {
    return std::visit([](const auto& p) { return std::decay_t<decltype(p)>::kType; }, parameters);
  }
  /// The name in metrics: `name`, else the type.
  std::string label() const { return name.value_or(std::string(type())); }
  bool operator==(const RewardConfig&) const = default;
};

namespace detail {

inline void describe_opened(ConfigVisitor& v, bool& opened) {
  v.field("think_opened_by_prompt", opened, any_value(), "",
          "The template ends with <think>, so that a completion begins inside its thinking.");
}
inline void describe_source(ConfigVisitor& v, AnswerSource& c) {
  v.field(
      "answer_in", c.answer_in, any_value(), "",
      "Where the answer stands after the thinking: the last <answer> block (tags), the last \\boxed{} (box), all of "
      "it (text), or the first of these that there is (auto).");
  describe_opened(v, c.think_opened_by_prompt);
}
inline void describe_of(ConfigVisitor& v, std::string& of) {
  v.field(
      "of", of, any_value(), "",
      "The reward that says what is right: the name of another one of the list, or a type, which is then taken with "
      "its defaults.");
}
inline void describe_unit(ConfigVisitor& v, LengthUnit& unit) {
  v.field("unit", unit, any_value(), "", "What a length is counted in.");
}

}  // namespace detail

inline void describe(ConfigVisitor&, AccuracyReward&) {}
inline void describe(ConfigVisitor& v, FormatReward& c) {
  v.field("require_thinking", c.require_thinking, any_value(), "", "Gives nothing where the thinking is empty.");
  v.field("answer_tags", c.answer_tags, any_value(), "",
          "What follows the thinking must be one <answer> block; off, it may be any text but none.");
  detail::describe_opened(v, c.think_opened_by_prompt);
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
inline void describe(ConfigVisitor& v, TagCountReward& c) {
  detail::describe_opened(v, c.think_opened_by_prompt);
}
inline void describe(ConfigVisitor& v, CodeFormatReward& c) {
  v.field("language", c.language, any_value(), "",
          "The word after the fence, such as python; null for the record's `language`.");
  detail::describe_opened(v, c.think_opened_by_prompt);
}
inline void describe(ConfigVisitor& v, ReasoningStepsReward& c) {
  v.field("steps", c.steps, at_least(1), "", "So many marks of steps pay 1; fewer pay their share.");
}
inline void describe(ConfigVisitor& v, CosineReward& c) {
  detail::describe_of(v, c.of);
  detail::describe_unit(v, c.unit);
  v.field("max_length", c.max_length, at_least(1), "",
          "Where the cosine ends; longer completions count as this long; null for sampling.max_completion_length.");
  v.field("min_value_correct", c.min_value_correct, any_value(), "", "Of a right answer of max_length.");
  v.field("max_value_correct", c.max_value_correct, any_value(), "", "Of a right answer of length 0.");
  v.field("min_value_wrong", c.min_value_wrong, any_value(), "", "Of a wrong answer of length 0.");
  v.field("max_value_wrong", c.max_value_wrong, any_value(), "", "Of a wrong answer of max_length.");
}
inline void describe(ConfigVisitor& v, LengthReward& c) {
  detail::describe_of(v, c.of);
  detail::describe_unit(v, c.unit);
}
inline void describe(ConfigVisitor& v, LengthTargetReward& c) {
  detail::describe_of(v, c.of);
  detail::describe_unit(v, c.unit);
  v.field("target", c.target, at_least(1), "", "The length that is wanted; null for the record's `target_length`.");
  v.field(
      "bound", c.bound, any_value(), "",
      "A loss for every unit too long or too short (exact), or for right answers a bonus for being short (at_most).");
  v.field("slope", c.slope, at_least(0), "", "What one unit of length is worth.");
}
inline void describe(ConfigVisitor& v, RepetitionReward& c) {
  v.field("ngram_size", c.ngram_size, between(1, 64), "", "Words or tokens in a run that should not come again.");
  v.field("max_penalty", c.max_penalty, Range{.max = 0}, "", "What a text of nothing but repetition comes near to.");
  v.field("unit", c.unit, any_value(), "", "Counts runs of words, or of tokens.");
}
inline void describe(ConfigVisitor& v, ExactMatchReward& c) {
  detail::describe_source(v, c.source);
  v.field("ignore_case", c.ignore_case, any_value(), "", "Upper and lower case are the same.");
  v.field("ignore_punctuation", c.ignore_punctuation, any_value(), "", "Punctuation does not count.");
  v.field("ignore_articles", c.ignore_articles, any_value(), "", "The words a, an and the do not count.");
}
inline void describe(ConfigVisitor& v, RegexReward& c) {
  v.field("pattern", c.pattern, any_value(), "",
          "In RE2's syntax; null for the record's `answer`, any of them when it is a list.");
  v.field("part", c.part, any_value(), "", "The part of the completion that is searched.");
  v.field("full", c.full, any_value(), "", "The whole part must match, white space at its ends apart.");
  v.field("answer_group", c.answer_group, between(0, 100), "",
          "This group of the last match must be the record's `answer`; null where a match is enough. Needs a pattern.");
  detail::describe_opened(v, c.think_opened_by_prompt);
}
inline void describe(ConfigVisitor& v, MultipleChoiceReward& c) {
  detail::describe_source(v, c.source);
}
inline void describe(ConfigVisitor& v, CountdownReward& c) {
  detail::describe_source(v, c.source);
}
inline void describe(ConfigVisitor& v, CommandReward& c) {
  v.required("argv", c.argv, any_value(), "", "The program and its arguments; no shell is in between.");
  v.field("jobs", c.jobs, between(1, 4096), "", "Processes of the program that work at the same time.");
  v.field("timeout", c.timeout, above_up_to(0, 86400), "seconds", "Time for one completion.");
}
inline void describe(ConfigVisitor& v, IfevalReward& c) {
  v.field("mode", c.mode, any_value(), "",
          "How a text is read: loose forgives a first line, a last line and asterisks, as in the paper.");
  v.field("value", c.value, any_value(), "",
          "What it is worth: all gives 1 when every instruction is followed, share the share that is.");
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
