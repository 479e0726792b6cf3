#include "hone/kernels/weight.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <atomic>
#include <bit>

#include "hone/core/error.h"
#include "hone/kernels/parallel.h"
#include "kernels/tensors.h"

namespace hone::kernels {
namespace {

constexpr int64_t kPanel = 16;  // rows of a panel of the packed form

float widened(float x) {
  return x;
}
float widened(c10::BFloat16 x) {
  return std::bit_cast<float>(static_cast<uint32_t>(x.x) << 16);
}
float widened(c10::Half x) {
  return static_cast<float>(x);
}

// Calls f(data) with the tensor's data in its own type.
template <class F>
void by_type(const at::Tensor& x, F f) {
  HONE_ASSERT(x.is_contiguous());
  switch (x.scalar_type()) {
    case at::kFloat:
      return f(x.const_data_ptr<float>());
    case at::kBFloat16:
      return f(x.const_data_ptr<c10::BFloat16>());
    case at::kHalf:
      return f(x.const_data_ptr<c10::Half>());
    default:
      HONE_ASSERT(false, "a weight of type {}", c10::toString(x.scalar_type()));
  }
}

void put(float& to, float x) {
  to = x;
}
void put(c10::BFloat16& to, float x) {  // x came from bf16
  to.x = static_cast<uint16_t>(std::bit_cast<uint32_t>(x) >> 16);
}

// Rows [first, last) of `from` (whose row 0 is row `offset` of the weight) to their places in the panels. Returns 0, or
// NaN when a value is not finite.
template <class T, class P>
float pack_rows(const T* from, int64_t offset, int64_t first, int64_t last, int64_t in, P* packed) {
  float poison = 0;
  for (int64_t row = first; row < last;) {
    const int64_t lane = row % kPanel, lanes = std::min(kPanel - lane, last - row);
    P* panel = packed + row / kPanel * in * kPanel + lane;
    const T* rows = from + (row - offset) * in;
    for (int64_t k = 0; k < in; ++k) {
      for (int64_t r = 0; r < lanes; ++r) {
        const float x = widened(rows[r * in + k]);
        put(panel[k * kPanel + r], x);
        poison += x * 0.0F;
      }
    }
    row += lanes;
  }
  return poison;
}

// Row r of `to` is row row_of(r) of the weight.
template <class RowOf>
void unpack_each(const at::Tensor& packed, const at::Tensor& to, RowOf row_of) {
  check_floats(to, "to");
  const int64_t in = packed.size(1);
  HONE_ASSERT(to.size(1) == in);
  float* const out = mutable_floats(to);
  by_type(packed, [&](const auto* panels) {
    parallel(to.size(0), in, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const int64_t row = row_of(r);
        const auto* panel = panels + row / kPanel * in * kPanel + row % kPanel;
        for (int64_t k = 0; k < in; ++k) out[r * in + k] = widened(panel[k * kPanel]);
      }
    });
  });
}

}  // namespace

Weight Weight::frozen(int64_t out, int64_t in, at::ScalarType type) {
  Weight weight;
  weight.rows_ = out;
  weight.packed_ = at::empty({(out + kPanel - 1) / kPanel, in, kPanel}, type);
  if (out % kPanel != 0) weight.packed_.select(0, out / kPanel).zero_();
  return weight;
}

Weight Weight::unbound() {
  Weight weight;
  weight.trains_ = true;
  return weight;
}

void Weight::bind_value(at::Tensor value) {
  value_ = std::move(value);
  packed_ = at::Tensor();
  packed_version_ = -1;
}

void Weight::freeze() {
  packed();
  rows_ = value_.size(0);
  value_ = at::Tensor();
}

const at::Tensor& Weight::packed() const {
  if (is_frozen() || packed_version_ == static_cast<int64_t>(value_._version())) return packed_;
  check_floats(value_, "weight");
  if (!packed_.defined()) packed_ = frozen(value_.size(0), value_.size(1)).packed_;
  pack(value_, packed_, 0);
  packed_version_ = static_cast<int64_t>(value_._version());
  return packed_;
}

bool pack(const at::Tensor& rows, const at::Tensor& packed, int64_t first_row) {
  const int64_t in = packed.size(1), end_row = first_row + rows.size(0), first_panel = first_row / kPanel;
  HONE_ASSERT(rows.size(1) == in && (end_row + kPanel - 1) / kPanel <= packed.size(0));
  std::atomic<bool> finite = true;
  const auto pack_into = [&](auto* to) {
    by_type(rows, [&](const auto* from) {
      parallel((end_row + kPanel - 1) / kPanel - first_panel, in * kPanel, [&](int64_t begin, int64_t end) {
        const int64_t first = std::max(first_row, (first_panel + begin) * kPanel);
        const int64_t last = std::min(end_row, (first_panel + end) * kPanel);
        if (pack_rows(from, first_row, first, last, in, to) != 0.0F) finite = false;
      });
    });
  };
  if (packed.scalar_type() == at::kBFloat16) {
    HONE_ASSERT(rows.scalar_type() == at::kBFloat16);
    pack_into(packed.data_ptr<c10::BFloat16>());
  } else {
    pack_into(mutable_floats(packed));
  }
  return finite;
}

bool widen(const at::Tensor& rows, const at::Tensor& to) {
  HONE_ASSERT(rows.sizes() == to.sizes());
  check_floats(to, "to");
  constexpr int64_t kChunk = 1 << 14;
  const int64_t n = rows.numel();
  std::atomic<bool> finite = true;
  by_type(rows, [&](const auto* from) {
    parallel((n + kChunk - 1) / kChunk, kChunk, [&](int64_t begin, int64_t end) {
      float poison = 0;
      for (int64_t i = begin * kChunk; i < std::min(n, end * kChunk); ++i) {
        const float x = widened(from[i]);
        mutable_floats(to)[i] = x;
        poison += x * 0.0F;
      }
      if (poison != 0.0F) finite = false;
    });
  });
  return finite;
}

void unpack(const at::Tensor& packed, int64_t first_row, const at::Tensor& to) {
  unpack_each(packed, to, [first_row](int64_t r) { return first_row + r; });
}

void gather(const at::Tensor& packed, const int32_t* rows, const at::Tensor& to) {
  unpack_each(packed, to, [rows](int64_t r) { return int64_t{rows[r]}; });
}

}  // namespace hone::kernels
