// Splits a Gemm over threads. Threads share rows or panels, never k, so results do not depend on their number.
#pragma once

#include "kernels/cpu/table.h"

namespace hone::kernels {

void gemm(const Gemm& problem);

/// Runs body(begin, end) over [0, n), serially where the whole work is under about 20,000 multiply-adds.
template <class Body>
void parallel(int64_t n, int64_t work_each, Body body);

}  // namespace hone::kernels

#include <ATen/Parallel.h>

namespace hone::kernels {

template <class Body>
void parallel(int64_t n, int64_t work_each, Body body) {
  const int64_t grain = 20'000 / (work_each < 1 ? 1 : work_each) + 1;
  at::parallel_for(0, n, grain, body);
}

}  // namespace hone::kernels
