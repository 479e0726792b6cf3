#include <ATen/core/grad_mode.h>

#include "hone/checkpoint/checkpoint.h"
#include "hone/core/error.h"
#include "hone/core/file.h"
#include "hone/core/log.h"
#include "hone/pipeline/run.h"
#include "pipeline/model_files.h"
#include "pipeline/run_folder.h"
#include "pipeline/stage.h"

namespace hone {
namespace {

namespace fs = std::filesystem;

bool has_model(const fs::path& stage) {
  return fs::exists(stage / "model" / "config.json");
}

bool has_checkpoints(const fs::path& stage) {
  return fs::is_directory(stage / "checkpoints") && !fs::is_empty(stage / "checkpoints");
}

size_t saved_stage(const fs::path& run, const RunConfig& config, const std::optional<std::string>& name) {
  for (size_t i = config.stages.size(); i-- > 0;) {
    const std::string& own = stage_name(config.stages[i]);
    const fs::path folder = stage_folder(run, i, own);
    if (name ? *name == own : has_model(folder) || has_checkpoints(folder)) return i;
  }
  throw_input({.what = name ? fmt::format("the run has no stage '{}'", *name) : "no stage has saved anything yet",
               .place = run.string()});
}

// From the state of a stage that is not finished, or of an earlier step.
void export_checkpoint(const fs::path& run, const RunConfig& config, size_t index, const std::optional<int64_t>& step,
                       const fs::path& output) {
  const fs::path folder = stage_folder(run, index, stage_name(config.stages[index]));
  HONE_CHECK(has_checkpoints(folder), .what = "the stage has saved nothing yet", .place = folder.string());
  CheckpointStore store(folder / "checkpoints", /*keep=*/2);
  const auto newest = step ? std::optional(store.load(*step)) : store.load_newest().checkpoint;
  HONE_CHECK(newest.has_value(), .what = "all checkpoints of the stage are damaged", .place = folder.string());
  const auto start = start_model(resolve_paths(config, run), index);
  const fs::path source = start ? fs::path(*start) : folder / "tokenizer";
  Model model(start ? ModelConfig::load(*start)
                    : pretrain_model_config(std::get<PretrainStage>(config.stages[index]).architecture),
              /*trains=*/false);
  HONE_CHECK(newest->state.elements("parameters") == model.flat().numel(),
             .what = "the checkpoint is of a model of another shape", .place = folder.string());
  newest->state.read("parameters", 0, model.flat());
  model.save(output.string());
  copy_text_files(source, output);
}

}  // namespace

StageEnd run_export(RunFolder& run, const RunConfig& config, size_t index) {
  const auto& stage = std::get<ExportStage>(config.stages[index]);
  if (!run.ranks().is_main()) return StageEnd::kFinished;
  const fs::path target(stage.path), marker = target / "config.json";
  HONE_CHECK(!fs::exists(target) || (fs::is_directory(target) && (fs::is_empty(target) || fs::exists(marker))),
             .what = "the folder holds other files", .place = stage.path,
             .expected = "a new or empty folder, or a model");
  create_folders(target);
  create_folders(run.stage_path(index));
  copy_model(*stage.model.path, target);
  log_info(fmt::format("the model is in {}", stage.path));
  return StageEnd::kFinished;
}

void export_model(const std::string& run, const std::optional<std::string>& stage, const std::optional<int64_t>& step,
                  const std::string& output) {
  RunState::load(run);  // is it one?
  const fs::path target(output);
  HONE_CHECK(!fs::exists(target) || (fs::is_directory(target) && fs::is_empty(target)),
             .what = "the folder is not empty", .place = output, .got = {}, .expected = "a new or empty folder");
  const RunConfig config = load_run_config((fs::path(run) / "config.yaml").string());
  const size_t index = saved_stage(run, config, stage);
  const fs::path model = stage_folder(run, index, stage_name(config.stages[index])) / "model";
  create_folders(target);
  if (step || !fs::exists(model / "config.json")) {
    export_checkpoint(run, config, index, step, target);
    return;
  }
  copy_model(model, target);
}

}  // namespace hone
