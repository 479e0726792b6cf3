#include "hone/model/sequence_classifier.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <algorithm>

#include "hone/core/error.h"
#include "model/layout.h"
#include "model/weight_files.h"

namespace hone {
SequenceClassifier SequenceClassifier::load(const std::string& folder) {
  const WeightFiles files = WeightFiles::open(folder);
  HONE_CHECK(files.has(kScoreHead), .what = fmt::format("tensor '{}' is missing", kScoreHead),
             .place = files.place(kScoreHead),
             .hint = "a reward model is a ForSequenceClassification of Hugging Face transformers");
  return SequenceClassifier(Model::load_scorer(folder, /*trains=*/false));
}

std::vector<double> SequenceClassifier::scores(const std::vector<std::vector<int32_t>>& sequences) const {
  if (sequences.empty()) return {};
  const auto count = static_cast<int64_t>(sequences.size());
  std::vector<int64_t> offsets = {0};
  for (const auto& sequence : sequences) {
    const auto length = static_cast<int64_t>(sequence.size());
    HONE_ASSERT(length >= 1 && length <= config().max_position_embeddings, "{} tokens", length);
    HONE_ASSERT(std::ranges::all_of(sequence, [&](int32_t id) { return id >= 0 && id < config().vocab_size; }));
    offsets.push_back(offsets.back() + length);
  }
  at::Tensor ids = at::empty({offsets.back()}, at::kInt);
  auto* next = ids.data_ptr<int32_t>();
  for (const auto& sequence : sequences) next = std::ranges::copy(sequence, next).out;

  const at::NoGradGuard no_grad;
  const at::Tensor values = model_.scores(ids, offsets);  // [sequences]
  return {values.const_data_ptr<float>(), values.const_data_ptr<float>() + count};
}

}  // namespace hone
