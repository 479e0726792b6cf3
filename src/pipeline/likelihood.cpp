#include "pipeline/likelihood.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <numeric>

#include "hone/dist/share.h"

namespace hone {
namespace {

int64_t count_targets(std::span<const Example> examples) {
  int64_t targets = 0;
  for (const Example& example : examples) targets += example.targets();
  return targets;
}

ScoreBatch pack(std::span<const Example> examples, int64_t tokens) {
  const int64_t rows = count_targets(examples);
  ScoreBatch batch{.ids = at::empty({tokens}, at::kInt),
                   .offsets = {0},
                   .rows = at::empty({rows}, at::kLong),
                   .targets = at::empty({rows}, at::kInt),
                   .distribution = {}};
  auto* ids = batch.ids.data_ptr<int32_t>();
  auto* row = batch.rows.data_ptr<int64_t>();
  auto* target = batch.targets.data_ptr<int32_t>();
  for (const Example& example : examples) {
    ids = std::copy(example.ids.begin(), example.ids.end(), ids);
    target = std::copy(example.ids.begin() + example.first_target, example.ids.end(), target);
    std::iota(row, row + example.targets(), batch.offsets.back() + example.first_target - 1);
    row += example.targets();
    batch.offsets.push_back(batch.offsets.back() + static_cast<int64_t>(example.ids.size()));
  }
  return batch;
}

std::span<const Example> share_of(const dist::ProcessGroup& ranks, std::span<const Example> examples) {
  std::vector<int64_t> offsets = {0};
  for (const Example& example : examples) offsets.push_back(offsets.back() + static_cast<int64_t>(example.ids.size()));
  const auto [begin, end] = dist::share_of(offsets, ranks.rank(), ranks.size());
  return examples.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
}

// Examples of at most so many tokens together; a longer one stands alone.
struct MicroBatch {
  std::span<const Example> examples;
  int64_t tokens;
};

std::vector<MicroBatch> micro_batches(std::span<const Example> examples, int64_t micro_batch_tokens) {
  std::vector<MicroBatch> out;
  for (size_t begin = 0, end = 0; begin < examples.size(); begin = end) {
    int64_t tokens = 0;
    do {
      tokens += static_cast<int64_t>(examples[end++].ids.size());
    } while (end < examples.size() && tokens + static_cast<int64_t>(examples[end].ids.size()) <= micro_batch_tokens);
    out.push_back({examples.subspan(begin, end - begin), tokens});
  }
  return out;
}

}  // namespace

double accumulate_likelihood(Trainer& trainer, std::span<const Example> examples, int64_t micro_batch_tokens) {
  const double weight = -1.0 / static_cast<double>(std::max<int64_t>(1, count_targets(examples)));
  double loss = 0;
  const auto mine = micro_batches(share_of(trainer.ranks(), examples), micro_batch_tokens);
  trainer.begin(static_cast<int64_t>(mine.size()));
  for (const MicroBatch& batch : mine) {
    loss += trainer.accumulate(pack(batch.examples, batch.tokens),
                               [&](const kernels::LogProbs& out) { return out.log_probs.sum() * weight; });
  }
  return trainer.ranks().all_sum(loss);
}

double mean_negative_log_likelihood(const Model& model, std::span<const Example> examples, int64_t micro_batch_tokens,
                                    dist::ProcessGroup& ranks) {
  const at::NoGradGuard no_grad;
  double sum = 0;
  for (const MicroBatch& batch : micro_batches(share_of(ranks, examples), micro_batch_tokens)) {
    const at::Tensor log_probs = model.log_probs(pack(batch.examples, batch.tokens)).log_probs;
    sum -=
        std::accumulate(log_probs.const_data_ptr<float>(), log_probs.const_data_ptr<float>() + log_probs.numel(), 0.0);
  }
  return ranks.all_sum(sum) / static_cast<double>(std::max<int64_t>(1, count_targets(examples)));
}

}  // namespace hone
