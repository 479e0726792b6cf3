#include "pipeline/run_folder.h"

#include <nlohmann/json.hpp>

#include <sstream>

#include "hone/core/error.h"
#include "hone/core/hash.h"
#include "hone/kernels/ops.h"
#include "hone/pipeline/run.h"

namespace hone {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr uint64_t kMaxStateBytes = 1 << 24;

// The config without the keys that may change between two processes of one run.
RunConfig essential(RunConfig config) {
  config.logging = {};
  config.runtime = {};
  for (Stage& stage : config.stages) std::visit([](auto& s) { s.checkpoint = {}, s.guards = {}; }, stage);
  return config;
}

// Lines of two resolved configs that differ, as "old -> new".
std::string differences(const std::string& before, const std::string& after) {
  std::istringstream a(before), b(after);
  std::string out, line_a, line_b;
  while (true) {
    const bool more_a = static_cast<bool>(std::getline(a, line_a)), more_b = static_cast<bool>(std::getline(b, line_b));
    if (!more_a && !more_b) break;
    if (line_a == line_b) continue;
    const auto trim = [](const std::string& s) { return s.substr(std::min(s.size(), s.find_first_not_of(" -"))); };
    out += fmt::format("{}'{}' is now '{}'", out.empty() ? "" : ", ", trim(line_a), trim(line_b));
    if (out.size() > 300) return out + ", ...";
  }
  return out;
}

}  // namespace

const std::string& stage_name(const Stage& stage) {
  return std::visit([](const auto& s) -> const std::string& { return s.name; }, stage);
}

std::string stage_type(const Stage& stage) {
  return std::visit([](const auto& s) { return std::string(std::decay_t<decltype(s)>::kType); }, stage);
}

int64_t stage_steps(const Stage& stage) {
  return std::visit([](const auto& s) { return s.steps; }, stage);
}

RunFolder::RunFolder(fs::path path, const RunConfig& config, bool fresh) : path_(std::move(path)) {
  HONE_CHECK(!fresh || !fs::exists(path_) || fs::is_empty(path_), .what = "the run folder is not empty", .place = path_.string(),
             .hint = "without --fresh the run there would continue");
  const bool foreign = fs::exists(path_) && !fs::is_empty(path_) && !fs::exists(path_ / "lock");
  HONE_CHECK(!foreign, .what = "the folder holds other files and no run", .place = path_.string(), .hint = "choose another --output");
  create_folders(path_);
  lock_ = std::make_unique<FileLock>(path_);
  remove_leftovers(path_);
  for (const Stage& stage : config.stages) stages_.push_back({stage_name(stage), stage_type(stage), "waiting", 0, stage_steps(stage)});
  if (fs::exists(path_ / "config.yaml")) check_config(config);
  const std::string yaml = to_yaml(config);
  write_atomic(path_ / "config.yaml", yaml);
  const Json manifest = {{"format", 1}, {"hone", HONE_VERSION}, {"config_sha256", sha256(yaml)}, {"seed", config.seed},
                         {"instruction_set", kernels::instruction_set()}};
  write_atomic(path_ / "manifest.json", manifest.dump(2) + "\n");
}

void RunFolder::check_config(const RunConfig& config) {
  const RunConfig before = load_run_config((path_ / "config.yaml").string());
  const std::string was = to_yaml(essential(before)), is = to_yaml(essential(config));
  HONE_CHECK(was == is, .what = "this folder belongs to a run with another config", .place = path_.string(), .got = differences(was, is),
             .hint = "choose another --output, or restore the config; logging, runtime, checkpoint and guards keys may change");
  if (!fs::exists(path_ / "state.json")) return;
  const Json state = Json::parse(read_file(path_ / "state.json", kMaxStateBytes), nullptr, false);
  HONE_CHECK(state.is_object() && state.contains("stages"), .what = "not a state file", .place = (path_ / "state.json").string());
  for (size_t i = 0; i < stages_.size() && i < state["stages"].size(); ++i) {
    stages_[i].status = state["stages"][i].value("status", "waiting");
    stages_[i].step = state["stages"][i].value("step", int64_t{0});
  }
}

fs::path RunFolder::stage_path(size_t stage) const {
  return path_ / "stages" / fmt::format("{:02}_{}", stage, stages_[stage].name);
}

void RunFolder::save_state(const std::string& ended) {
  Json stages = Json::array();
  for (const StageStatus& s : stages_) stages.push_back({{"name", s.name}, {"type", s.type}, {"status", s.status}, {"step", s.step}, {"steps", s.steps}});
  write_atomic(path_ / "state.json", Json{{"format", 1}, {"ended", ended}, {"stages", stages}}.dump(2) + "\n");
}

std::string describe_run(const std::string& folder, bool json) {
  const fs::path path = folder;
  const std::string place = (path / "state.json").string();
  HONE_CHECK(fs::exists(place), .what = "no run here", .place = folder, .expected = "a run folder with state.json");
  Json state = Json::parse(read_file(place, kMaxStateBytes), nullptr, false);
  HONE_CHECK(state.is_object() && state.contains("stages"), .what = "not a state file", .place = place);
  std::string text = fmt::format("{}: {}\n", folder, state.value("ended", "unknown"));
  for (size_t i = 0; i < state["stages"].size(); ++i) {
    Json& stage = state["stages"][i];
    const fs::path at = path / "stages" / fmt::format("{:02}_{}", i, stage.value("name", ""));
    std::string last;
    if (fs::exists(at / "metrics.jsonl")) {
      std::istringstream lines(read_file(at / "metrics.jsonl", uint64_t{1} << 32));
      for (std::string line; std::getline(lines, line);) last = line;
    }
    std::string checkpoint;
    if (fs::exists(at / "checkpoints")) {
      for (const auto& entry : fs::directory_iterator(at / "checkpoints")) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with("step-")) checkpoint = std::max(checkpoint, name);
      }
    }
    stage["last_metrics"] = Json::parse(last.empty() ? "null" : last, nullptr, false);
    stage["checkpoint"] = checkpoint.empty() ? Json() : Json(checkpoint);
    text += fmt::format("  {:02} {} ({}): {}, step {} of {}{}\n", i, stage.value("name", ""), stage.value("type", ""), stage.value("status", ""),
                        stage.value("step", 0), stage.value("steps", 0), checkpoint.empty() ? "" : ", checkpoint " + checkpoint);
    if (!last.empty()) text += fmt::format("     {}\n", last);
  }
  return json ? state.dump(2) + "\n" : text;
}

}  // namespace hone
