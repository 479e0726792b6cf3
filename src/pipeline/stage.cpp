#include "pipeline/stage.h"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "hone/core/error.h"
#include "hone/data/chains.h"
#include "hone/data/prompt_template.h"
#include "pipeline/signals.h"

namespace hone {

namespace fs = std::filesystem;

struct StageRecorder::Files {
  Files(const fs::path& folder, uint64_t metrics_size, uint64_t samples_size)
      : metrics(folder / "metrics.jsonl", metrics_size), samples(folder / "samples.jsonl", samples_size) {}
  AppendFile metrics, samples;
};

std::string model_folder(const std::string& path) {
  if (path != kBuiltinMiniature) return path;
  const fs::path program = fs::canonical("/proc/self/exe");
  const fs::path folder = program.parent_path().parent_path() / "share/hone/miniature";
  HONE_CHECK(fs::exists(folder / "config.json"), .what = "the built-in model is not beside the program", .place = folder.string(),
             .hint = "keep bin/ and share/ of the build or installation together");
  return folder.string();
}

EvalResult evaluate_model(const Model& model, const Tokenizer& tokenizer, const std::string& prompt_template, const EvalConfig& config,
                          const DataConfig& data, SamplingConfig sampling) {
  DataConfig held_out = data;
  held_out.split = config.split;
  sampling.temperature = config.temperature;
  sampling.max_completion_length = config.max_completion_length.value_or(sampling.max_completion_length);
  // Every run is measured on the same problems, whatever its seed.
  const ChainPrompts problems(held_out, /*seed=*/0);
  std::vector<Prompt> prompts;
  for (int64_t i = 0; i < config.problems; ++i) {
    prompts.push_back(problems.prompt(i));
    prompts.back().ids = tokenizer.encode(fill_template(prompt_template, prompts.back().text));
  }
  RolloutEngine engine(model, tokenizer, sampling);
  return evaluate(engine, std::move(prompts), /*seed=*/0);
}

StageRecorder::StageRecorder(RunFolder& run, const RunConfig& config, size_t index, const CheckpointConfig& checkpoint)
    : run_(run), config_(config), index_(index), checkpoint_(checkpoint), folder_(run.stage_path(index)),
      store_((create_folders(folder_), folder_ / "checkpoints"), checkpoint.keep) {
  store_.remove_leftovers();
  remove_leftovers(folder_);
}

StageRecorder::~StageRecorder() = default;

std::optional<Checkpoint> StageRecorder::resume() {
  LoadResult loaded = store_.load_newest();
  for (const std::string& line : loaded.refused) fmt::print(stderr, "hone: {}\n", line);
  const auto size = [&](const char* name) { return loaded.checkpoint ? static_cast<uint64_t>(loaded.checkpoint->state.integer(name)) : 0; };
  files_ = std::make_unique<Files>(folder_, size("log.metrics"), size("log.samples"));
  if (loaded.checkpoint) evals_ = loaded.checkpoint->state.text("log.evals");
  if (loaded.checkpoint && !evals_.empty()) write_atomic(folder_ / "eval.jsonl", evals_);
  StageStatus& status = run_.stage(index_);
  status.status = "running";
  status.step = loaded.checkpoint ? loaded.checkpoint->step : 0;
  run_.save_state("running");
  return std::move(loaded.checkpoint);
}

void StageRecorder::add_eval(int64_t step, const EvalResult& result) {
  nlohmann::ordered_json line = {{"step", step}};
  for (const auto& [name, value] : result.metrics) line[name] = value;
  if (!result.groups.empty()) {
    const RolloutGroup& first = result.groups.front();
    line["sample"] = {{"prompt", first.prompt.text}, {"completion", first.completions.front().text}};
  }
  evals_ += line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  write_atomic(folder_ / "eval.jsonl", evals_);
}

void StageRecorder::add_sample(const std::string& json_line) { files_->samples.append(json_line); }

bool StageRecorder::end_step(int64_t step, Metrics metrics, const std::function<State()>& state) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  metrics.emplace_back("memory/peak_mb", static_cast<double>(usage.ru_maxrss) / 1024.0);
  metrics.emplace_back("time/save", save_seconds_);  // of the save before this step's line was written
  nlohmann::ordered_json line = {{"step", step}};
  for (const auto& [name, value] : metrics) line[name] = std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json();
  files_->metrics.append(line.dump());
  StageStatus& status = run_.stage(index_);
  const bool last = step == status.steps, stop = stop_signal() != 0;
  if (last || stop || take_save_request() || (checkpoint_.every && step % *checkpoint_.every == 0)) {
    save(step, state());
    status.step = step;
    run_.save_state("running");
  }
  return stop && !last;
}

void StageRecorder::save(int64_t step, State state) {
  const auto start = std::chrono::steady_clock::now();
  files_->metrics.sync();
  files_->samples.sync();
  state.scalars["log.metrics"] = static_cast<int64_t>(files_->metrics.size());
  state.scalars["log.samples"] = static_cast<int64_t>(files_->samples.size());
  state.scalars["log.evals"] = evals_;
  store_.save(step, state);
  save_seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::string StageRecorder::before_and_after() const {
  std::vector<nlohmann::ordered_json> lines;
  std::istringstream in(evals_);
  for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::ordered_json::parse(line));
  if (lines.size() < 2) return "";
  std::string out = fmt::format("{:<24}{:>10}{:>10}\n", "held-out problems", "before", "after");
  for (const auto& [name, value] : lines.front().items()) {
    if (name != "step" && name != "sample") out += fmt::format("{:<24}{:>10.3f}{:>10.3f}\n", name, value.get<double>(), lines.back()[name].get<double>());
  }
  const auto& before = lines.front()["sample"];
  return out + fmt::format("\n{}\n  before: {}\n  after:  {}\n", before["prompt"].get<std::string>(), before["completion"].get<std::string>(),
                           lines.back()["sample"]["completion"].get<std::string>());
}

void StageRecorder::publish_model(const Model& model, const std::string& source_folder) {
  PendingFolder pending(folder_, "model");
  model.save(pending.path());
  for (const char* name : {"tokenizer.json", "tokenizer_config.json", "templates/r1_zero.txt"}) {
    const fs::path from = fs::path(source_folder) / name;
    if (!fs::exists(from)) continue;
    create_folders((pending.path() / name).parent_path());
    write_atomic(pending.path() / name, read_file(from, uint64_t{1} << 30));
  }
  pending.publish("model");
}

}  // namespace hone
