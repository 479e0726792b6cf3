#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>

#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>
#include <limits>
#include <sstream>
#include <utility>

#include "hone/algo/batch.h"
#include "hone/algo/entropy.h"
#include "hone/core/error.h"
#include "hone/core/log.h"
#include "hone/data/prompt_source.h"
#include "hone/data/prompt_template.h"
#include "hone/dist/process_group.h"
#include "hone/reward/reward.h"
#include "hone/rollout/engine.h"
#include "hone/train/trainer.h"
#include "pipeline/grpo_metrics.h"
#include "pipeline/guard.h"
#include "pipeline/over_ranks.h"
#include "pipeline/recorder.h"
#include "pipeline/stage.h"

namespace hone {
namespace {

using Clock = std::chrono::steady_clock;

// Adds the time until its end to a total.
class Timer {
 public:
  explicit Timer(double& seconds) : seconds_(seconds) {}
  ~Timer() { seconds_ += std::chrono::duration<double>(Clock::now() - start_).count(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

 private:
  double& seconds_;
  const Clock::time_point start_ = Clock::now();
};

ScoreBatch score_batch(const algo::TrainBatch& batch) {
  const bool filtered = !batch.kept_offsets.empty();
  return {.ids = batch.ids,
          .offsets = batch.offsets,
          .rows = batch.rows,
          .targets = batch.targets,
          .distribution = {.kept_ids = filtered ? batch.kept_ids.data() : nullptr,
                           .kept_offsets = filtered ? batch.kept_offsets.data() : nullptr,
                           .temperatures = batch.temperatures.const_data_ptr<double>()}};
}

// a, b [R] float32.
double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  const float *x = a.const_data_ptr<float>(), *y = b.const_data_ptr<float>();
  double largest = 0;
  for (int64_t i = 0; i < a.numel(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(x[i]) - static_cast<double>(y[i])));
  }
  return largest;
}

class GrpoRun {
 public:
  GrpoRun(RunFolder& run, const RunConfig& config, size_t index)
      : ranks_(run.ranks()),
        stage_(std::get<GrpoStage>(config.stages[index])),
        seed_(static_cast<uint64_t>(config.seed)),
        index_(index),
        samples_per_step_(config.logging.samples_per_step.value_or(std::numeric_limits<int64_t>::max())),
        model_folder_(*stage_.model.path),
        tokenizer_(Tokenizer::load(model_folder_)),
        template_(PromptTemplate::load(stage_.prompt_template, model_folder_)),
        policy_(Model::load(model_folder_, /*trains=*/true, spread_of(config.runtime.zero_stage, ranks_))),
        engine_(policy_, tokenizer_),
        data_(stage_.data, stage_.sources, stage_.curriculum, seed_),
        held_out_(stage_, template_, tokenizer_),
        rewards_(stage_.rewards, stage_.sampling.max_completion_length),
        trainer_(policy_, stage_.optimizer, stage_.steps * stage_.grpo.num_minibatches * stage_.grpo.num_iterations,
                 ranks_, config.runtime.zero_stage),
        recorder_(run, config, index) {
    for (size_t r = 0; r < stage_.rewards.size(); ++r) {
      if (judging_reward({stage_.rewards[r]})) judges_.push_back(r);
    }
    for (const PromptMixture::Part& part : data_.parts()) {
      if (part.source.file() != nullptr) check_records(*part.source.file(), part.config.name, rewards_);
    }
    if (stage_.grpo.uses_reference()) reference_.emplace(Model::load(model_folder_, /*trains=*/false));
  }

  StageEnd run() {
    const auto checkpoint = recorder_.resume(state());
    if (checkpoint) load(checkpoint->state);
    double first_eval = 0;
    if (!checkpoint) evaluate(0, first_eval);
    for (int64_t step = checkpoint ? checkpoint->step : 0; step < stage_.steps && !recorder_.ends_early(); ++step) {
      StepMetrics metrics = run_step(step);
      if (recorder_.end_step(step + 1, std::move(metrics), [this] { return state(); })) return StageEnd::kStopped;
    }
    trainer_.gather_weights();
    recorder_.finish(policy_, model_folder_);
    print_before_and_after(recorder_.evals(), recorder_.best_step());
    return StageEnd::kFinished;
  }

 private:
  // One step of GRPO (DeepSeekMath, arXiv 2402.03300, algorithm 1).
  StepMetrics run_step(int64_t step) {
    StepTotals totals;
    algo::RewardStats reward_stats;
    std::vector<RolloutGroup> groups, dropped;
    const int64_t passed_over = data_.passed_over();
    {
      const Timer timer(totals.step);
      // 1-3. Prompts, a group of completions for each, and what these are worth; some teach nothing.
      groups = sample_groups(step, totals);
      reward_stats = algo::reward_stats(groups);
      for (const RolloutGroup& group : groups) learn_pass_rate(group);
      dropped = take_out_without_signal(groups);
      // 4. Packed, with the log-probs of the reference; those of the sampling policy are known from sampling.
      algo::TrainBatch rollout = algo::build_batch(groups, temperatures_of(groups));
      score_references(rollout, totals);
      // 5. Rewards to advantages.
      compute_advantages(groups, rollout, totals);
      // 6. Updates: minibatches of every iteration, in micro-batches whose split changes nothing.
      for (int64_t iteration = 0; iteration < stage_.grpo.num_iterations; ++iteration) {
        for (const algo::TrainBatch& minibatch : minibatches(rollout, groups, step, iteration)) {
          update(minibatch, step, totals);
        }
      }
      // 7. Now and then the policy becomes the reference, or is measured.
      sync_reference_if_due(step + 1);
      evaluate_if_due(step + 1, totals.eval);
    }
    // 8. What happened on all ranks, to all that was sampled, and whether it makes sense to go on.
    add_up(ranks_, totals);
    const auto kept = static_cast<double>(groups.size());
    if (stage_.grpo.dynamic_sampling != DynamicSampling::kOff) {
      totals.frac_groups_kept = kept / static_cast<double>(totals.groups_sampled);
    }
    std::ranges::move(dropped, std::back_inserter(groups));
    std::ranges::sort(groups, {}, [](const RolloutGroup& group) { return group.prompt.index; });
    record_samples(step + 1, groups);
    check_guards(groups, kept > 0 && algo::has_signal(reward_stats, stage_.grpo));
    totals.num_tokens = num_tokens_;
    if (stage_.grpo.has_entropy_bonus()) totals.entropy_coef = entropy_.coefficient();
    StepMetrics metrics = grpo_metrics(groups, stage_.rewards, reward_stats, totals);
    if (stage_.curriculum.on()) add_curriculum(data_.passed_over() - passed_over, metrics);
    return metrics;
  }

  // Scored groups for one step; with dynamic sampling (DAPO, arXiv 2503.14476, section 3.2) until enough have signal.
  std::vector<RolloutGroup> sample_groups(int64_t step, StepTotals& totals) {
    const GrpoConfig& grpo = stage_.grpo;
    const int64_t rounds = grpo.dynamic_sampling == DynamicSampling::kRefill ? 1 + grpo.max_refill_rounds : 1;
    std::vector<RolloutGroup> groups;
    for (int64_t round = 0; round < rounds; ++round) {
      const int64_t with_signal = totals.groups_sampled - totals.groups_without_signal;
      if (with_signal == grpo.prompts_per_step) break;
      for (RolloutGroup& group : sample_and_score(grpo.prompts_per_step - with_signal, step, totals)) {
        ++totals.groups_sampled;
        totals.groups_without_signal += !algo::has_signal(group);
        groups.push_back(std::move(group));
      }
    }
    return groups;
  }

  // Those that dynamic sampling leaves out of the update.
  std::vector<RolloutGroup> take_out_without_signal(std::vector<RolloutGroup>& groups) const {
    if (stage_.grpo.dynamic_sampling == DynamicSampling::kOff) return {};
    const auto rest = std::ranges::stable_partition(groups, [](const RolloutGroup& g) { return algo::has_signal(g); });
    std::vector<RolloutGroup> dropped(std::make_move_iterator(rest.begin()), std::make_move_iterator(rest.end()));
    groups.erase(rest.begin(), rest.end());
    return dropped;
  }

  // The share of right completions, by the first reward that says so for its prompt.
  void learn_pass_rate(const RolloutGroup& group) {
    double judged = 0, right = 0;
    for (const Completion& completion : group.completions) {
      const auto judge =
          std::ranges::find_if(judges_, [&](size_t r) { return completion.reward_parts[r].has_value(); });
      if (judge == judges_.end()) continue;
      ++judged;
      right += *completion.reward_parts[*judge] >= 1 ? 1 : 0;
    }
    data_.learn(group.prompt, judged > 0 ? std::optional(right / judged) : std::nullopt);
  }

  void add_curriculum(int64_t passed_over, StepMetrics& metrics) const {
    const CurriculumStats stats = data_.curriculum();
    const auto known = static_cast<double>(std::max<int64_t>(1, stats.known));
    metrics.emplace_back("curriculum/passed_over", static_cast<double>(passed_over));
    metrics.emplace_back("curriculum/pass_rate", stats.pass_rate);
    metrics.emplace_back("curriculum/in_band", static_cast<double>(stats.in_band) / known);
  }

  // How prompts of a source are answered.
  SamplingConfig sampling_of(const std::string& source) const {
    SamplingConfig sampling = stage_.sampling;
    const auto at = std::ranges::find(stage_.sources, source, &SourceConfig::name);
    if (at == stage_.sources.end()) return sampling;
    if (at->temperature) sampling.temperature = *at->temperature;
    if (at->top_p) sampling.top_p = *at->top_p;
    if (at->top_k) sampling.top_k = at->top_k;
    if (at->min_p) sampling.min_p = at->min_p;
    return sampling;
  }

  std::vector<double> temperatures_of(const std::vector<RolloutGroup>& groups) const {
    std::vector<double> temperatures;
    for (const RolloutGroup& group : groups) temperatures.push_back(sampling_of(group.prompt.source).temperature);
    return temperatures;
  }

  // Prompts that follow each other and are answered alike are answered together.
  std::vector<RolloutGroup> answer(std::vector<Prompt> prompts, int64_t step, StepTotals& totals) {
    std::vector<RolloutGroup> all;
    for (auto begin = prompts.begin(); begin != prompts.end();) {
      const SamplingConfig sampling = sampling_of(begin->source);
      const auto end =
          std::find_if(begin, prompts.end(), [&](const Prompt& p) { return sampling_of(p.source) != sampling; });
      std::vector<Prompt> part(std::make_move_iterator(begin), std::make_move_iterator(end));
      std::vector<RolloutGroup> groups = answer(std::move(part), sampling, step, totals);
      std::ranges::move(groups, std::back_inserter(all));
      begin = end;
    }
    return all;
  }

  std::vector<RolloutGroup> answer(std::vector<Prompt> prompts, const SamplingConfig& sampling, int64_t step,
                                   StepTotals& totals) {
    std::vector<RolloutGroup> made;
    Scoring scoring(rewards_);  // slow rewards begin while other completions still grow
    {
      const Timer timer(totals.gen);
      made = engine_.generate(
          std::move(prompts), stage_.grpo.num_generations, sampling, {seed_, index_, static_cast<uint64_t>(step)},
          [&](const RolloutGroup& group, const Completion& completion) { scoring.add(group.prompt, completion); });
      totals.preemptions += engine_.stats().preemptions;
    }
    const Timer timer(totals.reward);
    ranks_.enter(fmt::format("step {}: rewards", step + 1));
    scoring.finish(made);
    return made;
  }

  std::vector<RolloutGroup> sample_and_score(int64_t prompts, int64_t step, StepTotals& totals) {
    ranks_.enter(fmt::format("step {}: sampling", step + 1));
    trainer_.gather_weights();
    std::vector<RolloutGroup> groups = over_ranks(ranks_, next_prompts(step, prompts), [&](std::vector<Prompt> mine) {
      return answer(std::move(mine), step, totals);
    });
    for (RolloutGroup& group : groups) {
      group.policy_version = trainer_.updates();
      for (const Completion& c : group.completions) {
        num_tokens_ += static_cast<int64_t>(group.prompt.ids.size() + c.ids.size());
      }
    }
    return groups;
  }

  std::vector<Prompt> next_prompts(int64_t step, int64_t count) {
    std::vector<Prompt> prompts = data_.draw(step + 1, count);
    template_.encode(tokenizer_, prompts);
    return prompts;
  }

  void score_references(algo::TrainBatch& rollout, StepTotals& totals) {
    if (reference_) {
      const Timer timer(totals.ref);
      rollout.ref_log_probs = score(*reference_, rollout);
    }
    if (stage_.grpo.old_log_probs == OldLogProbs::kRecompute) {
      const Timer timer(totals.old_log_prob);
      trainer_.gather_weights();
      const at::Tensor recomputed = score(policy_, rollout);
      totals.log_prob_difference = largest_difference(recomputed, rollout.old_log_probs);
      rollout.behavior_log_probs = std::exchange(rollout.old_log_probs, recomputed);
    }
  }

  // Log-probs [R] of a rollout under `model`.
  at::Tensor score(const Model& model, const algo::TrainBatch& rollout) {
    const at::NoGradGuard no_grad;
    std::vector<at::Tensor> parts = {at::empty({0})};
    for (const auto range :
         algo::micro_batches(rollout, share_of(ranks_, rollout), stage_.optimizer.micro_batch_tokens)) {
      const algo::TrainBatch part = algo::slice(rollout, range);
      parts.push_back(model.log_probs(score_batch(part)).log_probs);
    }
    return gather_rows(ranks_, at::cat(parts));
  }

  void compute_advantages(std::vector<RolloutGroup>& groups, const algo::TrainBatch& rollout, StepTotals& totals) {
    const Timer timer(totals.adv);
    if (reference_ && stage_.grpo.kl_in == KlIn::kReward) algo::subtract_kl(groups, rollout, stage_.grpo);
    algo::compute_advantages(groups, stage_.grpo);
  }

  std::vector<algo::TrainBatch> minibatches(const algo::TrainBatch& rollout, const std::vector<RolloutGroup>& groups,
                                            int64_t step, int64_t iteration) const {
    const RandomStream random(seed_, RandomPurpose::kMinibatches,
                              {index_, static_cast<uint64_t>(step), static_cast<uint64_t>(iteration)});
    return algo::build_minibatches(rollout, groups, stage_.grpo, stage_.sampling.max_completion_length, random);
  }

  void update(const algo::TrainBatch& minibatch, int64_t step, StepTotals& totals) {
    const Timer timer(totals.update);
    ranks_.enter(fmt::format("step {}: update {}", step + 1, totals.updates + 1));
    GrpoConfig grpo = stage_.grpo;
    grpo.entropy_coef = entropy_.weight();
    algo::LossStats loss;
    // Before the first update the policy is the one that sampled: the two log-probs must be equal.
    const bool on_policy = totals.updates == 0 && stage_.grpo.old_log_probs == OldLogProbs::kBehavior;
    const auto micro_batches =
        algo::micro_batches(minibatch, share_of(ranks_, minibatch), stage_.optimizer.micro_batch_tokens);
    trainer_.begin(static_cast<int64_t>(micro_batches.size()));
    for (const auto range : micro_batches) {
      const algo::TrainBatch part = algo::slice(minibatch, range);
      trainer_.accumulate(score_batch(part), [&](const kernels::LogProbs& out) {
        const algo::LossTerms terms = algo::policy_loss({.log_probs = out.log_probs,
                                                         .old_log_probs = part.old_log_probs,
                                                         .ref_log_probs = part.ref_log_probs,
                                                         .advantages = part.advantages,
                                                         .weights = part.weights,
                                                         .entropy = out.entropy,
                                                         .behavior_log_probs = part.behavior_log_probs,
                                                         .row_offsets = part.row_offsets},
                                                        grpo);
        if (on_policy) {
          totals.log_prob_difference =
              std::max(totals.log_prob_difference, largest_difference(out.log_probs, part.old_log_probs));
        }
        totals.loss += terms.stats;
        loss += terms.stats;
        return terms.loss;
      });
    }
    const UpdateStats stats = trainer_.update();
    ++totals.updates;
    totals.grad_norm += stats.grad_norm;
    totals.learning_rate = stats.learning_rate;
    totals.skipped_updates += stats.skipped;
    if (stats.skipped) report_skipped(minibatch, step);
    if (entropy_.adapts()) {  // to what all ranks saw
      const double tokens = ranks_.all_sum(static_cast<double>(loss.tokens)), entropy = ranks_.all_sum(loss.entropy);
      if (!stats.skipped && tokens > 0) entropy_.update(entropy / tokens);
    }
    nonfinite_updates_.count(stats.skipped);
  }

  void report_skipped(const algo::TrainBatch& minibatch, int64_t step) {
    const std::string path = recorder_.dump("nonfinite", step + 1,
                                            {{"ids", minibatch.ids},
                                             {"rows", minibatch.rows},
                                             {"targets", minibatch.targets},
                                             {"old_log_probs", minibatch.old_log_probs},
                                             {"advantages", minibatch.advantages},
                                             {"weights", minibatch.weights}});
    log_warning(fmt::format("step {}: an update with a gradient that is not finite was skipped; its minibatch is in {}",
                            step + 1, path));
  }

  void sync_reference_if_due(int64_t steps_done) {
    const auto& every = stage_.grpo.ref_model_sync_steps;
    if (!reference_ || !every || steps_done % *every != 0) return;
    trainer_.gather_weights();
    reference_->set_weights(policy_.weights());
  }

  void evaluate_if_due(int64_t steps_done, double& seconds) {
    const auto& every = stage_.eval.every;
    if (steps_done == stage_.steps || (every && steps_done % *every == 0)) evaluate(steps_done, seconds);
  }

  void evaluate(int64_t steps_done, double& seconds) {
    if (stage_.eval.problems == 0) return;
    const Timer timer(seconds);
    ranks_.enter(fmt::format("step {}: evaluation", steps_done));
    trainer_.gather_weights();
    recorder_.add_eval(held_out_.evaluate(engine_, steps_done, ranks_));
  }

  void record_samples(int64_t step, const std::vector<RolloutGroup>& groups) {
    int64_t left = samples_per_step_;
    for (const RolloutGroup& group : groups) {
      for (const Completion& completion : group.completions) {
        if (left-- <= 0) return;
        recorder_.add_sample(sample_line(step, group, completion, rewards_.names()));
      }
    }
  }

  void check_guards(const std::vector<RolloutGroup>& groups, bool signal) {
    const LengthStats lengths = length_stats(groups);
    no_signal_steps_.count(!signal);
    no_stop_steps_.count(lengths.completions > 0 && lengths.cut_off == lengths.completions);
  }

  State state() const {
    TrainerState trained = trainer_.state();
    State s{.tensors = std::move(trained.tensors), .pieces = std::move(trained.pieces), .scalars = {}};
    if (reference_ && ranks_.is_main()) s.tensors.emplace_back("reference", reference_->weights());
    s.scalars = {{"updates", trainer_.updates()},
                 {"prompts_drawn", fmt::format("{}", fmt::join(data_.drawn(), " "))},
                 {"num_tokens", num_tokens_},
                 {"guards.nonfinite_updates", nonfinite_updates_.in_a_row()},
                 {"guards.no_signal_steps", no_signal_steps_.in_a_row()},
                 {"guards.no_stop_steps", no_stop_steps_.in_a_row()}};
    if (stage_.curriculum.on()) {
      const std::vector<std::string> curricula = data_.curricula();
      for (size_t i = 0; i < curricula.size(); ++i) s.scalars[fmt::format("curriculum.{}", i)] = curricula[i];
    }
    if (entropy_.adapts()) {
      s.scalars["entropy.coefficient"] = entropy_.coefficient();
      s.scalars["entropy.last"] = entropy_.last_entropy();
    }
    return s;
  }

  void load(const State& s) {
    trainer_.load_state(s.integer("updates"),
                        [&](const std::string& name, int64_t begin, const at::Tensor& to) { s.read(name, begin, to); });
    if (reference_) reference_->set_weights(s.tensor("reference"));
    std::istringstream drawn(s.text("prompts_drawn"));
    std::vector<std::string> curricula;
    for (size_t i = 0; stage_.curriculum.on() && i < data_.parts().size(); ++i) {
      curricula.push_back(s.text(fmt::format("curriculum.{}", i)));
    }
    data_.continue_from({std::istream_iterator<int64_t>(drawn), {}}, curricula);
    num_tokens_ = s.integer("num_tokens");
    nonfinite_updates_.continue_from(s.integer("guards.nonfinite_updates"));
    no_signal_steps_.continue_from(s.integer("guards.no_signal_steps"));
    no_stop_steps_.continue_from(s.integer("guards.no_stop_steps"));
    if (entropy_.adapts()) entropy_.continue_from(s.number("entropy.coefficient"), s.number("entropy.last"));
  }

  dist::ProcessGroup& ranks_;
  const GrpoStage& stage_;
  const uint64_t seed_;
  const size_t index_;
  const int64_t samples_per_step_;
  const std::string model_folder_;
  const Tokenizer tokenizer_;
  const PromptTemplate template_;
  Model policy_;
  std::optional<Model> reference_;
  RolloutEngine engine_;
  PromptMixture data_;
  const HeldOut held_out_;
  RewardSet rewards_;
  std::vector<size_t> judges_;  // the rewards that say what is right
  Trainer trainer_;
  StageRecorder recorder_;
  algo::EntropyControl entropy_{stage_.grpo};
  int64_t num_tokens_ = 0;
  Guard nonfinite_updates_ = nonfinite_guard(stage_.guards);
  Guard no_signal_steps_ = no_signal_guard(stage_.guards);
  Guard no_stop_steps_ = no_stop_guard(stage_.guards);
};

}  // namespace

StageEnd run_grpo(RunFolder& run, const RunConfig& config, size_t index) {
  return GrpoRun(run, config, index).run();
}

}  // namespace hone
