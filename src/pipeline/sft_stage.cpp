#include "pipeline/example_text.h"
#include "pipeline/example_training.h"
#include "pipeline/likelihood.h"

namespace hone {
namespace {

// Supervised fine-tuning: the likelihood of completions, given their prompts.
class SftTask {
 public:
  using Stage = SftStage;
  using Example = hone::Example;
  static constexpr std::string_view kSection = "sft";
  static const SftConfig& settings(const SftStage& stage) { return stage.sft; }
  static Model load(const std::string& folder, Spread spread) { return Model::load(folder, /*trains=*/true, spread); }

  SftTask(const SftStage& stage, const std::string& folder) : text_(stage.prompt_template, folder) {}

  Example make(const Prompt& prompt, const std::string& place) const {
    const std::string completion = required_text(prompt.record, "completion", place);
    const std::vector<int32_t> given = text_.prompt(prompt, place);
    return {text_.with_completion(given, completion), static_cast<int64_t>(given.size())};
  }

  static int64_t tokens(const Example& example) { return static_cast<int64_t>(example.ids.size()); }
  static int64_t longest(const Example& example) { return tokens(example); }

  static StepMetrics accumulate(Trainer& trainer, const Model&, std::span<const Example> examples,
                                int64_t micro_batch_tokens) {
    int64_t targets = 0;
    for (const Example& example : examples) targets += example.targets();
    return {{"loss", accumulate_likelihood(trainer, examples, micro_batch_tokens)},
            {"loss_tokens", static_cast<double>(targets)}};
  }

  static StepMetrics measure(const Model& model, std::span<const Example> examples, int64_t micro_batch_tokens,
                             dist::ProcessGroup& ranks) {
    return {{"eval_loss", mean_negative_log_likelihood(model, examples, micro_batch_tokens, ranks)}};
  }

 private:
  const ExampleText text_;
};

}  // namespace

StageEnd run_sft(RunFolder& run, const RunConfig& config, size_t index) {
  return ExampleTraining<SftTask>(run, config, index).run();
}

}  // namespace hone
