// V16: sixteen float lanes on whatever vector width the including file is compiled for. Every operation rounds each
// lane once and alone, so a kernel written in V16 gives the same bits on AVX-512, AVX2 and plain C++. Included by the
// instruction-set files only.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#if defined(__AVX512F__) || (defined(__AVX2__) && defined(__FMA__))
#include <immintrin.h>
#endif

namespace hone::kernels {
namespace {  // each instruction set gets its own copy

constexpr int64_t kLanes = 16;

#if defined(__AVX512F__)

struct V16 {
  __m512 v;
  static V16 zero() { return {_mm512_setzero_ps()}; }
  static V16 all(float x) { return {_mm512_set1_ps(x)}; }
  static V16 load(const float* p) { return {_mm512_loadu_ps(p)}; }
  /// bf16, widened without rounding.
  static V16 load(const uint16_t* p) {
    const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    return {_mm512_castsi512_ps(_mm512_slli_epi32(wide, 16))};
  }
  static V16 load(const float* p, int64_t n, float rest) {
    return {_mm512_mask_loadu_ps(_mm512_set1_ps(rest), mask(n), p)};
  }
  void store(float* p) const { _mm512_storeu_ps(p, v); }
  void store(float* p, int64_t n) const { _mm512_mask_storeu_ps(p, mask(n), v); }
  static __mmask16 mask(int64_t n) { return static_cast<__mmask16>((1U << n) - 1U); }
};
inline V16 operator+(V16 a, V16 b) {
  return {_mm512_add_ps(a.v, b.v)};
}
inline V16 operator-(V16 a, V16 b) {
  return {_mm512_sub_ps(a.v, b.v)};
}
inline V16 operator*(V16 a, V16 b) {
  return {_mm512_mul_ps(a.v, b.v)};
}
inline V16 operator/(V16 a, V16 b) {
  return {_mm512_div_ps(a.v, b.v)};
}
inline V16 fma(V16 a, V16 b, V16 c) {
  return {_mm512_fmadd_ps(a.v, b.v, c.v)};
}
inline V16 max(V16 a, V16 b) {
  return {_mm512_max_ps(a.v, b.v)};
}
inline V16 min(V16 a, V16 b) {
  return {_mm512_min_ps(a.v, b.v)};
}
inline V16 round(V16 a) {
  return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
/// a * 2^n for whole n in [-126, 127].
inline V16 scale(V16 a, V16 n) {
  const __m512i e = _mm512_slli_epi32(_mm512_add_epi32(_mm512_cvtps_epi32(n.v), _mm512_set1_epi32(127)), 23);
  return {_mm512_mul_ps(a.v, _mm512_castsi512_ps(e))};
}
/// x < limit ? 0 : a.
inline V16 zero_below(V16 x, V16 limit, V16 a) {
  return {_mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x.v, limit.v, _CMP_NLT_UQ), a.v)};
}

#elif defined(__AVX2__) && defined(__FMA__)

struct V16 {
  __m256 lo, hi;
  static V16 zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
  static V16 all(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  static V16 load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
  static __m256 load_half(const uint16_t* p) {
    const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
  }
  static V16 load(const uint16_t* p) { return {load_half(p), load_half(p + 8)}; }
  static V16 load(const float* p, int64_t n, float rest) {
    if (n == kLanes) return load(p);
    alignas(32) float full[kLanes];
    for (int64_t i = 0; i < kLanes; ++i) full[i] = i < n ? p[i] : rest;
    return load(full);
  }
  void store(float* p) const {
    _mm256_storeu_ps(p, lo);
    _mm256_storeu_ps(p + 8, hi);
  }
  void store(float* p, int64_t n) const {
    if (n == kLanes) return store(p);
    alignas(32) float full[kLanes];
    store(full);
    std::copy_n(full, n, p);
  }
};
inline V16 operator+(V16 a, V16 b) {
  return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)};
}
inline V16 operator-(V16 a, V16 b) {
  return {_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)};
}
inline V16 operator*(V16 a, V16 b) {
  return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)};
}
inline V16 operator/(V16 a, V16 b) {
  return {_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)};
}
inline V16 fma(V16 a, V16 b, V16 c) {
  return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
inline V16 max(V16 a, V16 b) {
  return {_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)};
}
inline V16 min(V16 a, V16 b) {
  return {_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)};
}
inline V16 round(V16 a) {
  return {_mm256_round_ps(a.lo, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC),
          _mm256_round_ps(a.hi, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
inline __m256 scale_half(__m256 a, __m256 n) {
  const __m256i e = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
  return _mm256_mul_ps(a, _mm256_castsi256_ps(e));
}
inline V16 scale(V16 a, V16 n) {
  return {scale_half(a.lo, n.lo), scale_half(a.hi, n.hi)};
}
inline V16 zero_below(V16 x, V16 limit, V16 a) {
  return {_mm256_and_ps(_mm256_cmp_ps(x.lo, limit.lo, _CMP_NLT_UQ), a.lo),
          _mm256_and_ps(_mm256_cmp_ps(x.hi, limit.hi, _CMP_NLT_UQ), a.hi)};
}

#else

struct V16 {
  float v[kLanes];
  template <class F>
  static V16 each(F f) {
    V16 out;
    for (int i = 0; i < kLanes; ++i) out.v[i] = f(i);
    return out;
  }
  static V16 zero() { return all(0.0F); }
  static V16 all(float x) {
    return each([x](int) { return x; });
  }
  static V16 load(const float* p) {
    return each([p](int i) { return p[i]; });
  }
  static V16 load(const uint16_t* p) {
    return each([p](int i) { return std::bit_cast<float>(static_cast<uint32_t>(p[i]) << 16); });
  }
  static V16 load(const float* p, int64_t n, float rest) {
    return each([=](int i) { return i < n ? p[i] : rest; });
  }
  void store(float* p) const { std::copy_n(v, kLanes, p); }
  void store(float* p, int64_t n) const { std::copy_n(v, n, p); }
};
inline V16 operator+(V16 a, V16 b) {
  return V16::each([&](int i) { return a.v[i] + b.v[i]; });
}
inline V16 operator-(V16 a, V16 b) {
  return V16::each([&](int i) { return a.v[i] - b.v[i]; });
}
inline V16 operator*(V16 a, V16 b) {
  return V16::each([&](int i) { return a.v[i] * b.v[i]; });
}
inline V16 operator/(V16 a, V16 b) {
  return V16::each([&](int i) { return a.v[i] / b.v[i]; });
}
inline V16 fma(V16 a, V16 b, V16 c) {
  return V16::each([&](int i) { return std::fma(a.v[i], b.v[i], c.v[i]); });
}
inline V16 max(V16 a, V16 b) {
  return V16::each([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
}
inline V16 min(V16 a, V16 b) {
  return V16::each([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; });
}
inline V16 round(V16 a) {
  return V16::each([&](int i) { return std::nearbyint(a.v[i]); });
}
inline V16 scale(V16 a, V16 n) {
  return V16::each([&](int i) { return a.v[i] * std::bit_cast<float>((static_cast<int32_t>(n.v[i]) + 127) << 23); });
}
inline V16 zero_below(V16 x, V16 limit, V16 a) {
  return V16::each([&](int i) { return x.v[i] < limit.v[i] ? 0.0F : a.v[i]; });
}

#endif

/// The sixteen lanes added in one fixed tree.
inline float sum(V16 a) {
  float v[kLanes];
  a.store(v);
  for (int width = 8; width >= 1; width /= 2) {
    for (int i = 0; i < width; ++i) v[i] += v[i + width];
  }
  return v[0];
}

inline float max(V16 a) {
  float v[kLanes];
  a.store(v);
  return *std::max_element(v, v + kLanes);
}

/// e^x to about one unit in the last place; exactly 0 below -87.33 (also for -inf), finite up to 88.3, larger x
/// as 88.3. Cody-Waite reduction and the minimax polynomial of Cephes' expf.
inline V16 exp(V16 x) {
  const V16 lowest = V16::all(-87.33F);
  const V16 y = max(lowest, min(V16::all(88.3F), x));
  const V16 n = round(y * V16::all(1.44269504F));
  V16 r = fma(n, V16::all(-0.693359375F), y);
  r = fma(n, V16::all(2.12194440e-4F), r);
  V16 p = V16::all(1.9875691500e-4F);
  p = fma(p, r, V16::all(1.3981999507e-3F));
  p = fma(p, r, V16::all(8.3334519073e-3F));
  p = fma(p, r, V16::all(4.1665795894e-2F));
  p = fma(p, r, V16::all(1.6666665459e-1F));
  p = fma(p, r, V16::all(5.0000001201e-1F));
  p = fma(p, r * r, r) + V16::all(1.0F);
  return zero_below(x, lowest, scale(p, n));
}

}  // namespace
}  // namespace hone::kernels
