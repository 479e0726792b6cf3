#include "hone/pipeline/config.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "hone/core/config_file.h"
#include "pipeline/config_check.h"

namespace hone {

namespace fs = std::filesystem;

const std::string& stage_name(const Stage& stage) {
  return std::visit([](const auto& s) -> const std::string& { return s.name; }, stage);
}

std::string_view stage_type(const Stage& stage) {
  return std::visit([](const auto& s) { return std::decay_t<decltype(s)>::kType; }, stage);
}

int64_t stage_steps(const Stage& stage) {
  return std::visit(
      [](const auto& s) -> int64_t {
        if constexpr (requires { s.steps; }) return std::optional<int64_t>(s.steps).value_or(0);
        if constexpr (requires { s.models; }) return static_cast<int64_t>(s.models.size());
        return std::is_same_v<decltype(s), const ExportStage&> ? 1 : 0;
      },
      stage);
}

const CheckpointConfig& checkpoint_config(const Stage& stage) {
  return std::visit([](const auto& s) -> const CheckpointConfig& { return s.checkpoint; }, stage);
}

bool makes_model(const Stage& stage) {
  return std::holds_alternative<GrpoStage>(stage) || std::holds_alternative<SftStage>(stage) ||
         std::holds_alternative<PretrainStage>(stage);
}

std::optional<size_t> find_stage(const std::vector<Stage>& stages, std::string_view name) {
  const auto found = std::ranges::find_if(stages, [&](const Stage& s) { return stage_name(s) == name; });
  return found == stages.end() ? std::nullopt : std::optional(static_cast<size_t>(found - stages.begin()));
}

void describe(ConfigVisitor& v, ModelSourceConfig& c) {
  v.field("path", c.path, any_value(), "",
          "The model the first stage starts from: builtin:miniature or a model folder; later stages start from the one "
          "before.");
  v.field("source", c.source, any_value(), "",
          "Where the model comes from, for people: with it, `hone validate` lets the folder be absent.");
  v.field("dtype", c.dtype, any_value(), "", "Type of weights and activations.");
}

void describe(ConfigVisitor& v, StageModelConfig& c) {
  v.field("path", c.path, any_value(), "",
          "The model this stage starts from: stage:NAME, base (the run's model.path), or as model.path; null for the "
          "model of the stage before.");
  v.field("source", c.source, any_value(), "", "Where the model comes from, as in the run's model.source.");
}

void describe(ConfigVisitor& v, RuntimeConfig& c) {
  v.field("device", c.device, any_value(), "", "Where the model runs.");
  v.field("threads", c.threads, between(1, 1024), "threads", "Null for all the cores that the process may use.");
  v.field("ddp_timeout", c.ddp_timeout, between(1, 30 * 24 * 3600), "s",
          "How long a rank waits for the others before the run ends.");
  v.field("zero_stage", c.zero_stage, between(0, 3), "",
          "What several ranks hold in shares rather than each whole: nothing (0), the optimizer's moments (1), "
          "gradients too (2), weights too (3).");
}

void describe(ConfigVisitor& v, LoggingConfig& c) {
  v.field("tensorboard", c.tensorboard, any_value(), "", "Writes TensorBoard events beside metrics.jsonl.");
  v.field("tensorboard_names", c.tensorboard_names, any_value(), "",
          "Whose names the curves in TensorBoard carry; metrics.jsonl always has TRL's.");
  v.field("samples_per_step", c.samples_per_step, at_least(0), "completions",
          "Completions written to samples.jsonl at each step; null for all.");
}

void describe(ConfigVisitor& v, GuardConfig& c) {
  v.field("max_nonfinite_updates", c.max_nonfinite_updates, at_least(1), "updates",
          "Stops after so many updates in a row whose loss or gradient was not finite; null for never.");
  v.field("max_no_signal_steps", c.max_no_signal_steps, at_least(1), "steps",
          "Stops after so many steps in a row in which all rewards of every group were equal; null for never.");
  v.field("max_no_stop_steps", c.max_no_stop_steps, at_least(1), "steps",
          "Stops after so many steps in a row in which every completion was cut off; null for never.");
}

void describe(ConfigVisitor& v, Stage& c) {
  v.tagged("type", c, "What the stage does.");
}

void describe(ConfigVisitor& v, RunConfig& c) {
  v.field("name", c.name, any_value(), "", "Name of the run, and of its folder in runs/; by default that of the file.");
  v.field("seed", c.seed, between(0, 9007199254740992.0), "", "Everything random follows from it.");
  v.section("model", c.model, "The starting model.");
  v.list("stages", c.stages, "What is done: one 'stage', or 'stages', a list of them that run one after the other.",
         "stage");
  v.section("runtime", c.runtime, "Device and threads; changes speed only.");
  v.section("logging", c.logging, "What is written while it runs.");
}

namespace {

// Puts the stage of another file in the place of { name, config: other.yaml }; the path is relative to this file. Of
// the other file only the stage is used, but all of it is checked.
void include_stages(ConfigFile& file, const fs::path& folder) {
  for (size_t i = 0; i < file.size("stages"); ++i) {
    const std::string at = "stages." + std::to_string(i);
    if (!file.has(at + ".config")) continue;
    const auto path = file.text(at + ".config");
    const std::vector<std::string> keys = file.keys(at);
    const bool alone = std::ranges::all_of(keys, [](const std::string& k) { return k == "name" || k == "config"; });
    if (!path || !alone) {
      file.report(at + ".config", {.what = at + ": not a stage from another file",
                                   .expected = "{ name: NAME, config: FILE } and no other key",
                                   .hint = "change keys of the stage with --set"});
      file.ignore(at);
      continue;
    }
    try {
      ConfigFile other(folder / *path);
      if (other.has("stage")) {
        RunConfig scratch;
        other.read(scratch);
        file.include(at, other, "stage", "name");
        continue;
      }
      file.report(at + ".config", {.what = fmt::format("{} has no 'stage'", *path)});
    } catch (const Error& error) {
      file.report(error);
    }
    file.ignore(at);
  }
}

RunConfig resolve(ConfigFile& file, const fs::path& path, const std::vector<std::string>& overrides,
                  std::vector<std::string>* absent) {
  include_stages(file, path.parent_path());
  for (const std::string& assignment : overrides) file.set(assignment);
  RunConfig config;
  file.read(config);
  if (config.name.empty()) config.name = path.stem().string();
  check_run(file, config, absent);
  file.throw_problems();
  return config;
}

}  // namespace

RunConfig load_run_config(const std::string& path, const std::vector<std::string>& overrides,
                          std::vector<std::string>* absent) {
  ConfigFile file{fs::path(path)};
  return resolve(file, path, overrides, absent);
}

RunConfig parse_run_config(const std::string& name, const std::string& text, std::vector<std::string>* absent) {
  ConfigFile file(name, text);
  return resolve(file, name, {}, absent);
}

std::string to_yaml(const RunConfig& config) {
  RunConfig copy = config;
  return config_yaml([&](ConfigVisitor& v) { describe(v, copy); });
}

}  // namespace hone
