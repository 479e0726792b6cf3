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
  return std::visit([](const auto& s) { return std::optional<int64_t>(s.steps).value_or(0); }, stage);
}

const CheckpointConfig& checkpoint_config(const Stage& stage) {
  return std::visit([](const auto& s) -> const CheckpointConfig& { return s.checkpoint; }, stage);
}

void describe(ConfigVisitor& v, ModelSourceConfig& c) {
  v.field("path", c.path, any_value(), "",
          "The model the first stage starts from: builtin:miniature or a model folder; later stages start from the one "
          "before.");
  v.field("dtype", c.dtype, any_value(), "", "Type of weights and activations.");
}

void describe(ConfigVisitor& v, StageModelConfig& c) {
  v.field("path", c.path, any_value(), "",
          "The model this stage starts from; null for the model of the stage before, or the run's model.path.");
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
  RunChecker(ConfigFile& file, RunConfig& config) : file_(file), config_(config) {}

  void check() {
    check_name("name", config_.name);
    if (config_.model.path) check_model("model.path", *config_.model.path);
    std::set<std::string> names;
    for (size_t i = 0; i < config_.stages.size(); ++i) {
      stage_ = file_.has("stage") ? "stage" : "stages." + std::to_string(i);
      if (!file_.sound({stage_ + ".type"})) continue;
      std::visit([&](auto& stage) { check_stage_name(stage, names); }, config_.stages[i]);
      if (auto* grpo = std::get_if<GrpoStage>(&config_.stages[i])) check_grpo(*grpo, i == 0);
      if (auto* sft = std::get_if<SftStage>(&config_.stages[i])) check_sft(*sft, i == 0);
      if (auto* pretrain = std::get_if<PretrainStage>(&config_.stages[i])) check_pretrain(*pretrain);
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

  void check_model(const std::string& at, const std::string& path) {
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
      problem.hint = path.starts_with("builtin:") ? "no such built-in model" : "no such folder";
    }
    file_.report(at, problem);
  }

  // A file of records, or the built-in world.
  void check_data(std::string_view name, const std::string& path, bool may_be_file) {
    if (path == kBuiltinChains || !file_.sound({key(name)})) return;
    std::error_code error;
    const bool builtin = path.starts_with("builtin:");
    if (may_be_file && !builtin && fs::exists(path, error) && !fs::is_directory(path, error)) return;
    const std::string known(kBuiltinChains);
    file_.report(key(name), {.what = key(name),
                             .got = "'" + path + "'",
                             .expected = may_be_file ? known + " or a file of JSON Lines" : known,
                             .hint = builtin || !may_be_file         ? ""
                                     : fs::is_directory(path, error) ? "that is a folder"
                                                                     : "no such file"});
  }

  void check_eval(const GrpoStage& c) {
    if (c.eval.problems == 0) return;
    if (c.eval.path) check_data("eval.path", *c.eval.path, /*may_be_file=*/true);
    const bool builtin = c.eval.path.value_or(c.data.path) == kBuiltinChains;
    rule(c.eval.path || builtin, {"eval.path", "data.path"}, fmt::format("missing key '{}'", key("eval.path")),
         "name a file of held-out problems, or set eval.problems: 0");
    rule(builtin || judging_reward(c.rewards).has_value(), {"eval.path", "rewards"},
         "none of the rewards says what is right, so nothing can be measured", "set eval.problems: 0");
  }

  void check_template(const std::string& name) {
    if (std::ranges::count(kPromptTemplates, name) || !file_.sound({key("template")})) return;
    std::error_code error;
    const bool is_path = name.find_first_of("/.") != std::string::npos;
    if (is_path && fs::is_regular_file(name, error)) return;
    const std::vector<std::string> known(std::begin(kPromptTemplates), std::end(kPromptTemplates));
    const auto nearest = nearest_word(name, known);
    file_.report(key("template"), {.what = key("template"),
                                   .got = "'" + name + "'",
                                   .expected = fmt::format("{} or the path of a template file", fmt::join(known, ", ")),
                                   .hint = is_path   ? "no such file"
                                           : nearest ? "did you mean '" + *nearest + "'?"
                                                     : ""});
  }

  // A stage that starts from a model has one.
  void check_start(const StageModelConfig& model, bool first) {
    if (model.path) {
      check_model(key("model.path"), *model.path);
    } else if (first && !config_.model.path && file_.sound({"model.path", key("model.path")})) {
      file_.report("model.path",
                   {.what = "missing key 'model.path'", .expected = "builtin:miniature or a model folder"});
    }
  }

  void check_sft(const SftStage& c, bool first) {
    check_start(c.model, first);
    if (c.data.path == kBuiltinChains) {
      rule(false, {"data.path"}, key("data.path") + ": builtin:chains has problems, but no completions to learn from");
    } else {
      check_data("data.path", c.data.path, /*may_be_file=*/true);
    }
    if (c.eval.path) check_data("eval.path", *c.eval.path, /*may_be_file=*/true);
    check_template(c.prompt_template);
  }

  void check_grpo(const GrpoStage& c, bool first) {
    check_start(c.model, first);
    check_data("data.path", c.data.path, /*may_be_file=*/true);
    check_eval(c);
    check_template(c.prompt_template);
    rule(c.data.min_operations <= c.data.max_operations, {"data.min_operations", "data.max_operations"},
         fmt::format("data.min_operations {} is more than data.max_operations {}", c.data.min_operations,
                     c.data.max_operations));
    const int64_t completions = c.grpo.prompts_per_step * c.grpo.num_generations;
    rule(completions % c.grpo.num_minibatches == 0,
         {"grpo.num_minibatches", "grpo.prompts_per_step", "grpo.num_generations"},
         fmt::format(
             "grpo.prompts_per_step {} x num_generations {} = {} completions do not divide into num_minibatches {}",
             c.grpo.prompts_per_step, c.grpo.num_generations, completions, c.grpo.num_minibatches));
    rule(c.sampling.temperature > 0, {"sampling.temperature"},
         key("sampling.temperature") + ": got 0, expected more than 0",
         "greedy completions of a group are all equal, so nothing can be learned from them");
    rule(c.sampling.min_completion_length.value_or(0) <= c.sampling.max_completion_length,
         {"sampling.min_completion_length", "sampling.max_completion_length"},
         fmt::format("sampling.min_completion_length {} is more than max_completion_length {}",
                     c.sampling.min_completion_length.value_or(0), c.sampling.max_completion_length));
    check_rewards(c);
  }

  void check_rewards(const GrpoStage& c) {
    const bool all_sound = file_.sound({key("rewards"), key("sampling.max_completion_length")});
    std::set<std::string> names;
    for (size_t i = 0; i < c.rewards.size(); ++i) {
      const std::string at = "rewards." + std::to_string(i);
      if (!file_.sound({key(at)})) continue;
      const std::string name = c.rewards[i].label();
      rule(names.insert(name).second, {at}, fmt::format("two rewards are named '{}'", name), "give one a 'name'");
      if (c.rewards[i].name) check_name(key(at + ".name"), name);
      if (!all_sound) continue;  // they refer to each other
      if (auto found = find_problem(c.rewards, i, c.sampling.max_completion_length)) {
        const std::string place = key(at + "." + found->key);
        found->problem.what = place + ": " + found->problem.what;
        file_.report(place, found->problem);
      }
    }
  }

  void check_pretrain(const PretrainStage& c) {
    check_data("data.path", c.data.path, /*may_be_file=*/false);
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
  std::string stage_;
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

RunConfig resolve(ConfigFile& file, const fs::path& path, const std::vector<std::string>& overrides) {
  include_stages(file, path.parent_path());
  for (const std::string& assignment : overrides) file.set(assignment);
  RunConfig config;
  file.read(config);
  if (config.name.empty()) config.name = path.stem().string();
  RunChecker(file, config).check();
  file.throw_problems();
  return config;
}

}  // namespace

RunConfig load_run_config(const std::string& path, const std::vector<std::string>& overrides) {
  ConfigFile file{fs::path(path)};
  return resolve(file, path, overrides);
}

RunConfig parse_run_config(const std::string& name, const std::string& text) {
  ConfigFile file(name, text);
  return resolve(file, name, {});
}

std::string to_yaml(const RunConfig& config) {
  RunConfig copy = config;
  return config_yaml([&](ConfigVisitor& v) { describe(v, copy); });
}

}  // namespace hone
