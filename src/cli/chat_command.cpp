// hone chat: a conversation in the terminal.
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <memory>
#include <string>

#include "commands.h"
#include "hone/core/error.h"
#include "hone/data/prompt_template.h"
#include "hone/model/model.h"
#include "hone/pipeline/run.h"
#include "hone/report/text.h"
#include "hone/rollout/engine.h"
#include "jsonl.h"

namespace hone::cli {
namespace {

struct Options {
  std::string model, system;
  double temperature = 0.6, top_p = 0.95;
  int64_t max_completion_length = 2048;
  uint64_t seed = 0;
};

// Shows a completion while it grows, its thinking dimmed where the terminal can.
class Printer {
 public:
  explicit Printer(const Tokenizer& tokenizer)
      : decoder_(tokenizer), colour_(isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr) {}

  void push(int32_t id) { show(decoder_.push(id)); }
  void finish() {
    show(decoder_.finish());
    fmt::print("{}\n", dim_ ? "\x1b[0m" : "");
    std::fflush(stdout);
  }

 private:
  void show(const std::string& part) {
    seen_ += part;
    const size_t open = seen_.rfind("<think>"), close = seen_.rfind("</think>");
    const bool thinks = open != std::string::npos && (close == std::string::npos || close < open);
    if (colour_ && thinks && !dim_) fmt::print("\x1b[2m");
    fmt::print("{}", harmless_text(part));  // a model must not steer the terminal
    if (dim_ && !thinks) fmt::print("\x1b[0m");
    dim_ = colour_ && thinks;
    std::fflush(stdout);
  }

  StreamDecoder decoder_;
  const bool colour_;
  std::string seen_;
  bool dim_ = false;
};

class Chat {
 public:
  explicit Chat(const Options& options)
      : folder_(model_folder(options.model)),
        tokenizer_(Tokenizer::load(folder_)),
        template_(PromptTemplate::load("chat", folder_)),
        model_(Model::load(folder_, /*trains=*/false)),
        engine_(model_, tokenizer_),
        options_(options) {
    if (!options.system.empty()) messages_.push_back({{"role", "system"}, {"content", options.system}});
  }

  void answer(const std::string& text) {
    messages_.push_back({{"role", "user"}, {"content", text}});
    Prompt prompt;
    prompt.index = turns_++;
    prompt.id = "this conversation";
    prompt.record = Record::parse(Json{{"messages", messages_}}.dump(), prompt.id);
    prompt.ids = template_.encode(tokenizer_, prompt);
    const int64_t room = model_.config().max_position_embeddings - static_cast<int64_t>(prompt.ids.size());
    HONE_CHECK(room >= 1, .what = "the conversation is longer than the model's positions", .place = folder_);
    SamplingConfig sampling;
    sampling.temperature = options_.temperature;
    sampling.top_p = options_.top_p;
    sampling.max_completion_length = std::min(room, options_.max_completion_length);
    Printer printer(tokenizer_);
    const auto groups = engine_.generate({std::move(prompt)}, 1, sampling, {.seed = options_.seed}, {},
                                         [&](const RolloutGroup&, const Completion& c) { printer.push(c.ids.back()); });
    printer.finish();
    const Completion& done = groups.front().completions.front();
    if (done.finish_reason == FinishReason::kLength) fmt::print(stderr, "(cut off at {} tokens)\n", done.ids.size());
    messages_.push_back({{"role", "assistant"}, {"content", done.text}});
  }

 private:
  const std::string folder_;
  const Tokenizer tokenizer_;
  const PromptTemplate template_;
  const Model model_;
  RolloutEngine engine_;
  const Options& options_;
  Json messages_ = Json::array();
  int64_t turns_ = 0;
};

void chat(const Options& options) {
  prepare_process(std::nullopt);
  Chat conversation(options);
  const bool terminal = isatty(STDIN_FILENO) == 1;
  std::string line;
  while (true) {
    if (terminal) fmt::print(stderr, "> ");
    if (!std::getline(std::cin, line)) break;
    if (line.find_first_not_of(" \t\r") != std::string::npos) conversation.answer(line);
  }
  if (terminal) fmt::print(stderr, "\n");
}

}  // namespace

void add_chat(CLI::App& app, int&) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("chat", "Talk with a model that has a chat template; end with Ctrl-D");
  command->add_option("--model", options->model, "Model folder")->required();
  command->add_option("--system", options->system, "The system's message");
  command->add_option("--temperature", options->temperature, "0 takes the most likely token")
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str();
  command->add_option("--top-p", options->top_p)->check(CLI::Range(1e-9, 1.0))->capture_default_str();
  command->add_option("--max-completion-length", options->max_completion_length, "Tokens of one answer")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--seed", options->seed)->capture_default_str();
  command->footer("Each line is a message.\n\nExample:\n  hone chat --model models/smollm2");
  command->callback([options] { chat(*options); });
}

}  // namespace hone::cli
