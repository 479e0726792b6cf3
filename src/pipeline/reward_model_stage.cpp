#include <algorithm>
#include <chrono>
#include <cmath>

#include "hone/core/error.h"
#include "hone/core/log.h"
#include "hone/data/prompt_source.h"
#include "hone/data/prompt_template.h"
#include "hone/data/reasoning_text.h"
#include "hone/train/trainer.h"
#include "pipeline/guard.h"
#include "pipeline/preference.h"
#include "pipeline/recorder.h"
#include "pipeline/stage.h"

namespace hone {
namespace {

// A language model with one number in place of its vocabulary head learns which completions people like.
class RewardModelRun {
 public:
  RewardModelRun(RunFolder& run, const RunConfig& config, size_t index)
      : stage_(std::get<RewardModelStage>(config.stages[index])),
        model_folder_(*stage_.model.path),
        tokenizer_(Tokenizer::load(model_folder_)),
        template_(PromptTemplate::load(stage_.prompt_template, model_folder_)),
        model_(Model::load_scorer(model_folder_, /*trains=*/true)),
        data_(read(stage_.data)),
        order_(stage_.data.shuffle, static_cast<uint64_t>(config.seed), static_cast<int64_t>(data_.size())),
        steps_(stage_.steps.value_or(steps_of_epochs())),
        trainer_(model_, stage_.optimizer, steps_),
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
  bool pairwise() const { return stage_.reward_model.objective == PreferenceObjective::kPairwise; }

  std::vector<Preference> read(const DataConfig& config) const {
    const RecordFile file(config, /*seed=*/0);
    const int64_t positions = model_.config().max_position_embeddings;
    const int64_t longest = std::min(stage_.reward_model.max_length.value_or(positions), positions);
    std::vector<Preference> preferences;
    for (size_t row = 0; row < file.rows().size(); ++row) {
      Preference p = make_preference(file.rows()[row], file.place(row));
      const auto fits = [&](const std::vector<int32_t>& ids) { return static_cast<int64_t>(ids.size()) <= longest; };
      if (fits(p.first) && fits(p.second)) preferences.push_back(std::move(p));
    }
    const size_t left_out = file.rows().size() - preferences.size();
    HONE_CHECK(!preferences.empty(), .what = fmt::format("none of the examples fits into {} tokens", longest),
               .place = config.path, .hint = "raise reward_model.max_length");
    if (left_out > 0) {
      log_warning(fmt::format("{}: {} of {} examples have more than {} tokens and are left out", config.path, left_out,
                              file.rows().size(), longest));
    }
    return preferences;
  }

  Preference make_preference(const Prompt& prompt, const std::string& place) const {
    const std::vector<int32_t> given = template_.encode(tokenizer_, prompt);
    const auto text = [&](const char* field) {
      const auto value = prompt.record.text(field);
      HONE_CHECK(value.has_value(), .what = fmt::format("the record has no text '{}'", field), .place = place,
                 .got = prompt.record.names(), .hint = "data.fields says which of its fields that is");
      return *value;
    };
    if (pairwise()) return {sequence(given, text("chosen")), sequence(given, text("rejected")), 1};
    const std::string label = text("label");
    HONE_CHECK(label == "0" || label == "1", .what = "label is not 0 or 1", .place = place, .got = "'" + label + "'");
    return {sequence(given, text("completion")), {}, label == "1" ? 1 : 0};
  }

  // As the reward reward_model reads it.
  std::vector<int32_t> sequence(std::vector<int32_t> ids, const std::string& completion) const {
    std::string_view part = completion;
    if (stage_.reward_model.part == ScoredPart::kAnswer) part = trim(read_tags(completion).rest.value_or(""));
    const std::vector<int32_t> more = tokenizer_.encode(std::string(part), {.add_bos = false});
    ids.insert(ids.end(), more.begin(), more.end());
    ids.push_back(tokenizer_.eos_id());
    return ids;
  }

  int64_t steps_of_epochs() const {
    const double examples = stage_.reward_model.epochs * static_cast<double>(data_.size());
    const double steps = std::ceil(examples / static_cast<double>(stage_.reward_model.examples_per_step));
    return std::max<int64_t>(1, std::llround(steps));
  }

  StepMetrics run_step(int64_t step) {
    const auto start = std::chrono::steady_clock::now();
    std::vector<Preference> batch;
    int64_t tokens = 0;
    for (int64_t i = 0; i < stage_.reward_model.examples_per_step; ++i) {
      batch.push_back(data_[static_cast<size_t>(order_.at(examples_seen_ + i))]);
      tokens += batch.back().tokens();
    }
    examples_seen_ += stage_.reward_model.examples_per_step;
    num_tokens_ += tokens;
    const PreferenceStats stats = accumulate_preferences(trainer_, model_, batch, stage_.optimizer.micro_batch_tokens);
    const UpdateStats update = trainer_.update();
    if (update.skipped)
      log_warning(fmt::format("step {}: the gradient is not finite, the update is skipped", step + 1));
    nonfinite_updates_.count(update.skipped);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return {{"loss", stats.loss},
            {"accuracy", stats.accuracy},
            {"epoch", static_cast<double>(examples_seen_) / static_cast<double>(data_.size())},
            {"grad_norm", update.grad_norm},
            {"learning_rate", update.learning_rate},
            {"num_tokens", static_cast<double>(num_tokens_)},
            {"step_time", seconds},
            {"tokens_per_second", static_cast<double>(tokens) / std::max(1e-9, seconds)}};
  }

  void evaluate(int64_t steps_done) {
    if (held_out_.empty()) return;
    const PreferenceStats stats = measure_preferences(model_, held_out_, stage_.optimizer.micro_batch_tokens);
    recorder_.add_eval({.step = steps_done,
                        .metrics = {{"eval_loss", stats.loss}, {"eval_accuracy", stats.accuracy}},
                        .prompt = {},
                        .completion = {}});
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

  const RewardModelStage& stage_;
  const std::string model_folder_;
  const Tokenizer tokenizer_;
  const PromptTemplate template_;
  Model model_;
  const std::vector<Preference> data_;
  const RecordOrder order_;
  const int64_t steps_;
  Trainer trainer_;
  StageRecorder recorder_;
  std::vector<Preference> held_out_;
  int64_t examples_seen_ = 0, num_tokens_ = 0;
  Guard nonfinite_updates_ = nonfinite_guard(stage_.guards);
};

}  // namespace

StageEnd run_reward_model(RunFolder& run, const RunConfig& config, size_t index) {
  return RewardModelRun(run, config, index).run();
}

}  // namespace hone
