#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <chrono>
#include <numeric>

#include "hone/core/error.h"
#include "hone/data/chain_corpus.h"
#include "hone/data/chains.h"
#include "hone/data/prompt_template.h"
#include "hone/train/trainer.h"
#include "pipeline/chain_profile.h"
#include "pipeline/stage.h"

namespace hone {
namespace {

ModelConfig model_config(const ArchitectureConfig& a, const Tokenizer& tokenizer) {
  ModelConfig c;
  c.vocab_size = tokenizer.vocab_size();
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
  c.eos_token_id = tokenizer.eos_id();
  c.pad_token_id = tokenizer.pad_id();
  return c;
}

// Makes a base model from nothing: next-token prediction on the built-in corpus, document by document.
class PretrainRun {
 public:
  PretrainRun(RunFolder& run, const RunConfig& config, size_t index)
      : config_(config), stage_(std::get<PretrainStage>(config.stages[index])), folder_(run.stage_path(index) / "tokenizer"),
        recorder_(run, config, index, stage_.checkpoint), tokenizer_((write_files(), Tokenizer::load(folder_))),
        model_(model_config(stage_.architecture, tokenizer_), /*trains=*/true), trainer_(model_, stage_.optimizer, stage_.steps) {
    model_.init_weights(static_cast<uint64_t>(config.seed));
  }

  StageEnd run() {
    const auto checkpoint = recorder_.resume();
    if (checkpoint) {
      const State& s = checkpoint->state;
      trainer_.load_state(s.integer("updates"), [&](const std::string& name) { return s.tensor(name); });
      num_tokens_ = s.integer("num_tokens");
    }
    for (int64_t step = checkpoint ? checkpoint->step : 0; step < stage_.steps; ++step) {
      if (recorder_.end_step(step + 1, run_step(step), [this] { return state(); })) return StageEnd::kStopped;
    }
    recorder_.publish_model(model_, folder_);
    if (stage_.eval.problems > 0) {
      const std::string profile = chain_profile(model_, tokenizer_, load_template("r1_zero", folder_), stage_.eval.problems);
      write_atomic(folder_.parent_path() / "profile.txt", profile);
      fmt::print("{}", profile);
    }
    return StageEnd::kFinished;
  }

 private:
  void write_files() {
    create_folders(folder_);
    write_chain_files(folder_);
  }

  Metrics run_step(int64_t step) {
    const auto start = std::chrono::steady_clock::now();
    // Documents are sequences of their own: no attention across them, no padding, every end token seen.
    std::vector<std::vector<int32_t>> documents;
    int64_t targets = 0;
    for (int64_t d = 0; d < stage_.documents_per_step; ++d) {
      const auto number = static_cast<uint64_t>(step * stage_.documents_per_step + d);
      documents.push_back(tokenizer_.encode(corpus_document({}, static_cast<uint64_t>(config_.seed), number)));
      documents.back().push_back(tokenizer_.eos_id());
      targets += static_cast<int64_t>(documents.back().size()) - 1;
    }
    double loss = 0;
    for (size_t begin = 0; begin < documents.size();) {
      size_t end = begin;
      int64_t tokens = 0;
      while (end < documents.size() && (end == begin || tokens + static_cast<int64_t>(documents[end].size()) <= stage_.optimizer.micro_batch_tokens)) {
        tokens += static_cast<int64_t>(documents[end++].size());
      }
      loss += trainer_.accumulate(pack(documents, begin, end, tokens), [&](const kernels::LogProbs& out) {
        return out.log_probs.sum() * (-1.0 / static_cast<double>(targets));
      });
      num_tokens_ += tokens;
      begin = end;
    }
    const UpdateStats stats = trainer_.update();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return {{"loss", loss}, {"grad_norm", stats.grad_norm}, {"learning_rate", stats.learning_rate},
            {"num_tokens", static_cast<double>(num_tokens_)}, {"step_time", seconds},
            {"tokens_per_second", static_cast<double>(targets) / std::max(1e-9, seconds)}};
  }

  static ScoreBatch pack(const std::vector<std::vector<int32_t>>& documents, size_t begin, size_t end, int64_t tokens) {
    const int64_t rows = tokens - static_cast<int64_t>(end - begin);
    ScoreBatch batch{.ids = at::empty({tokens}, at::kInt), .offsets = {0}, .rows = at::empty({rows}, at::kLong),
                     .targets = at::empty({rows}, at::kInt), .distribution = {}};
    auto* ids = batch.ids.data_ptr<int32_t>();
    auto* row = batch.rows.data_ptr<int64_t>();
    auto* target = batch.targets.data_ptr<int32_t>();
    for (size_t d = begin; d < end; ++d) {
      const auto& document = documents[d];
      const auto length = static_cast<int64_t>(document.size());
      ids = std::copy(document.begin(), document.end(), ids);
      target = std::copy(document.begin() + 1, document.end(), target);
      std::iota(row, row + length - 1, batch.offsets.back());
      row += length - 1;
      batch.offsets.push_back(batch.offsets.back() + length);
    }
    return batch;
  }

  State state() const {
    State s;
    s.tensors = trainer_.state();
    s.scalars = {{"updates", trainer_.updates()}, {"num_tokens", num_tokens_}};
    return s;
  }

  const RunConfig& config_;
  const PretrainStage& stage_;
  const std::filesystem::path folder_;
  StageRecorder recorder_;
  const Tokenizer tokenizer_;
  Model model_;
  Trainer trainer_;
  int64_t num_tokens_ = 0;
};

}  // namespace

StageEnd run_pretrain(RunFolder& run, const RunConfig& config, size_t index) { return PretrainRun(run, config, index).run(); }

}  // namespace hone
