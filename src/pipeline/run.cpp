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

// Paths of models and data of `stage` with stage:NAME and base in place, as `replace(path, is_model)` gives them.
template <class S, class F>
void replace_paths(S& stage, const F& replace) {
  if constexpr (requires { stage.model.path; }) {
    if (stage.model.path) *stage.model.path = replace(*stage.model.path, /*is_model=*/true);
  }
  if constexpr (requires { stage.models; }) {
    for (EvaluatedModelConfig& model : stage.models) model.path = replace(model.path, /*is_model=*/true);
  }
  if constexpr (requires { stage.data.path; }) stage.data.path = replace(stage.data.path, /*is_model=*/false);
  if constexpr (requires { stage.sources; }) {
    for (SourceConfig& source : stage.sources) source.data.path = replace(source.data.path, /*is_model=*/false);
  }
  if constexpr (requires { stage.rewards; }) {
    for (RewardConfig& reward : stage.rewards) {
      if (auto* model = std::get_if<ModelReward>(&reward.parameters)) {
        if (model->path.starts_with(kStagePrefix)) model->path = replace(model->path, /*is_model=*/true);
      }
    }
  }
  if constexpr (requires { stage.mix.path; }) {
    if (stage.mix.path) *stage.mix.path = replace(*stage.mix.path, /*is_model=*/false);
  }
  if constexpr (requires { *stage.eval.path; }) {
    if (stage.eval.path) *stage.eval.path = replace(*stage.eval.path, /*is_model=*/false);
  }
}

// Notes the hashes of all that a stage reads.
template <class S>
void record_inputs(RunFolder& run, size_t index, const S& stage) {
  if constexpr (requires { stage.model.path; }) run.record_model(index, *stage.model.path);
  if constexpr (requires { stage.models; }) {
    for (size_t i = 0; i < stage.models.size(); ++i) {
      run.record_model(index, stage.models[i].path, fmt::format("models.{}/", i));
    }
  }
  const auto record = [&](const char* key, const std::string& path) {
    if (!path.starts_with("builtin:")) run.record_input(index, key, path);
  };
  if constexpr (requires { stage.data.path; }) record("data.path", stage.data.path);
  if constexpr (requires { stage.sources; }) {
    for (const SourceConfig& s : stage.sources) record(("sources." + s.name).c_str(), s.data.path);
  }
  if constexpr (requires { stage.rewards; }) {
    for (const RewardConfig& reward : stage.rewards) {
      const auto* model = std::get_if<ModelReward>(&reward.parameters);
      if (model != nullptr) run.record_model(index, model->path, reward.label() + "/");
    }
  }
  if constexpr (requires { *stage.mix.path; }) {
    if (stage.mix.path) record("mix.path", *stage.mix.path);
  }
  if constexpr (requires { *stage.eval.path; }) {
    if (stage.eval.path) record("eval.path", *stage.eval.path);
  }
}

StageEnd run_stage(RunFolder& run, const RunConfig& config, const RunConfig& asked, size_t index) {
  const Stage& stage = config.stages[index];
  if (std::holds_alternative<PretrainStage>(stage)) return run_pretrain(run, config, index);
  if (std::holds_alternative<RejectionSampleStage>(stage)) return run_rejection_sample(run, config, index);
  if (std::holds_alternative<RewardModelStage>(stage)) return run_reward_model(run, config, index);
  if (std::holds_alternative<EvalStage>(stage)) return run_eval(run, config, asked, index);
  if (std::holds_alternative<ExportStage>(stage)) return run_export(run, config, index);
  const std::string start = *start_model(config, index);
  return std::holds_alternative<SftStage>(stage) ? run_sft(run, config, index, start)
                                                 : run_grpo(run, config, index, start);
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
void check_made(const RunFolder& run, const RunConfig& asked, size_t index) {
  Stage copy = asked.stages[index];
  const auto check = [&](const std::string& path, bool) {
    if (path.starts_with(kStagePrefix)) {
      const std::string rest = path.substr(kStagePrefix.size()), name = rest.substr(0, rest.find('/'));
      HONE_CHECK(run.finished(*find_stage(asked.stages, name)), .what = "a stage that is needed is not finished",
                 .place = stage_name(copy), .got = path, .hint = "run without --only");
    }
    return path;
  };
  std::visit([&](auto& stage) { replace_paths(stage, check); }, copy);
}

StageEnd run_stages(RunFolder& run, const RunConfig& asked, const Selection& selected) {
  const RunConfig config = resolve_paths(asked, run.path());
  for (size_t i = selected.begin; i < selected.end; ++i) {
    StageStatus& status = run.stage(i);
    check_made(run, resolve_models(asked), i);
    std::visit([&](const auto& s) { record_inputs(run, i, s); }, config.stages[i]);
    if (status.status == "finished") continue;
    run.save_manifest();
    if (run_stage(run, config, asked, i) == StageEnd::kStopped) return StageEnd::kStopped;
    status.status = "finished";
    status.step = status.steps;
    run.save_stage_manifest(i);
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

RunConfig resolve_models(RunConfig config) {
  std::optional<std::string> current = config.model.path;
  for (Stage& stage : config.stages) {
    std::visit(
        [&](auto& s) {
          if constexpr (requires { s.model.path; }) {
            if (!s.model.path) s.model.path = current;
          }
          replace_paths(s, [&](const std::string& path, bool is_model) {
            return is_model && path == kBaseModel ? *config.model.path : path;
          });
        },
        stage);
    if (makes_model(stage)) current = std::string(kStagePrefix) + stage_name(stage);
  }
  return config;
}

RunConfig resolve_paths(const RunConfig& asked, const fs::path& run) {
  RunConfig config = resolve_models(asked);
  const auto replace = [&](const std::string& path, bool is_model) {
    if (!path.starts_with(kStagePrefix)) return is_model ? model_folder(path) : path;
    const std::string rest = path.substr(kStagePrefix.size());
    const std::string name = rest.substr(0, rest.find('/'));
    const fs::path folder = stage_folder(run, *find_stage(asked.stages, name), name);
    return (folder / (is_model ? "model" : rest.substr(name.size() + 1))).string();
  };
  for (Stage& stage : config.stages) {
    std::visit([&](auto& s) { replace_paths(s, replace); }, stage);
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
  check_ranks(config, ranks);
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
