// hone run --dry-run: what a run would do and need.
#include <algorithm>
#include <map>

#include "hone/core/error.h"
#include "hone/core/file.h"
#include "hone/data/prompt_source.h"
#include "hone/data/prompt_template.h"
#include "hone/dist/launch_environment.h"
#include "hone/pipeline/config.h"
#include "hone/pipeline/run.h"
#include "hone/tokenizer/tokenizer.h"
#include "pipeline/memory.h"
#include "pipeline/stage.h"

namespace hone {
namespace {

namespace fs = std::filesystem;

std::string to_text(const Memory& m) {
  std::string parts;
  const auto add = [&](const char* name, int64_t bytes) {
    if (bytes > 0) parts += fmt::format("{}{} {}", parts.empty() ? "" : ", ", name, in_bytes(bytes));
  };
  add("weights", m.weights), add("gradients", m.gradients), add("optimizer", m.optimizer);
  add("reference", m.reference), add("KV cache", m.kv_cache), add("activations", m.activations);
  add("logits", m.logits), add("program", m.program);
  return fmt::format("{}: {}", in_bytes(m.total()), parts);
}

std::string needs(const Memory& m, const ModelConfig& model, const CheckpointConfig& checkpoint, bool reference) {
  const int64_t parameters = 4 * model.parameter_count();
  const int64_t saved = (reference ? 4 : 3) * parameters;
  const int64_t disk = (checkpoint.keep + 1) * saved + parameters;
  return fmt::format(
      "     model   {}, {} parameters, {} layers x {}, vocabulary {}\n"
      "     memory  {}\n"
      "     disk    {}: {} checkpoints of {}, the model, and logs\n",
      model.model_type, model.parameter_count(), model.num_hidden_layers, model.hidden_size, model.vocab_size,
      to_text(m), in_bytes(disk), checkpoint.keep, in_bytes(saved));
}

// What is known of a stage's model before it exists: its shape, and its folder when it comes from outside.
struct PlannedModel {
  ModelConfig shape;
  std::string folder;  ///< empty: an earlier stage makes it
};

class Planner {
 public:
  Planner(const RunConfig& config, const Ranks& ranks) : config_(config), ranks_(ranks) {
    if (config.model.path) model_ = load(*config.model.path);
  }

  std::string describe(size_t index) {
    const Stage& stage = config_.stages[index];
    memory_ = {};
    const std::string what = std::visit([this](const auto& s) { return describe(s); }, stage);
    const int64_t steps = stage_steps(stage);
    needed_.emplace_back(stage_name(stage), memory_);
    if (makes_model(stage)) {
      model_.folder.clear();
      made_[stage_name(stage)] = model_;
    }
    return fmt::format("  {:02} {} ({}): {}{}", index, stage_name(stage), stage_type(stage),
                       steps > 0 ? fmt::format("{} steps, ", steps) : "", what);
  }

  /// Throws Error kInput for the first stage that this machine is too small for.
  void check_fits(int64_t available) const {
    for (const auto& [stage, memory] : needed_) hone::check_fits(memory, ranks_, stage, available);
  }

 private:
  // A stage's own model, or the last one that was made.
  PlannedModel start(const StageModelConfig& own) const {
    if (!own.path) return model_;
    if (*own.path == kBaseModel) return load(*config_.model.path);
    if (!own.path->starts_with(kStagePrefix)) return load(*own.path);
    return made_.at(own.path->substr(kStagePrefix.size()));
  }

  static PlannedModel load(const std::string& path) {
    const std::string folder = model_folder(path);
    return {ModelConfig::load(folder), folder};
  }

  std::string describe(const PretrainStage& s) {
    model_ = {pretrain_model_config(s.architecture), ""};
    memory_ = training_memory(model_.shape, s.optimizer, s.optimizer.micro_batch_tokens, ranks_);
    return fmt::format("{} documents each\n{}", s.documents_per_step,
                       needs(memory_, model_.shape, s.checkpoint, /*reference=*/false));
  }

  std::string describe(const SftStage& s) {
    model_ = start(s.model);
    const int64_t longest =
        std::min(s.sft.max_length.value_or(model_.shape.max_position_embeddings), model_.shape.max_position_embeddings);
    const bool made = s.data.path.starts_with(kStagePrefix);  // by an earlier stage
    const std::string records = made ? "those" : std::to_string(RecordFile(s.data, /*seed=*/0).size());
    memory_ = training_memory(model_.shape, s.optimizer, std::max(s.optimizer.micro_batch_tokens, longest), ranks_);
    return fmt::format("{} examples each of {} in the data, {:g} times around\n{}", s.sft.examples_per_step, records,
                       s.sft.epochs, needs(memory_, model_.shape, s.checkpoint, /*reference=*/false));
  }

  std::string describe(const RejectionSampleStage& s) {
    const PlannedModel model = start(s.model);
    const auto& r = s.rejection_sample;
    const std::string prompts = r.prompts ? fmt::format("{} prompts", *r.prompts) : "every prompt of the data";
    memory_ = frozen_memory(model.shape);
    memory_.kv_cache = kv_cache_bytes(model.shape, of_a_rank(r.prompts_per_step) * r.num_generations, 0, s.sampling);
    return fmt::format("{} x {} completions of at most {} tokens, the right ones are kept\n     memory  {}\n", prompts,
                       r.num_generations, s.sampling.max_completion_length, to_text(memory_));
  }

  std::string describe(const RewardModelStage& s) {
    PlannedModel model = start(s.model);
    model.shape.score_head = true;
    memory_ = training_memory(model.shape, s.optimizer, s.optimizer.micro_batch_tokens, ranks_);
    return fmt::format("{} examples each, {:g} times around\n{}", s.reward_model.examples_per_step,
                       s.reward_model.epochs, needs(memory_, model.shape, s.checkpoint, /*reference=*/false));
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
    memory_ = training_memory(shape, s.optimizer, std::max(s.optimizer.micro_batch_tokens, prompt + length), ranks_);
    if (s.grpo.uses_reference()) memory_.reference = frozen_memory(shape).weights;
    memory_.kv_cache =
        kv_cache_bytes(shape, of_a_rank(s.grpo.prompts_per_step) * s.grpo.num_generations, prompt, s.sampling);
    return fmt::format("{} prompts x {} completions of at most {} tokens each, at most {} tokens in all\n{}",
                       s.grpo.prompts_per_step, s.grpo.num_generations, length, s.steps * completions * length,
                       needs(memory_, shape, s.checkpoint, s.grpo.uses_reference()));
  }

  int64_t of_a_rank(int64_t prompts) const { return (prompts + ranks_.size - 1) / ranks_.size; }

  // Of the first problem, in its template.
  int64_t prompt_tokens(const GrpoStage& s) const {
    const Tokenizer tokenizer = Tokenizer::load(model_.folder);
    const PromptSource problems(s.data, static_cast<uint64_t>(config_.seed));
    const PromptTemplate prompt_template = PromptTemplate::load(s.prompt_template, model_.folder);
    return static_cast<int64_t>(prompt_template.encode(tokenizer, problems.prompt(0)).size());
  }

  const RunConfig& config_;
  const Ranks ranks_;
  Memory memory_;                                         // of the stage that is described
  std::vector<std::pair<std::string, Memory>> needed_{};  // by stage
  PlannedModel model_;                                    // of the last stage that makes one
  std::map<std::string, PlannedModel> made_{};            // by the name of its stage
};

}  // namespace

std::string plan_run(const RunRequest& request) {
  const RunConfig config = load_run_config(request.config, request.overrides);
  const fs::path folder = request.output.empty() ? fs::path("runs") / config.name : fs::path(request.output);
  fs::path existing = fs::absolute(folder);
  while (!fs::exists(existing)) existing = existing.parent_path();
  const auto available = static_cast<int64_t>(free_disk_bytes(existing));
  const dist::LaunchEnvironment launched = dist::launch_environment();
  const std::string local = dist::environment_variable("LOCAL_WORLD_SIZE").value_or("");
  const Ranks ranks{.size = launched.size,
                    .on_this_machine = local.empty() ? launched.size : std::stoll(local),
                    .zero_stage = config.runtime.zero_stage};
  const int64_t memory = machine_memory();
  std::string text = fmt::format("{} in {}, {} free there\n", config.name, folder.string(), in_bytes(available));
  text += ranks.size == 1 ? fmt::format("memory of this machine: {}\n", in_bytes(memory))
                          : fmt::format("memory of this machine: {} for {} of {} ranks; runtime.zero_stage {}; each:\n",
                                        in_bytes(memory), ranks.on_this_machine, ranks.size, ranks.zero_stage);
  Planner planner(config, ranks);
  const auto state = fs::exists(folder / "state.json") ? std::optional(RunState::load(folder)) : std::nullopt;
  for (size_t i = 0; i < config.stages.size(); ++i) {
    text += planner.describe(i);
    if (!state || i >= state->stages.size() || state->stages[i].name != stage_name(config.stages[i])) continue;
    const StageStatus& s = state->stages[i];
    if (s.status == "finished") text += "     state   finished: is skipped\n";
    if (s.status == "running") text += fmt::format("     state   continues after step {} of {}\n", s.step, s.steps);
  }
  if (launched.rank != 0) return {};
  try {
    planner.check_fits(memory);
  } catch (const Error&) {
    fmt::print("{}", text);
    throw;
  }
  return text;
}

}  // namespace hone
