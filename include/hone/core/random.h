// Counter-based random numbers: a value is a pure function of its key and its counter (Philox4x32-10, Salmon et al.
// 2011), so no generator state exists that could be lost, shared or reordered. Header-light, thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>

namespace hone {

/// What a stream is for; part of every key, so that streams of different purposes never overlap. Values are part of the
/// formats: a run's samples depend on them. Append only.
enum class RandomPurpose : uint32_t {
  kSampling = 1,     ///< token choice in a rollout; key (stage, step, prompt, sample), counter = token
  kMinibatches = 2,  ///< split of a rollout into minibatches; key (stage, step, iteration)
  kInit = 3,         ///< parameter initialisation; key (parameter)
  kProblem = 4,      ///< a problem of the built-in world; key (split, index)
  kDocument = 5,     ///< a document of the built-in corpus; key (split, index)
  kShuffle = 6,      ///< order of a data set; key (epoch)
  kTest = 7,         ///< tests and benchmarks
  kRewrite = 8,      ///< rewriting of a sample; key (stage, prompt, sample)
};

/// A stream of random words and numbers: `seed`, `purpose` and up to four words of `key` name it, a counter indexes it.
class RandomStream {
 public:
  RandomStream(uint64_t seed, RandomPurpose purpose, std::initializer_list<uint64_t> key = {});

  /// The four 32-bit words at `counter`.
  std::array<uint32_t, 4> words(uint64_t counter) const;
  /// Uniform in [0, 1) with 53 random bits, at `counter`.
  double uniform(uint64_t counter) const;

  /// Sequential use: each call takes the next counter.
  double next_uniform() { return uniform(next_++); }
  /// Uniform in [0, n), exactly (rejection); n >= 1.
  uint64_t next_below(uint64_t n);
  /// Standard normal (Box-Muller).
  double next_normal();
  bool next_bernoulli(double p) { return next_uniform() < p; }

 private:
  std::array<uint32_t, 2> key_;
  uint64_t next_ = 0;
};

}  // namespace hone
