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

/// How good an answer to a general request of the built-in world is, 0 to 1 (data/chat.h).
struct ChatQualityReward {
  static constexpr std::string_view kType = "chat_quality";
  bool operator==(const ChatQualityReward&) const = default;
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

/// What of a completion a reward model reads: all, or what follows the thinking.
enum class ScoredPart { kCompletion, kAnswer };
inline constexpr std::string_view kScoredPartNames[] = {"completion", "answer"};
inline std::span<const std::string_view> enum_names(ScoredPart) {
  return kScoredPartNames;
}

/// The score of a sequence classifier in Hugging Face format (docs/rewards_models.md).
struct ModelReward {
  static constexpr std::string_view kType = "reward_model";
  std::string path;
  std::optional<std::string> text_template;
  ScoredPart part = ScoredPart::kCompletion;
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
  int64_t jobs = 8;
  std::optional<std::string> cache;
  std::optional<std::string> proxy;
  bool operator==(const JudgeReward&) const = default;
};

/// In the order of the reference; one type a line.
using RewardParameters = std::variant<  //
    AccuracyReward,                     //
    ChatQualityReward,                  //
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
  std::vector<std::string> sources{};  ///< of the prompts that it is for (Prompt::source); empty: all
  RewardParameters parameters;

  std::string_view type() const {
    return std::visit([](const auto& p) { return std::decay_t<decltype(p)>::kType; }, parameters);
  }
  /// The name in metrics: `name`, else the type.
  std::string label() const { return name.value_or(std::string(type())); }
  bool operator==(const RewardConfig&) const = default;
};

/// Whether a reward with these RewardConfig::sources is for prompts of `source`.
bool is_for(const std::vector<std::string>& sources, std::string_view source);

/// Every field once, with its meaning (src/reward/config.cpp).
void describe(ConfigVisitor& v, AccuracyReward& c);
void describe(ConfigVisitor& v, ChatQualityReward& c);
void describe(ConfigVisitor& v, FormatReward& c);
void describe(ConfigVisitor& v, LanguageConsistencyReward& c);
void describe(ConfigVisitor& v, SoftOverlongReward& c);
void describe(ConfigVisitor& v, MathReward& c);
void describe(ConfigVisitor& v, CodeReward& c);
void describe(ConfigVisitor& v, TagCountReward& c);
void describe(ConfigVisitor& v, CodeFormatReward& c);
void describe(ConfigVisitor& v, ReasoningStepsReward& c);
void describe(ConfigVisitor& v, CosineReward& c);
void describe(ConfigVisitor& v, LengthReward& c);
void describe(ConfigVisitor& v, LengthTargetReward& c);
void describe(ConfigVisitor& v, RepetitionReward& c);
void describe(ConfigVisitor& v, ExactMatchReward& c);
void describe(ConfigVisitor& v, RegexReward& c);
void describe(ConfigVisitor& v, MultipleChoiceReward& c);
void describe(ConfigVisitor& v, CountdownReward& c);
void describe(ConfigVisitor& v, CommandReward& c);
void describe(ConfigVisitor& v, IfevalReward& c);
void describe(ConfigVisitor& v, ModelReward& c);
void describe(ConfigVisitor& v, JudgeReward& c);
void describe(ConfigVisitor& v, RewardConfig& c);

}  // namespace hone
