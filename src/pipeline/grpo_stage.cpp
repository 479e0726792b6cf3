#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "hone/algo/advantages.h"
#include "hone/algo/batch.h"
#include "hone/algo/loss.h"
#include "hone/core/error.h"
#include "hone/data/chains.h"
#include "hone/data/prompt_template.h"
#include "hone/eval/evaluate.h"
#include "hone/reward/reward.h"
#include "hone/train/trainer.h"
#include "pipeline/stage.h"

namespace hone {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Adds the time until its end to a total.
class Timer {
 public:
  explicit Timer(double& total) : total_(total) {}
  ~Timer() { total_ += seconds_since(start_); }

 private:
  double& total_;
  Clock::time_point start_ = Clock::now();
};

ScoreBatch score_batch(const algo::TrainBatch& batch, double temperature) {
  const bool filtered = !batch.kept_offsets.empty();
  return {.ids = batch.ids,
          .offsets = batch.offsets,
          .rows = batch.rows,
          .targets = batch.targets,
          .distribution = {temperature, filtered ? batch.kept_ids.data() : nullptr, filtered ? batch.kept_offsets.data() : nullptr}};
}

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  const float *x = a.const_data_ptr<float>(), *y = b.const_data_ptr<float>();
  double largest = 0;
  for (int64_t i = 0; i < a.numel(); ++i) largest = std::max(largest, std::abs(static_cast<double>(x[i]) - static_cast<double>(y[i])));
  return largest;
}

// Mean and sample deviation of one reward over the completions that it could judge.
std::pair<double, double> mean_and_std(const std::vector<RolloutGroup>& groups, size_t reward) {
  double n = 0, sum = 0, squares = 0;
  for (const RolloutGroup& group : groups) {
    for (const Completion& c : group.completions) {
      if (const auto& value = c.reward_parts[reward]) ++n, sum += *value, squares += *value * *value;
    }
  }
  const double mean = sum / std::max(1.0, n);
  return {mean, n > 1 ? std::sqrt(std::max(0.0, squares - n * mean * mean) / (n - 1)) : 0.0};
}

// Mean language consistency, rewarded or not: the paper's language mixing shows here.
double mean_language_consistency(const std::vector<RolloutGroup>& groups) {
  RewardConfig measure;
  measure.parameters = LanguageConsistencyReward{};
  const RewardSet rewards({measure}, /*max_completion_length=*/1);
  double n = 0, sum = 0;
  for (const RolloutGroup& group : groups) {
    for (const Completion& c : group.completions) {
      if (const auto value = rewards.judge(group.prompt, c)[0].value) ++n, sum += *value;
    }
  }
  return n > 0 ? sum / n : std::nan("");
}

// What one step measures besides rewards and lengths.
struct StepTotals {
  algo::LossStats loss;
  double grad_norm = 0, learning_rate = 0;
  int64_t updates = 0, skipped = 0;
  double log_prob_difference = 0;  ///< largest |training - sampling| log-prob before the first update
  double gen = 0, reward = 0, old_log_prob = 0, ref = 0, update = 0;  ///< seconds
};

class GrpoRun {
 public:
  GrpoRun(RunFolder& run, const RunConfig& config, size_t index, const StageInput& input)
      : config_(config), stage_(std::get<GrpoStage>(config.stages[index])), index_(index), folder_(input.model_folder),
        tokenizer_(Tokenizer::load(folder_)), template_(load_template(stage_.prompt_template, folder_)),
        policy_(Model::load(folder_, /*trains=*/true)), engine_(policy_, tokenizer_, stage_.sampling),
        data_(stage_.data, static_cast<uint64_t>(config.seed)), rewards_(stage_.rewards, stage_.sampling.max_completion_length),
        trainer_(policy_, stage_.optimizer, stage_.steps * stage_.grpo.num_minibatches * stage_.grpo.num_iterations),
        recorder_(run, config, index, stage_.checkpoint) {
    if (stage_.grpo.uses_reference()) {
      reference_.emplace(Model::load(folder_, /*trains=*/false));
    }
  }

  StageEnd run() {
    const auto checkpoint = recorder_.resume();
    if (checkpoint) load(*checkpoint);
    if (!checkpoint) evaluate_now(0);
    for (int64_t step = checkpoint ? checkpoint->step : 0; step < stage_.steps; ++step) {
      const Metrics metrics = run_step(step);
      if (step + 1 == stage_.steps || (stage_.eval.every && (step + 1) % *stage_.eval.every == 0)) evaluate_now(step + 1);
      if (recorder_.end_step(step + 1, metrics, [this] { return state(); })) return StageEnd::kStopped;
    }
    recorder_.publish_model(policy_, folder_);
    fmt::print(stderr, "\n{}\n", recorder_.before_and_after());
    return StageEnd::kFinished;
  }

 private:
  // One GRPO step.
  Metrics run_step(int64_t step) {
    const auto start = Clock::now();
    StepTotals totals;
    // 1-3. Prompts, their completions, and what these are worth.
    std::vector<RolloutGroup> groups = sample_groups(step, totals);
    // 4. Packed, with the log-probs of the reference, and of the sampling policy where a separate pass is asked for.
    algo::TrainBatch rollout = algo::build_batch(groups);
    score_references(rollout, totals);
    // 5. Rewards to advantages.
    const algo::RewardStats rewards = algo::reward_stats(groups);
    if (reference_ && stage_.grpo.kl_in == KlIn::kReward) algo::subtract_kl(groups, rollout, stage_.grpo);
    algo::compute_advantages(groups, stage_.grpo);
    // 6. Updates: the minibatches of every iteration, in micro-batches whose split changes nothing.
    for (int64_t iteration = 0; iteration < stage_.grpo.num_iterations; ++iteration) {
      const RandomStream random(seed(), RandomPurpose::kMinibatches, {index_, static_cast<uint64_t>(step), static_cast<uint64_t>(iteration)});
      const auto minibatches = algo::build_minibatches(rollout, groups, stage_.grpo, stage_.sampling.max_completion_length, random);
      for (const algo::TrainBatch& minibatch : minibatches) update(minibatch, totals);
    }
    // 7. Now and then the policy becomes the reference.
    if (reference_ && stage_.grpo.ref_model_sync_steps && (step + 1) % *stage_.grpo.ref_model_sync_steps == 0) sync_reference();
    // 8. What happened.
    record_samples(step, groups);
    return metrics(groups, rewards, totals, seconds_since(start));
  }

  void evaluate_now(int64_t step) {
    if (stage_.eval.problems == 0) return;
    recorder_.add_eval(step, evaluate_model(policy_, tokenizer_, template_, stage_.eval, stage_.data, stage_.sampling));
  }

  uint64_t seed() const { return static_cast<uint64_t>(config_.seed); }

  std::vector<Prompt> next_prompts(int64_t count) {
    std::vector<Prompt> prompts;
    for (int64_t i = 0; i < count; ++i) {
      prompts.push_back(data_.prompt(prompts_drawn_++));
      prompts.back().ids = tokenizer_.encode(fill_template(template_, prompts.back().text));
    }
    return prompts;
  }

  // Scored groups for one step; with dynamic sampling (DAPO, arXiv 2503.14476 section 3.2) only those with different rewards.
  std::vector<RolloutGroup> sample_groups(int64_t step, StepTotals& totals) {
    const GrpoConfig& grpo = stage_.grpo;
    std::vector<RolloutGroup> kept;
    zero_variance_groups_ = 0;
    for (int64_t round = 0; round <= grpo.max_refill_rounds; ++round) {
      const int64_t missing = grpo.prompts_per_step - static_cast<int64_t>(kept.size());
      std::vector<RolloutGroup> groups;
      {
        const Timer timer(totals.gen);
        groups = engine_.generate(next_prompts(missing), grpo.num_generations, {seed(), index_, static_cast<uint64_t>(step)});
      }
      {
        const Timer timer(totals.reward);
        rewards_.score(groups);
      }
      for (RolloutGroup& group : groups) {
        group.policy_version = trainer_.updates();
        const bool flat = !algo::has_signal(group);
        zero_variance_groups_ += flat;
        if (grpo.dynamic_sampling == DynamicSampling::kOff || !flat) kept.push_back(std::move(group));
      }
      if (grpo.dynamic_sampling != DynamicSampling::kRefill || static_cast<int64_t>(kept.size()) == grpo.prompts_per_step) break;
    }
    return kept;
  }

  void score_references(algo::TrainBatch& rollout, StepTotals& totals) {
    if (reference_) {
      const Timer timer(totals.ref);
      rollout.ref_log_probs = score(*reference_, rollout);
    }
    if (stage_.grpo.old_log_probs == OldLogProbs::kRecompute) {
      const Timer timer(totals.old_log_prob);
      const at::Tensor old_log_probs = score(policy_, rollout);
      totals.log_prob_difference = largest_difference(old_log_probs, rollout.old_log_probs);
      rollout.old_log_probs = old_log_probs;
    }
  }

  // Log-probs [R] of a rollout under `model`.
  at::Tensor score(const Model& model, const algo::TrainBatch& rollout) {
    const at::NoGradGuard no_grad;
    if (rollout.num_rows() == 0) return at::empty({0});
    std::vector<at::Tensor> parts;
    for (const auto range : algo::micro_batches(rollout, stage_.optimizer.micro_batch_tokens)) {
      const algo::TrainBatch part = algo::slice(rollout, range);
      parts.push_back(model.log_probs(score_batch(part, stage_.sampling.temperature)).log_probs);
    }
    return at::cat(parts);
  }

  void update(const algo::TrainBatch& minibatch, StepTotals& totals) {
    const Timer timer(totals.update);
    const bool on_policy = totals.updates == 0 && stage_.grpo.old_log_probs == OldLogProbs::kBehavior;
    for (const auto range : algo::micro_batches(minibatch, stage_.optimizer.micro_batch_tokens)) {
      const algo::TrainBatch part = algo::slice(minibatch, range);
      trainer_.accumulate(score_batch(part, stage_.sampling.temperature), [&](const kernels::LogProbs& out) {
        if (on_policy) {
          totals.log_prob_difference = std::max(totals.log_prob_difference, largest_difference(out.log_probs, part.old_log_probs));
        }
        const algo::LossTerms terms = algo::policy_loss(
            {out.log_probs, part.old_log_probs, part.ref_log_probs, part.advantages, part.weights, out.entropy}, stage_.grpo);
        totals.loss += terms.stats;
        return terms.loss;
      });
    }
    const UpdateStats stats = trainer_.update();
    ++totals.updates;
    totals.grad_norm += stats.grad_norm;
    totals.learning_rate = stats.learning_rate;
    totals.skipped += stats.skipped;
    guard_finite(stats.skipped);
  }

  void sync_reference() {
    const at::NoGradGuard no_grad;
    at::Tensor(reference_->flat()).copy_(policy_.flat());
  }

  void guard_finite(bool skipped) {
    nonfinite_updates_ = skipped ? nonfinite_updates_ + 1 : 0;
    const auto& most = stage_.guards.max_nonfinite_updates;
    if (most && nonfinite_updates_ >= *most) {
      throw Error(ErrorKind::kGuard, {.what = fmt::format("guard max_nonfinite_updates: {} updates in a row had gradients that are not finite", nonfinite_updates_),
                                      .place = stage_.name, .hint = "lower optimizer.lr; the last checkpoint is intact"});
    }
  }

  void guard_signal(bool signal) {
    silent_steps_ = signal ? 0 : silent_steps_ + 1;
    const auto& most = stage_.guards.max_no_signal_steps;
    if (most && silent_steps_ >= *most) {
      throw Error(ErrorKind::kGuard, {.what = fmt::format("guard max_no_signal_steps: in {} steps all completions of every prompt got the same reward", silent_steps_),
                                      .place = stage_.name, .hint = "the task is too hard or too easy for this model, or a reward never fires"});
    }
  }

  void record_samples(int64_t step, const std::vector<RolloutGroup>& groups) {
    int64_t left = config_.logging.samples_per_step.value_or(std::numeric_limits<int64_t>::max());
    for (const RolloutGroup& group : groups) {
      for (const Completion& c : group.completions) {
        if (left-- <= 0) return;
        nlohmann::ordered_json parts;
        for (size_t i = 0; i < c.reward_parts.size(); ++i) parts[rewards_.names()[i]] = c.reward_parts[i] ? nlohmann::ordered_json(*c.reward_parts[i]) : nullptr;
        recorder_.add_sample(nlohmann::ordered_json{{"step", step + 1}, {"id", group.prompt.id}, {"prompt", group.prompt.text},
                                                    {"completion", c.text}, {"finish_reason", to_string(c.finish_reason)},
                                                    {"tokens", c.ids.size()}, {"reward", c.reward}, {"rewards", parts}, {"advantage", c.advantage}}
                                 .dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
      }
    }
  }

  Metrics metrics(const std::vector<RolloutGroup>& groups, const algo::RewardStats& rewards,
                                                      const StepTotals& t, double seconds) {
    double tokens = 0, longest = 0, cut = 0, count = 0;
    for (const RolloutGroup& group : groups) {
      for (const Completion& c : group.completions) {
        const auto length = static_cast<double>(c.ids.size());
        tokens += length, ++count;
        longest = std::max(longest, length);
        cut += c.finish_reason == FinishReason::kLength;
        num_tokens_ += static_cast<int64_t>(group.prompt.ids.size() + c.ids.size());
      }
    }
    guard_signal(rewards.reward_std > 0);
    const double updates = static_cast<double>(std::max<int64_t>(1, t.updates)), seen = static_cast<double>(std::max<int64_t>(1, t.loss.tokens));
    Metrics m = {{"loss", t.loss.loss / updates}, {"reward", rewards.reward}, {"reward_std", rewards.reward_std}};
    for (size_t i = 0; i < rewards_.names().size(); ++i) {
      const auto [mean, std] = mean_and_std(groups, i);
      m.emplace_back("rewards/" + rewards_.names()[i] + "/mean", mean);
      m.emplace_back("rewards/" + rewards_.names()[i] + "/std", std);
    }
    const double drawn = static_cast<double>(groups.size()) + (stage_.grpo.dynamic_sampling == DynamicSampling::kOff ? 0.0 : static_cast<double>(zero_variance_groups_));
    for (const auto& entry : Metrics{
             {"frac_reward_zero_std", static_cast<double>(zero_variance_groups_) / std::max(1.0, drawn)},
             {"completions/mean_length", tokens / std::max(1.0, count)},
             {"completions/max_length", longest},
             {"completions/clipped_ratio", cut / std::max(1.0, count)},
             {"language_consistency", mean_language_consistency(groups)},
             {"entropy", t.loss.entropy / seen},
             {"kl", t.loss.kl / seen},
             {"clip_ratio/low_mean", static_cast<double>(t.loss.clip_low) / seen},
             {"clip_ratio/high_mean", static_cast<double>(t.loss.clip_high) / seen},
             {"grad_norm", t.grad_norm / updates},
             {"learning_rate", t.learning_rate},
             {"num_tokens", static_cast<double>(num_tokens_)},
             {"rollout/logprob_diff_max", t.log_prob_difference},
             {"rollout/preemptions", static_cast<double>(engine_.stats().preemptions)},
             {"updates_skipped", static_cast<double>(t.skipped)},
             {"step_time", seconds},
             {"time/gen", t.gen},
             {"time/reward", t.reward},
             {"time/old_log_prob", t.old_log_prob},
             {"time/ref", t.ref},
             {"time/update", t.update},
             {"tokens_per_second", tokens / std::max(1e-9, seconds)}}) {
      m.push_back(entry);
    }
    return m;
  }

  State state() const {
    State s;
    s.tensors = trainer_.state();
    if (reference_) s.tensors.emplace_back("reference", reference_->flat());
    s.scalars = {{"updates", trainer_.updates()}, {"prompts_drawn", prompts_drawn_}, {"num_tokens", num_tokens_},
                 {"nonfinite_updates", nonfinite_updates_}, {"silent_steps", silent_steps_}};
    return s;
  }

  void load(const Checkpoint& checkpoint) {
    const State& s = checkpoint.state;
    trainer_.load_state(s.integer("updates"), [&](const std::string& name) { return s.tensor(name); });
    if (reference_) {
      const at::NoGradGuard no_grad;
      at::Tensor(reference_->flat()).copy_(s.tensor("reference"));
    }
    prompts_drawn_ = s.integer("prompts_drawn");
    num_tokens_ = s.integer("num_tokens");
    nonfinite_updates_ = s.integer("nonfinite_updates");
    silent_steps_ = s.integer("silent_steps");
  }

  const RunConfig& config_;
  const GrpoStage& stage_;
  const size_t index_;
  const std::string folder_;
  const Tokenizer tokenizer_;
  const std::string template_;
  Model policy_;
  std::optional<Model> reference_;
  RolloutEngine engine_;
  ChainPrompts data_;
  RewardSet rewards_;
  Trainer trainer_;
  StageRecorder recorder_;
  int64_t prompts_drawn_ = 0, num_tokens_ = 0, nonfinite_updates_ = 0, silent_steps_ = 0, zero_variance_groups_ = 0;
};

}  // namespace

StageEnd run_grpo(RunFolder& run, const RunConfig& config, size_t index, const StageInput& input) {
  return GrpoRun(run, config, index, input).run();
}

}  // namespace hone
