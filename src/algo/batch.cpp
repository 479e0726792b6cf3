#include "hone/algo/batch.h"

#include <ATen/ops/empty.h>

#include <algorithm>

#include "hone/core/error.h"

namespace hone::algo {
namespace {

template <class T>
at::Tensor tensor_of(const std::vector<T>& values, at::ScalarType type) {
  at::Tensor t = at::empty({static_cast<int64_t>(values.size())}, type);
  std::copy(values.begin(), values.end(), t.data_ptr<T>());
  return t;
}

// Tokens that go through the model: all but the last.
int64_t input_tokens(const Sample& s) { return static_cast<int64_t>(s.prompt->ids.size() + s.completion->ids.size()) - 1; }

bool masked(const Sample& s, const GrpoConfig& config) {
  return config.mask_truncated_completions && s.completion->finish_reason == FinishReason::kLength;
}

void append_kept(KeptIds& all, const KeptIds& part) {
  if (part.empty()) return;
  if (all.offsets.empty()) all.offsets.push_back(0);
  const auto base = static_cast<int64_t>(all.ids.size());
  all.ids.insert(all.ids.end(), part.ids.begin(), part.ids.end());
  for (size_t i = 1; i < part.offsets.size(); ++i) all.offsets.push_back(base + part.offsets[i]);
}

}  // namespace

std::vector<std::vector<Sample>> split_minibatches(const std::vector<RolloutGroup>& groups, int64_t num_minibatches,
                                                   RandomStream random) {
  std::vector<Sample> all;
  for (const RolloutGroup& group : groups) {
    for (const Completion& c : group.completions) all.push_back({&group.prompt, &c});
  }
  if (num_minibatches > 1) {
    for (size_t i = all.size(); i > 1; --i) std::swap(all[i - 1], all[random.next_below(i)]);
  }
  std::vector<std::vector<Sample>> parts(static_cast<size_t>(num_minibatches));
  for (size_t m = 0; m < parts.size(); ++m) {
    const size_t begin = all.size() * m / parts.size(), end = all.size() * (m + 1) / parts.size();
    parts[m].assign(all.begin() + static_cast<int64_t>(begin), all.begin() + static_cast<int64_t>(end));
  }
  std::erase_if(parts, [](const auto& part) { return part.empty(); });
  return parts;
}

std::vector<double> token_weights(const std::vector<Sample>& samples, const GrpoConfig& config, int64_t max_completion_length) {
  double tokens = 0;
  for (const Sample& s : samples) tokens += masked(s, config) ? 0.0 : static_cast<double>(s.completion->ids.size());
  const auto count = static_cast<double>(samples.size());
  std::vector<double> weights;
  for (const Sample& s : samples) {
    double weight = 0;
    switch (config.loss_type) {
      case LossType::kGrpo: weight = 1.0 / (count * static_cast<double>(s.completion->ids.size())); break;
      case LossType::kDapo:
      case LossType::kBnpo: weight = 1.0 / std::max(1.0, tokens); break;
      case LossType::kDrGrpo: weight = 1.0 / (count * static_cast<double>(max_completion_length)); break;
    }
    weights.push_back(masked(s, config) ? 0.0 : weight);
  }
  return weights;
}

std::vector<std::span<const Sample>> split_micro_batches(const std::vector<Sample>& samples, int64_t micro_batch_tokens) {
  std::vector<std::span<const Sample>> parts;
  for (size_t begin = 0; begin < samples.size();) {
    size_t end = begin + 1;
    int64_t tokens = input_tokens(samples[begin]);
    while (end < samples.size() && tokens + input_tokens(samples[end]) <= micro_batch_tokens) tokens += input_tokens(samples[end++]);
    parts.emplace_back(samples.data() + begin, end - begin);
    begin = end;
  }
  return parts;
}

TrainBatch build_batch(std::span<const Sample> samples, std::span<const double> weights) {
  HONE_ASSERT(!samples.empty() && samples.size() == weights.size());
  std::vector<int32_t> ids, targets;
  std::vector<int64_t> rows;
  std::vector<float> old_log_probs, ref_log_probs, advantages, token_weight;
  TrainBatch batch;
  batch.offsets = {0};
  for (size_t i = 0; i < samples.size(); ++i) {
    const auto& [prompt, c] = samples[i];
    HONE_ASSERT(!prompt->ids.empty() && c->behavior_log_probs.size() == c->ids.size());
    const int64_t first = batch.offsets.back() + static_cast<int64_t>(prompt->ids.size()) - 1;
    ids.insert(ids.end(), prompt->ids.begin(), prompt->ids.end());
    ids.insert(ids.end(), c->ids.begin(), c->ids.end() - 1);
    batch.offsets.push_back(static_cast<int64_t>(ids.size()));
    for (size_t t = 0; t < c->ids.size(); ++t) rows.push_back(first + static_cast<int64_t>(t));
    targets.insert(targets.end(), c->ids.begin(), c->ids.end());
    const auto& old = c->old_log_probs.empty() ? c->behavior_log_probs : c->old_log_probs;
    old_log_probs.insert(old_log_probs.end(), old.begin(), old.end());
    ref_log_probs.insert(ref_log_probs.end(), c->ref_log_probs.begin(), c->ref_log_probs.end());
    advantages.insert(advantages.end(), c->ids.size(), static_cast<float>(c->advantage));
    token_weight.insert(token_weight.end(), c->ids.size(), static_cast<float>(weights[i]));
    append_kept(batch.kept, c->kept);
  }
  HONE_ASSERT(ref_log_probs.empty() || ref_log_probs.size() == targets.size());
  HONE_ASSERT(batch.kept.empty() || batch.kept.offsets.size() == targets.size() + 1, "all completions of a batch share their filters");
  batch.ids = tensor_of(ids, at::kInt);
  batch.rows = tensor_of(rows, at::kLong);
  batch.targets = tensor_of(targets, at::kInt);
  batch.old_log_probs = tensor_of(old_log_probs, at::kFloat);
  if (!ref_log_probs.empty()) batch.ref_log_probs = tensor_of(ref_log_probs, at::kFloat);
  batch.advantages = tensor_of(advantages, at::kFloat);
  batch.weights = tensor_of(token_weight, at::kFloat);
  return batch;
}

}  // namespace hone::algo
