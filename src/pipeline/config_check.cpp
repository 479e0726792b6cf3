#include "pipeline/config_check.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "hone/core/suggest.h"
#include "hone/data/chat.h"
#include "hone/eval/measure.h"
#include "hone/reward/reward.h"

namespace hone {
namespace {

namespace fs = std::filesystem;

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
  void rule(bool holds, const std::vector<std::string>& keys, const std::string& what, const std::string& hint = {}) {
    if (holds) return;
    for (const std::string& name : keys) {
      if (!file_.sound({key(name)})) return;
    }
    file_.report(key(keys.front()), {.what = what, .hint = hint});
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
    if (path == kBuiltinChains || (may_be_file && is_builtin_chat(path)) || !file_.sound({key(name)})) return;
    if (may_be_file && check_reference(key(name), path, Wanted::kFile)) return;
    std::error_code error;
    const bool builtin = path.starts_with("builtin:");
    if (may_be_file && !builtin && fs::exists(path, error) && !fs::is_directory(path, error)) return;
    const std::string known(kBuiltinChains);
    Problem problem{
        .what = key(name),
        .got = "'" + path + "'",
        .expected =
            may_be_file ? fmt::format("{}, {} or a file of JSON Lines", known, fmt::join(kBuiltinChat, ", ")) : known};
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
    const auto format = c.eval.path ? c.eval.format : c.data.format;
    rule(builtin || judging_reward(c.rewards, format).has_value(), {"eval.path", "rewards"},
         "none of the rewards says what is right, so nothing can be measured", "set eval.problems: 0");
  }

  // Sources have names and data; rewards speak of sources that there are.
  template <class S>
  void check_sources(const std::vector<S>& sources, const std::vector<RewardConfig>& rewards) {
    std::set<std::string> names = {Prompt().source};
    for (size_t i = 0; i < sources.size(); ++i) {
      const S& s = sources[i];
      const std::string at = fmt::format("sources.{}", i);
      if (!file_.sound({key(at + ".name")})) continue;
      rule(names.insert(s.name).second, {at}, fmt::format("two sources are named '{}'", s.name));
      check_data(at + ".path", s.data.path, s.data.source, /*may_be_file=*/true);
    }
    for (size_t i = 0; i < rewards.size(); ++i) {
      for (const std::string& source : rewards[i].sources) {
        const std::string at = fmt::format("rewards.{}", i);
        rule(names.contains(source), {at}, fmt::format("{}: no source is named '{}'", key(at + ".sources"), source),
             fmt::format("there are {}", fmt::join(names, ", ")));
      }
    }
  }

  // What the sources of a training stage must keep beside.
  void check_source_rules(const GrpoStage& c) {
    for (size_t i = 0; i < c.sources.size(); ++i) {
      const SourceConfig& s = c.sources[i];
      const int64_t from = s.from_step.value_or(1), until = s.until_step.value_or(c.steps);
      const std::string at = fmt::format("sources.{}", i);
      rule(from <= until, {at},
           fmt::format("{}: the source begins at step {} and ends at step {}", key(at), from, until));
      rule(s.temperature.value_or(1) > 0, {at + ".temperature"},
           key(at + ".temperature") + ": got 0, expected more than 0",
           "greedy completions of a group are all equal, so nothing can be learned from them");
    }
  }

  void check_curriculum(const GrpoStage& c) {
    if (!c.curriculum.on()) return;
    rule(c.curriculum.min_pass_rate.value_or(0) <= c.curriculum.max_pass_rate.value_or(1),
         {"curriculum.min_pass_rate", "curriculum.max_pass_rate"},
         key("curriculum") + ": min_pass_rate is more than max_pass_rate");
    rule(judging_reward(c.rewards).has_value(), {"curriculum", "rewards"},
         key("curriculum") + ": none of the rewards says what is right, so there is no pass rate");
    const auto is_file = [](const SourceConfig& s) { return s.data.path != kBuiltinChains; };
    rule(c.data.path != kBuiltinChains || std::ranges::any_of(c.sources, is_file), {"curriculum", "data.path"},
         key("curriculum") + ": builtin:chains never asks a problem twice, so none has a pass rate");
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
    rule(!data.format || data.path != kBuiltinChains, {"data.format", "data.path"},
         key("data.format") + ": builtin:chains is no file of a benchmark");
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

  // What chooses the best model needs evaluations to choose by.
  void check_best(const CheckpointConfig& c, const std::optional<int64_t>& every, bool evaluates) {
    const bool chooses = c.load_best_model_at_end || c.early_stopping_patience;
    rule(!chooses || c.metric_for_best_model, {"checkpoint.metric_for_best_model"},
         fmt::format("missing key '{}'", key("checkpoint.metric_for_best_model")),
         "load_best_model_at_end and early_stopping_patience go by it");
    rule(!c.metric_for_best_model || (evaluates && every), {"checkpoint.metric_for_best_model", "eval.every"},
         key("checkpoint.metric_for_best_model") + ": the stage is not evaluated while it runs", "set eval.every");
  }
  void check_no_best(const CheckpointConfig& c) {
    rule(
        !c.metric_for_best_model && !c.load_best_model_at_end && !c.early_stopping_patience,
        {"checkpoint.metric_for_best_model", "checkpoint.load_best_model_at_end", "checkpoint.early_stopping_patience"},
        key("checkpoint") + ": this stage trains no model, so none is best");
  }

  void check_stage(const RejectionSampleStage& c) {
    check_no_best(c.checkpoint);
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
    check_no_best(c.checkpoint);
    for (size_t i = 0; i < c.models.size(); ++i) {
      const std::string at = fmt::format("models.{}", i);
      if (file_.sound({key(at + ".path")})) check_stage_model(key(at + ".path"), c.models[i].path, c.models[i].source);
      if (c.models[i].prompt_template) check_template(at + ".template", *c.models[i].prompt_template);
    }
    check_data("data.path", c.data.path, c.data.source, /*may_be_file=*/true);
    check_operations(c.data);
    check_template("template", c.prompt_template);
    check_rewards(c.rewards, c.eval.max_completion_length);
    check_sources(c.sources, c.rewards);
    rule(judging_reward(rewards_for(c.rewards, Prompt().source), c.data.format).has_value(), {"rewards"},
         key("rewards") + ": none of the rewards says what is right, so nothing can be measured",
         "name one, or for a benchmark its data.format");
  }

  void check_stage(const ExportStage& c) {
    check_no_best(c.checkpoint);
    check_start(c.model);
  }

  void check_stage(const SftStage& c) { check_examples(c, "completions"); }

  void check_stage(const RewardModelStage& c) { check_examples(c, "preferences"); }

  template <class S>
  void check_examples(const S& c, const char* wanted) {
    check_best(c.checkpoint, c.eval.every, c.eval.path.has_value());
    check_start(c.model);
    if (c.data.path == kBuiltinChains) {
      rule(false, {"data.path"},
           fmt::format("{}: builtin:chains has problems, but no {} to learn from", key("data.path"), wanted));
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
    check_best(c.checkpoint, c.eval.every, c.eval.problems > 0);
    check_sources(c.sources, c.rewards);
    check_source_rules(c);
    check_curriculum(c);
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
    check_best(c.checkpoint, c.eval.every, /*evaluates=*/true);
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

}  // namespace

void check_run(ConfigFile& file, RunConfig& config, std::vector<std::string>* absent) {
  RunChecker(file, config, absent).check();
}

}  // namespace hone
