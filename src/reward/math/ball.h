// An owner of one of Arb's complex balls.
#pragma once

#include <acb.h>
#include <flint/fmpq.h>

#include <utility>

namespace hone::math {

class Ball {
 public:
  Ball() { acb_init(z_); }
  Ball(const Ball& other) : Ball() { acb_set(z_, other.z_); }
  Ball(Ball&& other) noexcept : Ball() { acb_swap(z_, other.z_); }
  Ball& operator=(Ball other) noexcept {
    acb_swap(z_, other.z_);
    return *this;
  }
  ~Ball() { acb_clear(z_); }

  acb_ptr get() { return z_; }
  acb_srcptr get() const { return z_; }
  arb_ptr real() { return acb_realref(z_); }
  arb_srcptr real() const { return acb_realref(z_); }
  arb_ptr imaginary() { return acb_imagref(z_); }
  arb_srcptr imaginary() const { return acb_imagref(z_); }

  /// The imaginary part may be 0.
  bool may_be_real() const { return arb_contains_zero(imaginary()) != 0; }
  /// The imaginary part is 0.
  bool is_real() const { return arb_is_zero(imaginary()) != 0; }

 private:
  acb_t z_;
};

}  // namespace hone::math
