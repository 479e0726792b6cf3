// The stages of a run, and what they share.
#pragma once

#include <string>

#include "hone/model/model_config.h"
#include "hone/pipeline/config.h"
#include "hone/report/evals.h"
#include "hone/rollout/engine.h"
#include "hone/tokenizer/tokenizer.h"
#include "pipeline/run_folder.h"

namespace hone {

enum class StageEnd { kFinished, kStopped };

/// Runs stage `index` from where it was; kStopped when a signal ended it after saving. `model_folder` is the Hugging
/// Face folder it starts from.
StageEnd run_grpo(RunFolder& run, const RunConfig& config, size_t index, const std::string& model_folder);
StageEnd run_pretrain(RunFolder& run, const RunConfig& config, size_t index);

/// The shape of the model that a pretrain stage makes.
ModelConfig pretrain_model_config(const ArchitectureConfig& architecture);

/// What stays the same between the evaluations of a stage.
struct Evaluation {
  const EvalConfig& config;
  const DataConfig& data;
  const SamplingConfig& sampling;
  std::string prompt_template;
};
/// Held-out problems through the engine's model. All runs are measured on the same problems, whatever their seed.
EvalRecord evaluate_model(RolloutEngine& engine, const Tokenizer& tokenizer, const Evaluation& evaluation,
                          int64_t step);

/// Prints to stdout how the model was before the stage and after it; nothing when it was not measured twice.
void print_before_and_after(const std::vector<EvalRecord>& evals);

}  // namespace hone
