#include "hone/pipeline/config.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "hone/core/config_file.h"
#include "hone/core/suggest.h"
#include "hone/eval/measure.h"
#include "hone/reward/reward.h"

namespace hone {

namespace fs = std::filesystem;

const std::string& stage_name(const Stage& stage) {
  return std::visit([](const auto& s) -> const std::string& { return s.name; }, stage);
}

std::string_view stage_type(const Stage& stage) {
  return std::visit([](const auto& s) { return std::decay_t<decltype(s)>::kType; }, stage);
}

int64_t stage_steps(const Stage& stage) {
  return std::visit(
      [](const auto& s) -> int64_t {
        if constexpr (requires { s.steps; }) return std::optional<int64_t>(s.steps).value_or(0);
        if constexpr (requires { s.models; }) return static_cast<int64_t>(s.models.size());
        return std::is_same_v<decltype(s), const ExportStage&> ? 1 : 0;
      },
      stage);
}

const CheckpointConfig& checkpoint_config(const Stage& stage) {
  return std::visit([](const auto& s) -> const CheckpointConfig& { return s.checkpoint; }, stage);
}

bool makes_model(const Stage& stage) {
  return std::holds_alternative<GrpoStage>(stage) || std::holds_alternative<SftStage>(stage) ||
         std::holds_alternative<PretrainStage>(stage);
}

std::optional<size_t> find_stage(const std::vector<Stage>& stages, std::string_view name) {
  const auto found = std::ranges::find_if(stages, [&](const Stage& s) { return stage_name(s) == name; });
  return found == stages.end() ? std::nullopt : std::optional(static_cast<size_t>(found - stages.begin()));
}

void describe(ConfigVisitor& v, ModelSourceConfig& c) {
  v.field("path", c.path, any_value(), "",
          "The model the first stage starts from: builtin:miniature or a model folder; later stages start from the one "
          "before.");
  v.field("source", c.source, any_value(), "",
          "Where the model comes from, for people: with it, `hone validate` lets the folder be absent.");
  v.field("dtype", c.dtype, any_value(), "", "Type of weights and activations.");
}

void describe(ConfigVisitor& v, StageModelConfig& c) {
  v.field("path", c.path, any_value(), "",
          "The model this stage starts from: stage:NAME, base (the run's model.path), or as model.path; null for the "
          "model of the stage before.");
  v.field("source", c.source, any_value(), "", "Where the model comes from, as in the run's model.source.");
}

void describe(ConfigVisitor& v, RuntimeConfig& c) {
  v.field("device", c.device, any_value(), "", "Where the model runs.");
  v.field("threads", c.threads, between(1, 1024), "threads", "Null for all the cores that the process may use.");
  v.field("ddp_timeout", c.ddp_timeout, between(1, 30 * 24 * 3600), "s",
          "How long a rank waits for the others before the run ends.");
}

void describe(ConfigVisitor& v, LoggingConfig& c) {
  v.field("tensorboard", c.tensorboard, any_value(), "", "Writes TensorBoard events beside metrics.jsonl.");
  v.field("tensorboard_names", c.tensorboard_names, any_value(), "",
          "Whose names the curves in TensorBoard carry; metrics.jsonl always has TRL's.");
  v.field("samples_per_step", c.samples_per_step, at_least(0), "completions",
          "Completions written to samples.jsonl at each step; null for all.");
}

void describe(ConfigVisitor& v, GuardConfig& c) {
  v.field("max_nonfinite_updates", c.max_nonfinite_updates, at_least(1), "updates",
          "Stops after so many updates in a row whose loss or gradient was not finite; null for never.");
  v.field("max_no_signal_steps", c.max_no_signal_steps, at_least(1), "steps",
          "Stops after so many steps in a row in which all rewards of every group were equal; null for never.");
  v.field("max_no_stop_steps", c.max_no_stop_steps, at_least(1), "steps",
          "Stops after so many steps in a row in which every completion was cut off; null for never.");
}

namespace {

void describe_end(ConfigVisitor& v, int64_t& steps, CheckpointConfig& checkpoint, EvalConfig& eval,
                  GuardConfig& guards) {
  v.required("steps", steps, at_least(1), "steps", "Length of the stage.");
  v.section("checkpoint", checkpoint, "When state is saved and how much is kept.");
  v.section("eval", eval, "Evaluation on held-out problems.");
  v.section("guards", guards, "When a run that has gone wrong is stopped.");
}

void describe_name(ConfigVisitor& v, std::string& name) {
  v.field("name", name, any_value(), "", "Part of the stage's folder name; needed in a list of stages, else the type.");
}

}  // namespace

void describe(ConfigVisitor& v, GrpoStage& c) {
  describe_name(v, c.name);
  v.section("model", c.model, "A starting model of this stage's own.");
  v.section("data", c.data, "The problems that are sampled from.");
  v.optional_list("sources", c.sources, "More problems, mixed with those of data; each has the keys of 'data' and:");
  v.field(
      "template", c.prompt_template, any_value(), "",
      "Turns a problem into the model's input: r1_zero, none, chat (the model's chat template), or a template file.");
  v.section("grpo", c.grpo, "Group-relative policy optimisation.");
  v.section("sampling", c.sampling, "How completions are drawn.");
  v.list("rewards", c.rewards, "The rewards; a completion's reward is their weighted sum.");
  v.section("optimizer", c.optimizer, "AdamW and its schedule.");
  describe_end(v, c.steps, c.checkpoint, c.eval, c.guards);
}

void describe(ConfigVisitor& v, EvalLossConfig& c) {
  v.field("path", c.path, any_value(), "", "File of held-out examples, as in data.path; null for no evaluation.");
  v.field("source", c.source, any_value(), "", "Where the file comes from, as in data.source.");
  v.section("fields", c.fields, "As data.fields, for the file of held-out examples.");
  v.field("examples", c.examples, at_least(1), "examples", "Of the file, from the first on.");
  v.field("every", c.every, at_least(1), "steps",
          "Evaluates also after every so many steps; null for before and after the stage only.");
}

void describe(ConfigVisitor& v, SftConfig& c) {
  v.field("epochs", c.epochs, above(0), "", "How often the data is gone through, where steps is null.");
  v.field("examples_per_step", c.examples_per_step, at_least(1), "examples", "Examples in one optimizer update.");
  v.field("max_length", c.max_length, at_least(2), "tokens",
          "Longer examples are left out and counted; null for the positions of the model.");
}

void describe(ConfigVisitor& v, SftStage& c) {
  describe_name(v, c.name);
  v.section("model", c.model, "A starting model of this stage's own.");
  v.section("data", c.data, "The examples: records with a prompt and a completion.");
  v.field(
      "template", c.prompt_template, any_value(), "",
      "Turns a prompt into the model's input: r1_zero, none, chat (the model's chat template), or a template file.");
  v.section("sft", c.sft, "Supervised fine-tuning: the loss is on completions only.");
  v.section("optimizer", c.optimizer, "AdamW and its schedule.");
  v.field("steps", c.steps, at_least(1), "steps", "Length of the stage; null for sft.epochs.");
  v.section("checkpoint", c.checkpoint, "When state is saved and how much is kept.");
  v.section("eval", c.eval, "Loss on held-out examples.");
  v.section("guards", c.guards, "When a run that has gone wrong is stopped.");
}

void describe(ConfigVisitor& v, PretrainStage& c) {
  describe_name(v, c.name);
  v.section("data", c.data, "The documents that are read.");
  v.section("architecture", c.architecture, "Shape of the new model.");
  v.field("documents_per_step", c.documents_per_step, at_least(1), "documents", "Documents in one optimizer update.");
  v.section("optimizer", c.optimizer, "AdamW and its schedule.");
  describe_end(v, c.steps, c.checkpoint, c.eval, c.guards);
}

void describe(ConfigVisitor& v, Stage& c) {
  v.tagged("type", c, "What the stage does.");
}

void describe(ConfigVisitor& v, RunConfig& c) {
  v.field("name", c.name, any_value(), "", "Name of the run, and of its folder in runs/; by default that of the file.");
  v.field("seed", c.seed, between(0, 9007199254740992.0), "", "Everything random follows from it.");
  v.section("model", c.model, "The starting model.");
  v.list("stages", c.stages, "What is done: one 'stage', or 'stages', a list of them that run one after the other.",
         "stage");
  v.section("runtime", c.runtime, "Device and threads; changes speed only.");
  v.section("logging", c.logging, "What is written while it runs.");
}

namespace {

// Checks of several keys, or of the world outside of the file.
class RunChecker {
 public:
  using Source = std::optional<std::string>;

  RunChecker(ConfigFile& file, RunConfig& config, std::vector<std::string>* absent)
      : file_(file), config_(config), absent_(absent) {}

  void check() {
    check_name("name", config_.name);
    if (config_.model.path) check_model("model.path", *config_.model.path, config_.model.source);
    std::set<std::string> names;
    for (size_t i = 0; i < config_.stages.size(); ++i) {
      stage_ = file_.has("stage") ? "stage" : "stages." + std::to_string(i);
      if (!file_.sound({stage_ + ".type"})) continue;
      std::visit([&](auto& stage) { check_stage_name(stage, names); }, config_.stages[i]);
      index_ = i;
      std::visit([&](const auto& stage) { check_stage(stage); }, config_.stages[i]);
    }
  }

 private:
  std::string key(std::string_view name) const { return stage_ + "." + std::string(name); }

  // A rule over keys of the stage; it is reported at the first one.
  void rule(bool holds, std::initializer_list<std::string_view> keys, const std::string& what,
            const std::string& hint = {}) {
    if (holds) return;
    for (std::string_view name : keys) {
      if (!file_.sound({key(name)})) return;
    }
    file_.report(key(*keys.begin()), {.what = what, .hint = hint});
  }

  // Names become names of folders.
  void check_name(const std::string& at, const std::string& name) {
    const bool safe = std::ranges::all_of(name, [](unsigned char c) { return c > 0x20 && c != '/' && c != 0x7F; });
    if (!file_.sound({at}) || (safe && !name.empty() && name.size() <= 100 && name[0] != '.')) return;
    file_.report(at, {.what = at,
                      .got = "'" + name + "'",
                      .expected = "1 to 100 characters without spaces or '/', the first not '.'"});
  }

  template <class S>
  void check_stage_name(S& stage, std::set<std::string>& names) {
    if (stage.name.empty() && stage_ != "stage") {
      if (!file_.sound({key("name")})) return;
      file_.report(stage_, {.what = fmt::format("missing key '{}'", key("name")), .expected = "text"});
      return;
    }
    if (stage.name.empty()) stage.name = S::kType;
    check_name(key("name"), stage.name);
    rule(names.insert(stage.name).second, {"name"}, fmt::format("two stages are named '{}'", stage.name));
  }

  // stage:NAME or stage:NAME/FILE, of a stage before stage `index`. Whether `path` is such a one.
  enum class Wanted { kModel, kRewardModel, kFile };
  bool check_reference(const std::string& at, const std::string& path, Wanted wanted) {
    if (!path.starts_with(kStagePrefix)) return false;
    const std::string rest = path.substr(kStagePrefix.size()), named = rest.substr(0, rest.find('/'));
    std::vector<std::string> fitting;
    for (size_t i = 0; i < index_; ++i) {
      const bool scores = std::holds_alternative<RewardModelStage>(config_.stages[i]);
      if (wanted == Wanted::kFile || (wanted == Wanted::kModel ? makes_model(config_.stages[i]) : scores)) {
        fitting.push_back(stage_name(config_.stages[i]));
      }
    }
    const bool fits = std::ranges::count(fitting, named) > 0;
    if (!file_.sound({at}) || (fits && (wanted == Wanted::kFile) == (rest.size() > named.size() + 1))) return true;
    const char* const kind = wanted == Wanted::kFile    ? ""
                             : wanted == Wanted::kModel ? "that makes a model"
                                                        : "of type reward_model";
    file_.report(
        at, {.what = at,
             .got = "'" + path + "'",
             .expected = fmt::format("stage:NAME{} of an earlier stage {}{}", wanted == Wanted::kFile ? "/FILE" : "",
                                     kind, fitting.empty() ? "" : fmt::format(" ({})", fmt::join(fitting, ", "))),
             .hint = find_stage(config_.stages, named) ? "" : "there is no such stage"});
    return true;
  }

  // Something that is not there; where the config says how to get it, the caller may want no more than to know.
  void report_absent(const std::string& at, Problem problem, const Source& source) {
    if (source && absent_ != nullptr) {
      absent_->push_back(fmt::format("{}: {} is not here: {}", at, problem.got, *source));
      return;
    }
    if (source) problem.hint += ": " + *source;
    file_.report(at, problem);
  }

  void check_model(const std::string& at, const std::string& path, const Source& source) {
    if (!file_.sound({at}) || path == kBuiltinMiniature) return;
    Problem problem{.what = at, .got = "'" + path + "'", .expected = "builtin:miniature or a model folder"};
    std::error_code error;
    const fs::path folder(path);
    if (fs::is_directory(folder, error)) {
      if (fs::exists(folder / "config.json", error)) return;
      problem.hint = "the folder has no config.json";
    } else if (fs::exists(folder, error)) {
      problem.hint = "that is a file";
    } else {
      const bool builtin = path.starts_with("builtin:");
      problem.hint = builtin ? "no such built-in model" : "no such folder";
      if (!builtin) return report_absent(at, problem, source);
    }
    file_.report(at, problem);
  }

  // A file of records, or the built-in world.
  void check_data(std::string_view name, const std::string& path, const Source& source, bool may_be_file) {
    if (path == kBuiltinChains || !file_.sound({key(name)})) return;
    if (may_be_file && check_reference(key(name), path, Wanted::kFile)) return;
    std::error_code error;
    const bool builtin = path.starts_with("builtin:");
    if (may_be_file && !builtin && fs::exists(path, error) && !fs::is_directory(path, error)) return;
    const std::string known(kBuiltinChains);
    Problem problem{.what = key(name),
                    .got = "'" + path + "'",
                    .expected = may_be_file ? known + " or a file of JSON Lines" : known};
    if (may_be_file && !builtin) {
      problem.hint = fs::is_directory(path, error) ? "that is a folder" : "no such file";
      if (!fs::exists(path, error)) return report_absent(key(name), problem, source);
    }
    file_.report(key(name), problem);
  }

  void check_eval(const GrpoStage& c) {
    if (c.eval.problems == 0) return;
    if (c.eval.path) check_data("eval.path", *c.eval.path, c.eval.source, /*may_be_file=*/true);
    const bool builtin = c.eval.path.value_or(c.data.path) == kBuiltinChains;
    rule(c.eval.path || builtin, {"eval.path", "data.path"}, fmt::format("missing key '{}'", key("eval.path")),
         "name a file of held-out problems, or set eval.problems: 0");
    rule(builtin || judging_reward(c.rewards).has_value(), {"eval.path", "rewards"},
         "none of the rewards says what is right, so nothing can be measured", "set eval.problems: 0");
  }

  // Sources have names, data and steps; rewards speak of sources that there are.
  void check_sources(const GrpoStage& c) {
    std::set<std::string> names = {Prompt().source};
    int64_t first = 1;  // step with prompts of data
    for (size_t i = 0; i < c.sources.size(); ++i) {
      const SourceConfig& s = c.sources[i];
      const std::string at = fmt::format("sources.{}", i);
      if (!file_.sound({key(at + ".name")})) continue;
      rule(names.insert(s.name).second, {at}, fmt::format("two sources are named '{}'", s.name));
      check_data(at + ".path", s.data.path, s.data.source, /*may_be_file=*/true);
      rule(s.from_step.value_or(first) <= s.until_step.value_or(c.steps), {at},
           fmt::format("{}: the source begins at step {} and ends at step {}", key(at), s.from_step.value_or(first),
                       s.until_step.value_or(c.steps)));
    }
    for (size_t i = 0; i < c.rewards.size(); ++i) {
      for (const std::string& source : c.rewards[i].sources) {
        const std::string at = fmt::format("rewards.{}", i);
        rule(names.contains(source), {at}, fmt::format("{}: no source is named '{}'", key(at + ".sources"), source),
             fmt::format("there are {}", fmt::join(names, ", ")));
      }
    }
  }

  void check_template(std::string_view at, const std::string& name) {
    if (std::ranges::count(kPromptTemplates, name) || !file_.sound({key(at)})) return;
    std::error_code error;
    const bool is_path = name.find_first_of("/.") != std::string::npos;
    if (is_path && fs::is_regular_file(name, error)) return;
    const std::vector<std::string> known(std::begin(kPromptTemplates), std::end(kPromptTemplates));
    const auto nearest = nearest_word(name, known);
    file_.report(key(at), {.what = key(at),
                           .got = "'" + name + "'",
                           .expected = fmt::format("{} or the path of a template file", fmt::join(known, ", ")),
                           .hint = is_path   ? "no such file"
                                   : nearest ? "did you mean '" + *nearest + "'?"
                                             : ""});
  }

  // A model of the run's or of an earlier stage, or one from outside.
  void check_stage_model(const std::string& at, const std::string& path, const Source& source) {
    if (check_reference(at, path, Wanted::kModel)) return;
    if (path == kBaseModel) return check_base();
    check_model(at, path, source);
  }

  void check_base() {
    if (config_.model.path || !file_.sound({"model.path"})) return;
    file_.report("model.path", {.what = "missing key 'model.path'", .expected = "builtin:miniature or a model folder"});
  }

  // A stage that starts from a model has one.
  void check_start(const StageModelConfig& model) {
    if (model.path) {
      check_stage_model(key("model.path"), *model.path, model.source);
    } else if (std::none_of(config_.stages.begin(), config_.stages.begin() + static_cast<std::ptrdiff_t>(index_),
                            makes_model) &&
               file_.sound({key("model.path")})) {
      check_base();
    }
  }

  void check_operations(const DataConfig& data) {
    rule(data.min_operations <= data.max_operations, {"data.min_operations", "data.max_operations"},
         fmt::format("data.min_operations {} is more than data.max_operations {}", data.min_operations,
                     data.max_operations));
  }

  void check_lengths(const SamplingConfig& sampling) {
    rule(sampling.min_completion_length.value_or(0) <= sampling.max_completion_length,
         {"sampling.min_completion_length", "sampling.max_completion_length"},
         fmt::format("sampling.min_completion_length {} is more than max_completion_length {}",
                     sampling.min_completion_length.value_or(0), sampling.max_completion_length));
  }

  void check_stage(const RejectionSampleStage& c) {
    check_start(c.model);
    check_data("data.path", c.data.path, c.data.source, /*may_be_file=*/true);
    check_operations(c.data);
    check_template("template", c.prompt_template);
    check_lengths(c.sampling);
    check_rewards(c.rewards, c.sampling.max_completion_length);
    if (c.mix.path) check_data("mix.path", *c.mix.path, c.mix.source, /*may_be_file=*/true);
    const bool builtin = c.data.path == kBuiltinChains;
    rule(!builtin || c.rejection_sample.prompts, {"rejection_sample.prompts", "data.path"},
         fmt::format("missing key '{}': builtin:chains has no end", key("rejection_sample.prompts")));
    rule(c.rejection_sample.min_length.value_or(0) <= c.rejection_sample.max_length.value_or(kMaxCount),
         {"rejection_sample.min_length", "rejection_sample.max_length"},
         "rejection_sample.min_length is more than max_length");
  }

  void check_stage(const EvalStage& c) {
    for (size_t i = 0; i < c.models.size(); ++i) {
      const std::string at = fmt::format("models.{}", i);
      if (file_.sound({key(at + ".path")})) check_stage_model(key(at + ".path"), c.models[i].path, c.models[i].source);
      if (c.models[i].prompt_template) check_template(at + ".template", *c.models[i].prompt_template);
    }
    check_data("data.path", c.data.path, c.data.source, /*may_be_file=*/true);
    check_operations(c.data);
    check_template("template", c.prompt_template);
    check_rewards(c.rewards, c.eval.max_completion_length);
    rule(judging_reward(c.rewards).has_value(), {"rewards"},
         key("rewards") + ": none of the rewards says what is right, so nothing can be measured");
  }

  void check_stage(const RewardModelStage& c) {
    check_start(c.model);
    if (c.data.path == kBuiltinChains) {
      rule(false, {"data.path"}, key("data.path") + ": builtin:chains has problems, but no preferences to learn from");
    } else {
      check_data("data.path", c.data.path, c.data.source, /*may_be_file=*/true);
    }
    if (c.eval.path) check_data("eval.path", *c.eval.path, c.eval.source, /*may_be_file=*/true);
    check_template("template", c.prompt_template);
  }

  void check_stage(const ExportStage& c) { check_start(c.model); }

  void check_stage(const SftStage& c) {
    check_start(c.model);
    if (c.data.path == kBuiltinChains) {
      rule(false, {"data.path"}, key("data.path") + ": builtin:chains has problems, but no completions to learn from");
    } else {
      check_data("data.path", c.data.path, c.data.source, /*may_be_file=*/true);
    }
    if (c.eval.path) check_data("eval.path", *c.eval.path, c.eval.source, /*may_be_file=*/true);
    check_template("template", c.prompt_template);
  }

  void check_stage(const GrpoStage& c) {
    check_start(c.model);
    check_data("data.path", c.data.path, c.data.source, /*may_be_file=*/true);
    check_eval(c);
    check_sources(c);
    check_template("template", c.prompt_template);
    check_operations(c.data);
    const int64_t completions = c.grpo.prompts_per_step * c.grpo.num_generations;
    rule(completions % c.grpo.num_minibatches == 0,
         {"grpo.num_minibatches", "grpo.prompts_per_step", "grpo.num_generations"},
         fmt::format(
             "grpo.prompts_per_step {} x num_generations {} = {} completions do not divide into num_minibatches {}",
             c.grpo.prompts_per_step, c.grpo.num_generations, completions, c.grpo.num_minibatches));
    rule(c.sampling.temperature > 0, {"sampling.temperature"},
         key("sampling.temperature") + ": got 0, expected more than 0",
         "greedy completions of a group are all equal, so nothing can be learned from them");
    check_lengths(c.sampling);
    check_loss(c.grpo);
    check_rewards(c.rewards, c.sampling.max_completion_length);
  }

  void check_loss(const GrpoConfig& c) {
    rule(!c.delta || *c.delta > 1 + c.epsilon_high, {"grpo.delta", "grpo.epsilon_high"},
         fmt::format("grpo.delta {} is not more than 1 + epsilon_high {}", c.delta.value_or(0), c.epsilon_high));
    rule(!c.delta || c.loss_type != LossType::kCispo, {"grpo.delta", "grpo.loss_type"},
         "grpo.delta is a bound of the clipped ratio, which loss_type cispo does not have",
         "the weights of cispo are bounded by 1 + epsilon_high");
    rule(c.entropy_coef_min <= c.entropy_coef_max, {"grpo.entropy_coef_min", "grpo.entropy_coef_max"},
         fmt::format("grpo.entropy_coef_min {} is more than entropy_coef_max {}", c.entropy_coef_min,
                     c.entropy_coef_max));
    rule(!c.use_adaptive_entropy || c.entropy_coef <= c.entropy_coef_max,
         {"grpo.entropy_coef", "grpo.entropy_coef_max"},
         fmt::format("grpo.entropy_coef {} is more than entropy_coef_max {}", c.entropy_coef, c.entropy_coef_max));
    rule(!c.importance_sampling_cap || c.old_log_probs == OldLogProbs::kRecompute,
         {"grpo.importance_sampling_cap", "grpo.old_log_probs"},
         "grpo.importance_sampling_cap needs old_log_probs recompute",
         "with behavior the ratio already divides by the sampler's log-probs");
  }

  void check_rewards(const std::vector<RewardConfig>& rewards, std::optional<int64_t> max_completion_length) {
    const bool all_sound = file_.sound({key("rewards"), key("sampling.max_completion_length")});
    std::set<std::string> names;
    for (size_t i = 0; i < rewards.size(); ++i) {
      const std::string at = "rewards." + std::to_string(i);
      if (!file_.sound({key(at)})) continue;
      const std::string name = rewards[i].label();
      rule(names.insert(name).second, {at}, fmt::format("two rewards are named '{}'", name), "give one a 'name'");
      if (rewards[i].name) check_name(key(at + ".name"), name);
      const auto* const model = std::get_if<ModelReward>(&rewards[i].parameters);
      if (model != nullptr) check_reference(key(at + ".path"), model->path, Wanted::kRewardModel);
      if (!all_sound) continue;  // they refer to each other
      if (auto found = find_problem(rewards, i, max_completion_length)) {
        const std::string place = key(at + "." + found->key);
        found->problem.what = place + ": " + found->problem.what;
        file_.report(place, found->problem);
      }
    }
  }

  void check_stage(const PretrainStage& c) {
    check_data("data.path", c.data.path, {}, /*may_be_file=*/false);
    const ArchitectureConfig& a = c.architecture;
    rule(a.hidden_size % a.num_attention_heads == 0, {"architecture.hidden_size", "architecture.num_attention_heads"},
         fmt::format("architecture.hidden_size {} does not divide into num_attention_heads {}", a.hidden_size,
                     a.num_attention_heads));
    rule(a.hidden_size % a.num_attention_heads != 0 || a.hidden_size / a.num_attention_heads % 2 == 0,
         {"architecture.hidden_size", "architecture.num_attention_heads"},
         fmt::format("architecture.hidden_size {} / num_attention_heads {} = {} is odd", a.hidden_size,
                     a.num_attention_heads, a.hidden_size / a.num_attention_heads),
         "rotary positions need an even head size");
    rule(a.num_attention_heads % a.num_key_value_heads == 0,
         {"architecture.num_key_value_heads", "architecture.num_attention_heads"},
         fmt::format("architecture.num_attention_heads {} does not divide into num_key_value_heads {}",
                     a.num_attention_heads, a.num_key_value_heads));
  }

  ConfigFile& file_;
  RunConfig& config_;
  std::vector<std::string>* absent_;
  std::string stage_;
  size_t index_ = 0;  // of that stage
};

// Puts the stage of another file in the place of { name, config: other.yaml }; the path is relative to this file. Of
// the other file only the stage is used, but all of it is checked.
void include_stages(ConfigFile& file, const fs::path& folder) {
  for (size_t i = 0; i < file.size("stages"); ++i) {
    const std::string at = "stages." + std::to_string(i);
    if (!file.has(at + ".config")) continue;
    const auto path = file.text(at + ".config");
    const std::vector<std::string> keys = file.keys(at);
    const bool alone = std::ranges::all_of(keys, [](const std::string& k) { return k == "name" || k == "config"; });
    if (!path || !alone) {
      file.report(at + ".config", {.what = at + ": not a stage from another file",
                                   .expected = "{ name: NAME, config: FILE } and no other key",
                                   .hint = "change keys of the stage with --set"});
      file.ignore(at);
      continue;
    }
    try {
      ConfigFile other(folder / *path);
      if (other.has("stage")) {
        RunConfig scratch;
        other.read(scratch);
        file.include(at, other, "stage", "name");
        continue;
      }
      file.report(at + ".config", {.what = fmt::format("{} has no 'stage'", *path)});
    } catch (const Error& error) {
      file.report(error);
    }
    file.ignore(at);
  }
}

RunConfig resolve(ConfigFile& file, const fs::path& path, const std::vector<std::string>& overrides,
                  std::vector<std::string>* absent) {
  include_stages(file, path.parent_path());
  for (const std::string& assignment : overrides) file.set(assignment);
  RunConfig config;
  file.read(config);
  if (config.name.empty()) config.name = path.stem().string();
  RunChecker(file, config, absent).check();
  file.throw_problems();
  return config;
}

}  // namespace

RunConfig load_run_config(const std::string& path, const std::vector<std::string>& overrides,
                          std::vector<std::string>* absent) {
  ConfigFile file{fs::path(path)};
  return resolve(file, path, overrides, absent);
}

RunConfig parse_run_config(const std::string& name, const std::string& text) {
  ConfigFile file(name, text);
  return resolve(file, name, {}, nullptr);
}

std::string to_yaml(const RunConfig& config) {
  RunConfig copy = config;
  return config_yaml([&](ConfigVisitor& v) { describe(v, copy); });
}

}  // namespace hone
