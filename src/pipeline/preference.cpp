#include "pipeline/preference.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/log_sigmoid.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <functional>

#include "hone/dist/share.h"

namespace hone {
namespace {

struct Packed {
  at::Tensor ids;  // [T] int32
  std::vector<int64_t> offsets = {0};
};

Packed pack(std::span<const Preference> preferences) {
  int64_t tokens = 0;
  for (const Preference& p : preferences) tokens += p.tokens();
  Packed packed{.ids = at::empty({tokens}, at::kInt)};
  auto* next = packed.ids.data_ptr<int32_t>();
  for (const Preference& p : preferences) {
    for (const auto* ids : {&p.first, &p.second}) {
      if (ids->empty()) continue;
      next = std::ranges::copy(*ids, next).out;
      packed.offsets.push_back(packed.offsets.back() + static_cast<int64_t>(ids->size()));
    }
  }
  return packed;
}

// By how much each is judged rightly [P]: score differences, or scores with the sign of the label.
at::Tensor margins(const at::Tensor& scores, std::span<const Preference> preferences) {
  std::vector<at::Tensor> out;
  int64_t at = 0;
  for (const Preference& p : preferences) {
    const at::Tensor first = scores.select(0, at++);
    if (p.second.empty()) {
      out.push_back(p.label == 1 ? first : first.neg());
    } else {
      out.push_back(first - scores.select(0, at++));
    }
  }
  return at::stack(out);
}

std::span<const Preference> share_of(const dist::ProcessGroup& ranks, std::span<const Preference> preferences) {
  std::vector<int64_t> offsets = {0};
  for (const Preference& p : preferences) offsets.push_back(offsets.back() + p.tokens());
  const auto [begin, end] = dist::share_of(offsets, ranks.rank(), ranks.size());
  return preferences.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
}

// Whole preferences of at most so many tokens together; a longer one stands alone.
std::vector<std::span<const Preference>> micro_batches(std::span<const Preference> preferences,
                                                       int64_t micro_batch_tokens) {
  std::vector<std::span<const Preference>> out;
  for (size_t begin = 0, end = 0; begin < preferences.size(); begin = end) {
    int64_t tokens = 0;
    do {
      tokens += preferences[end++].tokens();
    } while (end < preferences.size() && tokens + preferences[end].tokens() <= micro_batch_tokens);
    out.push_back(preferences.subspan(begin, end - begin));
  }
  return out;
}

// This rank's micro-batches; `loss` takes each one's share of the mean over `total` preferences.
PreferenceStats over_micro_batches(const Model& model, const std::vector<std::span<const Preference>>& mine,
                                   size_t total, dist::ProcessGroup& ranks,
                                   const std::function<double(const at::Tensor&)>& loss) {
  PreferenceStats stats;
  double right = 0;
  for (const auto part : mine) {
    const Packed packed = pack(part);
    const at::Tensor margin = margins(model.scores(packed.ids, packed.offsets), part);
    right += margin.detach().gt(0).sum().item<double>();
    stats.loss += loss(at::log_sigmoid(margin).sum() * (-1.0 / static_cast<double>(total)));
  }
  stats.loss = ranks.all_sum(stats.loss);
  stats.accuracy = ranks.all_sum(right) / static_cast<double>(total);
  return stats;
}

}  // namespace

PreferenceStats accumulate_preferences(Trainer& trainer, const Model& model, std::span<const Preference> preferences,
                                       int64_t micro_batch_tokens) {
  const auto mine = micro_batches(share_of(trainer.ranks(), preferences), micro_batch_tokens);
  trainer.begin(static_cast<int64_t>(mine.size()));
  return over_micro_batches(model, mine, preferences.size(), trainer.ranks(),
                            [&](const at::Tensor& loss) { return trainer.accumulate(loss); });
}

PreferenceStats measure_preferences(const Model& model, std::span<const Preference> preferences,
                                    int64_t micro_batch_tokens, dist::ProcessGroup& ranks) {
  const at::NoGradGuard no_grad;
  return over_micro_batches(model, micro_batches(share_of(ranks, preferences), micro_batch_tokens), preferences.size(),
                            ranks, [](const at::Tensor& loss) { return loss.item<double>(); });
}

}  // namespace hone
