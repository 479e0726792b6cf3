#include "hone/pipeline/run.h"

#include <malloc.h>

#include <chrono>

#include "hone/core/error.h"
#include "hone/core/log.h"
#include "hone/dist/process_group.h"
#include "hone/kernels/parallel.h"
#include "hone/pipeline/config.h"
#include "pipeline/run_folder.h"
#include "pipeline/signals.h"
#include "pipeline/stage.h"

namespace hone {
namespace {

namespace fs = std::filesystem;

// The model from outside that stage `index` starts from: its own, or the run's for the first stage. Nothing: that of
// the stage before.
std::optional<std::string> outside_model(const RunConfig& config, size_t index) {
  const auto* const own = std::visit(
      [](const auto& stage) -> const std::optional<std::string>* {
        if constexpr (requires { stage.model.path; }) return &stage.model.path;
        return nullptr;
      },
      config.stages[index]);
  if (own != nullptr && *own) return model_folder(**own);
  if (index == 0 && config.model.path) return model_folder(*config.model.path);
  return std::nullopt;
}

// Files of records that a stage reads.
template <class S>
void record_data(RunFolder& run, size_t index, const S& stage) {
  const auto record = [&](const char* key, const std::string& path) {
    if (!path.starts_with("builtin:")) run.record_input(index, key, path);
  };
  record("data.path", stage.data.path);
  if constexpr (requires { stage.eval.path; }) {
    if (stage.eval.path) record("eval.path", *stage.eval.path);
  }
}

StageEnd run_stage(RunFolder& run, const RunConfig& config, size_t index) {
  const Stage& stage = config.stages[index];
  if (std::holds_alternative<PretrainStage>(stage)) return run_pretrain(run, config, index);
  const auto outside = outside_model(config, index);
  if (outside) run.record_model(index, *outside);
  std::visit([&](const auto& s) { record_data(run, index, s); }, stage);
  run.save_manifest();
  const std::string start = *start_model(run.path(), config, index);
  return std::holds_alternative<SftStage>(stage) ? run_sft(run, config, index, start)
                                                 : run_grpo(run, config, index, start);
}

StageEnd run_stages(RunFolder& run, const RunConfig& config) {
  for (size_t i = 0; i < config.stages.size(); ++i) {
    StageStatus& status = run.stage(i);
    if (status.status == "finished") continue;
    if (run_stage(run, config, i) == StageEnd::kStopped) return StageEnd::kStopped;
    status.status = "finished";
    status.step = status.steps;
    run.save_state("running");
  }
  return StageEnd::kFinished;
}

// Refuses what several ranks cannot do together yet.
void check_ranks(const RunConfig& config, const dist::ProcessGroup& ranks) {
  if (ranks.size() == 1) return;
  for (const Stage& stage : config.stages) {
    HONE_CHECK(std::holds_alternative<GrpoStage>(stage) || std::holds_alternative<SftStage>(stage),
               .what = fmt::format("the stage '{}' runs on one rank only so far", stage_name(stage)),
               .got = fmt::format("{} ranks", ranks.size()), .expected = "stages of type grpo or sft");
  }
}

}  // namespace

std::optional<std::string> start_model(const fs::path& run, const RunConfig& config, size_t index) {
  if (std::holds_alternative<PretrainStage>(config.stages[index])) return std::nullopt;
  if (auto outside = outside_model(config, index)) return outside;
  return (stage_folder(run, index - 1, stage_name(config.stages[index - 1])) / "model").string();
}

std::string model_folder(const std::string& path) {
  if (path != kBuiltinMiniature) return path;
  const fs::path program = fs::canonical("/proc/self/exe");
  const fs::path folder = program.parent_path().parent_path() / "share/hone/miniature";
  HONE_CHECK(fs::exists(folder / "config.json"), .what = "the built-in model is not beside the program",
             .place = folder.string(), .hint = "keep bin/ and share/ of the build or installation together");
  return folder.string();
}

void prepare_process(const std::optional<int64_t>& threads) {
  // Activations come and go all the time: memory that stays with the process is not faulted in again at every step.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  if (threads) kernels::set_num_threads(static_cast<int>(*threads));
}

int run_pipeline(const RunRequest& request) {
  const RunConfig config = load_run_config(request.config, request.overrides);
  prepare_process(config.runtime.threads);
  install_signal_handlers();
  dist::ProcessGroup ranks(dist::launch_environment(), std::chrono::seconds(config.runtime.ddp_timeout));
  check_ranks(config, ranks);
  std::optional<LogRedirect> quiet;
  if (!ranks.is_main()) quiet.emplace([](std::string_view) {});
  RunFolder run(request.output.empty() ? fs::path("runs") / config.name : fs::path(request.output), config,
                request.fresh, ranks);
  try {
    if (run_stages(run, config) == StageEnd::kStopped) {
      const int signal = stop_signal();
      run.save_state(fmt::format("stopped by signal {}", signal));
      ranks.barrier();  // nobody leaves before the main rank has saved
      log_info(fmt::format("stopped by signal {} after saving; `hone run` again continues", signal));
      return 128 + signal;
    }
  } catch (const std::exception& error) {
    run.save_state(fmt::format("failed: {}", error.what()));
    throw;
  }
  run.save_state("finished");
  ranks.barrier();
  log_info(fmt::format("finished; everything is in {}", run.path().string()));
  return 0;
}

}  // namespace hone
