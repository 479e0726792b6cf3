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
  return {g.heads, g.kv_heads, g.head_dim, g.value_dim, g.window, static_cast<float>(g.scale)};
}

// Turns the query and key heads of one row by the position's angles; direction -1 is the transposed map.
void rotate(float* row, const AttentionGeometry& g, const RopeTable& rope, int64_t position, float direction) {
  const int64_t pairs = rope.cos.size(1), apart = g.interleaved ? 1 : pairs, step = g.interleaved ? 2 : 1;
  const float* cos = floats(rope.cos) + position * pairs;
  const float* sin = floats(rope.sin) + position * pairs;
  for (int64_t h = 0; h < g.heads + g.kv_heads; ++h) {
    float* x = row + (h + 1) * g.head_dim - 2 * pairs;
    for (int64_t i = 0; i < pairs; ++i) {
      float &first = x[i * step], &second = x[i * step + apart];
      const float a = first, b = second, s = direction * sin[i];
      first = a * cos[i] - b * s;
      second = b * cos[i] + a * s;
    }
  }
}

struct Row {
  int64_t position;
  const int32_t* blocks;
  const RopeTable* rope;
};

std::vector<Row> rows_of(const std::vector<Segment>& segments, const Rope& rope, int64_t total) {
  std::vector<Row> rows(static_cast<size_t>(total));
  int64_t next = 0;
  for (const Segment& s : segments) {
    HONE_ASSERT(s.first_row == next && next + s.length <= total, "segments must tile the batch");
    const RopeTable& table = rope.for_length(s.start + s.length);
    HONE_ASSERT(s.start + s.length <= table.cos.size(0), "position {} is past the rotary table of {}",
                s.start + s.length - 1, table.cos.size(0));
    for (int64_t i = 0; i < s.length; ++i) rows[static_cast<size_t>(next++)] = {s.start + i, s.blocks, &table};
  }
  HONE_ASSERT(next == total, "segments cover {} of {} rows", next, total);
  return rows;
}

void store_key_value(const AttentionShape& s, const float* row, const Row& at, const KvLayer& cache) {
  const int64_t block = at.blocks[at.position / 16], slot = at.position % 16;
  float* keys = mutable_floats(cache.keys) + block * s.key_block() + slot;
  float* values = mutable_floats(cache.values) + block * s.value_block() + slot * s.padded_value_dim();
  const float* key = row + s.heads * s.head_dim;
  const float* value = key + s.kv_heads * s.head_dim;
  for (int64_t h = 0; h < s.kv_heads; ++h) {
    for (int64_t d = 0; d < s.head_dim; ++d) keys[(h * s.head_dim + d) * 16] = key[h * s.head_dim + d];
    std::copy_n(value + h * s.value_dim, s.value_dim, values + h * 16 * s.padded_value_dim());
  }
}

at::Tensor attention_forward(const at::Tensor& qkv, const AttentionGeometry& geometry, const Rope& rope,
                             const KvLayer& cache, const std::vector<Segment>& segments) {
  check_floats(qkv, "qkv");
  const AttentionShape s = shape_of(geometry);
  const int64_t total = qkv.size(0), width = qkv.size(1), out_width = s.heads * s.value_dim;
  HONE_ASSERT(width == geometry.width());
  const std::vector<Row> rows = rows_of(segments, rope, total);
  int64_t longest = 0;
  for (const Row& row : rows) longest = std::max(longest, row.position + 1);

  parallel(total, width, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const Row& at = rows[static_cast<size_t>(t)];
      float* row = mutable_floats(qkv) + t * width;
      rotate(row, geometry, *at.rope, at.position, 1.0F);
      store_key_value(s, row, at, cache);
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
    ctx->save_for_backward({qkv, rope.table.cos, rope.table.sin, rope.long_table.cos, rope.long_table.sin});
    ctx->saved_data["long_after"] = rope.long_after;
    ctx->saved_data["lengths"] = lengths;
    ctx->saved_data["geometry"] =
        std::vector<int64_t>{g.heads, g.kv_heads, g.head_dim, g.value_dim, g.interleaved ? 1 : 0, g.window};
    ctx->saved_data["scale"] = g.scale;
    return out;
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor dout = grads[0].contiguous();
    const at::Tensor& qkv = saved[0];
    const Rope rope{{saved[1], saved[2]}, {saved[3], saved[4]}, ctx->saved_data["long_after"].toInt()};
    const auto sizes = ctx->saved_data["geometry"].toIntVector();
    const auto lengths = ctx->saved_data["lengths"].toIntVector();
    const AttentionGeometry g{sizes[0],      sizes[1], sizes[2], sizes[3], ctx->saved_data["scale"].toDouble(),
                              sizes[4] != 0, sizes[5]};
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
    parallel(tasks, longest * longest * (s.head_dim + s.value_dim) / 2, [&](int64_t begin, int64_t end) {
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
        const RopeTable& table = rope.for_length(lengths[i]);
        for (int64_t t = 0; t < lengths[i]; ++t)
          rotate(mutable_floats(dqkv) + (first[i] + t) * width, g, table, t, -1.0F);
      }
    });
    return {dqkv, {}, {}, {}, {}};
  }
};

// Copies `count` floats for each of `heads` heads between two strided places.
void copy_heads(const float* from, int64_t from_stride, float* to, int64_t to_stride, int64_t heads, int64_t count) {
  for (int64_t h = 0; h < heads; ++h) std::copy_n(from + h * from_stride, count, to + h * to_stride);
}

struct LatentHeads : Function<LatentHeads> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& q, const at::Tensor& kv,
                            const at::Tensor& key_shared, const AttentionGeometry& g) {
    const int64_t rows = q.size(0), shared = key_shared.size(1), own = g.head_dim - shared, each = own + g.value_dim;
    HONE_ASSERT(g.heads == g.kv_heads && kv.size(1) == g.heads * each && q.size(1) == g.heads * g.head_dim);
    at::Tensor qkv = at::empty({rows, g.width()}, q.options().requires_grad(false));
    parallel(rows, g.width(), [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        float* key = std::copy_n(floats(q) + t * q.size(1), q.size(1), mutable_floats(qkv) + t * g.width());
        const float* from = floats(kv) + t * kv.size(1);
        copy_heads(from, each, key, g.head_dim, g.heads, own);
        copy_heads(floats(key_shared) + t * shared, 0, key + own, g.head_dim, g.heads, shared);
        copy_heads(from + own, each, key + g.heads * g.head_dim, g.value_dim, g.heads, g.value_dim);
      }
    });
    ctx->saved_data["geometry"] = std::vector<int64_t>{g.heads, g.head_dim, g.value_dim, shared};
    return qkv;
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const at::Tensor dqkv = grads[0].contiguous();
    const auto sizes = ctx->saved_data["geometry"].toIntVector();
    const int64_t heads = sizes[0], dim = sizes[1], value_dim = sizes[2], shared = sizes[3], own = dim - shared;
    const int64_t rows = dqkv.size(0), each = own + value_dim, width = dqkv.size(1);
    at::Tensor dq = at::empty({rows, heads * dim}, dqkv.options()),
               dkv = at::empty({rows, heads * each}, dqkv.options()),
               dshared = at::zeros({rows, shared}, dqkv.options());
    parallel(rows, width, [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        const float* from = floats(dqkv) + t * width;
        std::copy_n(from, heads * dim, mutable_floats(dq) + t * heads * dim);
        const float* key = from + heads * dim;
        float* to = mutable_floats(dkv) + t * heads * each;
        copy_heads(key, dim, to, each, heads, own);
        copy_heads(key + heads * dim, value_dim, to + own, each, heads, value_dim);
        float* sum = mutable_floats(dshared) + t * shared;
        for (int64_t h = 0; h < heads; ++h) {
          for (int64_t d = 0; d < shared; ++d) sum[d] += key[h * dim + own + d];
        }
      }
    });
    return {dq, dkv, dshared, {}};
  }
};

}  // namespace

KvLayer make_kv_layer(const AttentionGeometry& geometry, int64_t blocks) {
  const AttentionShape s = shape_of(geometry);
  return {at::zeros({blocks, s.kv_heads, s.head_dim, 16}, at::kFloat),
          at::zeros({blocks, s.kv_heads, 16, s.padded_value_dim()}, at::kFloat)};
}

at::Tensor attention(const at::Tensor& qkv, const AttentionGeometry& geometry, const Rope& rope, const KvLayer& cache,
                     const std::vector<Segment>& segments) {
  if (wants_grad(qkv)) return Attention::apply(qkv, geometry, rope, cache, segments);
  return attention_forward(qkv, geometry, rope, cache, segments);
}

at::Tensor latent_heads(const at::Tensor& q, const at::Tensor& kv, const at::Tensor& key_shared,
                        const AttentionGeometry& geometry) {
  for (const at::Tensor* x : {&q, &kv, &key_shared}) check_floats(*x, "an input of latent attention");
  return LatentHeads::apply(q, kv, key_shared, geometry);
}

}  // namespace hone::kernels
