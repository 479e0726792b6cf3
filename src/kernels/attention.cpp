#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>

#include "hone/core/error.h"
#include "hone/kernels/parallel.h"
#include "kernels/matmul.h"
#include "kernels/tensors.h"

namespace hone::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

AttentionShape shape_of(const AttentionGeometry& g) {
  return {g.heads, g.kv_heads, g.head_dim, static_cast<float>(1.0 / std::sqrt(static_cast<double>(g.head_dim)))};
}

// Turns `heads` heads of one row by the position's angle; direction -1 turns back.
void rotate(float* row, const AttentionGeometry& g, const Rope& rope, int64_t position, float direction) {
  const int64_t half = g.head_dim / 2;
  const float* cos = floats(rope.cos) + position * half;
  const float* sin = floats(rope.sin) + position * half;
  for (int64_t h = 0; h < g.heads + g.kv_heads; ++h) {
    float* x = row + h * g.head_dim;
    for (int64_t i = 0; i < half; ++i) {
      const float a = x[i], b = x[i + half], s = direction * sin[i];
      x[i] = a * cos[i] - b * s;
      x[i + half] = b * cos[i] + a * s;
    }
  }
}

struct Row {
  int64_t position;
  const int32_t* blocks;
};

std::vector<Row> rows_of(const std::vector<Segment>& segments, int64_t total) {
  std::vector<Row> rows(static_cast<size_t>(total));
  int64_t next = 0;
  for (const Segment& s : segments) {
    HONE_ASSERT(s.first_row == next && next + s.length <= total, "segments must tile the batch");
    for (int64_t i = 0; i < s.length; ++i) rows[static_cast<size_t>(next++)] = {s.start + i, s.blocks};
  }
  HONE_ASSERT(next == total, "segments cover {} of {} rows", next, total);
  return rows;
}

void store_key_value(const AttentionShape& s, const float* row, const Row& at, const KvLayer& cache) {
  const int64_t block = at.blocks[at.position / 16], slot = at.position % 16;
  float* keys = mutable_floats(cache.keys) + block * s.key_block() + slot;
  float* values = mutable_floats(cache.values) + block * s.value_block() + slot * s.padded_dim();
  const float* key = row + s.heads * s.head_dim;
  const float* value = key + s.kv_heads * s.head_dim;
  for (int64_t h = 0; h < s.kv_heads; ++h) {
    for (int64_t d = 0; d < s.head_dim; ++d) keys[(h * s.head_dim + d) * 16] = key[h * s.head_dim + d];
    std::copy_n(value + h * s.head_dim, s.head_dim, values + h * 16 * s.padded_dim());
  }
}

at::Tensor attention_forward(const at::Tensor& qkv, const AttentionGeometry& geometry, const Rope& rope,
                             const KvLayer& cache, const std::vector<Segment>& segments) {
  check_floats(qkv, "qkv");
  const AttentionShape s = shape_of(geometry);
  const int64_t total = qkv.size(0), width = qkv.size(1), out_width = s.heads * s.head_dim;
  HONE_ASSERT(width == (s.heads + 2 * s.kv_heads) * s.head_dim);
  const std::vector<Row> rows = rows_of(segments, total);
  int64_t longest = 0;
  for (const Row& row : rows) longest = std::max(longest, row.position + 1);
  HONE_ASSERT(longest <= rope.cos.size(0), "position {} is past the rotary table of {}", longest - 1, rope.cos.size(0));

  parallel(total, width, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      float* row = mutable_floats(qkv) + t * width;
      rotate(row, geometry, rope, rows[static_cast<size_t>(t)].position, 1.0F);
      store_key_value(s, row, rows[static_cast<size_t>(t)], cache);
    }
  });
  at::Tensor out = at::empty({total, out_width}, qkv.options());
  parallel(total, longest * out_width, [&](int64_t begin, int64_t end) {
    std::vector<float> scratch(static_cast<size_t>(longest + 15));
    for (int64_t t = begin; t < end; ++t) {
      const Row& row = rows[static_cast<size_t>(t)];
      cpu_kernels().attention(s, floats(qkv) + t * width, floats(cache.keys), floats(cache.values), row.blocks,
                              row.position + 1, mutable_floats(out) + t * out_width, scratch.data());
    }
  });
  return out;
}

struct Attention : Function<Attention> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& qkv, const AttentionGeometry& g, const Rope& rope,
                            const KvLayer& cache, const std::vector<Segment>& segments) {
    std::vector<int64_t> lengths;
    for (const Segment& s : segments) {
      HONE_ASSERT(s.start == 0, "the gradient of attention needs whole sequences");
      lengths.push_back(s.length);
    }
    at::Tensor out = attention_forward(qkv, g, rope, cache, segments);
    ctx->save_for_backward({qkv, rope.cos, rope.sin});
    ctx->saved_data["lengths"] = lengths;
    ctx->saved_data["geometry"] = std::vector<int64_t>{g.heads, g.kv_heads, g.head_dim};
    return out;
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor dout = grads[0].contiguous();
    const at::Tensor& qkv = saved[0];
    const Rope rope{saved[1], saved[2]};
    const auto sizes = ctx->saved_data["geometry"].toIntVector();
    const auto lengths = ctx->saved_data["lengths"].toIntVector();
    const AttentionGeometry g{sizes[0], sizes[1], sizes[2]};
    const AttentionShape s = shape_of(g);
    const int64_t width = qkv.size(1), out_width = dout.size(1);
    std::vector<int64_t> first(lengths.size());
    int64_t longest = 0, next = 0;
    for (size_t i = 0; i < lengths.size(); ++i) {
      first[i] = std::exchange(next, next + lengths[i]);
      longest = std::max(longest, lengths[i]);
    }
    at::Tensor dqkv = at::empty_like(qkv);
    const auto tasks = static_cast<int64_t>(lengths.size()) * s.kv_heads;
    parallel(tasks, longest * longest * s.head_dim, [&](int64_t begin, int64_t end) {
      std::vector<float> scratch(static_cast<size_t>(attention_backward_scratch(s, longest)));
      for (int64_t task = begin; task < end; ++task) {
        const auto i = static_cast<size_t>(task / s.kv_heads);
        cpu_kernels().attention_backward(s, floats(qkv) + first[i] * width, floats(dout) + first[i] * out_width,
                                         lengths[i], task % s.kv_heads, mutable_floats(dqkv) + first[i] * width,
                                         scratch.data());
      }
    });
    parallel(static_cast<int64_t>(lengths.size()), longest * width, [&](int64_t begin, int64_t end) {
      for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
        for (int64_t t = 0; t < lengths[i]; ++t)
          rotate(mutable_floats(dqkv) + (first[i] + t) * width, g, rope, t, -1.0F);
      }
    });
    return {dqkv, {}, {}, {}, {}};
  }
};

}  // namespace

KvLayer make_kv_layer(const AttentionGeometry& geometry, int64_t blocks) {
  const AttentionShape s = shape_of(geometry);
  return {at::zeros({blocks, s.kv_heads, s.head_dim, 16}, at::kFloat),
          at::zeros({blocks, s.kv_heads, 16, s.padded_dim()}, at::kFloat)};
}

at::Tensor attention(const at::Tensor& qkv, const AttentionGeometry& geometry, const Rope& rope, const KvLayer& cache,
                     const std::vector<Segment>& segments) {
  if (wants_grad(qkv)) return Attention::apply(qkv, geometry, rope, cache, segments);
  return attention_forward(qkv, geometry, rope, cache, segments);
}

}  // namespace hone::kernels
