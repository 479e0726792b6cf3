// The stages of a run, and what they share.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "hone/data/prompt_source.h"
#include "hone/data/prompt_template.h"
#include "hone/eval/measure.h"
#include "hone/model/model_config.h"
#include "hone/pipeline/config.h"
#include "hone/report/evals.h"
#include "hone/reward/reward.h"
#include "hone/rollout/engine.h"
#include "hone/tokenizer/tokenizer.h"
#include "pipeline/run_folder.h"

namespace hone {

enum class StageEnd { kFinished, kStopped };

/// Runs stage `index` of a resolved config from where it was; kStopped when a signal ended it after saving.
StageEnd run_grpo(RunFolder& run, const RunConfig& config, size_t index);
StageEnd run_sft(RunFolder& run, const RunConfig& config, size_t index);
StageEnd run_rejection_sample(RunFolder& run, const RunConfig& config, size_t index);
StageEnd run_reward_model(RunFolder& run, const RunConfig& config, size_t index);
StageEnd run_eval(RunFolder& run, const RunConfig& config, size_t index);
StageEnd run_export(RunFolder& run, const RunConfig& config, size_t index);
StageEnd run_pretrain(RunFolder& run, const RunConfig& config, size_t index);

/// The config with every stage's model named: its own, `base` replaced by the run's, or stage:NAME of the last stage
/// before it that makes one; and every model of an evaluation with the name that the user knows it by. The copy stands
/// for the same run.
RunConfig resolve_models(RunConfig config);
/// The same with folders and files of the run folder `run` in place of stage:NAME: what the stages are run with.
RunConfig resolve_paths(const RunConfig& config, const std::filesystem::path& run);
/// The model that stage `index` of a resolved config starts from; nothing for one that makes its own.
std::optional<std::string> start_model(const RunConfig& resolved, size_t index);

/// The shape of the model that a pretrain stage makes.
ModelConfig pretrain_model_config(const ArchitectureConfig& architecture);

/// The held-out problems of a stage. All runs are measured on the same ones, whatever their seed.
class HeldOut {
 public:
  /// Throws Error kInput for data that cannot be read.
  HeldOut(const GrpoStage& stage, const PromptTemplate& prompt_template, const Tokenizer& tokenizer);

  /// Completes them with the engine's model, each rank its share; the main one gets the record.
  EvalRecord evaluate(RolloutEngine& engine, int64_t step, dist::ProcessGroup& ranks) const;

 private:
  const EvalConfig& config_;
  SamplingConfig sampling_;
  std::vector<Prompt> problems_;
  std::optional<Judge> judge_;  ///< nothing where there is nothing to measure
};

/// Reports the records of a source that the rewards cannot judge, with their places: a few by name, and how many there
/// are. Throws Error kInput where a reward can judge none.
void check_records(const RecordFile& file, const std::string& source, const RewardSet& rewards);

/// Prints to stdout how the model was before the stage and after it, which was measured after step `after` or last;
/// nothing when it was not measured twice.
void print_before_and_after(const std::vector<EvalRecord>& evals, std::optional<int64_t> after);

}  // namespace hone
