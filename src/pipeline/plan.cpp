// hone run --dry-run: what a run would do and need.
#include <algorithm>
#include <map>

#include "hone/core/error.h"
#include "hone/core/file.h"
#include "hone/data/prompt_source.h"
#include "hone/data/prompt_template.h"
#include "hone/pipeline/config.h"
#include "hone/pipeline/run.h"
#include "hone/tokenizer/tokenizer.h"
#include "pipeline/stage.h"

namespace hone {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kFloat = 4;  // bytes

// Amounts in bytes that a stage needs.
struct Memory {
  int64_t weights = 0, gradients = 0, optimizer = 0, reference = 0, kv_cache = 0, activations = 0;
  int64_t total() const { return weights + gradients + optimizer + reference + kv_cache + activations; }
};

std::string megabytes(int64_t bytes) {
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) * 1e-6);
}

// What the backward pass keeps of one micro-batch, and its logits. A longer sequence is a micro-batch of its own.
int64_t activation_bytes(const ModelConfig& m, int64_t tokens) {
  constexpr int64_t kHeadRows = 2048;  // the head works on so many rows at a time
  const int64_t q = m.num_attention_heads * m.head_dim, kv = m.num_key_value_heads * m.head_dim;
  const int64_t layer = 4 * m.hidden_size + 2 * q + 4 * kv + 3 * m.intermediate_size;
  return kFloat * (tokens * (m.num_hidden_layers * layer + m.hidden_size) + std::min(tokens, kHeadRows) * m.vocab_size);
}

Memory training_memory(const ModelConfig& model, int64_t tokens) {
  Memory m;
  m.weights = 2 * kFloat * model.parameter_count();  // and the copy packed for matrix products
  m.gradients =
      kFloat * (model.parameter_count() + (model.tie_word_embeddings ? model.vocab_size * model.hidden_size : 0));
  m.optimizer = 2 * kFloat * model.parameter_count();
  m.activations = activation_bytes(model, tokens);
  return m;
}

std::string needs(const Memory& m, const ModelConfig& model, const CheckpointConfig& checkpoint) {
  const int64_t saved = m.weights / 2 + m.optimizer + m.reference;
  const int64_t disk = (checkpoint.keep + 1) * saved + kFloat * model.parameter_count();
  return fmt::format(
      "     model   {}, {} parameters, {} layers x {}, vocabulary {}\n"
      "     memory  {}: weights {}, gradients {}, optimizer {}, reference {}, KV cache {}, activations {}\n"
      "     disk    {}: {} checkpoints of {}, the model, and logs\n",
      model.model_type, model.parameter_count(), model.num_hidden_layers, model.hidden_size, model.vocab_size,
      megabytes(m.total()), megabytes(m.weights), megabytes(m.gradients), megabytes(m.optimizer),
      megabytes(m.reference), megabytes(m.kv_cache), megabytes(m.activations), megabytes(disk), checkpoint.keep,
      megabytes(saved));
}

// What is known of a stage's model before it exists: its shape, and its folder when it comes from outside.
struct PlannedModel {
  ModelConfig shape;
  std::string folder;  ///< empty: an earlier stage makes it
};

class Planner {
 public:
  explicit Planner(const RunConfig& config) : config_(config) {
    if (config.model.path) model_ = load(*config.model.path);
  }

  std::string describe(size_t index) {
    const Stage& stage = config_.stages[index];
    const std::string what = std::visit([this](const auto& s) { return describe(s); }, stage);
    const int64_t steps = stage_steps(stage);
    if (makes_model(stage)) {
      model_.folder.clear();
      made_[stage_name(stage)] = model_;
    }
    return fmt::format("  {:02} {} ({}): {}{}", index, stage_name(stage), stage_type(stage),
                       steps > 0 ? fmt::format("{} steps, ", steps) : "", what);
  }

 private:
  // A stage's own model, or the last one that was made.
  PlannedModel start(const StageModelConfig& own) const {
    if (!own.path) return model_;
    if (*own.path == kBaseModel) return load(*config_.model.path);
    if (!own.path->starts_with(kStagePrefix)) return load(*own.path);
    return made_.at(own.path->substr(kStagePrefix.size()));
  }

  static int64_t kv_bytes(const ModelConfig& shape, int64_t completions, int64_t prompt,
                          const SamplingConfig& sampling) {
    const int64_t slots = std::min(completions, sampling.max_num_seqs) * (prompt + sampling.max_completion_length);
    return kFloat * slots * shape.num_hidden_layers * shape.num_key_value_heads * (shape.head_dim + shape.value_dim());
  }

  static PlannedModel load(const std::string& path) {
    const std::string folder = model_folder(path);
    return {ModelConfig::load(folder), folder};
  }

  std::string describe(const PretrainStage& s) {
    model_ = {pretrain_model_config(s.architecture), ""};
    const Memory memory = training_memory(model_.shape, s.optimizer.micro_batch_tokens);
    return fmt::format("{} documents each\n{}", s.documents_per_step, needs(memory, model_.shape, s.checkpoint));
  }

  std::string describe(const SftStage& s) {
    model_ = start(s.model);
    const int64_t longest =
        std::min(s.sft.max_length.value_or(model_.shape.max_position_embeddings), model_.shape.max_position_embeddings);
    const bool made = s.data.path.starts_with(kStagePrefix);  // by an earlier stage
    const std::string records = made ? "those" : std::to_string(RecordFile(s.data, /*seed=*/0).size());
    const Memory memory = training_memory(model_.shape, std::max(s.optimizer.micro_batch_tokens, longest));
    return fmt::format("{} examples each of {} in the data, {:g} times around\n{}", s.sft.examples_per_step, records,
                       s.sft.epochs, needs(memory, model_.shape, s.checkpoint));
  }

  std::string describe(const RejectionSampleStage& s) {
    const PlannedModel model = start(s.model);
    const auto& r = s.rejection_sample;
    const std::string prompts = r.prompts ? fmt::format("{} prompts", *r.prompts) : "every prompt of the data";
    Memory memory;
    memory.weights = 2 * kFloat * model.shape.parameter_count();
    memory.kv_cache = kv_bytes(model.shape, r.prompts_per_step * r.num_generations, 0, s.sampling);
    return fmt::format("{} x {} completions of at most {} tokens, the right ones are kept\n     memory  {}\n", prompts,
                       r.num_generations, s.sampling.max_completion_length, megabytes(memory.total()));
  }

  std::string describe(const RewardModelStage& s) const {
    const PlannedModel model = start(s.model);
    const Memory memory = training_memory(model.shape, s.optimizer.micro_batch_tokens);
    return fmt::format("{} examples each, {:g} times around\n{}", s.reward_model.examples_per_step,
                       s.reward_model.epochs, needs(memory, model.shape, s.checkpoint));
  }

  std::string describe(const EvalStage& s) {
    return fmt::format("{} models, {} completions a problem at temperature {:g}\n", s.models.size(),
                       s.eval.num_generations, s.eval.temperature);
  }

  std::string describe(const ExportStage& s) { return fmt::format("to {}\n", s.path); }

  std::string describe(const GrpoStage& s) {
    model_ = start(s.model);
    const ModelConfig& shape = model_.shape;
    const int64_t completions = s.grpo.prompts_per_step * s.grpo.num_generations,
                  length = s.sampling.max_completion_length;
    const int64_t prompt = model_.folder.empty() ? 0 : prompt_tokens(s);
    HONE_CHECK(prompt + length <= shape.max_position_embeddings,
               .what = "the prompt and max_completion_length do not fit the model's positions", .place = s.name,
               .got = fmt::format("{} + {} tokens", prompt, length),
               .expected = fmt::format("at most {}", shape.max_position_embeddings));
    Memory memory = training_memory(shape, std::max(s.optimizer.micro_batch_tokens, prompt + length));
    if (s.grpo.uses_reference()) memory.reference = kFloat * shape.parameter_count();  // packed only
    memory.kv_cache = kv_bytes(shape, completions, prompt, s.sampling);
    return fmt::format("{} prompts x {} completions of at most {} tokens each, at most {} tokens in all\n{}",
                       s.grpo.prompts_per_step, s.grpo.num_generations, length, s.steps * completions * length,
                       needs(memory, shape, s.checkpoint));
  }

  // Of the first problem, in its template.
  int64_t prompt_tokens(const GrpoStage& s) const {
    const Tokenizer tokenizer = Tokenizer::load(model_.folder);
    const PromptSource problems(s.data, static_cast<uint64_t>(config_.seed));
    const PromptTemplate prompt_template = PromptTemplate::load(s.prompt_template, model_.folder);
    return static_cast<int64_t>(prompt_template.encode(tokenizer, problems.prompt(0)).size());
  }

  const RunConfig& config_;
  PlannedModel model_;                          // of the last stage that makes one
  std::map<std::string, PlannedModel> made_{};  // by the name of its stage
};

}  // namespace

std::string plan_run(const RunRequest& request) {
  const RunConfig config = load_run_config(request.config, request.overrides);
  const fs::path folder = request.output.empty() ? fs::path("runs") / config.name : fs::path(request.output);
  fs::path existing = fs::absolute(folder);
  while (!fs::exists(existing)) existing = existing.parent_path();
  const auto available = static_cast<int64_t>(free_disk_bytes(existing));
  std::string text = fmt::format("{} in {}, {} free there\n", config.name, folder.string(), megabytes(available));
  Planner planner(config);
  const auto state = fs::exists(folder / "state.json") ? std::optional(RunState::load(folder)) : std::nullopt;
  for (size_t i = 0; i < config.stages.size(); ++i) {
    text += planner.describe(i);
    if (!state || i >= state->stages.size() || state->stages[i].name != stage_name(config.stages[i])) continue;
    const StageStatus& s = state->stages[i];
    if (s.status == "finished") text += "     state   finished: is skipped\n";
    if (s.status == "running") text += fmt::format("     state   continues after step {} of {}\n", s.step, s.steps);
  }
  return text;
}

}  // namespace hone
