// The raw CPU kernels, one table per instruction set. All pointers are fp32; every output element is one sequential
// chain of fused multiply-adds whose order depends on nothing but the element itself, so results do not change with the
// batch, the thread count or the vector width. They run in the calling thread; ops.cpp splits the work.
#pragma once

#include <cstdint>

namespace hone::kernels {

/// What becomes of C: replaced, added to by a sum of its own, or continued term after term (a sum over tokens that may
/// come in several calls).
enum class GemmSum { kFresh, kAdd, kContinue };

/// C[M, N] = or += A[M, K] B[K, N]. The order of the terms of each element is fixed and depends on K alone. Columns
/// come in panels of 16.
struct Gemm {
  int64_t m, n, k;
  const float* a;
  int64_t a_row, a_col;  ///< element (i, k) of A is a[i * a_row + k * a_col]
  const float* b;
  int64_t b_row, b_panel;  ///< element (k, j) of B is b[(j / 16) * b_panel + k * b_row + j % 16]
  float* c;
  int64_t c_row;
  GemmSum sum;
  const uint16_t* b_bf16 = nullptr;  ///< in place of b: bf16, in whole panels padded to 16 columns
};

/// The layout of one attention layer's inputs.
struct AttentionShape {
  int64_t heads, kv_heads, head_dim, value_dim;
  int64_t window;  ///< keys that a row sees, its own among them
  float scale;     ///< factor on q . k
  static int64_t padded(int64_t dim) { return (dim + 15) / 16 * 16; }
  int64_t padded_value_dim() const { return padded(value_dim); }
  /// Floats of a block of 16 keys: [kv_heads, head_dim, 16].
  int64_t key_block() const { return kv_heads * head_dim * 16; }
  /// And of 16 values: [kv_heads, 16, padded_value_dim].
  int64_t value_block() const { return kv_heads * 16 * padded_value_dim(); }
  int64_t row() const { return heads * head_dim + kv_heads * (head_dim + value_dim); }  ///< floats of a row of qkv
};

struct CpuKernels {
  const char* name;
  /// Rows [m0, m1) and panels [p0, p1) of a Gemm.
  void (*gemm)(const Gemm&, int64_t m0, int64_t m1, int64_t p0, int64_t p1);
  /// y[n] = x[n] / rms(x) * w[n].
  void (*rms_norm)(const float* x, const float* w, float eps, float* y, int64_t n);
  /// dx[n] += gradient of rms_norm; dy_x_hat[n] = dy * x / rms(x), the row's part of dw.
  void (*rms_norm_backward)(const float* x, const float* w, const float* dy, float eps, float* dx, float* dy_x_hat,
                            int64_t n);
  /// y[n] = silu(gate[n]) * up[n].
  void (*swiglu)(const float* gate, const float* up, float* y, int64_t n);
  void (*swiglu_backward)(const float* gate, const float* up, const float* dy, float* dgate, float* dup, int64_t n);
  /// One query row q[heads, head_dim] against the last keys of 0..count-1 (those in the window) of a block table;
  /// out[heads, value_dim]. scratch: count + 15 floats.
  void (*attention)(const AttentionShape&, const float* q, const float* keys, const float* values,
                    const int32_t* blocks, int64_t count, float* out, float* scratch);
  /// One sequence and one kv head: rows of qkv[length, row()], dout[length, heads value_dim];
  /// writes this kv head's parts of dqkv. scratch: attention_backward_scratch() floats.
  void (*attention_backward)(const AttentionShape&, const float* qkv, const float* dout, int64_t length,
                             int64_t kv_head, float* dqkv, float* scratch);
  /// e[i] = exp(z[i] - max z), the sum of e, and max z. e may be z.
  void (*exp_row)(const float* z, float* e, int64_t n, float* largest, float* sum);
  /// sum of e[i] * (z[i] - largest).
  float (*weighted_row)(const float* z, const float* e, float largest, int64_t n);
};

inline int64_t attention_backward_scratch(const AttentionShape& s, int64_t length) {
  const int64_t rows = (length + 15) / 16 * 16;
  return rows * (2 * s.head_dim + 2 * s.value_dim + AttentionShape::padded(s.head_dim) + 3);
}

extern const CpuKernels kAvx512Kernels, kAvx2Kernels, kGenericKernels;
/// The table for this processor. HONE_ISA=generic|avx2|avx512 in the environment overrides the choice (tests compare
/// them).
const CpuKernels& cpu_kernels();

}  // namespace hone::kernels
