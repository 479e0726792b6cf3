// A matrix or vector of parameters, in the forms that the operations read.
//
// Matrix products read the packed form [ceil(out/16), in, 16], zero padded; training also needs the rows as Hugging
// Face stores them. A weight that is never trained may have the packed form alone (frozen()), which halves its memory,
// and in bf16 where it came so, which halves it again: widening is exact, so products have the same bits. Rows and
// gradient of a weight that is spread over ranks come and go (unbound()). Owns the packed form; rows and gradients are
// views of the model's buffers. One thread at a time.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace hone::kernels {

class Weight {
 public:
  Weight() = default;
  /// `value` is [out, in] (or [n]); `grad` may be undefined (a model that is not trained).
  Weight(at::Tensor value, at::Tensor grad)
      : value_(std::move(value)), grad_(std::move(grad)), trains_(grad_.defined()) {}
  /// The packed form alone, in fp32 or bf16, not yet filled: see pack().
  static Weight frozen(int64_t out, int64_t in, at::ScalarType type = at::kFloat);

  /// One that trains and has neither rows nor gradient yet.
  static Weight unbound();

  bool defined() const { return is_bound() || trains_; }
  /// Whether it has a form to compute with.
  bool is_bound() const { return value_.defined() || packed_.defined(); }
  bool is_frozen() const { return packed_.defined() && !value_.defined(); }
  int64_t rows() const { return is_frozen() ? rows_ : value_.size(0); }
  int64_t columns() const { return is_frozen() ? packed_.size(1) : value_.size(1); }
  bool trains() const { return trains_; }
  /// Undefined when frozen.
  const at::Tensor& value() const { return value_; }
  const at::Tensor& grad() const { return grad_; }
  /// Made again whenever `value` was written to (its version counter moved).
  const at::Tensor& packed() const;

  /// Other rows, or none; the packed form goes.
  void bind_value(at::Tensor value);
  /// Another gradient, or none.
  void bind_grad(at::Tensor grad) { grad_ = std::move(grad); }
  /// Keeps the packed form of the rows alone, until others are bound.
  void freeze();

 private:
  at::Tensor value_, grad_;
  bool trains_ = false;
  mutable at::Tensor packed_;
  mutable int64_t packed_version_ = -1;
  int64_t rows_ = 0;
};

/// Fills the rows from `first_row` of a packed form with rows[n, in] (fp32, bf16 or fp16; bf16 for a form in bf16).
/// Returns whether all are finite.
bool pack(const at::Tensor& rows, const at::Tensor& packed, int64_t first_row);
/// rows[n, in] (fp32, bf16 or fp16) as fp32 into `to`, of the same shape. Returns whether all are finite.
bool widen(const at::Tensor& rows, const at::Tensor& to);
/// The rows [first_row, first_row + n) of a packed form into to[n, in], in fp32.
void unpack(const at::Tensor& packed, int64_t first_row, const at::Tensor& to);
/// Rows rows[0], rows[1], ... of the packed form to `to`, one each.
void gather(const at::Tensor& packed, const int32_t* rows, const at::Tensor& to);

}  // namespace hone::kernels
