// hone generate: prompts in, completions out.
#include <memory>
#include <string>
#include <vector>

#include "commands.h"
#include "hone/core/error.h"
#include "hone/data/prompt_template.h"
#include "hone/model/model.h"
#include "hone/pipeline/run.h"
#include "hone/rollout/engine.h"
#include "hone/tokenizer/tokenizer.h"
#include "jsonl.h"

namespace hone::cli {
namespace {

constexpr size_t kPromptsAtOnce = 256;

struct Options {
  std::string model, prompt, input, prompt_template = "none";
  int64_t num_generations = 1;
  uint64_t seed = 0;
  bool chat = false;
  SamplingConfig sampling;
};

class Generator {
 public:
  explicit Generator(const Options& options)
      : options_(options),
        folder_(model_folder(options.model)),
        tokenizer_(Tokenizer::load(folder_)),
        model_(Model::load(folder_, /*trains=*/false)),
        engine_(model_, tokenizer_),
        template_(PromptTemplate::load(options.chat ? "chat" : options.prompt_template, folder_)) {}

  // Generates when there are enough prompts for a batch; flush() does the rest.
  void add(Json row, const std::string& place) {
    Prompt prompt;
    prompt.index = count_++;
    prompt.id = place;
    prompt.record = Record::parse(row.dump(), place);
    prompt.text = row.contains("messages") ? "" : text_field(row, "prompt", place);
    prompt.ids = template_.encode(tokenizer_, prompt);
    prompts_.push_back(std::move(prompt));
    rows_.push_back(std::move(row));
    if (prompts_.size() == kPromptsAtOnce) flush();
  }

  void flush() {
    const auto groups = engine_.generate(std::move(prompts_), options_.num_generations, options_.sampling,
                                         {.seed = options_.seed, .stage = 0, .step = 0});
    for (size_t i = 0; i < groups.size(); ++i) {
      Json completions = Json::array();
      for (const Completion& c : groups[i].completions) {
        completions.push_back({{"text", c.text},
                               {"ids", c.ids},
                               {"logprobs", c.behavior_log_probs},
                               {"finish_reason", to_string(c.finish_reason)}});
      }
      rows_[i]["completions"] = std::move(completions);
      write_jsonl(rows_[i]);
    }
    prompts_.clear();
    rows_.clear();
  }

 private:
  const Options& options_;
  const std::string folder_;
  const Tokenizer tokenizer_;
  const Model model_;
  RolloutEngine engine_;
  const PromptTemplate template_;
  std::vector<Prompt> prompts_;
  std::vector<Json> rows_;
  int64_t count_ = 0;
};

void generate(const Options& options) {
  prepare_process(std::nullopt);
  Generator generator(options);
  if (!options.prompt.empty()) {
    generator.add({{"prompt", options.prompt}}, "--prompt");
  } else {
    read_jsonl(options.input, [&](Json row, const std::string& place) { generator.add(std::move(row), place); });
  }
  generator.flush();
}

}  // namespace

void add_generate(CLI::App& app, int&) {
  auto options = std::make_shared<Options>();
  SamplingConfig& sampling = options->sampling;
  CLI::App* command = app.add_subcommand("generate", "Complete prompts");
  command->add_option("--model", options->model, "Model folder, or builtin:miniature")->required();
  CLI::Option* prompt = command->add_option("--prompt", options->prompt, "One prompt");
  command
      ->add_option("--input", options->input, "JSON Lines with a prompt, or messages, each; by default standard input")
      ->excludes(prompt);
  command->add_option("--template", options->prompt_template, "Text around the prompt: none, r1_zero, chat or a file")
      ->capture_default_str();
  command->add_flag("--chat", options->chat,
                    "The model's chat template: \"prompt\" is a user's message, or \"messages\"");
  command->add_option("--num-generations", options->num_generations, "Completions of each prompt")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--max-completion-length", sampling.max_completion_length, "Tokens")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--temperature", sampling.temperature, "0 takes the most likely token")
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str();
  command->add_option("--top-p", sampling.top_p)->check(CLI::Range(1e-9, 1.0))->capture_default_str();
  command->add_option("--top-k", sampling.top_k)->check(CLI::PositiveNumber);
  command->add_option("--min-p", sampling.min_p)->check(CLI::Range(0.0, 1.0));
  command->add_option("--stop", sampling.stop, "Text that ends a completion; repeatable")->allow_extra_args(false);
  command->add_option("--seed", options->seed)->capture_default_str();
  command->footer(
      "Example:\n  hone generate --model runs/miniature_r1_zero/stages/00_grpo/model --template r1_zero \\\n"
      "    --prompt \"compute seven plus six times nine ?\" --temperature 0");
  command->callback([options] { generate(*options); });
}

}  // namespace hone::cli
