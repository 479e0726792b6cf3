#include <fmt/ranges.h>
#include <algorithm>

#include <chrono>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "hone/core/error.h"
#include "hone/core/file.h"
#include "hone/core/log.h"
#include "hone/data/chain_rewrite.h"
#include "hone/data/lines.h"
#include "hone/data/prompt_source.h"
#include "hone/data/prompt_template.h"
#include "hone/reward/reward.h"
#include "hone/rollout/engine.h"
#include "pipeline/acceptance.h"
#include "pipeline/example_text.h"
#include "pipeline/grpo_metrics.h"
#include "pipeline/over_ranks.h"
#include "pipeline/recorder.h"
#include "pipeline/stage.h"

namespace hone {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Samples a model, judges, and keeps what is worth learning from: accepted.jsonl and counts.json.
class RejectionSampleRun {
 public:
  RejectionSampleRun(RunFolder& run, const RunConfig& config, size_t index)
      : ranks_(run.ranks()),
        stage_(std::get<RejectionSampleStage>(config.stages[index])),
        seed_(static_cast<uint64_t>(config.seed)),
        index_(index),
        samples_per_step_(config.logging.samples_per_step.value_or(std::numeric_limits<int64_t>::max())),
        tokenizer_(Tokenizer::load(*stage_.model.path)),
        template_(PromptTemplate::load(stage_.prompt_template, *stage_.model.path)),
        model_(Model::load(*stage_.model.path, /*trains=*/false)),
        engine_(model_, tokenizer_),
        data_(stage_.data, seed_),
        rewards_(stage_.rewards, stage_.sampling.max_completion_length),
        acceptance_(stage_, rewards_),
        recorder_(run, config, index) {
    if (data_.file() != nullptr) check_records(*data_.file(), Prompt().source, rewards_);
    const RejectionSampleConfig& c = stage_.rejection_sample;
    if (c.max_similarity && c.duplicates_over == DuplicateScope::kAll) kept_texts_.emplace(*c.max_similarity);
    prompts_ = c.prompts.value_or(data_.file() != nullptr ? data_.file()->size() : 0);
    const int64_t a_step = c.prompts_per_step;
    steps_ = (prompts_ + a_step - 1) / a_step;
    run.stage(index).steps = steps_;
  }

  StageEnd run() {
    const auto checkpoint = recorder_.resume({});
    if (checkpoint) counts_ = Json::parse(checkpoint->state.text("counts"));
    const fs::path accepted = recorder_.folder() / "accepted.jsonl";
    if (ranks_.is_main()) {
      accepted_.emplace(accepted, checkpoint ? static_cast<uint64_t>(checkpoint->state.integer("accepted_bytes")) : 0);
    }
    if (kept_texts_) {
      ranks_.barrier();  // the file is cut back to the checkpoint
      for_each_line(accepted.string(), [this](std::string_view line, const std::string& place) {
        kept_texts_->add(required_text(Record::parse(line, place), "completion", place));
      });
    }
    for (int64_t step = checkpoint ? checkpoint->step : 0; step < steps_ && !enough(); ++step) {
      StepMetrics metrics = run_step(step);
      if (recorder_.end_step(step + 1, std::move(metrics), [this] { return state(); })) return StageEnd::kStopped;
    }
    if (ranks_.is_main()) {
      add_mix();
      accepted_->sync();
      write_atomic(recorder_.folder() / "counts.json", counts_.dump(2) + "\n");
    }
    recorder_.finish();
    if (ranks_.is_main()) print_counts();
    return StageEnd::kFinished;
  }

 private:
  bool enough() const {
    const auto& most = stage_.rejection_sample.max_examples;
    return most && counts_["kept"].get<int64_t>() >= *most;
  }

  StepMetrics run_step(int64_t step) {
    const auto start = std::chrono::steady_clock::now();
    // 1. Completions, judged while others still grow.
    ranks_.enter(fmt::format("step {}: sampling", step + 1));
    std::string my_fates;
    const std::vector<RolloutGroup> groups = over_ranks(ranks_, prompts_of(step), [&](std::vector<Prompt> mine) {
      Scoring scoring(rewards_);
      std::vector<RolloutGroup> made = engine_.generate(
          std::move(mine), stage_.rejection_sample.num_generations, stage_.sampling, {seed_, index_, 0},
          [&](const RolloutGroup& group, const Completion& completion) { scoring.add(group.prompt, completion); });
      const auto results = scoring.finish(made);
      for (size_t g = 0; g < made.size(); ++g)
        my_fates += fmt::format("{}\n", fmt::join(acceptance_.fates(made[g], results[g]), "\t"));
      return made;
    });
    // 2. The fate of each, and those that stay: a line for each prompt, in the order of all.
    std::istringstream lines(fmt::format("{}", fmt::join(ranks_.all_gather(my_fates), "")));
    std::map<std::string, int64_t> fates;
    int64_t tokens = 0, samples = 0, n = 0;
    for (size_t g = 0; g < groups.size(); ++g) {
      std::vector<std::string> of_group;
      std::string line;
      std::getline(lines, line);
      std::istringstream words(line);
      for (std::string fate; std::getline(words, fate, '\t');) of_group.push_back(fate);
      HONE_ASSERT(of_group.size() == groups[g].completions.size());
      for (size_t c = 0; c < of_group.size(); ++c, ++n) {
        const Completion& completion = groups[g].completions[c];
        const std::string fate = of_group[c] == kKept ? keep(groups[g], c) : of_group[c];
        ++fates[fate];
        tokens += static_cast<int64_t>(completion.ids.size());
        if (samples++ < samples_per_step_)
          recorder_.add_sample(sample_line(step + 1, groups[g], completion, rewards_.names(), fate));
      }
    }
    // 3. What was kept and dropped, in this step and in all.
    counts_["prompts"] = counts_["prompts"].get<int64_t>() + static_cast<int64_t>(groups.size());
    counts_["sampled"] = counts_["sampled"].get<int64_t>() + n;
    StepMetrics metrics = {{"sampled", static_cast<double>(n)},
                           {"kept", static_cast<double>(fates[std::string(kKept)])}};
    for (const auto& [fate, count] : fates) {
      Json& total = fate == kKept ? counts_["kept"] : counts_["dropped"][fate];
      total = (total.is_null() ? 0 : total.get<int64_t>()) + count;
      if (fate != kKept) metrics.emplace_back("dropped/" + fate, static_cast<double>(count));
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    metrics.emplace_back("completions/mean_length",
                         static_cast<double>(tokens) / static_cast<double>(std::max<int64_t>(n, 1)));
    metrics.emplace_back("step_time", seconds);
    metrics.emplace_back("tokens_per_second", static_cast<double>(tokens) / std::max(1e-9, seconds));
    return metrics;
  }

  std::vector<Prompt> prompts_of(int64_t step) const {
    std::vector<Prompt> prompts;
    const int64_t first = step * stage_.rejection_sample.prompts_per_step;
    for (int64_t i = first; i < std::min(prompts_, first + stage_.rejection_sample.prompts_per_step); ++i) {
      prompts.push_back(data_.prompt(i));
    }
    template_.encode(tokenizer_, prompts);
    return prompts;
  }

  // Writes an example; its fate may still be that it cannot be rewritten, or is like one of another prompt.
  std::string keep(const RolloutGroup& group, size_t c) {
    std::string text = group.completions[c].text;
    if (stage_.rejection_sample.rewrite == Rewrite::kChains) {
      RandomStream random(seed_, RandomPurpose::kRewrite, {index_, static_cast<uint64_t>(group.prompt.index), c});
      const auto rewritten = rewrite_chain(group.prompt, text, random);
      if (!rewritten) return "not_rewritten";
      text = *rewritten;
    }
    if (kept_texts_ && kept_texts_->has_similar(text)) return "near_duplicate";
    if (kept_texts_) kept_texts_->add(text);
    Json row = Json::parse(group.prompt.record.dump());
    row["id"] = group.prompt.id;
    row["completion"] = text;
    row["reward"] = group.completions[c].reward;
    if (accepted_) accepted_->append(dump(row));
    return std::string(kKept);
  }

  // So many examples of the other file that they are their share of all.
  void add_mix() {
    if (!stage_.mix.path) return;
    DataConfig config;
    config.path = *stage_.mix.path;
    config.fields = stage_.mix.fields;
    const RecordFile file(config, seed_);
    const auto kept = counts_["kept"].get<double>();
    const auto wanted = static_cast<int64_t>(std::llround(kept * stage_.mix.share / (1 - stage_.mix.share)));
    if (wanted > file.size()) {
      log_warning(
          fmt::format("{}: has {} examples, not the {} that mix.share asks for", config.path, file.size(), wanted));
    }
    const int64_t count = std::min(wanted, file.size());
    for (int64_t i = 0; i < count; ++i) {
      const Prompt prompt = file.prompt(i);
      required_text(prompt.record, "completion", prompt.id);
      Json row = Json::parse(prompt.record.dump());
      row["id"] = prompt.id;
      accepted_->append(dump(row));
    }
    counts_["mixed_in"] = count;
  }

  void print_counts() const {
    fmt::print("\nof {} completions of {} prompts {} are kept", counts_["sampled"].get<int64_t>(),
               counts_["prompts"].get<int64_t>(), counts_["kept"].get<int64_t>());
    for (const auto& [fate, count] : counts_["dropped"].items()) fmt::print(", {} {}", fate, count.get<int64_t>());
    if (counts_.contains("mixed_in")) fmt::print("; {} are added", counts_["mixed_in"].get<int64_t>());
    fmt::print("\n");
    std::fflush(stdout);
  }

  State state() {
    State s;
    if (!accepted_) return s;
    accepted_->sync();
    s.scalars = {{"counts", counts_.dump()}, {"accepted_bytes", static_cast<int64_t>(accepted_->size())}};
    return s;
  }

  dist::ProcessGroup& ranks_;
  const RejectionSampleStage& stage_;
  const uint64_t seed_;
  const size_t index_;
  const int64_t samples_per_step_;
  const Tokenizer tokenizer_;
  const PromptTemplate template_;
  const Model model_;
  RolloutEngine engine_;
  const PromptSource data_;
  const RewardSet rewards_;
  const Acceptance acceptance_;
  StageRecorder recorder_;
  int64_t prompts_ = 0, steps_ = 0;
  std::optional<AppendFile> accepted_;   // of the main rank
  std::optional<KeptTexts> kept_texts_;  // what accepted_ holds, where near-duplicates of all are looked for
  Json counts_ = {{"prompts", 0}, {"sampled", 0}, {"kept", 0}, {"dropped", Json::object()}};
};

}  // namespace

StageEnd run_rejection_sample(RunFolder& run, const RunConfig& config, size_t index) {
  return RejectionSampleRun(run, config, index).run();
}

}  // namespace hone
