// The weights of a model, as the forward pass uses them. Parts that a family lacks stay undefined. Plain structs.
#pragma once

#include <vector>

#include "hone/kernels/ops.h"

namespace hone {

struct Layer {
  kernels::Weight input_norm, post_norm;

  // Attention: one matrix for q, k and v; or latent attention (DeepSeek-V2), down to latents (a) and up to heads (b).
  kernels::Weight qkv, qkv_bias, q_norm, k_norm;
  kernels::Weight q_a, q_a_bias, q_a_norm, q_b;  ///< q_b alone where queries have no latent
  kernels::Weight kv_a, kv_a_bias, kv_a_norm, kv_b;
  kernels::Weight output, output_bias;

  // Feed-forward: dense, or experts, with the shared experts in gate_up and down.
  kernels::Weight gate_up, gate_up_bias, down, down_bias;
  kernels::Weight router;
  at::Tensor router_bias;  ///< for the choice of experts; kept as it is, no gradient
  std::vector<kernels::Expert> experts;
};

struct ModelWeights {
  kernels::Weight embedding, final_norm;
  kernels::Weight head;  ///< tied and trained: the embedding's rows with a gradient of their own
  std::vector<Layer> layers;
};

}  // namespace hone
