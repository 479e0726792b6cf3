#include "model/gguf/quants.h"

#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace hone::gguf {
namespace {

constexpr int kSmall = 32;   // values of a simple block
constexpr int kSuper = 256;  // values of a K-quant's block

float half(const uint8_t* bytes) {
  uint16_t bits = 0;
  std::memcpy(&bits, bytes, 2);
  return static_cast<float>(c10::Half(bits, c10::Half::from_bits()));
}

void f32(const uint8_t* block, float* y) {
  std::memcpy(y, block, 4);
}

void f16(const uint8_t* block, float* y) {
  *y = half(block);
}

void bf16(const uint8_t* block, float* y) {
  uint16_t bits = 0;
  std::memcpy(&bits, block, 2);
  *y = static_cast<float>(c10::BFloat16(bits, c10::BFloat16::from_bits()));
}

// d, then 32 signed bytes.
void q8_0(const uint8_t* block, float* y) {
  const float d = half(block);
  for (int i = 0; i < kSmall; ++i) y[i] = d * static_cast<float>(static_cast<int8_t>(block[2 + i]));
}

// Low halves of 16 bytes are the first 16 values, high halves the others.
uint8_t nibble(const uint8_t* packed, int i) {
  return i < 16 ? packed[i] & 15 : packed[i - 16] >> 4;
}

void q4_0(const uint8_t* block, float* y) {
  const float d = half(block);
  for (int i = 0; i < kSmall; ++i) y[i] = d * static_cast<float>(nibble(block + 2, i) - 8);
}

void q4_1(const uint8_t* block, float* y) {
  const float d = half(block), m = half(block + 2);
  for (int i = 0; i < kSmall; ++i) y[i] = d * static_cast<float>(nibble(block + 4, i)) + m;
}

// The fifth bits of all 32 values are one little-endian word.
int with_fifth_bit(const uint8_t* word, const uint8_t* packed, int i) {
  return nibble(packed, i) | (((word[i / 8] >> (i % 8)) & 1) << 4);
}

void q5_0(const uint8_t* block, float* y) {
  const float d = half(block);
  for (int i = 0; i < kSmall; ++i) y[i] = d * static_cast<float>(with_fifth_bit(block + 2, block + 6, i) - 16);
}

void q5_1(const uint8_t* block, float* y) {
  const float d = half(block), m = half(block + 2);
  for (int i = 0; i < kSmall; ++i) y[i] = d * static_cast<float>(with_fifth_bit(block + 4, block + 8, i)) + m;
}

// 16 scales (low 4 bits) and minima (high 4 bits), 64 bytes of 2-bit values, d, dmin.
void q2_k(const uint8_t* block, float* y) {
  const uint8_t *scales = block, *q = block + 16;
  const float d = half(block + 80), dmin = half(block + 82);
  for (int i = 0; i < kSuper; ++i) {
    const int chunk = i / 128, within = i % 128, shift = 2 * (within / 32);
    const int value = (q[32 * chunk + within % 32] >> shift) & 3;
    const uint8_t scale = scales[i / 16];
    y[i] = d * static_cast<float>(scale & 15) * static_cast<float>(value) - dmin * static_cast<float>(scale >> 4);
  }
}

// 32 bytes with the third bits, 64 bytes of 2-bit values, 12 bytes with 16 six-bit scales, d.
void q3_k(const uint8_t* block, float* y) {
  const uint8_t *high = block, *q = block + 32, *packed = block + 96;
  const float d = half(block + 108);
  for (int i = 0; i < kSuper; ++i) {
    const int chunk = i / 128, within = i % 128, group = within / 32;
    const int low = (q[32 * chunk + within % 32] >> (2 * group)) & 3;
    const int third = (high[within % 32] >> (4 * chunk + group)) & 1;
    const int s = i / 16;
    const int low_scale = s < 8 ? packed[s] & 15 : packed[s - 8] >> 4;
    const int scale = low_scale | (((packed[8 + s % 4] >> (2 * (s / 4))) & 3) << 4);
    y[i] = d * static_cast<float>(scale - 32) * static_cast<float>(low - (third != 0 ? 0 : 4));
  }
}

struct ScaleAndMinimum {
  float scale, minimum;
};
// The j-th of 8 pairs of six-bit numbers in 12 bytes.
ScaleAndMinimum scale_and_minimum(const uint8_t* q, int j) {
  if (j < 4) return {static_cast<float>(q[j] & 63), static_cast<float>(q[j + 4] & 63)};
  return {static_cast<float>((q[j + 4] & 15) | ((q[j - 4] >> 6) << 4)),
          static_cast<float>((q[j + 4] >> 4) | ((q[j] >> 6) << 4))};
}

// d, dmin, 12 bytes of scales and minima, 128 bytes of 4-bit values: 32 low halves, then the high halves of the same
// bytes.
void q4_k(const uint8_t* block, float* y) {
  const float d = half(block), dmin = half(block + 2);
  const uint8_t* q = block + 16;
  for (int i = 0; i < kSuper; ++i) {
    const auto [scale, minimum] = scale_and_minimum(block + 4, i / 32);
    const uint8_t byte = q[32 * (i / 64) + i % 32];
    const int value = i / 32 % 2 == 0 ? byte & 15 : byte >> 4;
    y[i] = d * scale * static_cast<float>(value) - dmin * minimum;
  }
}

// As q4_k, with 32 bytes of fifth bits before the values.
void q5_k(const uint8_t* block, float* y) {
  const float d = half(block), dmin = half(block + 2);
  const uint8_t *high = block + 16, *q = block + 48;
  for (int i = 0; i < kSuper; ++i) {
    const auto [scale, minimum] = scale_and_minimum(block + 4, i / 32);
    const uint8_t byte = q[32 * (i / 64) + i % 32];
    const int low = i / 32 % 2 == 0 ? byte & 15 : byte >> 4;
    const int value = low | (((high[i % 32] >> (i / 32)) & 1) << 4);
    y[i] = d * scale * static_cast<float>(value) - dmin * minimum;
  }
}

// 128 bytes of low 4 bits, 64 bytes of high 2 bits, 16 signed scales, d.
void q6_k(const uint8_t* block, float* y) {
  const uint8_t *low = block, *high = block + 128, *scales = block + 192;
  const float d = half(block + 208);
  for (int i = 0; i < kSuper; ++i) {
    const int chunk = i / 128, within = i % 128, group = within / 32, lane = within % 32;
    const uint8_t byte = low[64 * chunk + 32 * (group % 2) + lane];
    const int four = group < 2 ? byte & 15 : byte >> 4;
    const int two = (high[32 * chunk + lane] >> (2 * group)) & 3;
    const auto scale = static_cast<float>(static_cast<int8_t>(scales[i / 16]));
    y[i] = d * scale * static_cast<float>((four | (two << 4)) - 32);
  }
}

// Numbers of ggml's enumeration ggml_type.
constexpr std::array<TensorType, 13> kTypes = {{{0, "F32", 1, 4, f32},
                                                {1, "F16", 1, 2, f16},
                                                {2, "Q4_0", kSmall, 18, q4_0},
                                                {3, "Q4_1", kSmall, 20, q4_1},
                                                {6, "Q5_0", kSmall, 22, q5_0},
                                                {7, "Q5_1", kSmall, 24, q5_1},
                                                {8, "Q8_0", kSmall, 34, q8_0},
                                                {10, "Q2_K", kSuper, 84, q2_k},
                                                {11, "Q3_K", kSuper, 110, q3_k},
                                                {12, "Q4_K", kSuper, 144, q4_k},
                                                {13, "Q5_K", kSuper, 176, q5_k},
                                                {14, "Q6_K", kSuper, 210, q6_k},
                                                {30, "BF16", 1, 2, bf16}}};

}  // namespace

const TensorType* find_type(uint32_t number) {
  const auto* const found = std::ranges::find(kTypes, number, &TensorType::number);
  return found == kTypes.end() ? nullptr : found;
}

std::string_view supported_types() {
  return "F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K or Q6_K";
}

}  // namespace hone::gguf
