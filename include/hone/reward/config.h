// An entry of the section `rewards`: `type` selects the parameters. Plain structs; see core/config.h.
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

struct RewardConfig {
  double weight = 1.0;
  std::optional<std::string> name;
  std::variant<AccuracyReward, FormatReward, LanguageConsistencyReward, SoftOverlongReward, IfevalReward> parameters;

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
inline void describe(ConfigVisitor& v, IfevalReward& c) {
  v.field("mode", c.mode, any_value(), "",
          "How a text is read: loose forgives a first line, a last line and asterisks, as in the paper.");
  v.field("value", c.value, any_value(), "",
          "What it is worth: all gives 1 when every instruction is followed, share the share that is.");
}
inline void describe(ConfigVisitor& v, RewardConfig& c) {
  v.tagged("type", c.parameters, "What is rewarded.");
  v.field("weight", c.weight, any_value(), "", "Factor of this reward in the weighted sum.");
  v.field("name", c.name, any_value(), "", "Name in metrics; null for the type.");
}

}  // namespace hone
