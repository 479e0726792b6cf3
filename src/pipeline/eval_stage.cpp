#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "hone/core/error.h"
#include "hone/core/file.h"
#include "hone/data/prompt_source.h"
#include "hone/data/prompt_template.h"
#include "hone/eval/evaluate.h"
#include "hone/report/evals.h"
#include "hone/rollout/engine.h"
#include "pipeline/over_ranks.h"
#include "pipeline/recorder.h"
#include "pipeline/stage.h"

namespace hone {
namespace {

using Json = nlohmann::ordered_json;

// Several models on the same problems: results.json and a table. One step is one model.
class EvalRun {
 public:
  EvalRun(RunFolder& run, const RunConfig& config, size_t index)
      : stage_(std::get<EvalStage>(config.stages[index])),
        judge_(*judging_reward(stage_.rewards)),
        others_(other_rewards(stage_.rewards)),
        ranks_(run.ranks()),
        recorder_(run, config, index) {
    for (const EvaluatedModelConfig& model : stage_.models) names_.push_back(*model.name);
    DataConfig data = stage_.data;
    data.shuffle = false;
    const PromptSource source(data, /*seed=*/0);
    if (source.file() != nullptr) check_records(*source.file(), Prompt().source, judge_.rewards());
    problems_ = source.first(stage_.eval.problems);
  }

  StageEnd run() {
    const auto checkpoint = recorder_.resume({});
    if (checkpoint) results_ = Json::parse(checkpoint->state.text("results"));
    for (size_t i = checkpoint ? static_cast<size_t>(checkpoint->step) : 0; i < stage_.models.size(); ++i) {
      StepMetrics metrics = evaluate_model(static_cast<int64_t>(i) + 1, stage_.models[i]);
      Json result = {{"model", names_[i]}};
      for (const auto& [name, value] : metrics) result[name] = value;
      results_.push_back(result);
      const bool stop = recorder_.end_step(static_cast<int64_t>(i) + 1, std::move(metrics), [this] { return state(); });
      if (stop) return StageEnd::kStopped;
    }
    if (ranks_.is_main()) write_atomic(recorder_.folder() / "results.json", results_.dump(2) + "\n");
    recorder_.finish();
    if (ranks_.is_main()) print_table();
    return StageEnd::kFinished;
  }

 private:
  // Those beside the judge and what every evaluation measures.
  static std::optional<RewardSet> other_rewards(const std::vector<RewardConfig>& rewards) {
    std::vector<RewardConfig> others;
    const auto judge = judging_reward(rewards);
    for (const RewardConfig& reward : rewards) {
      if (reward.label() != judge->label()) others.push_back(reward);
    }
    if (others.empty()) return std::nullopt;
    return std::optional<RewardSet>(std::in_place, others, std::nullopt);
  }

  // Every rank completes its share of the problems; the main one judges all, and the others get no metrics.
  StepMetrics evaluate_model(int64_t step, const EvaluatedModelConfig& config) {
    ranks_.enter(fmt::format("model {}: sampling", step));
    const Tokenizer tokenizer = Tokenizer::load(config.path);
    const PromptTemplate prompt_template =
        PromptTemplate::load(config.prompt_template.value_or(stage_.prompt_template), config.path);
    const Model model = Model::load(config.path, /*trains=*/false);
    RolloutEngine engine(model, tokenizer);
    std::vector<Prompt> prompts = problems_;
    prompt_template.encode(tokenizer, prompts);
    SamplingConfig sampling;
    sampling.max_completion_length =
        completion_room(model.config().max_position_embeddings, prompts, stage_.eval.max_completion_length);
    StepMetrics metrics;
    if (stage_.eval.greedy) {
      sampling.temperature = 0;
      const EvalResult greedy = sample_and_judge(engine, prompts, 1, sampling);
      metrics.emplace_back("accuracy/greedy", greedy.judged.measures.accuracy);
    }
    sampling.temperature = stage_.eval.temperature;
    sampling.top_p = stage_.eval.top_p;
    const EvalResult result = sample_and_judge(engine, prompts, stage_.eval.num_generations, sampling);
    if (!ranks_.is_main()) return {};
    for (auto& measure : to_metrics(result.judged.measures)) metrics.push_back(std::move(measure));
    add_other_rewards(result.groups, metrics);
    record_samples(step, result);
    return metrics;
  }

  EvalResult sample_and_judge(RolloutEngine& engine, const std::vector<Prompt>& prompts, int64_t num_generations,
                              const SamplingConfig& sampling) const {
    EvalResult result;
    result.groups = over_ranks(ranks_, prompts, [&](std::vector<Prompt> mine) {
      return sample_held_out(engine, std::move(mine), num_generations, sampling, /*seed=*/0);
    });
    if (ranks_.is_main()) result.judged = judge_(result.groups);
    return result;
  }

  void add_other_rewards(std::vector<RolloutGroup> groups, StepMetrics& metrics) const {
    if (!others_) return;
    others_->score(groups);
    for (size_t r = 0; r < others_->names().size(); ++r) {
      double sum = 0, n = 0;
      for (const RolloutGroup& group : groups) {
        for (const Completion& c : group.completions) {
          if (c.reward_parts[r]) sum += *c.reward_parts[r], ++n;
        }
      }
      metrics.emplace_back(fmt::format("rewards/{}/mean", others_->names()[r]), n > 0 ? sum / n : 0.0);
    }
  }

  void record_samples(int64_t step, const EvalResult& result) {
    for (size_t g = 0; g < result.groups.size(); ++g) {
      for (size_t c = 0; c < result.groups[g].completions.size(); ++c) {
        const Completion& completion = result.groups[g].completions[c];
        const RewardResult& verdict = result.judged.verdicts[g][c];
        const Json line = {{"step", step},
                           {"model", names_[static_cast<size_t>(step) - 1]},
                           {"id", result.groups[g].prompt.id},
                           {"sample", c},
                           {"completion", completion.text},
                           {"finish_reason", to_string(completion.finish_reason)},
                           {"tokens", completion.ids.size()},
                           {"verdict", to_string(verdict.verdict)},
                           {"found", verdict.answer}};
        recorder_.add_sample(line.dump(-1, ' ', false, Json::error_handler_t::replace));
      }
    }
  }

  void print_table() const {
    std::vector<StepMetrics> columns;
    for (const Json& result : results_) {
      columns.emplace_back();
      for (const auto& [name, value] : result.items()) {
        if (value.is_number()) columns.back().emplace_back(name, value.get<double>());
      }
    }
    fmt::print("\n{}", comparison_table(names_, columns));
    std::fflush(stdout);
  }

  State state() const {
    State s;
    s.scalars = {{"results", results_.dump()}};
    return s;
  }

  const EvalStage& stage_;
  const Judge judge_;
  const std::optional<RewardSet> others_;
  dist::ProcessGroup& ranks_;
  StageRecorder recorder_;
  std::vector<std::string> names_;
  std::vector<Prompt> problems_;
  Json results_ = Json::array();
};

}  // namespace

StageEnd run_eval(RunFolder& run, const RunConfig& config, size_t index) {
  return EvalRun(run, config, index).run();
}

}  // namespace hone
