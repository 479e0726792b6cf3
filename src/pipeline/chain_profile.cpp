#include "pipeline/chain_profile.h"

#include <fmt/format.h>

#include <algorithm>

#include "hone/data/chains.h"
#include "hone/data/prompt_template.h"
#include "hone/reward/reward.h"
#include "hone/rollout/engine.h"

namespace hone {
namespace {

constexpr int64_t kSamples = 4, kMaxLength = 110;

struct Reading {
  ChainProblem problem;
  ChainReading chain;
  int64_t length;  ///< tokens
  std::string text;
};

// Samples every problem and reads the completions; `opening` is given to the model and belongs to the text.
template <class Each>
void for_each_reading(const Model& model, const Tokenizer& tokenizer, const PromptTemplate& prompt_template,
                      int64_t problems, const std::string& opening, Each each) {
  DataConfig data;
  data.path = kBuiltinChains;
  data.split = Split::kTest;
  const ChainPrompts chains(data, /*seed=*/0);
  std::vector<Prompt> prompts;
  for (int64_t i = 0; i < problems; ++i) {
    prompts.push_back(chains.prompt(i));
    prompts.back().ids = tokenizer.encode(prompt_template.fill(prompts.back()) + opening);
  }
  SamplingConfig sampling;
  sampling.max_completion_length = kMaxLength;
  RolloutEngine engine(model, tokenizer);
  for (const RolloutGroup& group :
       engine.generate(std::move(prompts), kSamples, sampling, {0, ~uint64_t{0}, opening.empty() ? 1U : 2U})) {
    for (const Completion& c : group.completions) {
      const std::string text = opening.empty() ? c.text : opening + " " + c.text;
      each(group.prompt,
           Reading{chains.problem(group.prompt.index), read_chain(text), static_cast<int64_t>(c.ids.size()), text});
    }
  }
}

}  // namespace

ChainProfile measure_chain_profile(const Model& model, const Tokenizer& tokenizer,
                                   const PromptTemplate& prompt_template, int64_t problems) {
  ChainProfile p;
  const auto n = static_cast<double>(std::max<int64_t>(1, problems * kSamples));
  double worked = 0, styles[4] = {}, style_right[4] = {}, steps[2][3] = {}, right_steps[2][3] = {};
  for_each_reading(model, tokenizer, prompt_template, problems, "", [&](const Prompt& prompt, const Reading& r) {
    const bool right = r.chain.answer == r.problem.answer();
    p.tagged += r.chain.tagged / n;
    p.tagged_and_correct += (r.chain.tagged && right) / n;
    p.mean_length += static_cast<double>(r.length) / n;
    if (r.chain.statements.empty()) return;
    const auto language = prompt.record.text("language") == "zh" ? RewardLanguage::kChinese : RewardLanguage::kEnglish;
    p.language_consistency += language_share(r.text, language).value_or(0.0);
    ++worked;
    for (const ChainStatement& s : r.chain.statements) {
      if (s.steps.size() != 1) continue;
      const auto l = static_cast<size_t>(s.language), o = static_cast<size_t>(s.steps[0].op);
      ++steps[l][o];
      right_steps[l][o] += s.correct();
    }
  });
  p.language_consistency /= std::max(1.0, worked);
  for_each_reading(model, tokenizer, prompt_template, problems, " <think>", [&](const Prompt&, const Reading& r) {
    const auto style = static_cast<size_t>(r.chain.style);
    ++styles[style];
    style_right[style] += r.chain.answer == r.problem.answer();
  });
  for (size_t s = 0; s < 4; ++s) {
    p.style_share[s] = styles[s] / n;
    p.style_accuracy[s] = style_right[s] / std::max(1.0, styles[s]);
  }
  for (size_t l = 0; l < 2; ++l) {
    for (size_t o = 0; o < 3; ++o) p.step_correct[l][o] = right_steps[l][o] / std::max(1.0, steps[l][o]);
  }
  return p;
}

std::string chain_profile(const Model& model, const Tokenizer& tokenizer, const PromptTemplate& prompt_template,
                          int64_t problems) {
  const ChainProfile p = measure_chain_profile(model, tokenizer, prompt_template, problems);
  std::string out =
      fmt::format("profile of the base model, {} held-out problems x {} samples, temperature 1\n", problems, kSamples);
  out += fmt::format(
      "  tagged                  {:.3f}\n  tagged and correct      {:.3f}\n  mean length             {:.1f}\n  "
      "language consistency    {:.3f}\n",
      p.tagged, p.tagged_and_correct, p.mean_length, p.language_consistency);
  out += "  with <think> given      share  accuracy\n";
  for (size_t s = 0; s < 4; ++s)
    out += fmt::format("    {:<20}  {:.3f}  {:.3f}\n", kChainStyleNames[s], p.style_share[s], p.style_accuracy[s]);
  out += "  correct statements      plus   minus  times\n";
  for (size_t l = 0; l < 2; ++l) {
    out += fmt::format("    {:<20}  {:.3f}  {:.3f}  {:.3f}\n", l == 0 ? "English" : "Chinese", p.step_correct[l][0],
                       p.step_correct[l][1], p.step_correct[l][2]);
  }
  return out;
}

}  // namespace hone
