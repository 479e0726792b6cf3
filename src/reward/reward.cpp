#include "hone/reward/reward.h"

#include <algorithm>

#include "hone/core/parallel.h"
#include "hone/core/suggest.h"
#include "make_reward.h"

namespace hone {
namespace {

// Each type with its defaults.
template <size_t... I>
std::vector<RewardConfig> all_defaults(std::index_sequence<I...>) {
  std::vector<RewardConfig> all(sizeof...(I));
  (all[I].parameters.emplace<I>(), ...);
  return all;
}
std::vector<RewardConfig> all_defaults() {
  return all_defaults(std::make_index_sequence<std::variant_size_v<RewardParameters>>());
}

const std::string* other_reward(const RewardConfig& config) {
  return std::visit(
      [](const auto& p) -> const std::string* {
        if constexpr (requires { p.of; }) return &p.of;
        return nullptr;
      },
      config.parameters);
}

TokenNeed token_need_of(const RewardConfig& config) {
  return std::visit(
      [](const auto& p) {
        if constexpr (requires { p.token_need(); }) return p.token_need();
        return TokenNeed::kNone;
      },
      config.parameters);
}

// Nothing for a reward that waits for nobody.
std::optional<size_t> jobs_of(const RewardConfig& config) {
  return std::visit(
      [](const auto& p) -> std::optional<size_t> {
        if constexpr (requires { p.jobs; }) {
          const std::optional<int64_t> jobs = p.jobs;
          return thread_count(static_cast<size_t>(jobs.value_or(0)));
        }
        return std::nullopt;
      },
      config.parameters);
}

// Of a reward for prompts of other sources: no value, and no complaint.
const RewardResult kNotMeant{std::nullopt, Verdict::kNone, "not for prompts of this source", ""};

// The reward that another one builds on: of the list, or a type with its defaults.
std::optional<RewardConfig> resolve(const std::vector<RewardConfig>& configs, const std::string& of) {
  const auto named = std::ranges::find(configs, of, &RewardConfig::label);
  return named != configs.end() ? std::optional(*named) : default_reward(of);
}

}  // namespace

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::kNone:
      return "none";
    case Verdict::kRight:
      return "right";
    case Verdict::kWrong:
      return "wrong";
    case Verdict::kUnusable:
      return "unusable";
  }
  HONE_ASSERT(false);
}

std::vector<std::string> reward_types() {
  std::vector<std::string> types;
  for (const RewardConfig& config : all_defaults()) types.emplace_back(config.type());
  return types;
}

std::optional<RewardConfig> default_reward(std::string_view type) {
  for (RewardConfig& config : all_defaults()) {
    if (config.type() == type) return std::move(config);
  }
  return std::nullopt;
}

bool same_answer(const RewardConfig& config, const std::string& a, const std::string& b) {
  return std::visit([&](const auto& p) { return same_answer(p, a, b); }, config.parameters);
}

std::optional<RewardProblem> find_problem(const std::vector<RewardConfig>& configs, size_t index,
                                          std::optional<int64_t> max_completion_length) {
  const RewardConfig& config = configs[index];
  const Context context{max_completion_length};
  if (auto problem = std::visit([&](const auto& p) { return find_problem(p, context); }, config.parameters)) {
    return problem;
  }
  const std::string* of = other_reward(config);
  if (of == nullptr) return std::nullopt;
  const auto other = resolve(configs, *of);
  if (!other) {
    std::vector<std::string> known = reward_types();
    for (const RewardConfig& c : configs) known.push_back(c.label());
    return RewardProblem{"of", {.what = fmt::format("no reward is named '{}'{}", *of, did_you_mean(*of, known))}};
  }
  if (other_reward(*other) != nullptr) {
    return RewardProblem{"of", {.what = fmt::format("'{}' says nothing of right and wrong", *of)}};
  }
  const auto problem = find_problem({*other}, 0, max_completion_length);
  if (!problem) return std::nullopt;
  return RewardProblem{"of", {.what = fmt::format("'{}' needs parameters; name one of the list", *of)}};
}

RewardSet::RewardSet(const std::vector<RewardConfig>& configs, std::optional<int64_t> max_completion_length)
    : configs_(configs) {
  for (size_t i = 0; i < configs.size(); ++i) {
    const std::string name = configs[i].label();
    HONE_CHECK(std::ranges::find(names_, name) == names_.end(), .what = "two rewards of one name", .place = "rewards",
               .got = name, .hint = "give one of them another `name`");
    if (auto found = find_problem(configs, i, max_completion_length)) {
      found->problem.place = name + "." + found->key;
      throw_input(found->problem);
    }
    names_.push_back(name);
    weights_.push_back(configs[i].weight);
  }
  for (const RewardConfig& config : configs) add(config, max_completion_length);

  std::vector<std::string> labels = names_;
  for (size_t i = 0; i < names_.size(); ++i) {
    const auto* group = std::get_if<GroupReward>(&functions_[i].function);
    if (group == nullptr) continue;
    const auto at = std::ranges::find(labels, group->of);
    functions_[i].of = static_cast<size_t>(at - labels.begin());
    if (at != labels.end()) continue;
    labels.push_back(group->of);
    add(*default_reward(group->of), max_completion_length);
  }
}

void RewardSet::add(const RewardConfig& config, std::optional<int64_t> max_completion_length) {
  const std::optional<size_t> jobs = jobs_of(config);
  functions_.push_back(
      {.function = std::visit(
           [&](const auto& p) -> decltype(Entry::function) { return make_reward(p, Context{max_completion_length}); },
           config.parameters),
       .sources = config.sources,
       .waits = jobs.has_value()});
  token_need_ = std::max(token_need_, token_need_of(config));
  jobs_ = std::max(jobs_, jobs.value_or(0));
}

bool is_for(const std::vector<std::string>& sources, std::string_view source) {
  return sources.empty() || std::ranges::find(sources, source) != sources.end();
}

void RewardSet::judge_alone(const Prompt& prompt, const Completion& completion, bool waits, Row& row) const {
  row.resize(functions_.size());
  for (size_t i = 0; i < functions_.size(); ++i) {
    const auto* function = std::get_if<RewardFunction>(&functions_[i].function);
    if (function == nullptr || functions_[i].waits != waits) continue;
    row[i] = is_for(functions_[i].sources, prompt.source) ? (*function)(prompt, completion) : kNotMeant;
  }
}

void RewardSet::judge_together(const Prompt& prompt, std::span<const Completion> completions,
                               std::span<Row> rows) const {
  for (size_t i = 0; i < functions_.size(); ++i) {
    const auto* group = std::get_if<GroupReward>(&functions_[i].function);
    if (group == nullptr) continue;
    if (!is_for(functions_[i].sources, prompt.source)) {
      for (Row& row : rows) row[i] = kNotMeant;
      continue;
    }
    std::vector<RewardResult> judged;
    for (const Row& row : rows) judged.push_back(row[functions_[i].of]);
    const auto results = group->function(prompt, completions, judged);
    for (size_t c = 0; c < rows.size(); ++c) rows[c][i] = results[c];
  }
  for (Row& row : rows) row.resize(names_.size());
}

std::vector<RewardResult> RewardSet::judge(const Prompt& prompt, const Completion& completion) const {
  return judge(prompt, std::span(&completion, 1)).front();
}

std::vector<std::vector<RewardResult>> RewardSet::judge(const Prompt& prompt,
                                                        std::span<const Completion> completions) const {
  std::vector<Row> rows(completions.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    for (const bool waits : {false, true}) judge_alone(prompt, completions[i], waits, rows[i]);
  }
  judge_together(prompt, completions, rows);
  return rows;
}

std::vector<std::optional<std::string>> RewardSet::record_problems(const Prompt& prompt) const {
  Completion empty;
  empty.finish_reason = FinishReason::kStop;
  std::vector<std::optional<std::string>> problems;
  for (size_t i = 0; i < configs_.size(); ++i) {
    if (!is_for(configs_[i].sources, prompt.source)) {
      problems.emplace_back();
      continue;
    }
    problems.push_back(std::visit([&](const auto& p) { return record_problem(p, prompt); }, configs_[i].parameters));
    const auto* function = std::get_if<RewardFunction>(&functions_[i].function);
    const bool cheap = !functions_[i].waits && !std::holds_alternative<ModelReward>(configs_[i].parameters);
    if (problems.back() || !cheap || function == nullptr) continue;
    // What cannot be said of an empty text cannot be said of any.
    RewardResult result = (*function)(prompt, empty);
    if (result.verdict == Verdict::kUnusable) problems.back() = std::move(result.reason);
  }
  return problems;
}

void RewardSet::score(std::vector<RolloutGroup>& groups) const {
  Scoring scoring(*this);
  for (const RolloutGroup& group : groups) {
    for (const Completion& completion : group.completions) scoring.add(group.prompt, completion);
  }
  scoring.finish(groups);
}

}  // namespace hone
