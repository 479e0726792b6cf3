// States to save in tests: a function of the step, so that what comes back can be checked against it.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>

#include "hone/checkpoint/checkpoint.h"
#include "hone/core/file.h"

namespace hone::test {

inline State state_at(int64_t step) {
  State state;
  state.tensors = {{"model.weight", at::arange(step, step + 300, at::kFloat).mul(0.1)},
                   {"optimizer.count", at::arange(step, step + 7, at::kLong)}};
  state.scalars = {{"step", step},
                   {"rate", 0.1 * static_cast<double>(step)},
                   {"best", -std::numeric_limits<double>::infinity()},
                   {"done", step % 2 == 0},
                   {"leftover", "quote \" and ü\n"}};
  return state;
}

inline std::string bits(const at::Tensor& tensor) {
  return {static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes()};
}

inline void expect_state_of(const Checkpoint& checkpoint, int64_t step) {
  EXPECT_EQ(checkpoint.step, step);
  const State expected = state_at(step);
  EXPECT_EQ(checkpoint.state.scalars, expected.scalars);
  ASSERT_EQ(checkpoint.state.tensors.size(), expected.tensors.size());
  for (const auto& [name, tensor] : expected.tensors) {
    const at::Tensor& got = checkpoint.state.tensor(name);
    EXPECT_EQ(got.scalar_type(), tensor.scalar_type());
    EXPECT_EQ(got.sizes(), tensor.sizes());
    EXPECT_EQ(bits(got), bits(tensor)) << name;
  }
}

/// The step of the newest valid checkpoint, its content checked; -1 when there is none.
inline int64_t newest_step(const std::filesystem::path& folder) {
  const LoadResult result = CheckpointStore(folder, 2).load_newest();
  if (!result.checkpoint) return -1;
  expect_state_of(*result.checkpoint, result.checkpoint->step);
  return result.checkpoint->step;
}

}  // namespace hone::test
