#include "hone/model/sequence_classifier.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <algorithm>

#include "hone/core/error.h"
#include "model/weight_files.h"

namespace hone {
namespace {

at::Tensor load_head(const std::string& folder, int64_t width) {
  constexpr const char* kName = "score.weight";
  const WeightFiles files = WeightFiles::open(folder);
  HONE_CHECK(files.has(kName), .what = fmt::format("tensor '{}' is missing", kName), .place = files.place(kName),
             .hint = "a reward model is a ForSequenceClassification of Hugging Face transformers");
  // Token classifiers have the same head, and a bias.
  HONE_CHECK(!files.has("score.bias"), .what = "tensor 'score.bias' is not supported",
             .place = files.place("score.bias"));
  files.check(kName, {1, width});  // one label
  at::Tensor head = at::empty({1, width}, at::kFloat);
  files.read(kName, [&](int64_t, const at::Tensor& row) { return kernels::widen(row, head); });
  return head;
}

}  // namespace

SequenceClassifier::SequenceClassifier(Model transformer, at::Tensor head)
    : transformer_(std::move(transformer)), head_(std::move(head), {}) {}

SequenceClassifier SequenceClassifier::load(const std::string& folder) {
  ModelConfig config = ModelConfig::load(folder);
  config.tie_word_embeddings = true;  // there is no vocabulary head, and a tied one takes no weights
  at::Tensor head = load_head(folder, config.hidden_size);
  return {Model::load_frozen(folder, std::move(config)), std::move(head)};
}

std::vector<double> SequenceClassifier::scores(const std::vector<std::vector<int32_t>>& sequences) const {
  if (sequences.empty()) return {};
  const auto count = static_cast<int64_t>(sequences.size());
  at::Tensor last = at::empty({count}, at::kLong);
  std::vector<int64_t> offsets = {0};
  for (const auto& sequence : sequences) {
    const auto length = static_cast<int64_t>(sequence.size());
    HONE_ASSERT(length >= 1 && length <= config().max_position_embeddings, "{} tokens", length);
    HONE_ASSERT(std::ranges::all_of(sequence, [&](int32_t id) { return id >= 0 && id < config().vocab_size; }));
    last.data_ptr<int64_t>()[offsets.size() - 1] = offsets.back() + length - 1;
    offsets.push_back(offsets.back() + length);
  }
  at::Tensor ids = at::empty({offsets.back()}, at::kInt);
  auto* next = ids.data_ptr<int32_t>();
  for (const auto& sequence : sequences) next = std::ranges::copy(sequence, next).out;

  const at::NoGradGuard no_grad;
  const at::Tensor values = kernels::linear(transformer_.hidden_states(ids, offsets, last), head_);  // [sequences, 1]
  return {values.const_data_ptr<float>(), values.const_data_ptr<float>() + count};
}

}  // namespace hone
