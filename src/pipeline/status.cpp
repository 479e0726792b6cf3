#include <algorithm>
#include <nlohmann/json.hpp>

#include "hone/core/file.h"
#include "hone/pipeline/run.h"
#include "hone/report/progress.h"
#include "pipeline/run_folder.h"

namespace hone {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string newest_checkpoint(const fs::path& stage) {
  std::string newest;
  if (!fs::is_directory(stage / "checkpoints")) return newest;
  for (const auto& entry : fs::directory_iterator(stage / "checkpoints")) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("step-")) newest = std::max(newest, name);
  }
  return newest;
}

// The last complete line of metrics.jsonl.
Json last_metrics(const fs::path& stage) {
  if (!fs::exists(stage / "metrics.jsonl")) return {};
  const MappedFile file(stage / "metrics.jsonl");
  std::string_view text = file.bytes().substr(0, file.bytes().rfind('\n') + 1);
  if (text.empty()) return {};
  text.remove_suffix(1);
  return Json::parse(text.substr(text.rfind('\n') + 1), nullptr, false);
}

StepMetrics to_metrics(const Json& json) {
  StepMetrics metrics;
  if (!json.is_object()) return metrics;
  for (const auto& [name, value] : json.items()) {
    if (value.is_number()) metrics.emplace_back(name, value.get<double>());
  }
  return metrics;
}

}  // namespace

std::string describe_run(const std::string& folder, bool json) {
  RunState state = RunState::load(folder);
  if (state.ended == "running" && !FileLock::held(folder)) state.ended = "killed; `hone run` again continues it";

  Json stages = Json::array();
  std::string text = fmt::format("{}: {}\n", folder, state.ended);
  for (size_t i = 0; i < state.stages.size(); ++i) {
    const StageStatus& s = state.stages[i];
    const fs::path at = stage_folder(folder, i, s.name);
    const std::string checkpoint = newest_checkpoint(at);
    const Json last = last_metrics(at);
    stages.push_back({{"name", s.name},
                      {"type", s.type},
                      {"status", s.status},
                      {"step", s.step},
                      {"steps", s.steps},
                      {"checkpoint", checkpoint.empty() ? Json() : Json(checkpoint)},
                      {"last_metrics", last}});
    text += fmt::format("  {:02} {} ({}) {}, saved at step {} of {}{}\n", i, s.name, s.type, s.status, s.step, s.steps,
                        checkpoint.empty() ? "" : ", newest checkpoint " + checkpoint);
    if (!last.is_object()) continue;
    const StepProgress progress{.stage = "     last step", .step = last.value("step", int64_t{0}), .steps = s.steps};
    text += progress_line(progress, to_metrics(last), Terminal{}) + "\n";
  }
  return json ? Json{{"run", folder}, {"ended", state.ended}, {"stages", stages}}.dump(2) + "\n" : text;
}

}  // namespace hone
