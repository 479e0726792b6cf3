#include "hone/algo/batch.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <numeric>

#include "hone/core/error.h"

namespace hone::algo {
namespace {

/// The batch without its numbers: sequences, and tensors of the right sizes.
TrainBatch allocate(std::vector<int64_t> offsets, std::vector<int64_t> row_offsets,
                    std::vector<TrainBatch::Source> sources) {
  TrainBatch batch;
  batch.offsets = std::move(offsets), batch.row_offsets = std::move(row_offsets), batch.sources = std::move(sources);
  batch.ids = at::empty({batch.num_tokens()}, at::kInt);
  batch.rows = at::empty({batch.num_rows()}, at::kLong);
  batch.targets = at::empty({batch.num_rows()}, at::kInt);
  batch.temperatures = at::empty({batch.num_rows()}, at::kDouble);
  batch.old_log_probs = at::empty({batch.num_rows()}, at::kFloat);
  return batch;
}

/// The pieces of `from` [.] that belong to `sequences`, one after the other; undefined stays undefined.
template <class T>
at::Tensor gather(const at::Tensor& from, const std::vector<int64_t>& offsets, const std::vector<size_t>& sequences,
                  int64_t size) {
  if (!from.defined()) return {};
  const at::Tensor source = from.contiguous();
  at::Tensor to = at::empty({size}, from.options());
  T* out = to.mutable_data_ptr<T>();
  const T* in = source.const_data_ptr<T>();
  for (const size_t s : sequences) out = std::copy(in + offsets[s], in + offsets[s + 1], out);
  return to;
}

void gather_kept(const TrainBatch& from, const std::vector<size_t>& sequences, TrainBatch& to) {
  if (from.kept_offsets.empty()) return;
  to.kept_offsets = {0};
  for (const size_t s : sequences) {
    const auto first = static_cast<size_t>(from.row_offsets[s]), last = static_cast<size_t>(from.row_offsets[s + 1]);
    const int64_t shift = to.kept_offsets.back() - from.kept_offsets[first];
    for (size_t row = first; row < last; ++row) to.kept_offsets.push_back(from.kept_offsets[row + 1] + shift);
    to.kept_ids.insert(to.kept_ids.end(), from.kept_ids.begin() + from.kept_offsets[first],
                       from.kept_ids.begin() + from.kept_offsets[last]);
  }
}

TrainBatch select(const TrainBatch& from, const std::vector<size_t>& sequences) {
  std::vector<int64_t> offsets = {0}, row_offsets = {0};
  std::vector<TrainBatch::Source> sources;
  for (const size_t s : sequences) {
    offsets.push_back(offsets.back() + from.offsets[s + 1] - from.offsets[s]);
    row_offsets.push_back(row_offsets.back() + from.row_offsets[s + 1] - from.row_offsets[s]);
    sources.push_back(from.sources[s]);
  }
  TrainBatch to = allocate(std::move(offsets), std::move(row_offsets), std::move(sources));
  to.ids = gather<int32_t>(from.ids, from.offsets, sequences, to.num_tokens());
  to.rows = gather<int64_t>(from.rows, from.row_offsets, sequences, to.num_rows());
  to.targets = gather<int32_t>(from.targets, from.row_offsets, sequences, to.num_rows());
  to.temperatures = gather<double>(from.temperatures, from.row_offsets, sequences, to.num_rows());
  to.old_log_probs = gather<float>(from.old_log_probs, from.row_offsets, sequences, to.num_rows());
  to.ref_log_probs = gather<float>(from.ref_log_probs, from.row_offsets, sequences, to.num_rows());
  to.behavior_log_probs = gather<float>(from.behavior_log_probs, from.row_offsets, sequences, to.num_rows());
  to.advantages = gather<float>(from.advantages, from.row_offsets, sequences, to.num_rows());
  to.weights = gather<float>(from.weights, from.row_offsets, sequences, to.num_rows());
  gather_kept(from, sequences, to);

  int64_t* rows = to.rows.mutable_data_ptr<int64_t>();
  for (size_t i = 0; i < sequences.size(); ++i)
    for (int64_t row = to.row_offsets[i]; row < to.row_offsets[i + 1]; ++row)
      rows[row] += to.offsets[i] - from.offsets[sequences[i]];
  return to;
}

/// A random partition of 0 .. n-1 into min(parts, n) ascending lists whose sizes differ by one at most.
std::vector<std::vector<size_t>> partition(size_t n, size_t parts, RandomStream& stream) {
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), size_t{0});
  for (size_t i = n; i > 1; --i) std::swap(order[i - 1], order[stream.next_below(i)]);
  parts = std::min(parts, n);
  std::vector<std::vector<size_t>> result;
  auto next = order.begin();
  for (size_t part = 0; part < parts; ++part) {
    const auto end = next + static_cast<std::ptrdiff_t>(n / parts + (part < n % parts ? 1 : 0));
    std::sort(next, end);  // the order does not matter to the loss; a fixed one makes one minibatch the rollout itself
    result.emplace_back(next, end);
    next = end;
  }
  return result;
}

int64_t num_rows(const TrainBatch& batch, size_t s) {
  return batch.row_offsets[s + 1] - batch.row_offsets[s];
}

/// The weight of each token of a sequence with `rows` tokens.
struct Weighting {
  LossType loss_type;
  double sequences, minibatch_rows, rows_per_minibatch, max_completion_length;

  double operator()(double rows) const {
    switch (loss_type) {
      case LossType::kGrpo:
        return 1 / (sequences * rows);
      case LossType::kBnpo:
        return 1 / minibatch_rows;
      case LossType::kDapo:
      case LossType::kCispo:
        return 1 / rows_per_minibatch;
      case LossType::kDrGrpo:
        return 1 / (sequences * max_completion_length);
    }
    HONE_ASSERT(false, "no such loss type: {}", static_cast<int>(loss_type));
  }
};

void fill_advantages_and_weights(TrainBatch& batch, const std::vector<RolloutGroup>& groups,
                                 const Weighting& weighting) {
  batch.advantages = at::empty({batch.num_rows()}, at::kFloat);
  batch.weights = at::empty({batch.num_rows()}, at::kFloat);
  float* advantages = batch.advantages.mutable_data_ptr<float>();
  float* weights = batch.weights.mutable_data_ptr<float>();
  for (size_t s = 0; s < batch.sources.size(); ++s) {
    const TrainBatch::Source& source = batch.sources[s];
    const Completion& completion =
        groups.at(static_cast<size_t>(source.group)).completions.at(static_cast<size_t>(source.completion));
    const int64_t rows = num_rows(batch, s);
    std::fill_n(advantages + batch.row_offsets[s], rows, static_cast<float>(completion.advantage));
    std::fill_n(weights + batch.row_offsets[s], rows, static_cast<float>(weighting(static_cast<double>(rows))));
  }
}

}  // namespace

TrainBatch build_batch(const std::vector<RolloutGroup>& groups, const std::vector<double>& temperatures) {
  HONE_ASSERT(temperatures.empty() || temperatures.size() == groups.size());
  std::vector<int64_t> offsets = {0}, row_offsets = {0};
  std::vector<TrainBatch::Source> sources;
  for (size_t g = 0; g < groups.size(); ++g) {
    HONE_ASSERT(!groups[g].prompt.ids.empty(), "prompt '{}' has no tokens", groups[g].prompt.id);
    for (size_t c = 0; c < groups[g].completions.size(); ++c) {
      const auto rows = static_cast<int64_t>(groups[g].completions[c].ids.size());
      offsets.push_back(offsets.back() + static_cast<int64_t>(groups[g].prompt.ids.size()) +
                        std::max<int64_t>(rows - 1, 0));
      row_offsets.push_back(row_offsets.back() + rows);
      sources.push_back({static_cast<int64_t>(g), static_cast<int64_t>(c)});
    }
  }
  TrainBatch batch = allocate(std::move(offsets), std::move(row_offsets), std::move(sources));

  int32_t* ids = batch.ids.mutable_data_ptr<int32_t>();
  int64_t* rows = batch.rows.mutable_data_ptr<int64_t>();
  int32_t* targets = batch.targets.mutable_data_ptr<int32_t>();
  double* temperature = batch.temperatures.mutable_data_ptr<double>();
  float* old_log_probs = batch.old_log_probs.mutable_data_ptr<float>();
  const bool filtered = std::ranges::any_of(groups, [](const RolloutGroup& group) {
    return std::ranges::any_of(group.completions, [](const Completion& c) { return !c.kept.empty(); });
  });
  if (filtered) batch.kept_offsets = {0};
  for (size_t s = 0; s < batch.sources.size(); ++s) {
    const RolloutGroup& group = groups[static_cast<size_t>(batch.sources[s].group)];
    const Completion& completion = group.completions[static_cast<size_t>(batch.sources[s].completion)];
    const size_t length = completion.ids.size();
    HONE_ASSERT(completion.behavior_log_probs.size() == length);
    ids = std::copy(group.prompt.ids.begin(), group.prompt.ids.end(), ids);
    if (length > 0) ids = std::copy(completion.ids.begin(), completion.ids.end() - 1, ids);
    targets = std::copy(completion.ids.begin(), completion.ids.end(), targets);
    old_log_probs =
        std::copy(completion.behavior_log_probs.begin(), completion.behavior_log_probs.end(), old_log_probs);
    std::iota(rows, rows + length, batch.offsets[s] + static_cast<int64_t>(group.prompt.ids.size()) - 1);
    rows += length;
    temperature = std::fill_n(temperature, length,
                              temperatures.empty() ? 1.0 : temperatures[static_cast<size_t>(batch.sources[s].group)]);
    if (!filtered) continue;
    if (completion.kept.empty()) {
      batch.kept_offsets.resize(batch.kept_offsets.size() + length, batch.kept_offsets.back());
      continue;
    }
    HONE_ASSERT(completion.kept.offsets.size() == length + 1);
    const int64_t shift = batch.kept_offsets.back();
    for (size_t t = 0; t < length; ++t) batch.kept_offsets.push_back(completion.kept.offsets[t + 1] + shift);
    batch.kept_ids.insert(batch.kept_ids.end(), completion.kept.ids.begin(), completion.kept.ids.end());
  }
  HONE_ASSERT(batch.kept_offsets.empty() || static_cast<int64_t>(batch.kept_offsets.size()) == batch.num_rows() + 1);
  return batch;
}

std::vector<TrainBatch> build_minibatches(const TrainBatch& rollout, const std::vector<RolloutGroup>& groups,
                                          const GrpoConfig& config, int64_t max_completion_length,
                                          RandomStream stream) {
  const auto in_loss = [&](size_t s) {
    const TrainBatch::Source& source = rollout.sources[s];
    const Completion& completion =
        groups.at(static_cast<size_t>(source.group)).completions.at(static_cast<size_t>(source.completion));
    const bool masked = config.mask_truncated_completions && completion.finish_reason != FinishReason::kStop;
    return num_rows(rollout, s) > 0 && !masked;
  };
  int64_t rollout_rows = 0;
  for (size_t s = 0; s < rollout.sources.size(); ++s) rollout_rows += in_loss(s) ? num_rows(rollout, s) : 0;

  std::vector<TrainBatch> minibatches;
  const auto parts = partition(rollout.sources.size(), static_cast<size_t>(config.num_minibatches), stream);
  for (const std::vector<size_t>& part : parts) {
    std::vector<size_t> kept;
    std::copy_if(part.begin(), part.end(), std::back_inserter(kept), in_loss);
    TrainBatch batch = select(rollout, kept);
    const Weighting weighting = {
        .loss_type = config.loss_type,
        .sequences = static_cast<double>(part.size()),
        .minibatch_rows = static_cast<double>(batch.num_rows()),
        .rows_per_minibatch = static_cast<double>(rollout_rows) / static_cast<double>(parts.size()),
        .max_completion_length = static_cast<double>(max_completion_length),
    };
    fill_advantages_and_weights(batch, groups, weighting);
    minibatches.push_back(std::move(batch));
  }
  return minibatches;
}

std::vector<SequenceRange> micro_batches(const TrainBatch& batch, int64_t max_tokens) {
  return micro_batches(batch, {0, batch.num_sequences()}, max_tokens);
}

std::vector<SequenceRange> micro_batches(const TrainBatch& batch, SequenceRange part, int64_t max_tokens) {
  std::vector<SequenceRange> ranges;
  for (int64_t s = part.begin; s < part.end; ++s) {
    const auto begin = [&](int64_t sequence) { return batch.offsets[static_cast<size_t>(sequence)]; };
    if (!ranges.empty() && begin(s + 1) - begin(ranges.back().begin) <= max_tokens)
      ranges.back().end = s + 1;
    else
      ranges.push_back({s, s + 1});
  }
  return ranges;
}

TrainBatch slice(const TrainBatch& batch, SequenceRange range) {
  HONE_ASSERT(0 <= range.begin && range.begin <= range.end && range.end <= batch.num_sequences());
  std::vector<size_t> sequences(static_cast<size_t>(range.end - range.begin));
  std::iota(sequences.begin(), sequences.end(), static_cast<size_t>(range.begin));
  return select(batch, sequences);
}

}  // namespace hone::algo
