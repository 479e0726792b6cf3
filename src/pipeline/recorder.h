// The files of one stage of a run: metrics.jsonl, samples.jsonl, eval.jsonl, TensorBoard events, checkpoints, the
// finished model; and the line that a person watches. Decides when to save and when to stop, for all ranks; only the
// main one writes. One thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hone/checkpoint/checkpoint.h"
#include "hone/model/model.h"
#include "hone/model/safetensors.h"
#include "hone/pipeline/config.h"
#include "hone/report/evals.h"
#include "hone/report/metrics.h"
#include "pipeline/best_model.h"
#include "pipeline/run_folder.h"

namespace hone {

class StageRecorder {
 public:
  /// Creates the stage's folder and removes what dead runs left half written in it.
  StageRecorder(RunFolder& run, const RunConfig& config, size_t index);
  ~StageRecorder();

  /// The newest valid checkpoint, or nothing when the stage starts. The logs are cut back to it, so that no step is in
  /// them twice and none is missing. `state` is what a checkpoint will hold: a disk that cannot hold two and the
  /// model is refused here. Throws Error kInput.
  std::optional<Checkpoint> resume(const State& state);
  /// Ends a step: logs, shows, and saves when due, asked for (SIGUSR1) or stopping; `state` is made only to be saved.
  /// A save that fails is tried again after the next step, and ends the run when it keeps failing. True: stop now.
  bool end_step(int64_t step, StepMetrics metrics, const std::function<State()>& state);
  /// One line of eval.jsonl; its measures also join the TensorBoard events of the step.
  void add_eval(EvalRecord record);
  /// One line of samples.jsonl.
  void add_sample(std::string_view json);
  /// Keeps tensors that explain a failure: FOLDER/NAME-step-000012.safetensors. Returns the path.
  std::string dump(std::string_view name, int64_t step, const NamedTensors& tensors);
  /// Ends the stage: publishes model/ (weights and config of `model`; tokenizer and templates from `source_folder`) and
  /// closes the logs. With load_best_model_at_end the best checkpoint's weights take the place of the model's first.
  void finish(Model& model, const std::string& source_folder);
  /// The same for a stage that makes no model.
  void finish();

  const std::vector<EvalRecord>& evals() const { return evals_; }
  /// Early stopping: no step is to follow. The same on all ranks, and known again after resume().
  bool ends_early() const { return ends_early_; }
  /// The evaluation of the model that the stage leaves; the last one where that is the last model.
  std::optional<int64_t> best_step() const { return checkpoint_.load_best_model_at_end ? best_.step : std::nullopt; }
  const std::filesystem::path& folder() const { return folder_; }

 private:
  struct Logs;
  std::optional<Checkpoint> resume_main(uint64_t checkpoint_bytes);
  bool agree_to_stop() const;
  void agree_on_early_stop();
  void load_best(Model& model) const;
  void record_step(int64_t step, StepMetrics metrics);
  void try_to_save(int64_t step, const std::function<State()>& state, bool must);
  void save(int64_t step, State state);
  std::string eval_lines() const;

  RunFolder& run_;
  const LoggingConfig& logging_;
  const size_t index_;
  const CheckpointConfig& checkpoint_;
  std::filesystem::path folder_;
  const bool spread_;  ///< ranks hold pieces of the state: all of them save
  CheckpointStore store_;
  std::unique_ptr<Logs> logs_;
  std::vector<EvalRecord> evals_;
  BestModel best_;  ///< by them
  bool ends_early_ = false;
  double save_seconds_ = 0;
  int failed_saves_ = 0;  ///< in a row
};

}  // namespace hone
