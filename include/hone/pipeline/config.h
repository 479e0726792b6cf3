// A whole config file as typed values: the run, its stages, and the functions that read, check and write it. Plain
// data; the functions are thread-safe.
#pragma once

#include "hone/algo/config.h"
#include "hone/checkpoint/config.h"
#include "hone/core/config.h"
#include "hone/data/config.h"
#include "hone/eval/config.h"
#include "hone/model/config.h"
#include "hone/reward/config.h"
#include "hone/rollout/config.h"
#include "hone/train/config.h"

namespace hone {

/// The built-in miniature base model.
inline constexpr std::string_view kBuiltinMiniature = "builtin:miniature";
/// Prompt templates that are known by name; any other template is a file.
inline constexpr std::string_view kPromptTemplates[] = {"r1_zero", "none", "chat"};

enum class ModelDtype { kFloat32 };
inline constexpr std::string_view kModelDtypeNames[] = {"float32"};
inline std::span<const std::string_view> enum_names(ModelDtype) {
  return kModelDtypeNames;
}

enum class RuntimeDevice { kCpu };
inline constexpr std::string_view kRuntimeDeviceNames[] = {"cpu"};
inline std::span<const std::string_view> enum_names(RuntimeDevice) {
  return kRuntimeDeviceNames;
}

enum class MetricNames { kTrl, kVerl };
inline constexpr std::string_view kMetricNamesNames[] = {"trl", "verl"};
inline std::span<const std::string_view> enum_names(MetricNames) {
  return kMetricNamesNames;
}

/// In a path, the model or a file of another stage of the run: "stage:NAME", "stage:NAME/accepted.jsonl".
inline constexpr std::string_view kStagePrefix = "stage:";
/// In place of a model's path: the run's model.path.
inline constexpr std::string_view kBaseModel = "base";

/// The model that the first stage starts from; every later stage starts from the one before it.
struct ModelSourceConfig {
  std::optional<std::string>
      path;  ///< set after loading when the first stage needs it and has no model.path of its own
  std::optional<std::string> source;
  ModelDtype dtype = ModelDtype::kFloat32;
  bool operator==(const ModelSourceConfig&) const = default;
};

/// A stage's own starting model, in place of the one of the stage before.
struct StageModelConfig {
  std::optional<std::string> path;
  std::optional<std::string> source;
  bool operator==(const StageModelConfig&) const = default;
};

struct RuntimeConfig {
  RuntimeDevice device = RuntimeDevice::kCpu;
  std::optional<int64_t> threads;
  int64_t ddp_timeout = 1800;
  int64_t zero_stage = 0;
  bool operator==(const RuntimeConfig&) const = default;
};

struct LoggingConfig {
  bool tensorboard = true;
  MetricNames tensorboard_names = MetricNames::kTrl;
  std::optional<int64_t> samples_per_step;
  bool operator==(const LoggingConfig&) const = default;
};

struct GuardConfig {
  std::optional<int64_t> max_nonfinite_updates = 3;
  std::optional<int64_t> max_no_signal_steps = 20;
  std::optional<int64_t> max_no_stop_steps = 20;
  bool operator==(const GuardConfig&) const = default;
};

struct GrpoStage {
  static constexpr std::string_view kType = "grpo";
  std::string name;  ///< never empty after loading: a single stage without a name is called by its type
  StageModelConfig model;
  DataConfig data;
  std::vector<SourceConfig> sources;
  CurriculumConfig curriculum;
  std::string prompt_template = "r1_zero";
  GrpoConfig grpo;
  SamplingConfig sampling;
  std::vector<RewardConfig> rewards;
  OptimizerConfig optimizer;
  int64_t steps = 0;
  CheckpointConfig checkpoint;
  EvalConfig eval;
  GuardConfig guards;
  bool operator==(const GrpoStage&) const = default;
};

/// Held-out examples of supervised fine-tuning.
struct EvalLossConfig {
  std::optional<std::string> path;
  std::optional<std::string> source;
  FieldsConfig fields;
  Split split = Split::kTest;
  int64_t examples = 256;
  std::optional<int64_t> every;
  bool operator==(const EvalLossConfig&) const = default;
};

struct SftConfig {
  double epochs = 1.0;
  int64_t examples_per_step = 128;
  std::optional<int64_t> max_length;
  bool operator==(const SftConfig&) const = default;
};

struct SftStage {
  static constexpr std::string_view kType = "sft";
  std::string name;
  StageModelConfig model;
  DataConfig data;
  std::string prompt_template = "r1_zero";
  SftConfig sft;
  OptimizerConfig optimizer;
  std::optional<int64_t> steps;
  CheckpointConfig checkpoint;
  EvalLossConfig eval;
  GuardConfig guards;
  bool operator==(const SftStage&) const = default;
};

struct PretrainStage {
  static constexpr std::string_view kType = "pretrain";
  std::string name;
  CorpusConfig data;
  ArchitectureConfig architecture;
  int64_t documents_per_step = 240;
  OptimizerConfig optimizer;
  int64_t steps = 0;
  CheckpointConfig checkpoint;
  EvalConfig eval;
  GuardConfig guards;
  bool operator==(const PretrainStage&) const = default;
};

/// What becomes of a kept completion before it is written: nothing, or for builtin:chains the readable form of the
/// world (the paper has a language model refine its cold-start data).
enum class Rewrite { kNone, kChains };
inline constexpr std::string_view kRewriteNames[] = {"none", "chains"};
inline std::span<const std::string_view> enum_names(Rewrite) {
  return kRewriteNames;
}

/// Where near-duplicates of a kept completion are looked for: among those of its prompt, or among all that are kept.
enum class DuplicateScope { kPrompt, kAll };
inline constexpr std::string_view kDuplicateScopeNames[] = {"prompt", "all"};
inline std::span<const std::string_view> enum_names(DuplicateScope) {
  return kDuplicateScopeNames;
}

/// What is sampled, and which of the right completions are kept (DeepSeek-R1, arXiv 2501.12948 v2, appendix B.3.3).
struct RejectionSampleConfig {
  std::optional<int64_t> prompts;
  int64_t num_generations = 4;
  int64_t prompts_per_step = 64;
  int64_t max_per_prompt = 2;
  std::optional<int64_t> max_examples;
  std::optional<double> min_reward;
  std::optional<double> min_language_consistency;
  std::optional<int64_t> max_paragraph_words;
  bool code_blocks = true;
  std::optional<double> max_repetition;
  std::optional<int64_t> min_length, max_length;
  std::optional<double> max_similarity = 0.9;
  DuplicateScope duplicates_over = DuplicateScope::kPrompt;
  Rewrite rewrite = Rewrite::kNone;
  bool operator==(const RejectionSampleConfig&) const = default;
};

/// Examples from elsewhere that join the kept ones.
struct MixConfig {
  std::optional<std::string> path;
  std::optional<std::string> source;
  FieldsConfig fields;
  double share = 0.25;
  bool operator==(const MixConfig&) const = default;
};

struct RejectionSampleStage {
  static constexpr std::string_view kType = "rejection_sample";
  std::string name;
  StageModelConfig model;
  DataConfig data;
  std::string prompt_template = "r1_zero";
  RejectionSampleConfig rejection_sample;
  SamplingConfig sampling;
  std::vector<RewardConfig> rewards;
  MixConfig mix;
  CheckpointConfig checkpoint;
  bool operator==(const RejectionSampleStage&) const = default;
};

/// Of two completions the better one, or of each whether it is good.
enum class PreferenceObjective { kPairwise, kPointwise };
inline constexpr std::string_view kPreferenceObjectiveNames[] = {"pairwise", "pointwise"};
inline std::span<const std::string_view> enum_names(PreferenceObjective) {
  return kPreferenceObjectiveNames;
}

struct RewardModelConfig {
  PreferenceObjective objective = PreferenceObjective::kPairwise;
  ScoredPart part = ScoredPart::kCompletion;
  double epochs = 1.0;
  int64_t examples_per_step = 256;
  std::optional<int64_t> max_length;
  bool operator==(const RewardModelConfig&) const = default;
};

struct RewardModelStage {
  static constexpr std::string_view kType = "reward_model";
  std::string name;
  StageModelConfig model;
  DataConfig data;
  std::string prompt_template = "r1_zero";
  RewardModelConfig reward_model;
  OptimizerConfig optimizer;
  std::optional<int64_t> steps;
  CheckpointConfig checkpoint;
  EvalLossConfig eval;
  GuardConfig guards;
  bool operator==(const RewardModelStage&) const = default;
};

/// One line of an evaluation's table.
struct EvaluatedModelConfig {
  std::string path;
  std::optional<std::string> source;
  std::optional<std::string> name;
  std::optional<std::string> prompt_template;
  bool operator==(const EvaluatedModelConfig&) const = default;
};

/// The paper's protocol (arXiv 2501.12948 v2, section 4): k completions of each problem at temperature 0.6.
struct ProtocolConfig {
  std::optional<int64_t> problems;
  int64_t num_generations = 64;
  double temperature = 0.6;
  double top_p = 0.95;
  bool greedy = true;
  std::optional<int64_t> max_completion_length;
  bool operator==(const ProtocolConfig&) const = default;
};

/// More problems of an evaluation.
struct EvalSourceConfig {
  std::string name;
  DataConfig data;
  bool operator==(const EvalSourceConfig&) const = default;
};

struct EvalStage {
  static constexpr std::string_view kType = "eval";
  std::string name;
  std::vector<EvaluatedModelConfig> models;
  DataConfig data;
  std::vector<EvalSourceConfig> sources{};
  std::string prompt_template = "r1_zero";
  ProtocolConfig eval;
  std::vector<RewardConfig> rewards;
  CheckpointConfig checkpoint;
  bool operator==(const EvalStage&) const = default;
};

struct ExportStage {
  static constexpr std::string_view kType = "export";
  std::string name;
  StageModelConfig model;
  std::string path;
  CheckpointConfig checkpoint;
  bool operator==(const ExportStage&) const = default;
};

using Stage =
    std::variant<GrpoStage, SftStage, RejectionSampleStage, RewardModelStage, EvalStage, ExportStage, PretrainStage>;

/// What every stage has.
const std::string& stage_name(const Stage& stage);
std::string_view stage_type(const Stage& stage);
int64_t stage_steps(const Stage& stage);  ///< 0 where only the data tells

const CheckpointConfig& checkpoint_config(const Stage& stage);
/// Whether the stage leaves a language model, which later ones start from.
bool makes_model(const Stage& stage);
/// The index of the stage named `name`; nothing when there is none.
std::optional<size_t> find_stage(const std::vector<Stage>& stages, std::string_view name);

struct RunConfig {
  std::string name;  ///< never empty after loading: the file's stem when the file does not say
  int64_t seed = 0;
  ModelSourceConfig model;
  RuntimeConfig runtime;
  LoggingConfig logging;
  std::vector<Stage> stages;
  bool operator==(const RunConfig&) const = default;
};

/// Reads a YAML or JSON file, applies `overrides` ("section.key=value", the last one wins), and checks everything that
/// needs no model or data. Throws Error (kInput) with one line for each problem, joined by line breaks:
/// "file:line:column: message" or "--set section.key=value: message". With `absent`, models and files that are not
/// there are no problem where a `source` says how to get them: each gives one line in `absent`.
RunConfig load_run_config(const std::string& path, const std::vector<std::string>& overrides = {},
                          std::vector<std::string>* absent = nullptr);
/// The same for a text that is at hand; `name` stands for the file in messages.
RunConfig parse_run_config(const std::string& name, const std::string& text,
                           std::vector<std::string>* absent = nullptr);

/// The resolved config: every key with its value. load_run_config reads it back to an equal config.
std::string to_yaml(const RunConfig& config);

void describe(ConfigVisitor& visitor, RunConfig& config);
void describe(ConfigVisitor& visitor, StageModelConfig& config);
void describe(ConfigVisitor& visitor, GuardConfig& config);
void describe(ConfigVisitor& visitor, GrpoStage& stage);
void describe(ConfigVisitor& visitor, SftStage& stage);
void describe(ConfigVisitor& visitor, RejectionSampleStage& stage);
void describe(ConfigVisitor& visitor, RewardModelStage& stage);
void describe(ConfigVisitor& visitor, EvalSourceConfig& source);
void describe(ConfigVisitor& visitor, EvalStage& stage);
void describe(ConfigVisitor& visitor, ExportStage& stage);
void describe(ConfigVisitor& visitor, PretrainStage& stage);

}  // namespace hone
