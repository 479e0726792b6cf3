#include "pipeline/recorder.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <sys/resource.h>

#include <chrono>

#include "hone/core/error.h"
#include "hone/core/file.h"
#include "hone/core/log.h"
#include "hone/report/event_log.h"
#include "hone/report/progress.h"
#include "pipeline/model_files.h"
#include "pipeline/signals.h"

namespace hone {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxFailedSaves = 5;
constexpr int64_t kNoStep = -1;

double peak_megabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024.0;
}

std::string gigabytes(uint64_t bytes) {
  return fmt::format("{:.2f} GB", static_cast<double>(bytes) * 1e-9);
}

}  // namespace

struct StageRecorder::Logs {
  Logs(const fs::path& folder, uint64_t metrics_size, uint64_t samples_size, const StageStatus& status)
      : metrics(folder / "metrics.jsonl", metrics_size),
        samples(folder / "samples.jsonl", samples_size),
        progress(status.name, status.step, status.steps) {}

  MetricsLog metrics;
  AppendFile samples;
  std::optional<EventLog> events;
  Progress progress;
  LogRedirect redirect{[this](std::string_view line) { progress.note(line); }};
};

StageRecorder::StageRecorder(RunFolder& run, const RunConfig& config, size_t index)
    : run_(run),
      logging_(config.logging),
      index_(index),
      checkpoint_(checkpoint_config(config.stages[index])),
      folder_(run.stage_path(index)),
      spread_(run.ranks().size() > 1 && config.runtime.zero_stage > 0),
      store_(folder_ / "checkpoints", checkpoint_.keep, run.ranks()) {
  if (!run_.ranks().is_main()) return;
  store_.remove_leftovers();
  remove_leftovers(folder_);
}

StageRecorder::~StageRecorder() = default;

std::optional<Checkpoint> StageRecorder::resume(const State& state) {
  dist::ProcessGroup& ranks = run_.ranks();
  uint64_t checkpoint_bytes = 0;
  for (const dist::Piece& piece : state.pieces) checkpoint_bytes += piece.values.nbytes();
  if (spread_) checkpoint_bytes = static_cast<uint64_t>(ranks.all_sum(static_cast<double>(checkpoint_bytes)));
  for (const auto& [name, tensor] : state.tensors) checkpoint_bytes += tensor.nbytes();
  std::optional<Checkpoint> checkpoint;
  if (ranks.is_main()) {
    checkpoint = resume_main(checkpoint_bytes);
    ranks.all_max(checkpoint ? checkpoint->step : kNoStep);  // the others load the same one
  } else if (const int64_t step = ranks.all_max(kNoStep); step != kNoStep) {
    checkpoint = store_.load(step);
  }
  agree_on_early_stop();
  return checkpoint;
}

std::optional<Checkpoint> StageRecorder::resume_main(uint64_t checkpoint_bytes) {
  const uint64_t needed = 3 * checkpoint_bytes, available = free_disk_bytes(folder_);
  HONE_CHECK(needed <= available, .what = "the disk is too small for two checkpoints and the model",
             .place = folder_.string(), .got = gigabytes(available) + " free", .expected = gigabytes(needed),
             .hint = "free some space or choose another --output");
  LoadResult loaded = store_.load_newest();
  for (const std::string& line : loaded.refused) log_warning(line);
  StageStatus& status = run_.stage(index_);
  status.status = "running";
  status.step = loaded.checkpoint ? loaded.checkpoint->step : 0;

  const auto size = [&](const char* name) {
    return loaded.checkpoint ? static_cast<uint64_t>(loaded.checkpoint->state.integer(name)) : 0;
  };
  if (loaded.checkpoint) {
    log_info(fmt::format("{}: continues after step {} of {}", status.name, status.step, status.steps));
    evals_ = parse_evals(loaded.checkpoint->state.text("log.evals"), "log.evals");
    best_ = best_model(evals_, checkpoint_);
  }
  write_atomic(folder_ / "eval.jsonl", eval_lines());
  logs_ = std::make_unique<Logs>(folder_, size("log.metrics"), size("log.samples"), status);
  if (logging_.tensorboard) {
    logs_->events.emplace(run_.path() / "tensorboard" / folder_.filename(), status.step);
  }
  run_.save_state("running");
  return std::move(loaded.checkpoint);
}

void StageRecorder::add_eval(EvalRecord record) {
  if (!run_.ranks().is_main()) return;
  if (logs_->events && record.step == 0) logs_->events->append(0, in_eval_group(record.metrics));
  evals_.push_back(std::move(record));
  best_ = best_model(evals_, checkpoint_);
  write_atomic(folder_ / "eval.jsonl", eval_lines());
}

std::string StageRecorder::eval_lines() const {
  std::string lines;
  for (const EvalRecord& record : evals_) lines += eval_line(record) + "\n";
  return lines;
}

void StageRecorder::add_sample(std::string_view json) {
  if (run_.ranks().is_main()) logs_->samples.append(json);
}

bool StageRecorder::end_step(int64_t step, StepMetrics metrics, const std::function<State()>& state) {
  const bool stop = agree_to_stop();
  agree_on_early_stop();
  const bool last = step == run_.stage(index_).steps || ends_early_;
  if (ends_early_) {
    log_info(fmt::format("early stopping after step {}: {} has not improved in {} evaluations", step,
                         *checkpoint_.metric_for_best_model, *checkpoint_.early_stopping_patience));
  }
  const bool main = run_.ranks().is_main(), due = checkpoint_.every && step % *checkpoint_.every == 0;
  if (main) record_step(step, std::move(metrics));
  bool must = last || stop || best_.step == step;  // the best one is never seen again
  bool save = main && (must || take_save_request() || due || failed_saves_ > 0);
  if (spread_) {  // the main rank alone knows of requests and evaluations
    must = run_.ranks().all_max(must ? 1 : 0) != 0;
    save = run_.ranks().all_max(save ? 1 : 0) != 0;
  }
  if (save) try_to_save(step, state, must);
  return stop && !last;
}

bool StageRecorder::agree_to_stop() const {
  const int signal = static_cast<int>(run_.ranks().all_max(stop_signal()));
  if (signal != 0) set_stop_signal(signal);
  return signal != 0;
}

// The main rank alone has the evaluations.
void StageRecorder::agree_on_early_stop() {
  const auto& patience = checkpoint_.early_stopping_patience;
  if (patience) ends_early_ = run_.ranks().all_max(best_.without_improvement >= *patience ? 1 : 0) != 0;
}

void StageRecorder::record_step(int64_t step, StepMetrics metrics) {
  metrics.emplace_back("time/save", save_seconds_);  // of the last save before this line
  metrics.emplace_back("memory/peak_mb", peak_megabytes());
  logs_->metrics.append(step, metrics);
  logs_->progress.show(step, metrics);
  if (logs_->events) {
    StepMetrics shown = logging_.tensorboard_names == MetricNames::kVerl ? in_verl_names(metrics) : metrics;
    if (!evals_.empty() && evals_.back().step == step) {
      for (auto& measure : in_eval_group(evals_.back().metrics)) shown.push_back(std::move(measure));
    }
    logs_->events->append(step, shown);
  }
}

void StageRecorder::try_to_save(int64_t step, const std::function<State()>& state, bool must) {
  const auto start = std::chrono::steady_clock::now();
  try {
    save(step, state());
    failed_saves_ = 0;
  } catch (const Error& error) {
    if (must || error.kind() != ErrorKind::kFailed || ++failed_saves_ >= kMaxFailedSaves) throw;
    log_warning(fmt::format("step {} could not be saved: {}; the run goes on and saves again after the next step", step,
                            error.what()));
    return;
  }
  save_seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  run_.stage(index_).step = step;
  run_.save_state("running");
}

void StageRecorder::save(int64_t step, State state) {
  if (!run_.ranks().is_main()) return store_.save(step, state);
  logs_->metrics.sync();
  logs_->samples.sync();
  state.scalars["log.metrics"] = static_cast<int64_t>(logs_->metrics.size());
  state.scalars["log.samples"] = static_cast<int64_t>(logs_->samples.size());
  state.scalars["log.evals"] = eval_lines();
  store_.pin(best_.step);
  store_.save(step, state);
}

std::string StageRecorder::dump(std::string_view name, int64_t step, const NamedTensors& tensors) {
  if (!run_.ranks().is_main()) return {};
  const fs::path path = folder_ / fmt::format("{}-step-{:06}.safetensors", name, step);
  write_atomic(path, [&](FileWriter& file) { write_safetensors(file, tensors); });
  return path.string();
}

void StageRecorder::load_best(Model& model) const {
  const auto step = best_step();
  if (!step) return;
  const at::NoGradGuard no_grad;
  const State state = store_.load(*step).state;
  const at::Tensor weights = at::empty({state.elements("parameters")}, at::kFloat);
  state.read("parameters", 0, weights);
  model.set_weights(weights);
  log_info(fmt::format("the model is that of step {}, the best one: {} {:.4g}", *step,
                       *checkpoint_.metric_for_best_model, best_.value));
}

void StageRecorder::finish(Model& model, const std::string& source_folder) {
  if (run_.ranks().is_main()) {
    load_best(model);
    PendingFolder pending(folder_, "model");
    model.save(pending.path());
    copy_text_files(source_folder, pending.path());
    pending.publish("model");
  }
  finish();
}

void StageRecorder::finish() {
  logs_.reset();
  run_.ranks().barrier();  // the next stage may start from what this one leaves
}

}  // namespace hone
