// Runs a config: its stages one after the other in a run folder, going on where an earlier process stopped.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace hone {

struct RunRequest {
  std::string config;                  ///< YAML or JSON file
  std::vector<std::string> overrides;  ///< section.key=value
  std::string output;                  ///< run folder; empty: runs/<name in config>
  bool fresh = false;                  ///< the folder must be new or empty
  std::optional<std::string> from;     ///< this stage and those after it are done again
  std::optional<std::string> until;    ///< the run ends after this stage
  std::optional<std::string> only;     ///< only this stage runs
};

/// Returns the exit code: 0 when all stages are done, 128 + n when signal n stopped the run after saving. Throws Error
/// otherwise.
int run_pipeline(const RunRequest& request);

/// What run_pipeline() would do, as text: stages, steps, tokens, memory, disk. Loads config, tokenizer, data and the
/// shapes of models, and writes nothing. Throws Error kInput as run_pipeline() would before its first step.
std::string plan_run(const RunRequest& request);

/// What `hone status` prints: stages, steps, last metrics, newest checkpoint, how the run ended.
std::string describe_run(const std::string& folder, bool json);

/// Writes a Hugging Face model folder of a stage of a run: of its finished model, or of the checkpoint of `step`.
/// Without `stage` it is the last one that has got so far; without `step` and a finished model the newest checkpoint.
/// `output` must be new or empty. Throws Error kInput for what is not there.
void export_model(const std::string& run, const std::optional<std::string>& stage, const std::optional<int64_t>& step,
                  const std::string& output);

/// "builtin:miniature" or a path, as the folder that holds the model. Throws Error kInput when the built-in one is not
/// beside the program.
std::string model_folder(const std::string& path);

/// Settings of the process: threads (nothing: all cores it may use) and the allocator. Call before tensors are made.
void prepare_process(const std::optional<int64_t>& threads);

}  // namespace hone
