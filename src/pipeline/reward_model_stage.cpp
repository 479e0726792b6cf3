#include "hone/data/reasoning_text.h"
#include "pipeline/example_text.h"
#include "pipeline/example_training.h"
#include "pipeline/preference.h"

namespace hone {
namespace {

// A language model with one number in place of its vocabulary head learns which completions people like.
class RewardModelTask {
 public:
  using Stage = RewardModelStage;
  using Example = Preference;
  static constexpr std::string_view kSection = "reward_model";
  static const RewardModelConfig& settings(const RewardModelStage& stage) { return stage.reward_model; }
  static Model load(const std::string& folder, Spread spread) {
    return Model::load_scorer(folder, /*trains=*/true, spread);
  }

  RewardModelTask(const RewardModelStage& stage, const std::string& folder)
      : config_(stage.reward_model), text_(stage.prompt_template, folder) {}

  Preference make(const Prompt& prompt, const std::string& place) const {
    const std::vector<int32_t> given = text_.prompt(prompt, place);
    // As the reward reward_model reads it.
    const auto read = [&](const char* field) {
      const std::string completion = required_text(prompt.record, field, place);
      if (config_.part == ScoredPart::kCompletion) return text_.with_completion(given, completion);
      return text_.with_completion(given, std::string(trim(read_tags(completion).rest.value_or(""))));
    };
    if (config_.objective == PreferenceObjective::kPairwise) return {read("chosen"), read("rejected"), 1};
    const std::string label = required_text(prompt.record, "label", place);
    HONE_CHECK(label == "0" || label == "1", .what = "label", .place = place, .got = "'" + label + "'",
               .expected = "0 or 1");
    return {read("completion"), {}, label == "1" ? 1 : 0};
  }

  static int64_t tokens(const Preference& p) { return p.tokens(); }
  static int64_t longest(const Preference& p) {
    return static_cast<int64_t>(std::max(p.first.size(), p.second.size()));
  }

  static StepMetrics accumulate(Trainer& trainer, const Model& model, std::span<const Preference> preferences,
                                int64_t micro_batch_tokens) {
    const PreferenceStats stats = accumulate_preferences(trainer, model, preferences, micro_batch_tokens);
    return {{"loss", stats.loss}, {"accuracy", stats.accuracy}};
  }

  static StepMetrics measure(const Model& model, std::span<const Preference> preferences, int64_t micro_batch_tokens,
                             dist::ProcessGroup& ranks) {
    const PreferenceStats stats = measure_preferences(model, preferences, micro_batch_tokens, ranks);
    return {{"eval_loss", stats.loss}, {"eval_accuracy", stats.accuracy}};
  }

 private:
  const RewardModelConfig& config_;
  const ExampleText text_;
};

}  // namespace

StageEnd run_reward_model(RunFolder& run, const RunConfig& config, size_t index) {
  return ExampleTraining<RewardModelTask>(run, config, index).run();
}

}  // namespace hone
