// The operations of a decoder-only transformer, on LibTorch tensors, with autograd where a gradient is asked for.
//
// One definition serves sampling, scoring and training: a row of every result depends on that row's inputs alone,
// summed in one fixed order, so log-probs are equal bit for bit for every batch composition, sequence packing,
// micro-batch size and thread count. Gradients of weights are added in place to Weight::grad, token after token:
// splitting a batch into micro-batches gives the same bits. (Library matrix products change with the number of rows,
// which is why rivals' rollout and training log-probs differ.)
//
// fp32 on the CPU. Calls split their work over threads (kernels/parallel.h); one thread at a time
// may call.
#pragma once

#include <ATen/core/Tensor.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "hone/kernels/weight.h"

namespace hone::kernels {

/// y[T, out] = x[T, in] value^T (+ bias[out]) (+ residual[T, out]).
at::Tensor linear(const at::Tensor& x, const Weight& weight, const Weight* bias = nullptr,
                  const at::Tensor& residual = {});

/// y[T, C] = weight[ids[T]].  ids int32.
at::Tensor embedding(const at::Tensor& ids, const Weight& weight);

/// y[T, C] = x / sqrt(mean(x^2) + eps) * weight (Zhang & Sennrich 2019).
at::Tensor rms_norm(const at::Tensor& x, const Weight& weight, double eps);

/// y[T, F] = silu(x[:, :F]) * x[:, F:] for x[T, 2F] (Shazeer 2020).
at::Tensor swiglu(const at::Tensor& x);

/// Rotary position embedding (Su et al. 2021): pair i of a head at position t turns by the angle whose cosine and sine
/// are cos[t, i] and sin[t, i], both [positions, pairs]; a factor on the rotated values is part of them.
struct RopeTable {
  at::Tensor cos, sin;
};
struct Rope {
  RopeTable table;
  RopeTable long_table{};  ///< for sequences of more than `long_after` tokens (longrope)
  int64_t long_after = std::numeric_limits<int64_t>::max();
  const RopeTable& for_length(int64_t tokens) const { return tokens > long_after ? long_table : table; }
};

constexpr int64_t kBlockTokens = 16;  ///< tokens in one block of a KV cache

/// Geometry of attention: `heads` query heads share `kv_heads` key and value heads. The last 2 * pairs elements of a
/// query or key head turn by the Rope.
struct AttentionGeometry {
  int64_t heads, kv_heads;
  int64_t head_dim;                                               ///< of queries and keys
  int64_t value_dim = head_dim;                                   ///< of values
  double scale = 1.0 / std::sqrt(static_cast<double>(head_dim));  ///< factor on q . k
  bool interleaved = false;  ///< pair i is (2i, 2i + 1); otherwise (i, i + pairs), Hugging Face's usual layout
  int64_t window = std::numeric_limits<int64_t>::max();  ///< a row sees itself and the window - 1 positions before it

  int64_t width() const { return heads * head_dim + kv_heads * (head_dim + value_dim); }  ///< of a row of qkv
};

/// Keys and values of one layer, in blocks of 16 tokens: keys [blocks, kv_heads, head_dim, 16], values [blocks,
/// kv_heads, 16, padded value_dim].
struct KvLayer {
  at::Tensor keys, values;
};
KvLayer make_kv_layer(const AttentionGeometry& geometry, int64_t blocks);

/// New tokens of one sequence: rows [first_row, first_row + length) of the batch are its positions start, start + 1,
/// ... .
struct Segment {
  int64_t first_row = 0;
  int64_t length = 0;
  int64_t start = 0;
  const int32_t* blocks = nullptr;  ///< the sequence's block table, with room for start + length tokens
};

/// Causal attention of qkv[T, width] (queries, keys, values) -> [T, heads value_dim]. Consumes qkv: rotates its queries
/// and keys in place by their positions, then writes the new keys and values to `cache` and attends to everything in
/// the window up to each row's own position. The gradient needs every segment to start at 0 (training sequences are
/// whole).
at::Tensor attention(const at::Tensor& qkv, const AttentionGeometry& geometry, const Rope& rope, const KvLayer& cache,
                     const std::vector<Segment>& segments);

/// Rows of qkv for latent attention (DeepSeek-V2, arXiv 2405.04434, section 2.1): kv[T, heads (head_dim - shared +
/// value_dim)] holds each head's own part of the key and its value; key_shared[T, shared] is the end of every key.
at::Tensor latent_heads(const at::Tensor& q, const at::Tensor& kv, const at::Tensor& key_shared,
                        const AttentionGeometry& geometry);

/// How a token chooses experts. Ties go to the lower index.
struct Router {
  int64_t experts_per_token = 1;
  bool sigmoid = false;    ///< scores are sigmoid(logits); otherwise softmax(logits)
  bool normalize = false;  ///< the chosen scores are divided by their sum
  double scale = 1.0;      ///< then multiplied by this
  /// Experts come in groups, of which the best `kept_groups` may be chosen from; a group counts the sum of its two
  /// best.
  int64_t groups = 1, kept_groups = 1;
  const float* bias = nullptr;  ///< [experts], added to the scores for the choice only (DeepSeek-V3, arXiv 2412.19437)
};
struct Routing {
  at::Tensor experts;  ///< [T, experts_per_token] int32, ascending
  at::Tensor weights;  ///< [T, experts_per_token], with autograd
};
Routing route(const at::Tensor& logits, const Router& router);

struct Expert {
  Weight gate_up, down;
};
/// residual + sum over a token's experts, in ascending order, of weight * down(swiglu(gate_up(x))).
at::Tensor mixture(const at::Tensor& x, const Routing& routing, const std::vector<Expert>& experts,
                   const at::Tensor& residual);

/// The distribution that a token is drawn from: softmax(logits / temperature), limited to the row's kept ids when there
/// are any. offsets [R + 1]: row r may use ids[offsets[r] .. offsets[r+1]), or all where there are none.
struct TokenDistribution {
  double temperature = 1.0;  ///< > 0
  const int32_t* kept_ids = nullptr;
  const int64_t* kept_offsets = nullptr;
  const double* temperatures = nullptr;  ///< [R], of each row, in place of `temperature`
  double temperature_of(int64_t row) const { return temperatures == nullptr ? temperature : temperatures[row]; }
};

struct LogProbs {
  at::Tensor log_probs;  ///< [R] log p(target), with autograd
  at::Tensor entropy;    ///< [R] in nats, with autograd
};
/// Log-probs of targets[R] (int32) for hidden[R, C] under the head [V, C]. Logits exist for a few thousand rows at a
/// time only.
LogProbs log_probs(const at::Tensor& hidden, const Weight& head, const at::Tensor& targets,
                   const TokenDistribution& distribution);

/// One row's distribution, as log_probs() computes it: z = logits / temperature over the row's n entries or its kept
/// ids (in their order), e = exp(z - max z).
struct RowDistribution {
  const float* z;
  const float* e;
  int64_t n;
  float largest, total;  ///< max z, sum of e
  float log_prob(int64_t i) const;
  float entropy() const;
};
/// `scratch` holds 2 n floats and backs the result; kept = nullptr takes the whole row.
RowDistribution row_distribution(const float* logits, int64_t n, double temperature, const int32_t* kept,
                                 float* scratch);

/// Sum of squares in double, in fixed chunks (independent of the thread count).
double sum_of_squares(const at::Tensor& x);

/// "avx512", "avx2" or "generic": the instruction set in use.
const char* instruction_set();

}  // namespace hone::kernels
