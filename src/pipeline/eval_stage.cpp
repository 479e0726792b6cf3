#include <algorithm>
#include <cstdio>
#include <memory>
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
      : stage_(std::get<EvalStage>(config.stages[index])), ranks_(run.ranks()), recorder_(run, config, index) {
    for (const EvaluatedModelConfig& model : stage_.models) names_.push_back(*model.name);
    parts_.push_back(make_part(Prompt().source, stage_.data));
    for (const EvalSourceConfig& source : stage_.sources) parts_.push_back(make_part(source.name, source.data));
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
  // The problems of one source and what is measured on them.
  struct Part {
    std::string source;
    std::vector<Prompt> problems;
    std::unique_ptr<const Judge> judge;       // null where no reward says what is right
    std::unique_ptr<const RewardSet> others;  // beside the judge and what it measures; null where there are none
  };

  Part make_part(const std::string& name, DataConfig data) const {
    Part part;
    part.source = name;
    const std::vector<RewardConfig> rewards = rewards_for(stage_.rewards, name);
    const auto judging = judging_reward(rewards, data.format);
    if (judging) part.judge = std::make_unique<Judge>(*judging);
    std::vector<RewardConfig> others;
    for (const RewardConfig& reward : rewards) {
      if (!judging || reward.label() != judging->label()) others.push_back(reward);
    }
    if (!others.empty()) part.others = std::make_unique<RewardSet>(others, std::nullopt);
    data.shuffle = false;
    const PromptSource source(data, /*seed=*/0);
    for (const RewardSet* set : {judging ? &part.judge->rewards() : nullptr, part.others.get()}) {
      if (source.file() != nullptr && set != nullptr) check_records(*source.file(), name, *set);
    }
    part.problems = source.first(stage_.eval.problems);
    for (Prompt& problem : part.problems) problem.source = name;
    return part;
  }

  // Every rank completes its share of the problems; the main one judges all, and the others get no metrics.
  StepMetrics evaluate_model(int64_t step, const EvaluatedModelConfig& config) {
    ranks_.enter(fmt::format("model {}: sampling", step));
    const Tokenizer tokenizer = Tokenizer::load(config.path);
    const PromptTemplate prompt_template =
        PromptTemplate::load(config.prompt_template.value_or(stage_.prompt_template), config.path);
    const Model model = Model::load(config.path, /*trains=*/false);
    RolloutEngine engine(model, tokenizer);
    StepMetrics metrics;
    for (const Part& part : parts_) {
      std::vector<Prompt> prompts = part.problems;
      prompt_template.encode(tokenizer, prompts);
      const bool own = &part == &parts_.front();
      for (auto& [name, value] : evaluate_part(step, engine, model.config().max_position_embeddings, part, prompts)) {
        metrics.emplace_back(own ? name : fmt::format("{}/{}", part.source, name), value);
      }
    }
    return metrics;
  }

  StepMetrics evaluate_part(int64_t step, RolloutEngine& engine, int64_t positions, const Part& part,
                            const std::vector<Prompt>& prompts) {
    SamplingConfig sampling;
    sampling.max_completion_length = completion_room(positions, prompts, stage_.eval.max_completion_length);
    StepMetrics metrics;
    if (stage_.eval.greedy && part.judge) {
      sampling.temperature = 0;
      const EvalResult greedy = sample_and_judge(engine, part, prompts, 1, sampling);
      metrics.emplace_back("accuracy/greedy", greedy.judged.measures.accuracy);
    }
    sampling.temperature = stage_.eval.temperature;
    sampling.top_p = stage_.eval.top_p;
    const EvalResult result = sample_and_judge(engine, part, prompts, stage_.eval.num_generations, sampling);
    if (!ranks_.is_main()) return {};
    if (part.judge) {
      for (auto& measure : to_metrics(result.judged.measures)) metrics.push_back(std::move(measure));
    }
    if (part.others) add_other_rewards(part, result.groups, metrics);
    record_samples(step, result);
    return metrics;
  }

  EvalResult sample_and_judge(RolloutEngine& engine, const Part& part, const std::vector<Prompt>& prompts,
                              int64_t num_generations, const SamplingConfig& sampling) const {
    EvalResult result;
    result.groups = over_ranks(ranks_, prompts, [&](std::vector<Prompt> mine) {
      return sample_held_out(engine, std::move(mine), num_generations, sampling, /*seed=*/0);
    });
    if (ranks_.is_main() && part.judge) result.judged = (*part.judge)(result.groups);
    return result;
  }

  // Beside a judge they carry the names that they have in training.
  static void add_other_rewards(const Part& part, std::vector<RolloutGroup> groups, StepMetrics& metrics) {
    const RewardSet& rewards = *part.others;
    rewards.score(groups);
    for (size_t r = 0; r < rewards.names().size(); ++r) {
      double sum = 0, n = 0;
      for (const RolloutGroup& group : groups) {
        for (const Completion& c : group.completions) {
          if (c.reward_parts[r]) sum += *c.reward_parts[r], ++n;
        }
      }
      const std::string& name = rewards.names()[r];
      metrics.emplace_back(part.judge ? fmt::format("rewards/{}/mean", name) : name, n > 0 ? sum / n : 0.0);
    }
  }

  void record_samples(int64_t step, const EvalResult& result) {
    for (size_t g = 0; g < result.groups.size(); ++g) {
      for (size_t c = 0; c < result.groups[g].completions.size(); ++c) {
        const Completion& completion = result.groups[g].completions[c];
        Json line = {{"step", step},
                     {"model", names_[static_cast<size_t>(step) - 1]},
                     {"id", result.groups[g].prompt.id},
                     {"sample", c},
                     {"completion", completion.text},
                     {"finish_reason", to_string(completion.finish_reason)},
                     {"tokens", completion.ids.size()}};
        if (!result.judged.verdicts.empty()) {
          line["verdict"] = to_string(result.judged.verdicts[g][c].verdict);
          line["found"] = result.judged.verdicts[g][c].answer;
        }
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
  dist::ProcessGroup& ranks_;
  StageRecorder recorder_;
  std::vector<std::string> names_;
  std::vector<Part> parts_;  // the stage's data, then its sources
  Json results_ = Json::array();
};

}  // namespace

StageEnd run_eval(RunFolder& run, const RunConfig& config, size_t index) {
  return EvalRun(run, config, index).run();
}

}  // namespace hone
