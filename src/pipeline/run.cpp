#include "hone/pipeline/run.h"

#include <fmt/ranges.h>
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

enum class PathOf { kModel, kRewardModel, kFile };

// Calls `each(path, kind, key)` with every path of a stage that names a model or a file.
template <class S, class Each>
void visit_paths(S& stage, const Each& each) {
  if constexpr (requires { stage.model.path; }) {
    if (stage.model.path) each(*stage.model.path, PathOf::kModel, "");
  }
  if constexpr (requires { stage.models; }) {
    for (size_t i = 0; i < stage.models.size(); ++i) {
      each(stage.models[i].path, PathOf::kModel, fmt::format("models.{}/", i));
    }
  }
  if constexpr (requires { stage.data.path; }) each(stage.data.path, PathOf::kFile, "data.path");
  if constexpr (requires { stage.sources; }) {
    for (auto& source : stage.sources) each(source.data.path, PathOf::kFile, "sources." + source.name);
  }
  if constexpr (requires { stage.rewards; }) {
    for (auto& reward : stage.rewards) {
      auto* const model = std::get_if<ModelReward>(&reward.parameters);
      if (model != nullptr) each(model->path, PathOf::kRewardModel, reward.label() + "/");
    }
  }
  if constexpr (requires { *stage.mix.path; }) {
    if (stage.mix.path) each(*stage.mix.path, PathOf::kFile, "mix.path");
  }
  if constexpr (requires { *stage.eval.path; }) {
    if (stage.eval.path) each(*stage.eval.path, PathOf::kFile, "eval.path");
  }
}

// stage:NAME or stage:NAME/FILE.
struct StageReference {
  std::string name, file;
};
std::optional<StageReference> stage_reference(const std::string& path) {
  if (!path.starts_with(kStagePrefix)) return std::nullopt;
  const std::string rest = path.substr(kStagePrefix.size());
  const size_t slash = std::min(rest.find('/'), rest.size());
  return StageReference{rest.substr(0, slash), rest.substr(std::min(slash + 1, rest.size()))};
}

// Notes the hashes of all that a stage reads.
void record_inputs(RunFolder& run, const RunConfig& config, size_t index) {
  const auto record = [&](const std::string& path, PathOf kind, const std::string& key) {
    if (kind != PathOf::kFile) return run.record_model(index, path, key);
    if (!path.starts_with("builtin:")) run.record_input(index, key, path);
  };
  std::visit([&](const auto& stage) { visit_paths(stage, record); }, config.stages[index]);
}

using RunStage = StageEnd (*)(RunFolder& run, const RunConfig& config, size_t index);
RunStage runner(const GrpoStage&) {
  return run_grpo;
}
RunStage runner(const SftStage&) {
  return run_sft;
}
RunStage runner(const RejectionSampleStage&) {
  return run_rejection_sample;
}
RunStage runner(const RewardModelStage&) {
  return run_reward_model;
}
RunStage runner(const EvalStage&) {
  return run_eval;
}
RunStage runner(const ExportStage&) {
  return run_export;
}
RunStage runner(const PretrainStage&) {
  return run_pretrain;
}

// Which stages run, and which of them anew.
struct Selection {
  size_t begin, end;
  size_t redo_begin = 0, redo_end = 0;
};

size_t named_stage(const RunConfig& config, const std::string& option, const std::string& name) {
  const auto index = find_stage(config.stages, name);
  std::vector<std::string> names;
  for (const Stage& stage : config.stages) names.push_back(stage_name(stage));
  HONE_CHECK(index.has_value(), .what = "no such stage", .place = option, .got = "'" + name + "'",
             .expected = fmt::format("{}", fmt::join(names, ", ")));
  return *index;
}

Selection select_stages(const RunConfig& config, const RunRequest& request) {
  HONE_CHECK(!request.only || (!request.from && !request.until), .what = "--only stands alone",
             .hint = "--from NAME --until NAME does one stage again");
  Selection selected{.begin = 0, .end = config.stages.size()};
  if (request.only) {
    selected.begin = named_stage(config, "--only", *request.only);
    selected.end = selected.begin + 1;
  }
  if (request.until) selected.end = named_stage(config, "--until", *request.until) + 1;
  if (request.from) {
    selected.redo_begin = named_stage(config, "--from", *request.from);
    selected.redo_end = selected.end;
    HONE_CHECK(selected.redo_begin < selected.redo_end, .what = "--until names a stage before that of --from",
               .got = fmt::format("--from {} --until {}", *request.from, *request.until));
  }
  return selected;
}

// A stage whose inputs other stages make must find them.
void check_made(const RunFolder& run, const RunConfig& named, size_t index) {
  const auto check = [&](const std::string& path, PathOf, const std::string&) {
    const auto from = stage_reference(path);
    HONE_CHECK(!from || run.finished(*find_stage(named.stages, from->name)),
               .what = "a stage that is needed is not finished", .place = stage_name(named.stages[index]), .got = path,
               .hint = "run without --only");
  };
  std::visit([&](const auto& stage) { visit_paths(stage, check); }, named.stages[index]);
}

StageEnd run_stages(RunFolder& run, const RunConfig& asked, const Selection& selected) {
  const RunConfig named = resolve_models(asked), config = resolve_paths(asked, run.path());
  for (size_t i = selected.begin; i < selected.end; ++i) {
    StageStatus& status = run.stage(i);
    check_made(run, named, i);
    record_inputs(run, config, i);
    if (status.status == "finished") continue;
    run.save_manifest();
    const RunStage run_stage = std::visit([](const auto& s) { return runner(s); }, config.stages[i]);
    if (run_stage(run, config, i) == StageEnd::kStopped) return StageEnd::kStopped;
    status.status = "finished";
    status.step = status.steps;
    run.save_stage_manifest(i);
    run.save_state("running");
  }
  return StageEnd::kFinished;
}

}  // namespace

RunConfig resolve_models(RunConfig config) {
  std::optional<std::string> current = config.model.path;
  const auto resolve = [&](auto& stage) {
    if constexpr (requires { stage.model.path; }) {
      if (!stage.model.path) stage.model.path = current;
    }
    if constexpr (requires { stage.models; }) {
      for (EvaluatedModelConfig& model : stage.models) model.name = model.name.value_or(model.path);
    }
    visit_paths(stage, [&](std::string& path, PathOf kind, const std::string&) {
      if (kind == PathOf::kModel && path == kBaseModel) path = *config.model.path;
    });
  };
  for (Stage& stage : config.stages) {
    std::visit(resolve, stage);
    if (makes_model(stage)) current = std::string(kStagePrefix) + stage_name(stage);
  }
  return config;
}

RunConfig resolve_paths(const RunConfig& asked, const fs::path& run) {
  RunConfig config = resolve_models(asked);
  const auto replace = [&](std::string& path, PathOf kind, const std::string&) {
    if (const auto from = stage_reference(path)) {
      const fs::path folder = stage_folder(run, *find_stage(asked.stages, from->name), from->name);
      path = (folder / (kind == PathOf::kFile ? from->file : "model")).string();
    } else if (kind == PathOf::kModel) {
      path = model_folder(path);
    }
  };
  for (Stage& stage : config.stages) {
    std::visit([&](auto& s) { visit_paths(s, replace); }, stage);
  }
  return config;
}

std::optional<std::string> start_model(const RunConfig& config, size_t index) {
  return std::visit(
      [](const auto& stage) -> std::optional<std::string> {
        if constexpr (requires { stage.model.path; }) return stage.model.path;
        return std::nullopt;
      },
      config.stages[index]);
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
  const Selection selected = select_stages(config, request);
  dist::ProcessGroup ranks(dist::launch_environment(), std::chrono::seconds(config.runtime.ddp_timeout));
  std::optional<LogRedirect> quiet;
  if (!ranks.is_main()) quiet.emplace([](std::string_view) {});
  RunFolder run(request.output.empty() ? fs::path("runs") / config.name : fs::path(request.output), config,
                {.fresh = request.fresh, .redo_begin = selected.redo_begin, .redo_end = selected.redo_end}, ranks);
  try {
    if (run_stages(run, config, selected) == StageEnd::kStopped) {
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
  const bool all = run.all_finished();
  run.save_state(all ? "finished" : "paused");
  ranks.barrier();
  log_info(
      fmt::format("{}; everything is in {}", all ? "finished" : "the chosen stages are done", run.path().string()));
  return 0;
}

}  // namespace hone
