// hone eval: how good models, or given completions, are on a set of problems.
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "commands.h"
#include "completion_rows.h"
#include "hone/core/error.h"
#include "hone/core/file.h"
#include "hone/core/log.h"
#include "hone/core/suggest.h"
#include "hone/data/benchmarks.h"
#include "hone/data/prompt_source.h"
#include "hone/data/prompt_template.h"
#include "hone/eval/evaluate.h"
#include "hone/model/model.h"
#include "hone/pipeline/run.h"
#include "hone/report/evals.h"
#include "hone/tokenizer/tokenizer.h"

namespace hone::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::vector<std::string> models, data, fields;
  std::string completions, format, reward, params = "{}", output, prompt_template = "none";
  int64_t k = 64;
  std::optional<int64_t> limit, max_completion_length;
  double temperature = 0.6, top_p = 0.95;
  uint64_t seed = 0;
  bool json = false;
};

// What one model, or a file of completions, came to on one set of problems.
struct Outcome {
  std::string model, data;
  Measures measures;
};

// A file of problems, or the built-in world, and who judges its completions.
struct ProblemSet {
  std::string name, path;
  std::optional<Benchmark> format;
  std::vector<Prompt> problems{};
};

std::optional<Benchmark> find_benchmark(const std::string& name) {
  const auto at = std::ranges::find(kBenchmarkNames, name);
  if (at == std::end(kBenchmarkNames)) return std::nullopt;
  return static_cast<Benchmark>(at - std::begin(kBenchmarkNames));
}

std::optional<Benchmark> read_format(const std::string& name) {
  if (name.empty()) return std::nullopt;
  const auto benchmark = find_benchmark(name);
  const std::vector<std::string> known(std::begin(kBenchmarkNames), std::end(kBenchmarkNames));
  HONE_CHECK(benchmark.has_value(), .what = fmt::format("no format '{}'{}", name, did_you_mean(name, known)),
             .place = "--format", .got = {}, .expected = fmt::format("one of {}", fmt::join(known, ", ")));
  return benchmark;
}

RewardConfig judge_config(const Options& options, const std::string& path, std::optional<Benchmark> format) {
  const std::string type = !options.reward.empty()  ? options.reward
                           : format                 ? std::string(judge_of(*format))
                           : path == kBuiltinChains ? "accuracy"
                                                    : "math";
  return read_reward(type, options.params);
}

// Of a file without its folder and extensions.
std::string short_name(const std::string& path) {
  const std::string file = fs::path(path).filename().string();
  const std::string name = file.substr(file.find(':') == std::string::npos ? 0 : file.find(':') + 1);
  return name.substr(0, name.find('.', 1));
}

// One line for each completion, with what it was judged.
void write_samples(FileWriter& file, const std::string& model, const std::string& data,
                   const std::vector<RolloutGroup>& groups, const Judged& judged) {
  for (size_t g = 0; g < groups.size(); ++g) {
    for (size_t c = 0; c < groups[g].completions.size(); ++c) {
      const Completion& completion = groups[g].completions[c];
      const RewardResult& result = judged.verdicts[g][c];
      const Json line = {{"model", model},
                         {"data", data},
                         {"id", groups[g].prompt.id},
                         {"prompt", groups[g].prompt.text},
                         {"sample", c},
                         {"completion", completion.text},
                         {"finish_reason", to_string(completion.finish_reason)},
                         {"tokens", completion.ids.empty() ? Json() : Json(completion.ids.size())},
                         {"reward", result.value ? Json(*result.value) : Json()},
                         {"verdict", to_string(result.verdict)},
                         {"found", result.answer},
                         {"reason", result.reason}};
      file.write(line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
    }
  }
}

// "gsm8k=data/test.jsonl" or "data/test.jsonl"; named by its format, else its file, where others are named alike its
// path.
std::vector<ProblemSet> read_problems(const Options& options) {
  std::vector<ProblemSet> sets;
  for (const std::string& data : options.data) {
    const size_t equals = data.find('=');
    const auto own = equals == std::string::npos ? std::nullopt : find_benchmark(data.substr(0, equals));
    DataConfig config;
    config.path = own ? data.substr(equals + 1) : data;
    config.format = own ? own : read_format(options.format);
    config.fields = fields_config(read_fields(options.fields));
    config.shuffle = false;
    config.split = Split::kTest;
    HONE_CHECK(!config.format || config.path != kBuiltinChains, .what = "builtin:chains is no file of a benchmark",
               .place = "--data");
    std::string name(config.format ? enum_name(*config.format) : short_name(config.path));
    if (std::ranges::count(sets, name, &ProblemSet::name) > 0) name = config.path;
    sets.push_back({name, config.path, config.format, PromptSource(config, /*seed=*/0).first(options.limit)});
  }
  return sets;
}

Outcome evaluate_set(const Options& options, const std::string& model_path, const Model& model,
                     const Tokenizer& tokenizer, const ProblemSet& set, FileWriter& samples) {
  const PromptTemplate prompt_template = PromptTemplate::load(options.prompt_template, model_folder(model_path));
  const Judge judge(judge_config(options, set.path, set.format));
  RolloutEngine engine(model, tokenizer);
  std::vector<Prompt> prompts = set.problems;
  prompt_template.encode(tokenizer, prompts);
  SamplingConfig sampling;
  sampling.temperature = options.temperature;
  sampling.top_p = options.top_p;
  sampling.max_completion_length =
      completion_room(model.config().max_position_embeddings, prompts, options.max_completion_length);
  const EvalResult result = evaluate(engine, std::move(prompts), options.k, sampling, options.seed, judge);
  write_samples(samples, model_path, set.name, result.groups, result.judged);
  return {model_path, set.name, result.judged.measures};
}

void evaluate_models(const Options& options, FileWriter& samples, std::vector<Outcome>& outcomes) {
  const std::vector<ProblemSet> sets = read_problems(options);
  for (const std::string& path : options.models) {
    const std::string folder = model_folder(path);
    const Tokenizer tokenizer = Tokenizer::load(folder);
    const Model model = Model::load(folder, /*trains=*/false);
    for (const ProblemSet& set : sets) {
      outcomes.push_back(evaluate_set(options, path, model, tokenizer, set, samples));
    }
  }
}

// Rows of one id are completions of one problem; a row without an id is a problem of its own.
std::vector<RolloutGroup> read_given(const Options& options, const RewardSet& rewards) {
  const FieldMap fields = read_fields(options.fields);
  const auto format = read_format(options.format);
  std::vector<RolloutGroup> groups;
  std::map<std::string, size_t> by_id;
  read_jsonl(options.completions, [&](Json row, const std::string& place) {
    Record record = Record::parse(row.dump(), place);
    if (format) record = read_benchmark(*format, record, place);
    record = record.mapped(fields, place);
    std::vector<Completion> completions = read_completions(Json::parse(record.dump()), rewards, place);
    const auto id = record.text("id");
    const size_t at = id ? by_id.emplace(*id, groups.size()).first->second : groups.size();
    if (at == groups.size()) {
      Prompt prompt;
      prompt.id = id.value_or(place);
      prompt.text = record.text("prompt").value_or("");
      prompt.record = record;
      groups.push_back({std::move(prompt), {}, 0});
    }
    for (Completion& c : completions) groups[at].completions.push_back(std::move(c));
  });
  HONE_CHECK(!groups.empty(), .what = "the file holds no completions", .place = options.completions);
  if (options.limit) groups.resize(std::min(groups.size(), static_cast<size_t>(*options.limit)));
  return groups;
}

Json to_json(const Outcome& outcome) {
  const Measures& m = outcome.measures;
  const auto number = [](double value) { return std::isfinite(value) ? Json(value) : Json(); };
  Json json = {{"model", outcome.model},
               {"data", outcome.data},
               {"problems", m.problems},
               {"completions", m.completions},
               {"unusable", m.unusable},
               {"pass@1", number(m.accuracy)},
               {"pass@1_error", number(m.accuracy_error)}};
  for (const auto& [k, share] : m.pass_at) json[fmt::format("pass@{}", k)] = number(share);
  if (m.consensus) json[fmt::format("cons@{}", m.pass_at.back().first)] = number(*m.consensus);
  json["format"] = number(m.format);
  json["mean_length"] = number(m.mean_length);
  json["clipped_ratio"] = number(m.clipped_ratio);
  json["language_consistency"] = number(m.language_consistency);
  json["reflection_words"] = number(m.reflection_words);
  return json;
}

// A column a model. Of several sets of problems the table has the measures that papers compare.
void print_table(const std::vector<Outcome>& outcomes) {
  const bool several = std::ranges::any_of(outcomes, [&](const Outcome& o) { return o.data != outcomes.front().data; });
  std::vector<std::string> names;
  std::vector<StepMetrics> columns;
  for (const Outcome& o : outcomes) {
    const bool new_column = !several || names.empty() || o.data == outcomes.front().data;
    if (new_column) names.push_back(o.model), columns.emplace_back();
    const Json json = to_json(o);
    for (const auto& [key, value] : json.items()) {
      const bool compared = key.starts_with("pass@1") || key.starts_with("cons@") || key == "mean_length";
      if (!value.is_number() || (several && !compared)) continue;
      columns.back().emplace_back(several ? o.data + "/" + key : key, value.get<double>());
    }
  }
  fmt::print("{}", comparison_table(names, columns));
}

// "runs/eval_NAME", of the only or first file.
fs::path default_folder(const Options& options) {
  const std::string first = options.data.empty() ? options.completions : options.data.front();
  return fs::path("runs") / ("eval_" + short_name(first.substr(first.find('=') + 1)));
}

void eval(const Options& options) {
  HONE_CHECK(options.models.empty() != options.completions.empty(),
             .what = "needs either --model, to sample, or --completions, to judge what there is");
  HONE_CHECK(options.models.empty() || !options.data.empty(), .what = "--model needs --data, the problems to solve",
             .hint = "a file of JSON Lines, or builtin:chains");
  HONE_CHECK(options.completions.empty() || options.data.empty(), .what = "--completions takes no --data",
             .hint = "its rows hold what the reward needs; --field answer=NAME says how they call it");
  prepare_process(std::nullopt);
  const fs::path folder = options.output.empty() ? default_folder(options) : fs::path(options.output);
  std::vector<Outcome> outcomes;
  create_folders(folder);
  write_atomic(folder / "samples.jsonl", [&](FileWriter& samples) {
    if (options.completions.empty()) return evaluate_models(options, samples, outcomes);
    const Judge judge(judge_config(options, options.completions, read_format(options.format)));
    const auto groups = read_given(options, judge.rewards());
    const Judged judged = judge(groups);
    write_samples(samples, options.completions, options.completions, groups, judged);
    outcomes.push_back({options.completions, options.completions, judged.measures});
  });
  Json results = Json::array();
  for (const Outcome& outcome : outcomes) results.push_back(to_json(outcome));
  write_atomic(folder / "results.json", results.dump(2) + "\n");
  if (options.json) {
    for (const Json& result : results) write_jsonl(result);
  } else {
    print_table(outcomes);
  }
  log_info(fmt::format("every sample is in {}", (folder / "samples.jsonl").string()));
}

}  // namespace

void add_eval(CLI::App& app, int&) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("eval", "Measure models, or given completions, on a set of problems");
  command->add_option("--model", options->models, "Model folder, or builtin:miniature; repeatable, for one table");
  command
      ->add_option("--data", options->data,
                   "[FORMAT=]FILE: problems, JSON Lines, maybe packed, or builtin:chains; repeatable, for one table")
      ->allow_extra_args(false);
  command->add_option("--format", options->format,
                      fmt::format("Benchmark whose files these are: {}", fmt::join(kBenchmarkNames, ", ")));
  command->add_option("--completions", options->completions,
                      "Judge these instead of sampling: JSON Lines with a completion, or a list of them, and what the "
                      "reward needs");
  command->add_option("--field", options->fields, "KEY=NAME: what the file calls a field (answer=gold); repeatable")
      ->allow_extra_args(false);
  command->add_option("--reward", options->reward,
                      "The reward that says what is right; by default that of the format, else math, or accuracy for "
                      "builtin:chains");
  command->add_option("--params", options->params, "Its parameters, a JSON object")->capture_default_str();
  command->add_option("--k", options->k, "Completions of each problem")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--limit", options->limit, "Only so many problems, from the first on")
      ->check(CLI::PositiveNumber);
  command->add_option("--template", options->prompt_template, "Text around the prompt: none, r1_zero, chat or a file")
      ->capture_default_str();
  command->add_option("--temperature", options->temperature, "0 takes the most likely token")
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str();
  command->add_option("--top-p", options->top_p)->check(CLI::Range(1e-9, 1.0))->capture_default_str();
  command
      ->add_option("--max-completion-length", options->max_completion_length,
                   "Tokens; by default what the model's positions leave, at most 32768")
      ->check(CLI::PositiveNumber);
  command->add_option("--seed", options->seed)->capture_default_str();
  command->add_option("--output", options->output, "Folder for samples.jsonl and results.json; by default in runs/");
  command->add_flag("--json", options->json, "One JSON object a model in place of the table");
  command->footer(
      "Example:\n  hone eval --model builtin:miniature --model runs/miniature_r1_zero/stages/00_grpo/model \\\n"
      "    --data builtin:chains --template r1_zero --k 16\n"
      "  hone eval --model models/a --model models/b --data gsm8k=gsm8k/test.jsonl --data math=math500/test.jsonl");
  command->callback([options] { eval(*options); });
}

}  // namespace hone::cli
