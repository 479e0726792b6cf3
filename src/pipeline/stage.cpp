#include "pipeline/stage.h"

#include <algorithm>
#include <cstdio>

#include "hone/core/error.h"
#include "hone/core/log.h"
#include "hone/eval/evaluate.h"
#include "pipeline/over_ranks.h"

namespace hone {

HeldOut::HeldOut(const GrpoStage& stage, const PromptTemplate& prompt_template, const Tokenizer& tokenizer)
    : config_(stage.eval), sampling_(stage.sampling) {
  if (config_.problems == 0) return;
  sampling_.temperature = config_.temperature;
  sampling_.top_p = config_.top_p;
  sampling_.max_completion_length = config_.max_completion_length.value_or(sampling_.max_completion_length);
  RewardConfig accuracy;
  accuracy.parameters = AccuracyReward{};
  judge_.emplace(judging_reward(stage.rewards, config_.path ? config_.format : stage.data.format).value_or(accuracy));

  DataConfig data = stage.data;
  data.split = config_.split;
  data.shuffle = false;
  if (config_.path) {
    data.path = *config_.path;
    data.format = config_.format;
    data.fields = config_.fields;
  }
  const PromptSource source(data, /*seed=*/0);
  problems_ = source.first(config_.problems);
  prompt_template.encode(tokenizer, problems_);
}

EvalRecord HeldOut::evaluate(RolloutEngine& engine, int64_t step, dist::ProcessGroup& ranks) const {
  const std::vector<RolloutGroup> groups = over_ranks(ranks, problems_, [&](std::vector<Prompt> mine) {
    return sample_held_out(engine, std::move(mine), config_.num_generations, sampling_, /*seed=*/0);
  });
  if (!ranks.is_main()) return {};
  EvalRecord record{.step = step, .metrics = to_metrics((*judge_)(groups).measures), .prompt = {}, .completion = {}};
  if (!groups.empty()) {
    record.prompt = groups.front().prompt.text;
    record.completion = groups.front().completions.front().text;
  }
  return record;
}

void check_records(const RecordFile& file, const std::string& source, const RewardSet& rewards) {
  constexpr int64_t kShown = 10;
  struct Bad {
    int64_t records = 0;
    std::string first{};
  };
  std::vector<Bad> bad(rewards.names().size());
  int64_t reported = 0;
  for (size_t row = 0; row < file.rows().size(); ++row) {
    Prompt prompt = file.rows()[row];
    prompt.source = source;
    const auto problems = rewards.record_problems(prompt);
    for (size_t r = 0; r < problems.size(); ++r) {
      if (!problems[r]) continue;
      const std::string line = fmt::format("{}: {}: {}", file.place(row), rewards.names()[r], *problems[r]);
      if (bad[r].records++ == 0) bad[r].first = line;
      if (reported++ < kShown) log_warning(line);
    }
  }
  for (size_t r = 0; r < bad.size(); ++r) {
    HONE_CHECK(bad[r].records < file.size(),
               .what = fmt::format("the reward {} can judge none of the {} records", rewards.names()[r], file.size()),
               .got = bad[r].first, .hint = "data.fields says how the file calls what the reward needs");
    if (bad[r].records > 0) {
      log_warning(fmt::format("{} of {} records cannot be judged by {}, which is left out for them", bad[r].records,
                              file.size(), rewards.names()[r]));
    }
  }
}

void print_before_and_after(const std::vector<EvalRecord>& evals, std::optional<int64_t> after) {
  if (evals.size() < 2) return;
  const auto measured = std::ranges::find(evals, after.value_or(evals.back().step), &EvalRecord::step);
  fmt::print("\n{}", before_after_table(evals.front(), *measured));
  if (!evals.front().prompt.empty()) fmt::print("\n{}", before_after_sample(evals.front(), *measured));
  std::fflush(stdout);
}

}  // namespace hone
