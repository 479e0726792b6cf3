#include <algorithm>
#include <chrono>
#include <cmath>

#include "hone/core/error.h"
#include "hone/core/log.h"
#include "hone/data/prompt_source.h"
#include "hone/data/prompt_template.h"
#include "pipeline/guard.h"
#include "pipeline/likelihood.h"
#include "pipeline/recorder.h"
#include "pipeline/stage.h"

namespace hone {
namespace {

// Supervised fine-tuning: the likelihood of completions, given their prompts.
class SftRun {
 public:
  SftRun(RunFolder& run, const RunConfig& config, size_t index, const std::string& model_folder)
      : stage_(std::get<SftStage>(config.stages[index])),
        model_folder_(model_folder),
        tokenizer_(Tokenizer::load(model_folder)),
        template_(PromptTemplate::load(stage_.prompt_template, model_folder)),
        model_(Model::load(model_folder, /*trains=*/true)),
        data_(read(stage_.data)),
        order_(stage_.data.shuffle, static_cast<uint64_t>(config.seed), static_cast<int64_t>(data_.size())),
        steps_(stage_.steps.value_or(steps_of_epochs())),
        trainer_(model_, stage_.optimizer, steps_, run.ranks()),
        recorder_(run, config, index) {
    run.stage(index).steps = steps_;
    if (!stage_.eval.path) return;
    DataConfig held_out;
    held_out.path = *stage_.eval.path;
    held_out.fields = stage_.eval.fields;
    held_out_ = read(held_out);
    held_out_.resize(std::min(held_out_.size(), static_cast<size_t>(stage_.eval.examples)));
  }

  StageEnd run() {
    const auto checkpoint = recorder_.resume(state().bytes());
    if (checkpoint) load(checkpoint->state);
    if (!checkpoint) evaluate(0);
    for (int64_t step = checkpoint ? checkpoint->step : 0; step < steps_; ++step) {
      StepMetrics metrics = run_step(step);
      const auto& every = stage_.eval.every;
      if (step + 1 == steps_ || (every && (step + 1) % *every == 0)) evaluate(step + 1);
      if (recorder_.end_step(step + 1, std::move(metrics), [this] { return state(); })) return StageEnd::kStopped;
    }
    recorder_.finish(model_, model_folder_);
    print_before_and_after(recorder_.evals());
    return StageEnd::kFinished;
  }

 private:
  // The records as examples, those that are too long left out.
  std::vector<Example> read(const DataConfig& config) const {
    const RecordFile file(config, /*seed=*/0);
    const int64_t positions = model_.config().max_position_embeddings;
    const int64_t longest = std::min(stage_.sft.max_length.value_or(positions), positions);
    std::vector<Example> examples;
    for (size_t row = 0; row < file.rows().size(); ++row) {
      Example example = make_example(file.rows()[row], file.place(row));
      if (static_cast<int64_t>(example.ids.size()) <= longest) examples.push_back(std::move(example));
    }
    const size_t left_out = file.rows().size() - examples.size();
    HONE_CHECK(!examples.empty(), .what = fmt::format("none of the examples fits into {} tokens", longest),
               .place = config.path, .hint = "raise sft.max_length");
    if (left_out > 0) {
      log_warning(fmt::format("{}: {} of {} examples have more than {} tokens and are left out", config.path, left_out,
                              file.rows().size(), longest));
    }
    return examples;
  }

  // Prompt and completion are tokenized each for itself, as when the completion is sampled.
  Example make_example(const Prompt& prompt, const std::string& place) const {
    const auto completion = prompt.record.text("completion");
    HONE_CHECK(completion.has_value(), .what = "the record has no text 'completion'", .place = place,
               .got = prompt.record.names(), .hint = "data.fields says which of its fields that is");
    Example example{template_.encode(tokenizer_, prompt)};
    HONE_CHECK(!example.ids.empty(), .what = "empty prompt", .place = place);
    example.first_target = static_cast<int64_t>(example.ids.size());
    const std::vector<int32_t> learnt = tokenizer_.encode(*completion, {.add_bos = false});
    example.ids.insert(example.ids.end(), learnt.begin(), learnt.end());
    example.ids.push_back(tokenizer_.eos_id());
    return example;
  }

  int64_t steps_of_epochs() const {
    const double examples = stage_.sft.epochs * static_cast<double>(data_.size());
    return std::max<int64_t>(1, std::llround(std::ceil(examples / static_cast<double>(stage_.sft.examples_per_step))));
  }

  StepMetrics run_step(int64_t step) {
    const auto start = std::chrono::steady_clock::now();
    std::vector<Example> batch;
    int64_t targets = 0, tokens = 0;
    for (int64_t i = 0; i < stage_.sft.examples_per_step; ++i) {
      batch.push_back(data_[static_cast<size_t>(order_.at(examples_seen_ + i))]);
      targets += batch.back().targets();
      tokens += static_cast<int64_t>(batch.back().ids.size());
    }
    examples_seen_ += stage_.sft.examples_per_step;
    num_tokens_ += tokens;
    trainer_.ranks().enter(fmt::format("step {}: update", step + 1));
    const double loss = accumulate_likelihood(trainer_, batch, stage_.optimizer.micro_batch_tokens);
    const UpdateStats stats = trainer_.update();
    if (stats.skipped) log_warning(fmt::format("step {}: the gradient is not finite, the update is skipped", step + 1));
    nonfinite_updates_.count(stats.skipped);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return {{"loss", loss},
            {"epoch", static_cast<double>(examples_seen_) / static_cast<double>(data_.size())},
            {"grad_norm", stats.grad_norm},
            {"learning_rate", stats.learning_rate},
            {"num_tokens", static_cast<double>(num_tokens_)},
            {"loss_tokens", static_cast<double>(targets)},
            {"step_time", seconds},
            {"tokens_per_second", static_cast<double>(tokens) / std::max(1e-9, seconds)}};
  }

  void evaluate(int64_t steps_done) {
    if (held_out_.empty()) return;
    trainer_.ranks().enter(fmt::format("step {}: evaluation", steps_done));
    const double loss =
        mean_negative_log_likelihood(model_, held_out_, stage_.optimizer.micro_batch_tokens, trainer_.ranks());
    recorder_.add_eval({.step = steps_done, .metrics = {{"eval_loss", loss}}, .prompt = {}, .completion = {}});
  }

  State state() const {
    State s;
    s.tensors = trainer_.state();
    s.scalars = {{"updates", trainer_.updates()},
                 {"examples_seen", examples_seen_},
                 {"num_tokens", num_tokens_},
                 {"guards.nonfinite_updates", nonfinite_updates_.in_a_row()}};
    return s;
  }

  void load(const State& s) {
    trainer_.load_state(s.integer("updates"), [&](const std::string& name) { return s.tensor(name); });
    examples_seen_ = s.integer("examples_seen");
    num_tokens_ = s.integer("num_tokens");
    nonfinite_updates_.continue_from(s.integer("guards.nonfinite_updates"));
  }

  const SftStage& stage_;
  const std::string model_folder_;
  const Tokenizer tokenizer_;
  const PromptTemplate template_;
  Model model_;
  const std::vector<Example> data_;
  const RecordOrder order_;
  const int64_t steps_;
  Trainer trainer_;
  StageRecorder recorder_;
  std::vector<Example> held_out_;
  int64_t examples_seen_ = 0, num_tokens_ = 0;
  Guard nonfinite_updates_ = nonfinite_guard(stage_.guards);
};

}  // namespace

StageEnd run_sft(RunFolder& run, const RunConfig& config, size_t index, const std::string& model_folder) {
  return SftRun(run, config, index, model_folder).run();
}

}  // namespace hone
