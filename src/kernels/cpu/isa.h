// The bodies of the kernels in table.h; each instruction-set file includes this once under its own compiler flags.
#pragma once

#include <limits>
#include <utility>

#include "kernels/cpu/simd.h"
#include "kernels/cpu/table.h"

namespace hone::kernels {
namespace {

#if defined(__AVX512F__)
constexpr int kTileRows = 12, kTilePanels = 2;  // 24 accumulators of 32 registers
constexpr int kSkinnyRows = 4;
#elif defined(__AVX2__) && defined(__FMA__)
constexpr int kTileRows = 6, kTilePanels = 1;  // 12 accumulators of 16 registers
constexpr int kSkinnyRows = 1;
#else
constexpr int kTileRows = 4, kTilePanels = 1;
constexpr int kSkinnyRows = 1;
#endif
constexpr int kSkinnyPanels = 4;  // with up to kSkinnyRows rows: more sums at a time, for latency and for memory
// How the terms of an element are put together. Long sums are sums of sections, each from its own start, and join C at
// their end: less is lost to rounding where a few terms or C are huge, as in the first tokens of real models.
struct SumOrder {
  explicit SumOrder(const Gemm& g) {
    constexpr int64_t kLong = 256, kSection = 64, kNear = 128;  // kNear: the panels of B stay in the first-level cache
    const bool continues = g.sum == GemmSum::kContinue;
    in_sections = !continues && g.k > kLong;
    step = in_sections ? kSection : continues ? kNear : kLong;
    adds = g.sum != GemmSum::kFresh;
  }
  bool starts_from_c() const { return adds && !in_sections; }
  bool joins_c(int64_t k0) const { return in_sections && (adds || k0 > 0); }

  bool in_sections, adds;
  int64_t step;
};

// Where a tile lies: panels from `panel` on, of which the last has `last` columns; k in [k0, k1), one step of the
// order.
struct Place {
  int64_t panel, k0, k1, last;
  SumOrder order;
};

// Rows [row, row + R) by P panels of b. kNarrow: the last panel has less than 16 columns.
template <int R, int P, bool kNarrow, class B>
void tile(const Gemm& g, const B* all_b, int64_t row, const Place& at) {
  const int64_t last = at.last, panel = at.panel, k0 = at.k0, k1 = at.k1;
  const auto load = [last](const float* from, int p) {
    return kNarrow && p == P - 1 ? V16::load(from, last, 0.0F) : V16::load(from);
  };
  const auto load_b = [&load](const B* from, int p) {
    if constexpr (sizeof(B) == sizeof(float)) {
      return load(from, p);
    } else {
      return V16::load(from);
    }
  };
  float* const c = g.c + row * g.c_row + panel * kLanes;
  V16 acc[R][P];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    for (int p = 0; p < P; ++p)
      acc[r][p] = at.order.starts_from_c() ? load(c + r * g.c_row + p * kLanes, p) : V16::zero();
  }
  // Three rows a pointer: x86 addresses reach base, base + stride and base + 2 stride, so few registers hold all the
  // rows.
  constexpr int kPointers = (R + 2) / 3;
  const int64_t stride = g.a_row, step = g.a_col, b_step = g.b_row;
  const float* a[kPointers];
  for (int i = 0; i < kPointers; ++i) a[i] = g.a + (row + 3 * i) * stride + k0 * step;
  const B* b[P];
  for (int p = 0; p < P; ++p) b[p] = all_b + (panel + p) * g.b_panel + k0 * b_step;
  for (int64_t k = k0; k < k1; ++k) {
    V16 w[P];
    for (int p = 0; p < P; ++p) {
      w[p] = load_b(b[p], p);
      b[p] += b_step;
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const V16 x = V16::all(a[r / 3][r % 3 * stride]);
      for (int p = 0; p < P; ++p) acc[r][p] = fma(x, w[p], acc[r][p]);
    }
    for (int i = 0; i < kPointers; ++i) a[i] += step;
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    for (int p = 0; p < P; ++p) {
      float* to = c + r * g.c_row + p * kLanes;
      if (at.order.joins_c(k0)) acc[r][p] = load(to, p) + acc[r][p];
      if (kNarrow && p == P - 1) {
        acc[r][p].store(to, last);
      } else {
        acc[r][p].store(to);
      }
    }
  }
}

template <int R, int P, class B>
void tiles(const Gemm& g, const B* b, int64_t rows, int64_t row, const Place& at) {
  if constexpr (R > 0) {
    if (rows != R) return tiles<R - 1, P>(g, b, rows, row, at);
    if (at.last < kLanes) return tile<R, P, true>(g, b, row, at);
    return tile<R, P, false>(g, b, row, at);
  }
}

template <class B>
void gemm_of(const Gemm& g, const B* b, int64_t m0, int64_t m1, int64_t p0, int64_t p1) {
  const bool skinny = m1 - m0 <= kSkinnyRows;
  const SumOrder order(g);
  const auto panels_at = [&](int64_t panel) {
    const int64_t left = p1 - panel;
    return skinny && left >= kSkinnyPanels ? kSkinnyPanels : left >= kTilePanels ? kTilePanels : 1;
  };
  const auto all_rows = [&](int64_t panel, int64_t k0) {
    const int64_t wide = panels_at(panel);
    const Place at{panel, k0, std::min(g.k, k0 + order.step), std::min(kLanes, g.n - (panel + wide - 1) * kLanes),
                   order};
    for (int64_t row = m0; row < m1; row += kTileRows) {
      const int64_t rows = std::min<int64_t>(kTileRows, m1 - row);
      if (wide == kSkinnyPanels) {
        tiles<kSkinnyRows, kSkinnyPanels>(g, b, rows, row, at);
      } else if (wide == kTilePanels) {
        tiles<kTileRows, kTilePanels>(g, b, rows, row, at);
      } else {
        tiles<kTileRows, 1>(g, b, rows, row, at);
      }
    }
  };
  if (m1 - m0 <= kTileRows) {  // nothing is read twice: a panel is best read from end to end
    for (int64_t panel = p0; panel < p1; panel += panels_at(panel)) {
      for (int64_t k0 = 0; k0 < g.k; k0 += order.step) all_rows(panel, k0);
    }
  } else {  // the panels of a step stay in a near cache
    for (int64_t k0 = 0; k0 < g.k; k0 += order.step) {
      for (int64_t panel = p0; panel < p1; panel += panels_at(panel)) all_rows(panel, k0);
    }
  }
}

void gemm(const Gemm& g, int64_t m0, int64_t m1, int64_t p0, int64_t p1) {
  if (g.b_bf16 != nullptr) {
    gemm_of(g, g.b_bf16, m0, m1, p0, p1);
  } else {
    gemm_of(g, g.b, m0, m1, p0, p1);
  }
}

// Calls f(offset, lanes) for 16 lanes at a time, the last call with what is left.
template <class F>
void by_lanes(int64_t n, F f) {
  for (int64_t i = 0; i < n; i += kLanes) f(i, std::min(kLanes, n - i));
}

float inverse_rms(const float* x, float eps, int64_t n) {
  V16 squares = V16::zero();
  by_lanes(n, [&](int64_t i, int64_t lanes) {
    const V16 v = V16::load(x + i, lanes, 0.0F);
    squares = fma(v, v, squares);
  });
  return 1.0F / std::sqrt(sum(squares) / static_cast<float>(n) + eps);
}

void rms_norm(const float* x, const float* w, float eps, float* y, int64_t n) {
  const V16 r = V16::all(inverse_rms(x, eps, n));
  by_lanes(n, [&](int64_t i, int64_t lanes) {
    (V16::load(x + i, lanes, 0.0F) * r * V16::load(w + i, lanes, 0.0F)).store(y + i, lanes);
  });
}

void rms_norm_backward(const float* x, const float* w, const float* dy, float eps, float* dx, float* dy_x_hat,
                       int64_t n) {
  const float inverse = inverse_rms(x, eps, n);
  const V16 r = V16::all(inverse);
  V16 dot = V16::zero();
  by_lanes(n, [&](int64_t i, int64_t lanes) {
    const V16 part = V16::load(dy + i, lanes, 0.0F) * (V16::load(x + i, lanes, 0.0F) * r);
    part.store(dy_x_hat + i, lanes);
    dot = fma(part, V16::load(w + i, lanes, 0.0F), dot);
  });
  const V16 mean = V16::all(sum(dot) / static_cast<float>(n));
  by_lanes(n, [&](int64_t i, int64_t lanes) {
    const V16 x_hat = V16::load(x + i, lanes, 0.0F) * r;
    const V16 wdy = V16::load(w + i, lanes, 0.0F) * V16::load(dy + i, lanes, 0.0F);
    (r * (wdy - x_hat * mean)).store(dx + i, lanes);
  });
}

V16 sigmoid(V16 x) {
  return V16::all(1.0F) / (V16::all(1.0F) + exp(V16::zero() - x));
}

void swiglu(const float* gate, const float* up, float* y, int64_t n) {
  by_lanes(n, [&](int64_t i, int64_t lanes) {
    const V16 g = V16::load(gate + i, lanes, 0.0F);
    (g * sigmoid(g) * V16::load(up + i, lanes, 0.0F)).store(y + i, lanes);
  });
}

void swiglu_backward(const float* gate, const float* up, const float* dy, float* dgate, float* dup, int64_t n) {
  by_lanes(n, [&](int64_t i, int64_t lanes) {
    const V16 g = V16::load(gate + i, lanes, 0.0F);
    const V16 u = V16::load(up + i, lanes, 0.0F);
    const V16 d = V16::load(dy + i, lanes, 0.0F);
    const V16 s = sigmoid(g);
    const V16 silu = g * s;
    (d * silu).store(dup + i, lanes);
    (d * u * fma(silu, V16::all(1.0F) - s, s)).store(dgate + i, lanes);  // silu' = s + g s (1 - s)
  });
}

void exp_row(const float* z, float* e, int64_t n, float* largest, float* total) {
  constexpr float kNone = -std::numeric_limits<float>::infinity();
  V16 most = V16::all(kNone);
  by_lanes(n, [&](int64_t i, int64_t lanes) { most = max(most, V16::load(z + i, lanes, kNone)); });
  const V16 top = V16::all(max(most));
  V16 acc = V16::zero();
  by_lanes(n, [&](int64_t i, int64_t lanes) {
    const V16 x = exp(V16::load(z + i, lanes, kNone) - top);
    x.store(e + i, lanes);
    acc = acc + x;
  });
  *largest = max(most);
  *total = sum(acc);
}

float weighted_row(const float* z, const float* e, float largest, int64_t n) {
  const V16 top = V16::all(largest);
  V16 acc = V16::zero();
  by_lanes(n, [&](int64_t i, int64_t lanes) {
    // Excluded entries (e = 0) may hold -inf, whose product with 0 is not a number.
    const V16 weight = V16::load(e + i, lanes, 0.0F);
    const V16 below = max(V16::load(z + i, lanes, 0.0F) - top, V16::all(-200.0F));
    acc = fma(weight, below, acc);
  });
  return sum(acc);
}

// Of keys 0 .. count - 1, the first that the last row sees, and the start of its block.
struct Window {
  Window(const AttentionShape& s, int64_t count)
      : first(std::max<int64_t>(0, count - s.window)), begin(first / kLanes * kLanes) {}
  int64_t first, begin;
};

// scores[begin .. count rounded up to 16) = scale q . k, -inf outside [first, count); keys are [head_dim, 16] blocks
// given by block(i).
template <class Block>
void scores_row(const AttentionShape& s, const float* q, const Window& window, int64_t count, float* scores,
                Block block) {
  constexpr float kNone = -std::numeric_limits<float>::infinity();
  for (int64_t j = window.begin; j < count; j += kLanes) {
    const float* keys = block(j / kLanes);
    V16 acc = V16::zero();
    for (int64_t d = 0; d < s.head_dim; ++d) acc = fma(V16::all(q[d]), V16::load(keys + d * kLanes), acc);
    (acc * V16::all(s.scale)).store(scores + j);
    for (int64_t past = count; past < j + kLanes; ++past) scores[past] = kNone;
  }
  std::fill(scores + window.begin, scores + window.first, kNone);
}

// out[dim] = sum over keys begin .. count - 1 of weight[j] * row(j)[d], keys in order; two sums (even and odd keys)
// hide the latency.
template <class Row>
void weighted_rows(int64_t dim, const float* weight, int64_t begin, int64_t count, float factor, float* out, Row row) {
  by_lanes(dim, [&](int64_t d, int64_t lanes) {
    V16 even = V16::zero(), odd = V16::zero();
    int64_t j = begin;
    for (; j + 1 < count; j += 2) {
      even = fma(V16::all(weight[j]), V16::load(row(j) + d), even);
      odd = fma(V16::all(weight[j + 1]), V16::load(row(j + 1) + d), odd);
    }
    if (j < count) even = fma(V16::all(weight[j]), V16::load(row(j) + d), even);
    ((even + odd) * V16::all(factor)).store(out + d, lanes);
  });
}

void attention(const AttentionShape& s, const float* q, const float* keys, const float* values, const int32_t* blocks,
               int64_t count, float* out, float* scratch) {
  const int64_t group = s.heads / s.kv_heads;
  const int64_t padded = s.padded_value_dim();
  const Window window(s, count);
  float* const scores = scratch + window.begin;
  for (int64_t h = 0; h < s.heads; ++h) {
    const int64_t kv = h / group;
    scores_row(s, q + h * s.head_dim, window, count, scratch,
               [&](int64_t b) { return keys + blocks[b] * s.key_block() + kv * s.head_dim * kLanes; });
    float largest, total;
    exp_row(scores, scores, count - window.begin, &largest, &total);
    weighted_rows(s.value_dim, scratch, window.begin, count, 1.0F / total, out + h * s.value_dim, [&](int64_t j) {
      return values + blocks[j / kLanes] * s.value_block() + (kv * kLanes + j % kLanes) * padded;
    });
  }
}

// The scratch of attention_backward: this kv head's keys and values in both layouts, and the gradients being summed.
struct BackwardScratch {
  BackwardScratch(const AttentionShape& s, int64_t length, float* memory) {
    const int64_t rows = (length + 15) / 16 * 16;
    float* const start = memory;
    const auto take = [&memory](int64_t n) { return std::exchange(memory, memory + n); };
    key_t = take(rows * s.head_dim), value_t = take(rows * s.value_dim);
    dkey_t = take(rows * s.head_dim), dvalue_t = take(rows * s.value_dim);
    key = take(rows * AttentionShape::padded(s.head_dim));
    p = take(rows), dp = take(rows), ds = take(rows);
    std::fill(start, memory, 0.0F);
  }
  float *key_t, *dkey_t;      // blocks of [head_dim, 16]
  float *value_t, *dvalue_t;  // blocks of [value_dim, 16]
  float* key;                 // [rows, padded head_dim]
  float *p, *dp, *ds;         // [rows]
};

// Gradients of one query row: adds to dkey_t and dvalue_t, returns dq in its place.
void attention_backward_row(const AttentionShape& s, const BackwardScratch& w, const float* q, const float* dout,
                            int64_t count, float* dq) {
  const int64_t key_block = s.head_dim * kLanes, value_block = s.value_dim * kLanes;
  const Window window(s, count);
  scores_row(s, q, window, count, w.p, [&](int64_t b) { return w.key_t + b * key_block; });
  float largest, total;
  exp_row(w.p + window.begin, w.p + window.begin, count - window.begin, &largest, &total);
  const int64_t lanes_end = (count + 15) / 16 * 16;
  std::fill(w.p + count, w.p + lanes_end, 0.0F);
  const V16 inverse = V16::all(1.0F / total);
  V16 delta = V16::zero();
  for (int64_t j = window.begin; j < count; j += kLanes) {
    const V16 p = V16::load(w.p + j) * inverse;
    V16 dp = V16::zero();
    const float* value_t = w.value_t + j / kLanes * value_block;
    float* dvalue_t = w.dvalue_t + j / kLanes * value_block;
    for (int64_t d = 0; d < s.value_dim; ++d) {
      const V16 g = V16::all(dout[d]);
      dp = fma(g, V16::load(value_t + d * kLanes), dp);
      fma(p, g, V16::load(dvalue_t + d * kLanes)).store(dvalue_t + d * kLanes);
    }
    p.store(w.p + j);
    dp.store(w.dp + j);
    delta = fma(p, dp, delta);
  }
  const V16 mean = V16::all(sum(delta));
  for (int64_t j = window.begin; j < count; j += kLanes) {
    const V16 ds = V16::load(w.p + j) * (V16::load(w.dp + j) - mean) * V16::all(s.scale);
    ds.store(w.ds + j);
    float* dkey_t = w.dkey_t + j / kLanes * key_block;
    for (int64_t d = 0; d < s.head_dim; ++d) {
      fma(ds, V16::all(q[d]), V16::load(dkey_t + d * kLanes)).store(dkey_t + d * kLanes);
    }
  }
  const int64_t padded = AttentionShape::padded(s.head_dim);
  weighted_rows(s.head_dim, w.ds, window.begin, count, 1.0F, dq, [&](int64_t j) { return w.key + j * padded; });
}

void attention_backward(const AttentionShape& s, const float* qkv, const float* dout, int64_t length, int64_t kv_head,
                        float* dqkv, float* scratch) {
  const BackwardScratch w(s, length, scratch);
  const int64_t row = s.row(), out_row = s.heads * s.value_dim, padded = AttentionShape::padded(s.head_dim);
  const int64_t key_at = (s.heads + kv_head) * s.head_dim;
  const int64_t value_at = (s.heads + s.kv_heads) * s.head_dim + kv_head * s.value_dim;
  const auto lane = [](int64_t dim, int64_t j, int64_t d) { return (j / kLanes * dim + d) * kLanes + j % kLanes; };
  for (int64_t j = 0; j < length; ++j) {
    for (int64_t d = 0; d < s.head_dim; ++d) {
      const float k = qkv[j * row + key_at + d];
      w.key_t[lane(s.head_dim, j, d)] = k;
      w.key[j * padded + d] = k;
    }
    for (int64_t d = 0; d < s.value_dim; ++d) w.value_t[lane(s.value_dim, j, d)] = qkv[j * row + value_at + d];
  }
  const int64_t group = s.heads / s.kv_heads;
  for (int64_t h = kv_head * group; h < (kv_head + 1) * group; ++h) {
    for (int64_t i = 0; i < length; ++i) {
      attention_backward_row(s, w, qkv + i * row + h * s.head_dim, dout + i * out_row + h * s.value_dim, i + 1,
                             dqkv + i * row + h * s.head_dim);
    }
  }
  for (int64_t j = 0; j < length; ++j) {
    for (int64_t d = 0; d < s.head_dim; ++d) dqkv[j * row + key_at + d] = w.dkey_t[lane(s.head_dim, j, d)];
    for (int64_t d = 0; d < s.value_dim; ++d) dqkv[j * row + value_at + d] = w.dvalue_t[lane(s.value_dim, j, d)];
  }
}

constexpr CpuKernels table(const char* name) {
  return {name,    gemm,        rms_norm, rms_norm_backward, swiglu, swiglu_backward, attention, attention_backward,
          exp_row, weighted_row};
}

}  // namespace
}  // namespace hone::kernels
