#include "hone/model/sequence_classifier.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "hone/core/error.h"
#include "hone/model/safetensors.h"

namespace hone {
namespace {

at::Tensor load_head(const std::string& folder, int64_t width) {
  constexpr const char* kName = "score.weight";
  const std::string path = folder + "/model.safetensors";
  const SafetensorsFile file = SafetensorsFile::open(path);
  HONE_CHECK(file.has(kName), .what = fmt::format("tensor '{}' is missing", kName), .place = path,
             .hint = "a reward model is a ForSequenceClassification of Hugging Face transformers");
  // Token classifiers have the same head, and a bias.
  HONE_CHECK(!file.has("score.bias"), .what = "tensor 'score.bias' is not supported", .place = path);
  const at::Tensor stored = file.tensor(kName);
  HONE_CHECK(stored.sizes() == at::IntArrayRef({1, width}), .what = fmt::format("'{}' has the wrong shape", kName),
             .place = path, .got = fmt::format("[{}]", fmt::join(stored.sizes(), ", ")),
             .expected = fmt::format("[1, {}]: one label", width));
  HONE_CHECK(stored.is_floating_point(), .what = fmt::format("'{}' is not a floating-point tensor", kName),
             .place = path);
  at::Tensor head = at::empty({1, width});
  head.copy_(stored);
  HONE_CHECK(std::isfinite(kernels::sum_of_squares(head)), .what = "the weights hold NaN or infinite values",
             .place = path);
  return head;
}

}  // namespace

SequenceClassifier::SequenceClassifier(Model transformer, at::Tensor head)
    : transformer_(std::move(transformer)), head_(std::move(head), {}) {}

SequenceClassifier SequenceClassifier::load(const std::string& folder) {
  ModelConfig config = ModelConfig::load(folder);
  config.tie_word_embeddings = true;  // there is no vocabulary head, and a tied one takes no weights
  Model transformer(config, /*trains=*/false);
  transformer.load_weights(folder);
  return {std::move(transformer), load_head(folder, config.hidden_size)};
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
