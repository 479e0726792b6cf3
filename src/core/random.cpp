#include "hone/core/random.h"

#include <Random123/philox.h>

#include <cmath>
#include <numbers>

#include "hone/core/error.h"

namespace hone {

using Philox = r123::Philox4x32_R<10>;

RandomStream::RandomStream(uint64_t seed, RandomPurpose purpose, std::initializer_list<uint64_t> key) {
  // The stream's 64-bit Philox key is a Philox hash chain over (seed, purpose, key words): each link encrypts the next
  // word.
  std::array<uint32_t, 2> state = {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)};
  const auto absorb = [&state](uint64_t word, uint32_t position) {
    const Philox::ctr_type in = {
        {static_cast<uint32_t>(word), static_cast<uint32_t>(word >> 32), position, 0x686f6e65U}};
    const Philox::ctr_type out = Philox{}(in, Philox::key_type{{state[0], state[1]}});
    state = {out[0], out[1]};
  };
  absorb(static_cast<uint64_t>(purpose), 0);
  uint32_t position = 1;
  for (const uint64_t word : key) absorb(word, position++);
  key_ = state;
}

std::array<uint32_t, 4> RandomStream::words(uint64_t counter) const {
  const Philox::ctr_type out =
      Philox{}({{static_cast<uint32_t>(counter), static_cast<uint32_t>(counter >> 32), 0, 0}}, {{key_[0], key_[1]}});
  return {out[0], out[1], out[2], out[3]};
}

double RandomStream::uniform(uint64_t counter) const {
  const auto w = words(counter);
  const uint64_t bits = (static_cast<uint64_t>(w[0]) << 32 | w[1]) >> 11;
  return static_cast<double>(bits) * 0x1.0p-53;
}

uint64_t RandomStream::next_below(uint64_t n) {
  HONE_ASSERT(n >= 1);
  const uint64_t limit =
      ~uint64_t{0} - (~uint64_t{0} % n + 1) % n;  // the largest value that keeps all remainders equally likely
  for (;;) {
    const auto w = words(next_++);
    const uint64_t value = static_cast<uint64_t>(w[0]) << 32 | w[1];
    if (value <= limit) return value % n;
  }
}

double RandomStream::next_normal() {
  const double u = 1.0 - next_uniform();  // (0, 1]: the logarithm is finite
  const double v = next_uniform();
  return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v);
}

}  // namespace hone
