// What every stage is given, and what all stages share: their folder, their logs, when to save and when to stop.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hone/checkpoint/checkpoint.h"
#include "hone/core/file.h"
#include "hone/data/records.h"
#include "hone/eval/evaluate.h"
#include "hone/model/model.h"
#include "hone/pipeline/config.h"
#include "hone/rollout/engine.h"
#include "hone/tokenizer/tokenizer.h"
#include "pipeline/run_folder.h"

namespace hone {

/// A stage's input: a Hugging Face folder.
struct StageInput {
  std::string model_folder;
};

/// What one step measured, in the order of the log.
using Metrics = std::vector<std::pair<std::string, double>>;

enum class StageEnd { kFinished, kStopped };

StageEnd run_grpo(RunFolder& run, const RunConfig& config, size_t index, const StageInput& input);
StageEnd run_pretrain(RunFolder& run, const RunConfig& config, size_t index);

/// "builtin:miniature" or a path, as the folder that holds it.
std::string model_folder(const std::string& path);

/// Held-out problems through a stage's model, as its section `eval` says.
EvalResult evaluate_model(const Model& model, const Tokenizer& tokenizer, const std::string& prompt_template, const EvalConfig& config,
                          const DataConfig& data, SamplingConfig sampling);

/// The run's files for one stage. A checkpoint records how long each log was, and resuming cuts them back, so no step is there twice and
/// none is missing.
class StageRecorder {
 public:
  StageRecorder(RunFolder& run, const RunConfig& config, size_t index, const CheckpointConfig& checkpoint);
  ~StageRecorder();

  /// The newest valid checkpoint, with the logs cut back to it; nothing when the stage starts.
  std::optional<Checkpoint> resume();
  /// Call after every step: logs, saves when due or asked for. `state` is made only when it is saved. Returns true when the run must stop.
  bool end_step(int64_t step, Metrics metrics, const std::function<State()>& state);
  /// One line of eval.jsonl: the measures of `result`, and its first problem with the completion.
  void add_eval(int64_t step, const EvalResult& result);
  /// The first and the last line of eval.jsonl as a table, with one sample each.
  std::string before_and_after() const;
  /// One line of samples.jsonl.
  void add_sample(const std::string& json_line);
  /// Publishes the stage's model/ folder: weights, config, tokenizer and templates.
  void publish_model(const Model& model, const std::string& source_folder);

 private:
  struct Files;
  void save(int64_t step, State state);

  RunFolder& run_;
  const RunConfig& config_;
  size_t index_;
  CheckpointConfig checkpoint_;
  std::filesystem::path folder_;
  CheckpointStore store_;
  std::unique_ptr<Files> files_;
  std::string evals_;  ///< the lines of eval.jsonl
  double save_seconds_ = 0;
};

}  // namespace hone
