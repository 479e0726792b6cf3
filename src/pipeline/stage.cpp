#include "pipeline/stage.h"

#include <cstdio>

#include "hone/data/chains.h"
#include "hone/data/prompt_template.h"
#include "hone/eval/evaluate.h"

namespace hone {

EvalRecord evaluate_model(RolloutEngine& engine, const Tokenizer& tokenizer, const Evaluation& evaluation,
                          int64_t step) {
  const EvalConfig& config = evaluation.config;
  DataConfig held_out = evaluation.data;
  held_out.split = config.split;
  SamplingConfig sampling = evaluation.sampling;
  sampling.temperature = config.temperature;
  sampling.max_completion_length = config.max_completion_length.value_or(sampling.max_completion_length);

  const ChainPrompts problems(held_out, /*seed=*/0);
  std::vector<Prompt> prompts;
  for (int64_t i = 0; i < config.problems; ++i) {
    prompts.push_back(problems.prompt(i));
    prompts.back().ids = tokenizer.encode(fill_template(evaluation.prompt_template, prompts.back().text));
  }
  const EvalResult result = evaluate(engine, std::move(prompts), sampling, /*seed=*/0);

  EvalRecord record{.step = step, .metrics = result.metrics, .prompt = {}, .completion = {}};
  if (!result.groups.empty()) {
    record.prompt = result.groups.front().prompt.text;
    record.completion = result.groups.front().completions.front().text;
  }
  return record;
}

void print_before_and_after(const std::vector<EvalRecord>& evals) {
  if (evals.size() < 2) return;
  fmt::print("\n{}\n{}", before_after_table(evals.front(), evals.back()),
             before_after_sample(evals.front(), evals.back()));
  std::fflush(stdout);
}

}  // namespace hone
