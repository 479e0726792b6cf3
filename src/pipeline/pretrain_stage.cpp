#include <algorithm>
#include <chrono>
#include <cstdio>

#include "hone/core/file.h"
#include "hone/core/log.h"
#include "hone/data/chain_corpus.h"
#include "hone/data/chains.h"
#include "hone/data/prompt_template.h"
#include "hone/train/trainer.h"
#include "pipeline/chain_profile.h"
#include "pipeline/guard.h"
#include "pipeline/likelihood.h"
#include "pipeline/recorder.h"
#include "pipeline/stage.h"

namespace hone {
namespace {

// Makes a base model from nothing: next-token prediction on the built-in corpus, document by document.
class PretrainRun {
 public:
  PretrainRun(RunFolder& run, const RunConfig& config, size_t index)
      : stage_(std::get<PretrainStage>(config.stages[index])),
        seed_(static_cast<uint64_t>(config.seed)),
        recorder_(run, config, index),
        tokenizer_(make_tokenizer(recorder_.folder() / "tokenizer", run.ranks())),
        model_(make_model(stage_, seed_, spread_of(config.runtime.zero_stage, run.ranks()))),
        trainer_(model_, stage_.optimizer, stage_.steps, run.ranks(), config.runtime.zero_stage) {}

  StageEnd run() {
    const auto checkpoint = recorder_.resume(state());
    if (checkpoint) load(checkpoint->state);
    for (int64_t step = checkpoint ? checkpoint->step : 0; step < stage_.steps && !recorder_.ends_early(); ++step) {
      StepMetrics metrics = run_step(step);
      evaluate_if_due(step + 1);
      if (recorder_.end_step(step + 1, std::move(metrics), [this] { return state(); })) return StageEnd::kStopped;
    }
    trainer_.gather_weights();
    recorder_.finish(model_, recorder_.folder() / "tokenizer");
    if (stage_.eval.problems > 0 && trainer_.ranks().is_main()) print_profile();
    return StageEnd::kFinished;
  }

 private:
  static Tokenizer make_tokenizer(const std::string& folder, dist::ProcessGroup& ranks) {
    if (ranks.is_main()) {
      create_folders(folder);
      write_chain_files(folder);
    }
    ranks.barrier();
    return Tokenizer::load(folder);
  }

  static Model make_model(const PretrainStage& stage, uint64_t seed, Spread spread) {
    Model model(pretrain_model_config(stage.architecture), /*trains=*/true, spread);
    model.init_weights(seed);
    return model;
  }

  // One update. Documents are sequences of their own: no attention across them, no padding, every end token seen.
  StepMetrics run_step(int64_t step) {
    const auto start = std::chrono::steady_clock::now();
    trainer_.ranks().enter(fmt::format("step {}: update", step + 1));
    const std::vector<Example> documents = documents_from(step * stage_.documents_per_step);
    int64_t targets = 0;
    for (const Example& document : documents) {
      targets += document.targets();
      num_tokens_ += static_cast<int64_t>(document.ids.size());
    }
    const double loss = accumulate_likelihood(trainer_, documents, stage_.optimizer.micro_batch_tokens);
    const UpdateStats stats = trainer_.update();
    if (stats.skipped) log_warning(fmt::format("step {}: the gradient is not finite, the update is skipped", step + 1));
    nonfinite_updates_.count(stats.skipped);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return {{"loss", loss},
            {"grad_norm", stats.grad_norm},
            {"learning_rate", stats.learning_rate},
            {"num_tokens", static_cast<double>(num_tokens_)},
            {"step_time", seconds},
            {"tokens_per_second", static_cast<double>(targets) / std::max(1e-9, seconds)}};
  }

  // The loss on documents that no step comes to.
  void evaluate_if_due(int64_t steps_done) {
    constexpr int64_t kFirstHeldOut = int64_t{1} << 40;
    const auto& every = stage_.eval.every;
    if (!every || (steps_done != stage_.steps && steps_done % *every != 0)) return;
    const double loss =
        mean_negative_log_likelihood(model_, documents_from(kFirstHeldOut), stage_.optimizer.micro_batch_tokens);
    recorder_.add_eval({.step = steps_done, .metrics = {{"eval_loss", loss}}, .prompt = {}, .completion = {}});
  }

  // One step's number of documents.
  std::vector<Example> documents_from(int64_t first) const {
    std::vector<Example> documents;
    for (int64_t d = first; d < first + stage_.documents_per_step; ++d) {
      documents.push_back({tokenizer_.encode(corpus_document({}, seed_, static_cast<uint64_t>(d)))});
      documents.back().ids.push_back(tokenizer_.eos_id());
    }
    return documents;
  }

  void print_profile() const {
    const std::string profile = chain_profile(
        model_, tokenizer_, PromptTemplate::load("r1_zero", recorder_.folder() / "tokenizer"), stage_.eval.problems);
    write_atomic(recorder_.folder() / "profile.txt", profile);
    fmt::print("\n{}", profile);
  }

  State state() const {
    TrainerState trained = trainer_.state();
    State s{.tensors = std::move(trained.tensors), .pieces = std::move(trained.pieces), .scalars = {}};
    s.scalars = {{"updates", trainer_.updates()},
                 {"num_tokens", num_tokens_},
                 {"guards.nonfinite_updates", nonfinite_updates_.in_a_row()}};
    return s;
  }

  void load(const State& s) {
    trainer_.load_state(s.integer("updates"),
                        [&](const std::string& name, int64_t begin, const at::Tensor& to) { s.read(name, begin, to); });
    num_tokens_ = s.integer("num_tokens");
    nonfinite_updates_.continue_from(s.integer("guards.nonfinite_updates"));
  }

  const PretrainStage& stage_;
  const uint64_t seed_;
  StageRecorder recorder_;
  const Tokenizer tokenizer_;
  Model model_;
  Trainer trainer_;
  int64_t num_tokens_ = 0;
  Guard nonfinite_updates_ = nonfinite_guard(stage_.guards);
};

}  // namespace

ModelConfig pretrain_model_config(const ArchitectureConfig& a) {
  const auto id = [](std::string_view token) {
    return std::ranges::find(chain_vocabulary(), token) - chain_vocabulary().begin();
  };
  ModelConfig c;
  c.vocab_size = static_cast<int64_t>(chain_vocabulary().size());
  c.hidden_size = a.hidden_size;
  c.intermediate_size = a.intermediate_size;
  c.num_hidden_layers = a.num_hidden_layers;
  c.num_attention_heads = a.num_attention_heads;
  c.num_key_value_heads = a.num_key_value_heads;
  c.head_dim = a.hidden_size / a.num_attention_heads;
  c.max_position_embeddings = a.max_position_embeddings;
  c.rope_theta = a.rope_theta;
  c.rms_norm_eps = a.rms_norm_eps;
  c.tie_word_embeddings = a.tie_word_embeddings;
  c.eos_token_ids = {id("<eos>")};
  c.pad_token_id = id("<pad>");
  return c;
}

StageEnd run_pretrain(RunFolder& run, const RunConfig& config, size_t index) {
  return PretrainRun(run, config, index).run();
}

}  // namespace hone
