#include "pipeline/run_folder.h"

#include <fmt/ranges.h>

#include <map>
#include <nlohmann/json.hpp>

#include "hone/core/config_file.h"
#include "hone/core/error.h"
#include "hone/core/hash.h"
#include "hone/kernels/ops.h"
#include "pipeline/model_files.h"

namespace hone {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr uint64_t kMaxBytes = 1 << 24;

// Keys that change nothing but speed, memory and logs may differ between two processes of a run.
void forget_free_keys(Stage& stage) {
  std::visit(
      [](auto& s) {
        const CheckpointConfig defaults;
        s.checkpoint.every = defaults.every, s.checkpoint.keep = defaults.keep;
        if constexpr (requires { s.guards; }) s.guards = {};
        if constexpr (requires { s.optimizer; }) {
          s.optimizer.micro_batch_tokens = 0, s.optimizer.gradient_checkpointing = false;
        }
        if constexpr (requires { s.model.source; }) s.model.source.reset();
        if constexpr (requires { s.data.source; }) s.data.source.reset();
        if constexpr (requires { s.eval.source; }) s.eval.source.reset();
        if constexpr (requires { s.sampling; }) s.sampling.max_num_seqs = 0, s.sampling.kv_cache_blocks.reset();
      },
      stage);
}

// And these may change with a warning: the result is that of neither config.
void forget_warned_keys(RunConfig& config) {
  for (Stage& stage : config.stages) {
    std::visit(
        [](auto& s) {
          if constexpr (requires { s.optimizer; }) s.optimizer = {}, s.steps = {}, s.eval = {}, s.checkpoint = {};
        },
        stage);
  }
}

// What the results of the stages that have begun depend on: the others may be edited, added and removed.
RunConfig begun(RunConfig config, const std::vector<StageStatus>& stages) {
  config.logging = {};
  config.runtime = {};
  config.model.source.reset();
  std::vector<Stage> kept;
  for (size_t i = 0; i < std::min(config.stages.size(), stages.size()); ++i) {
    if (stages[i].status == "waiting") continue;
    kept.push_back(config.stages[i]);
    forget_free_keys(kept.back());
  }
  config.stages = std::move(kept);
  return config;
}

void flatten(const ConfigFile& file, const std::string& key, std::map<std::string, std::string>& out) {
  const auto child = [&](const std::string& name) { flatten(file, key.empty() ? name : key + "." + name, out); };
  if (const auto keys = file.keys(key); !keys.empty()) {
    for (const std::string& name : keys) child(name);
  } else if (const size_t size = file.size(key); size > 0) {
    for (size_t i = 0; i < size; ++i) child(std::to_string(i));
  } else {
    out[key] = file.text(key).value_or("null");
  }
}

// "stage.steps was 40, is 80, ...", at most a few.
std::string differences(const RunConfig& before, const RunConfig& after) {
  constexpr size_t kShown = 4;
  std::map<std::string, std::string> was, is;
  flatten(ConfigFile("before.yaml", to_yaml(before)), "", was);
  flatten(ConfigFile("after.yaml", to_yaml(after)), "", is);
  for (const auto& [key, value] : was) is.try_emplace(key, "absent");
  std::vector<std::string> lines;
  for (const auto& [key, value] : is) {
    const auto old = was.find(key);
    const std::string& before_value = old == was.end() ? "absent" : old->second;
    if (before_value != value) lines.push_back(fmt::format("{} was {}, is {}", key, before_value, value));
  }
  const size_t more = lines.size() > kShown ? lines.size() - kShown : 0;
  lines.resize(lines.size() - more);
  return fmt::format("{}{}", fmt::join(lines, "; "), more > 0 ? fmt::format("; and {} more", more) : "");
}

Json parse_json(const std::string& text, const std::string& place) {
  Json json = Json::parse(text, nullptr, false);
  HONE_CHECK(json.is_object(), .what = "not a JSON object", .place = place);
  return json;
}

Json read_json(const fs::path& path) {
  return parse_json(read_file(path, kMaxBytes), path.string());
}

// What tells without reading whether a file is the one that was seen before: its size, time of change and place.
std::string sight_of(const fs::path& file) {
  std::error_code error;
  const auto size = fs::file_size(file, error);
  const auto changed = fs::last_write_time(file, error).time_since_epoch().count();
  return error ? "" : fmt::format("{} {} {}", size, changed, fs::absolute(file).string());
}

}  // namespace

RunState RunState::load(const fs::path& folder) {
  const fs::path path = folder / "state.json";
  HONE_CHECK(fs::exists(path), .what = "no run here", .place = folder.string(),
             .expected = "a run folder with state.json");
  return from_text(read_file(path, kMaxBytes), path.string());
}

RunState RunState::from_text(const std::string& text, const std::string& place) {
  const Json json = parse_json(text, place);
  RunState state;
  try {
    state.ended = json.at("ended").get<std::string>();
    for (const Json& s : json.at("stages")) {
      state.stages.push_back({s.at("name").get<std::string>(), s.at("type").get<std::string>(),
                              s.at("status").get<std::string>(), s.at("step").get<int64_t>(),
                              s.at("steps").get<int64_t>()});
    }
  } catch (const Json::exception& error) {
    throw_input({.what = fmt::format("not the state of a run: {}", error.what()), .place = place});
  }
  return state;
}

std::string RunState::to_text() const {
  Json list = Json::array();
  for (const StageStatus& s : stages) {
    list.push_back({{"name", s.name}, {"type", s.type}, {"status", s.status}, {"step", s.step}, {"steps", s.steps}});
  }
  const Json json = {{"format", 1}, {"ended", ended}, {"stages", list}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

void RunState::save(const fs::path& folder) const {
  write_atomic(folder / "state.json", to_text());
}

fs::path stage_folder(const fs::path& folder, size_t index, const std::string& name) {
  return folder / "stages" / fmt::format("{:02}_{}", index, name);
}

RunFolder::Opened RunFolder::open(const fs::path& path, bool fresh) {
  const bool empty = !fs::exists(path) || (fs::is_directory(path) && fs::is_empty(path));
  HONE_CHECK(!fresh || empty, .what = "the run folder is not empty", .place = path.string(),
             .hint = "without --fresh the run there would continue");
  HONE_CHECK(empty || fs::exists(path / "lock"), .what = "the folder holds other files and no run",
             .place = path.string(), .hint = "choose another --output");
  create_folders(path);
  Opened opened;
  opened.lock = std::make_unique<FileLock>(path);
  opened.log = std::make_unique<LogFile>(path / "log.txt");
  remove_leftovers(path);
  return opened;
}

RunFolder::RunFolder(fs::path path, const RunConfig& config, const RunFolderOptions& options, dist::ProcessGroup& ranks)
    : path_(std::move(path)),
      ranks_(ranks),
      opened_(ranks.is_main() ? open(path_, options.fresh) : Opened{}),
      config_(to_yaml(config)) {
  check_ranks();
  if (!ranks_.is_main()) {
    state_ = RunState::from_text(ranks_.broadcast({}), "state of the run");
    return;
  }
  for (const Stage& stage : config.stages) {
    state_.stages.push_back({stage_name(stage), std::string(stage_type(stage)), "waiting", 0, stage_steps(stage)});
    RunConfig alone{
        .name = "stage", .seed = config.seed, .model = config.model, .runtime = {}, .logging = {}, .stages = {stage}};
    forget_free_keys(alone.stages.front());
    stage_hashes_.push_back(sha256(to_yaml(alone)));
  }
  load_state();
  for (size_t i = options.redo_begin; i < options.redo_end; ++i) begin_anew(i);
  if (fs::exists(path_ / "config.yaml")) check_config(config);
  write_atomic(path_ / "config.yaml", config_);
  save_manifest();
  if (ranks_.size() > 1) ranks_.broadcast(state_.to_text());
}

void RunFolder::check_ranks() const {
  const std::string mine = sha256(config_);
  for (const std::string& other : ranks_.all_gather(mine)) {
    HONE_CHECK(other == mine, .what = "the ranks were started with different configs",
               .place = fmt::format("rank {} of {}", ranks_.rank(), ranks_.size()));
  }
}

void RunFolder::load_state() {
  if (fs::exists(path_ / "manifest.json")) {
    const Json manifest = read_json(path_ / "manifest.json");
    for (const Json& input : manifest.value("inputs", Json::array())) inputs_.push_back(input);
  }
  if (!fs::exists(path_ / "state.json")) return;
  const RunState before = RunState::load(path_);
  for (size_t i = 0; i < before.stages.size(); ++i) {
    const StageStatus& was = before.stages[i];
    if (was.status == "waiting" || !fs::exists(stage_folder(path_, i, was.name))) continue;
    HONE_CHECK(i < state_.stages.size() && state_.stages[i].name == was.name,
               .what = "the run has begun with other stages", .place = path_.string(),
               .got = fmt::format("stage {} is {}", i,
                                  i < state_.stages.size() ? "'" + state_.stages[i].name + "'" : "missing"),
               .expected = "'" + was.name + "'", .hint = "choose another --output, or restore the config");
    StageStatus& stage = state_.stages[i];
    stage.status = was.status;
    stage.step = was.step;
    if (stage.steps == 0) stage.steps = was.steps;                                         // as its data told
    if (stage.step < stage.steps && stage.status == "finished") stage.status = "running";  // it was made longer
  }
}

// In an order that leaves no trace of the old stage to a run that is killed in between.
void RunFolder::begin_anew(size_t index) {
  std::erase_if(inputs_,
                [&](const std::vector<std::string>& input) { return input.at(0) == state_.stages[index].name; });
  save_manifest();
  const fs::path folder = stage_path(index), old = folder.string() + ".old";
  if (fs::exists(folder)) {
    if (fs::exists(old)) remove_folder(old);
    fs::rename(folder, old);
  }
  state_.stages[index].status = "waiting";
  state_.stages[index].step = 0;
  save_state("running");
}

bool RunFolder::all_finished() const {
  return std::ranges::all_of(state_.stages, [](const StageStatus& s) { return s.status == "finished"; });
}

void RunFolder::check_config(const RunConfig& config) const {
  RunConfig was = begun(load_run_config((path_ / "config.yaml").string()), state_.stages);
  RunConfig is = begun(config, state_.stages);
  if (was == is) return;
  const std::string changes = differences(was, is);
  forget_warned_keys(was), forget_warned_keys(is);
  HONE_CHECK(was == is, .what = "this folder belongs to a run with another config", .place = path_.string(),
             .got = changes,
             .hint = "choose another --output, restore the config, or do the stage again with --from NAME");
  log_warning(fmt::format("continues with an edited config: {}", changes));
}

void RunFolder::save_manifest() const {
  if (!ranks_.is_main()) return;
  const Json manifest = {{"format", 1},
                         {"hone", HONE_VERSION},
                         {"instruction_set", kernels::instruction_set()},
                         {"config_sha256", sha256(config_)},
                         {"inputs", inputs_}};
  write_atomic(path_ / "manifest.json", manifest.dump(2) + "\n");
}

void RunFolder::save_stage_manifest(size_t index) const {
  if (!ranks_.is_main()) return;
  const fs::path folder = stage_path(index);
  Json inputs = Json::object(), outputs = Json::object();
  for (const auto& input : inputs_) {
    if (input[0] == state_.stages[index].name) inputs[input[1]] = input[2];
  }
  for (const char* const name : {"accepted.jsonl", "counts.json", "results.json"}) {
    if (fs::exists(folder / name)) outputs[name] = sha256_file(folder / name);
  }
  if (fs::exists(folder / "model")) {
    for (const std::string& name : model_files(folder / "model")) {
      outputs["model/" + name] = sha256_file(folder / "model" / name);
    }
  }
  const Json manifest = {{"format", 1},
                         {"hone", HONE_VERSION},
                         {"instruction_set", kernels::instruction_set()},
                         {"stage", state_.stages[index].name},
                         {"type", state_.stages[index].type},
                         {"config_sha256", stage_hashes_[index]},
                         {"inputs", inputs},
                         {"outputs", outputs}};
  write_atomic(folder / "manifest.json", manifest.dump(2) + "\n");
}

void RunFolder::record_model(size_t index, const std::string& model_folder, const std::string& prefix) {
  if (!ranks_.is_main()) return;
  for (const std::string& name : model_files(model_folder)) {
    record_input(index, prefix + name, fs::path(model_folder) / name);
  }
}

void RunFolder::record_input(size_t index, const std::string& name, const fs::path& file) {
  if (!ranks_.is_main()) return;
  const std::string& stage = state_.stages[index].name;
  const auto before = std::ranges::find_if(inputs_, [&](const std::vector<std::string>& old) {
    return old.size() >= 3 && old[0] == stage && old[1] == name;
  });
  // A file whose place, size and time are those of the last look is not read again.
  const std::string seen = sight_of(file);
  if (before != inputs_.end() && before->size() > 3 && !seen.empty() && (*before)[3] == seen) return;
  const std::string hash = sha256_file(file);
  if (before == inputs_.end()) {
    inputs_.push_back({stage, name, hash, seen});
    return;
  }
  HONE_CHECK((*before)[2] == hash, .what = "the file has changed since the stage began", .place = file.string(),
             .hint = fmt::format("restore it, choose another --output, or do the stage again with --from {}", stage));
  *before = {stage, name, hash, seen};
}

fs::path RunFolder::stage_path(size_t stage) const {
  return stage_folder(path_, stage, state_.stages[stage].name);
}

void RunFolder::save_state(const std::string& ended) {
  state_.ended = ended;
  if (ranks_.is_main()) state_.save(path_);
}

}  // namespace hone
