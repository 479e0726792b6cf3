// hone bench: how fast a model samples, scores and trains here. Figures, never a verdict.
#include <ATen/core/grad_mode.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "commands.h"
#include "hone/algo/advantages.h"
#include "hone/algo/batch.h"
#include "hone/algo/loss.h"
#include "hone/core/error.h"
#include "hone/core/random.h"
#include "hone/kernels/ops.h"
#include "hone/kernels/parallel.h"
#include "hone/model/model.h"
#include "hone/pipeline/run.h"
#include "hone/rollout/engine.h"
#include "hone/tokenizer/tokenizer.h"
#include "hone/train/trainer.h"
#include "jsonl.h"

namespace hone::cli {
namespace {

struct Options {
  std::string what, model;
  int64_t sequences = 512, prompt_length = 16, completion_length = 64, micro_batch_tokens = 4096, repetitions = 5;
  std::optional<int64_t> threads;
};

// Runs each phase on random prompts and completions of a forced length, so that the work is the same each time.
class Bench {
 public:
  explicit Bench(const Options& options)
      : options_(options),
        folder_(model_folder(options.model)),
        tokenizer_(Tokenizer::load(folder_)),
        trains_(options.what == "update" || options.what == "step"),
        model_(Model::load(folder_, trains_)),
        engine_(model_, tokenizer_) {
    if (trains_) trainer_.emplace(model_, optimizer(options), std::numeric_limits<int32_t>::max());
    sampling_.max_completion_length = options.completion_length;
    sampling_.min_completion_length = options.completion_length;
    sampling_.max_num_seqs = options.sequences;
  }

  // Seconds of each phase of one repetition; `phases` says which to run.
  std::map<std::string, double> repeat(uint64_t number, const std::vector<std::string>& phases) {
    std::map<std::string, double> seconds;
    const auto timed = [&](const std::string& phase, auto work) {
      if (std::ranges::count(phases, phase) == 0) return;
      const auto start = std::chrono::steady_clock::now();
      work();
      seconds[phase] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    };
    if (groups_.empty()) generate(0);
    timed("generate", [&] { generate(number); });
    timed("logprobs", [&] { score(); });
    timed("update", [&] { update(number); });
    return seconds;
  }

  // Tokens that a phase handles: sampled ones, or all that pass through the model.
  int64_t tokens(const std::string& phase) const {
    return options_.sequences * (options_.completion_length + (phase == "generate" ? 0 : options_.prompt_length));
  }

 private:
  static OptimizerConfig optimizer(const Options& options) {
    OptimizerConfig config;
    config.micro_batch_tokens = options.micro_batch_tokens;
    config.lr = 0;  // the weights stay, so that every repetition has the same work
    return config;
  }

  void generate(uint64_t number) {
    std::vector<Prompt> prompts(static_cast<size_t>(options_.sequences));
    for (size_t i = 0; i < prompts.size(); ++i) {
      RandomStream random(number, RandomPurpose::kTest, {i});
      prompts[i].index = static_cast<int64_t>(i);
      for (int64_t t = 0; t < options_.prompt_length; ++t) {
        prompts[i].ids.push_back(
            static_cast<int32_t>(random.next_below(static_cast<uint64_t>(model_.config().vocab_size))));
      }
    }
    groups_ = engine_.generate(std::move(prompts), 1, sampling_, {.seed = number, .stage = 0, .step = 0});
    for (size_t i = 0; i < groups_.size(); ++i) {
      groups_[i].completions[0].advantage = i % 2 == 0 ? 1 : -1;
      groups_[i].completions[0].kept = {};  // a forced length leaves out the end alone; training has no such lists
    }
  }

  static ScoreBatch score_batch(const algo::TrainBatch& batch) {
    return {.ids = batch.ids,
            .offsets = batch.offsets,
            .rows = batch.rows,
            .targets = batch.targets,
            .distribution = {1.0, batch.kept_offsets.empty() ? nullptr : batch.kept_ids.data(),
                             batch.kept_offsets.empty() ? nullptr : batch.kept_offsets.data()}};
  }

  template <class Each>
  void for_each_micro_batch(const algo::TrainBatch& batch, Each each) {
    for (const auto range : algo::micro_batches(batch, options_.micro_batch_tokens)) each(algo::slice(batch, range));
  }

  void score() {
    const at::NoGradGuard no_grad;
    for_each_micro_batch(algo::build_batch(groups_),
                         [&](const algo::TrainBatch& part) { model_.log_probs(score_batch(part)); });
  }

  void update(uint64_t number) {
    GrpoConfig config;
    config.beta.reset();
    const RandomStream random(number, RandomPurpose::kMinibatches);
    const auto minibatches =
        algo::build_minibatches(algo::build_batch(groups_), groups_, config, options_.completion_length, random);
    for_each_micro_batch(minibatches.front(), [&](const algo::TrainBatch& part) {
      trainer_->accumulate(score_batch(part), [&](const kernels::LogProbs& out) {
        return algo::policy_loss({out.log_probs, part.old_log_probs, {}, part.advantages, part.weights, out.entropy},
                                 config)
            .loss;
      });
    });
    trainer_->update();
  }

  const Options& options_;
  const std::string folder_;
  const Tokenizer tokenizer_;
  const bool trains_;  // otherwise the model is loaded as hone generate and logprobs load it
  Model model_;
  RolloutEngine engine_;
  std::optional<Trainer> trainer_;
  SamplingConfig sampling_;
  std::vector<RolloutGroup> groups_;
};

Json spread(std::vector<double> values) {
  std::ranges::sort(values);
  return {{"min", values.front()}, {"median", values[values.size() / 2]}, {"max", values.back()}};
}

void run_bench(const Options& options) {
  prepare_process(options.threads);
  const std::vector<std::string> all = {"generate", "logprobs", "update"};
  const std::vector<std::string> phases = options.what == "step" ? all : std::vector<std::string>{options.what};
  Bench bench(options);
  bench.repeat(0, phases);  // warm-up
  std::map<std::string, std::vector<double>> seconds;
  for (int64_t r = 1; r <= options.repetitions; ++r) {
    double step = 0;
    for (const auto& [phase, time] : bench.repeat(static_cast<uint64_t>(r), phases)) {
      seconds[phase].push_back(time);
      step += time;
    }
    if (options.what == "step") seconds["step"].push_back(step);
  }

  Json figures = {{"bench", options.what},
                  {"model", options.model},
                  {"sequences", options.sequences},
                  {"prompt_length", options.prompt_length},
                  {"completion_length", options.completion_length},
                  {"repetitions", options.repetitions}};
  for (const auto& [phase, times] : seconds) {
    std::vector<double> rates;
    for (const double time : times) rates.push_back(static_cast<double>(bench.tokens(phase)) / time);
    figures["seconds"][phase] = spread(times);
    figures["tokens_per_second"][phase] = spread(rates);
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  figures["peak_memory_mb"] = static_cast<double>(usage.ru_maxrss) / 1024.0;
  figures["threads"] = kernels::num_threads();
  figures["instruction_set"] = kernels::instruction_set();
  figures["version"] = HONE_VERSION;
  fmt::print("{}\n", figures.dump(2));
}

}  // namespace

void add_bench(CLI::App& app, int&) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("bench", "Measure sampling, scoring and training; prints JSON");
  command->add_option("WHAT", options->what, "generate, logprobs, update, or step (all three)")
      ->required()
      ->check(CLI::IsMember({"generate", "logprobs", "update", "step"}));
  command->add_option("--model", options->model, "Model folder, or builtin:miniature")->required();
  const auto count = [&](const char* name, int64_t& value, const char* help) {
    command->add_option(name, value, help)->check(CLI::PositiveNumber)->capture_default_str();
  };
  count("--sequences", options->sequences, "Sequences in flight");
  count("--prompt-length", options->prompt_length, "Tokens of each prompt");
  count("--completion-length", options->completion_length, "Tokens of each completion");
  count("--micro-batch-tokens", options->micro_batch_tokens, "Tokens in one forward and backward pass");
  count("--repetitions", options->repetitions, "Timed repetitions, after one that is not counted");
  command->add_option("--threads", options->threads, "By default all cores")->check(CLI::PositiveNumber);
  command->footer("Example:\n  hone bench step --model builtin:miniature");
  command->callback([options] { run_bench(*options); });
}

}  // namespace hone::cli
