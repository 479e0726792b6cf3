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

#include <cstdint>
#include <optional>
#include <vector>

namespace hone::kernels {

/// A matrix or vector of parameters. `value` is [out, in] as Hugging Face stores it (or [n]).
class Weight {
 public:
  Weight() = default;
  /// `value` and `grad` are views of the model's flat buffers; `grad` may be undefined (a model that is not trained).
  Weight(at::Tensor value, at::Tensor grad) : value_(std::move(value)), grad_(std::move(grad)) {}

  const at::Tensor& value() const { return value_; }
  const at::Tensor& grad() const { return grad_; }
  bool trains() const { return grad_.defined(); }
  /// value as [ceil(out/16), in, 16], zero padded; made again whenever `value` was written to (its version counter
  /// moved).
  const at::Tensor& packed() const;

 private:
  at::Tensor value_, grad_;
  mutable at::Tensor packed_;
  mutable int64_t packed_version_ = -1;
};

/// y[T, out] = x[T, in] value^T (+ bias[out]) (+ residual[T, out]).
at::Tensor linear(const at::Tensor& x, const Weight& weight, const Weight* bias = nullptr,
                  const at::Tensor& residual = {});

/// y[T, C] = weight[ids[T]].  ids int32.
at::Tensor embedding(const at::Tensor& ids, const Weight& weight);

/// y[T, C] = x / sqrt(mean(x^2) + eps) * weight (Zhang & Sennrich 2019).
at::Tensor rms_norm(const at::Tensor& x, const Weight& weight, double eps);

/// y[T, F] = silu(x[:, :F]) * x[:, F:] for x[T, 2F] (Shazeer 2020).
at::Tensor swiglu(const at::Tensor& x);

/// Tables of rotary position embedding (Su et al. 2021, in Hugging Face's half-split layout): the pair (i, i + D/2) of
/// a head at position t turns by the angle whose cosine and sine are cos[t, i] and sin[t, i]. Both [max positions,
/// D/2].
struct Rope {
  at::Tensor cos, sin;
};

constexpr int64_t kBlockTokens = 16;  ///< tokens in one block of a KV cache

/// Geometry of attention: `heads` query heads share `kv_heads` key and value heads of size `head_dim`.
struct AttentionGeometry {
  int64_t heads, kv_heads, head_dim;
};

/// Keys and values of one layer, in blocks of 16 tokens: keys [blocks, kv_heads, head_dim, 16], values [blocks,
/// kv_heads, 16, padded].
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

/// Causal attention of qkv[T, (heads + 2 kv_heads) head_dim] -> [T, heads head_dim]. Consumes qkv: rotates its queries
/// and keys in place by their positions, then writes the new keys and values to `cache` and attends to everything up to
/// each row's own position. The gradient needs every segment to start at 0 (training sequences are whole).
at::Tensor attention(const at::Tensor& qkv, const AttentionGeometry& geometry, const Rope& rope, const KvLayer& cache,
                     const std::vector<Segment>& segments);

/// The distribution that a token is drawn from: softmax(logits / temperature), limited to the row's kept ids when there
/// are any. offsets [R + 1]: row r may use ids[offsets[r] .. offsets[r+1]).
struct TokenDistribution {
  double temperature = 1.0;  ///< > 0
  const int32_t* kept_ids = nullptr;
  const int64_t* kept_offsets = nullptr;
};

struct LogProbs {
  at::Tensor log_probs;  ///< [R] log p(target), with autograd
  at::Tensor entropy;    ///< [R] in nats, no gradient
};
/// Log-probs of targets[R] (int32) for hidden[R, C] under the head [V, C]. Logits exist for a few thousand rows at a
/// time only. `head_grad`, where defined, receives the head's gradient instead of head.grad() (tied embeddings keep the
/// two sums apart).
LogProbs log_probs(const at::Tensor& hidden, const Weight& head, const at::Tensor& targets,
                   const TokenDistribution& distribution, const at::Tensor& head_grad = {});

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
