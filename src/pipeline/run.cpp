#include "hone/pipeline/run.h"

#include <ATen/Parallel.h>
#include <malloc.h>

#include "hone/core/error.h"
#include "hone/pipeline/config.h"
#include "pipeline/run_folder.h"
#include "pipeline/signals.h"
#include "pipeline/stage.h"

namespace hone {
namespace {

namespace fs = std::filesystem;

void prepare_process(const RunConfig& config) {
  // Activations are allocated and freed all the time: memory that stays with the process is not faulted in again on every step.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  if (config.runtime.threads) at::set_num_threads(static_cast<int>(*config.runtime.threads));
  install_signal_handlers();
}

// The model that stage `index` starts from: its own, the one of the stage before, or the run's.
StageInput input_of(const RunFolder& run, const RunConfig& config, size_t index) {
  const auto* grpo = std::get_if<GrpoStage>(&config.stages[index]);
  if (grpo != nullptr && grpo->model.path) return {model_folder(*grpo->model.path)};
  if (index > 0) return {(run.stage_path(index - 1) / "model").string()};
  return {model_folder(config.model.path.value_or(std::string(kBuiltinMiniature)))};
}

StageEnd run_stage(RunFolder& run, const RunConfig& config, size_t index) {
  if (std::holds_alternative<PretrainStage>(config.stages[index])) return run_pretrain(run, config, index);
  return run_grpo(run, config, index, input_of(run, config, index));
}

}  // namespace

int run_pipeline(const RunRequest& request) {
  const RunConfig config = load_run_config(request.config, request.overrides);
  prepare_process(config);
  const fs::path folder = request.output.empty() ? fs::path("runs") / config.name : fs::path(request.output);
  RunFolder run(folder, config, request.fresh);
  try {
    for (size_t i = 0; i < config.stages.size(); ++i) {
      StageStatus& status = run.stage(i);
      if (status.status == "finished") continue;
      if (run_stage(run, config, i) == StageEnd::kStopped) {
        const int signal = stop_signal();
        run.save_state(fmt::format("stopped by signal {}", signal));
        fmt::print(stderr, "hone: stopped by signal {} after saving; `hone run` again continues\n", signal);
        return 128 + signal;
      }
      status.status = "finished";
      status.step = status.steps;
      run.save_state("running");
    }
  } catch (const std::exception& error) {
    run.save_state(fmt::format("failed: {}", error.what()));
    throw;
  }
  run.save_state("finished");
  fmt::print(stderr, "hone: finished; everything is in {}\n", folder.string());
  return 0;
}

}  // namespace hone
