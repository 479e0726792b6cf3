// Which tensors of a Hugging Face folder make which weight.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "hone/model/layer.h"
#include "hone/model/model_config.h"

namespace hone {

/// The head of a reward model.
inline constexpr const char* kScoreHead = "score.weight";

using NamedShape = std::pair<std::string, std::vector<int64_t>>;

/// Tensors that lie below each other and act as one matrix (or vector).
struct WeightSpec {
  std::vector<NamedShape> parts;
  kernels::Weight* weight;

  int64_t elements() const;
  /// Of the whole: the parts' rows added up.
  std::vector<int64_t> shape() const;
};

/// Tensors beside the parameters: read and written, never trained.
struct BufferSpec {
  NamedShape named;
  at::Tensor* tensor;
};

/// Matrices, then vectors, in the order of the flat buffer. `weights` must have its layers; their experts are made
/// here.
void visit_matrices(const ModelConfig& config, ModelWeights& weights, const std::function<void(const WeightSpec&)>& f);
void visit_vectors(const ModelConfig& config, ModelWeights& weights, const std::function<void(const WeightSpec&)>& f);
void visit_buffers(const ModelConfig& config, ModelWeights& weights, const std::function<void(const BufferSpec&)>& f);

}  // namespace hone
