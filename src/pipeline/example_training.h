// Training on a file of examples, some each update, for some epochs: what supervised fine-tuning and reward models
// share.
//
// `Task` says what an example is and what is learnt from it:
//   Stage, Example, kSection     the stage's type, and its section with epochs, examples_per_step and max_length
//   settings(stage)              that section
//   load(folder, spread)         the model that trains
//   Task(stage, folder)
//   make(prompt, place)          the example of a record; throws Error kInput naming `place`
//   tokens(example), longest(example)  of the whole, and of its longest sequence
//   accumulate(trainer, model, examples, micro_batch_tokens)   adds the gradient; metrics, the loss first
//   measure(model, examples, micro_batch_tokens, ranks)        metrics of held-out examples
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>

#include "hone/core/error.h"
#include "hone/core/log.h"
#include "hone/data/prompt_source.h"
#include "hone/train/trainer.h"
#include "pipeline/guard.h"
#include "pipeline/recorder.h"
#include "pipeline/stage.h"

namespace hone {

template <class Task>
class ExampleTraining {
 public:
  ExampleTraining(RunFolder& run, const RunConfig& config, size_t index)
      : stage_(std::get<typename Task::Stage>(config.stages[index])),
        model_folder_(*stage_.model.path),
        task_(stage_, model_folder_),
        model_(Task::load(model_folder_, spread_of(config.runtime.zero_stage, run.ranks()))),
        data_(read(stage_.data)),
        order_(stage_.data.shuffle, static_cast<uint64_t>(config.seed), static_cast<int64_t>(data_.size())),
        steps_(stage_.steps.value_or(steps_of_epochs())),
        trainer_(model_, stage_.optimizer, steps_, run.ranks(), config.runtime.zero_stage),
        recorder_(run, config, index) {
    run.stage(index).steps = steps_;
    if (!stage_.eval.path) return;
    DataConfig held_out;
    held_out.path = *stage_.eval.path;
    held_out.fields = stage_.eval.fields;
    held_out.split = stage_.eval.split;
    held_out_ = read(held_out);
    held_out_.resize(std::min(held_out_.size(), static_cast<size_t>(stage_.eval.examples)));
  }

  StageEnd run() {
    const auto checkpoint = recorder_.resume(state());
    if (checkpoint) load(checkpoint->state);
    if (!checkpoint) evaluate(0);
    for (int64_t step = checkpoint ? checkpoint->step : 0; step < steps_ && !recorder_.ends_early(); ++step) {
      StepMetrics metrics = run_step(step);
      const auto& every = stage_.eval.every;
      if (step + 1 == steps_ || (every && (step + 1) % *every == 0)) evaluate(step + 1);
      if (recorder_.end_step(step + 1, std::move(metrics), [this] { return state(); })) return StageEnd::kStopped;
    }
    trainer_.gather_weights();
    recorder_.finish(model_, model_folder_);
    print_before_and_after(recorder_.evals(), recorder_.best_step());
    return StageEnd::kFinished;
  }

 private:
  using Example = typename Task::Example;

  // The records as examples, those that are too long left out.
  std::vector<Example> read(const DataConfig& config) const {
    const RecordFile file(config, /*seed=*/0);
    const int64_t positions = model_.config().max_position_embeddings;
    const int64_t limit = std::min(Task::settings(stage_).max_length.value_or(positions), positions);
    std::vector<Example> examples;
    for (size_t row = 0; row < file.rows().size(); ++row) {
      Example example = task_.make(file.rows()[row], file.place(row));
      if (Task::longest(example) <= limit) examples.push_back(std::move(example));
    }
    const size_t left_out = file.rows().size() - examples.size();
    HONE_CHECK(!examples.empty(), .what = fmt::format("none of the examples fits into {} tokens", limit),
               .place = config.path, .hint = fmt::format("raise {}.max_length", Task::kSection));
    if (left_out > 0) {
      log_warning(fmt::format("{}: {} of {} examples have more than {} tokens and are left out", config.path, left_out,
                              file.rows().size(), limit));
    }
    return examples;
  }

  int64_t steps_of_epochs() const {
    const auto& settings = Task::settings(stage_);
    const double examples = settings.epochs * static_cast<double>(data_.size());
    return std::max<int64_t>(1, std::llround(std::ceil(examples / static_cast<double>(settings.examples_per_step))));
  }

  StepMetrics run_step(int64_t step) {
    const auto start = std::chrono::steady_clock::now();
    const int64_t count = Task::settings(stage_).examples_per_step;
    std::vector<Example> batch;
    int64_t tokens = 0;
    for (int64_t i = 0; i < count; ++i) {
      batch.push_back(data_[static_cast<size_t>(order_.at(examples_seen_ + i))]);
      tokens += Task::tokens(batch.back());
    }
    examples_seen_ += count;
    num_tokens_ += tokens;
    trainer_.ranks().enter(fmt::format("step {}: update", step + 1));
    StepMetrics metrics = Task::accumulate(trainer_, model_, batch, stage_.optimizer.micro_batch_tokens);
    const UpdateStats stats = trainer_.update();
    if (stats.skipped) log_warning(fmt::format("step {}: the gradient is not finite, the update is skipped", step + 1));
    nonfinite_updates_.count(stats.skipped);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const StepMetrics rest = {{"epoch", static_cast<double>(examples_seen_) / static_cast<double>(data_.size())},
                              {"grad_norm", stats.grad_norm},
                              {"learning_rate", stats.learning_rate},
                              {"num_tokens", static_cast<double>(num_tokens_)},
                              {"step_time", seconds},
                              {"tokens_per_second", static_cast<double>(tokens) / std::max(1e-9, seconds)}};
    metrics.insert(metrics.end(), rest.begin(), rest.end());
    return metrics;
  }

  void evaluate(int64_t steps_done) {
    if (held_out_.empty()) return;
    trainer_.ranks().enter(fmt::format("step {}: evaluation", steps_done));
    trainer_.gather_weights();
    recorder_.add_eval(
        {.step = steps_done,
         .metrics = Task::measure(model_, held_out_, stage_.optimizer.micro_batch_tokens, trainer_.ranks()),
         .prompt = {},
         .completion = {}});
  }

  State state() const {
    TrainerState trained = trainer_.state();
    State s{.tensors = std::move(trained.tensors), .pieces = std::move(trained.pieces), .scalars = {}};
    s.scalars = {{"updates", trainer_.updates()},
                 {"examples_seen", examples_seen_},
                 {"num_tokens", num_tokens_},
                 {"guards.nonfinite_updates", nonfinite_updates_.in_a_row()}};
    return s;
  }

  void load(const State& s) {
    trainer_.load_state(s.integer("updates"),
                        [&](const std::string& name, int64_t begin, const at::Tensor& to) { s.read(name, begin, to); });
    examples_seen_ = s.integer("examples_seen");
    num_tokens_ = s.integer("num_tokens");
    nonfinite_updates_.continue_from(s.integer("guards.nonfinite_updates"));
  }

  const typename Task::Stage& stage_;
  const std::string model_folder_;
  const Task task_;
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

}  // namespace hone
