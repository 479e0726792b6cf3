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

/// The model that the first stage starts from; every later stage starts from the one before it.
struct ModelSourceConfig {
  std::optional<std::string>
      path;  ///< set after loading when the first stage needs it and has no model.path of its own
  ModelDtype dtype = ModelDtype::kFloat32;
  bool operator==(const ModelSourceConfig&) const = default;
};

/// A stage's own starting model, in place of the one of the stage before.
struct StageModelConfig {
  std::optional<std::string> path;
  bool operator==(const StageModelConfig&) const = default;
};

struct RuntimeConfig {
  RuntimeDevice device = RuntimeDevice::kCpu;
  std::optional<int64_t> threads;
  int64_t ddp_timeout = 1800;
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
  FieldsConfig fields;
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

using Stage = std::variant<GrpoStage, SftStage, PretrainStage>;

/// What every stage has.
const std::string& stage_name(const Stage& stage);
std::string_view stage_type(const Stage& stage);
int64_t stage_steps(const Stage& stage);  ///< 0 where only the data tells

const CheckpointConfig& checkpoint_config(const Stage& stage);

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
/// "file:line:column: message" or "--set section.key=value: message".
RunConfig load_run_config(const std::string& path, const std::vector<std::string>& overrides = {});
/// The same for a text that is at hand; `name` stands for the file in messages.
RunConfig parse_run_config(const std::string& name, const std::string& text);

/// The resolved config: every key with its value. load_run_config reads it back to an equal config.
std::string to_yaml(const RunConfig& config);

void describe(ConfigVisitor& visitor, RunConfig& config);

}  // namespace hone
