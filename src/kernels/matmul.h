// Splits a Gemm over threads. Threads share rows or panels, never k, so results do not depend on their number.
#pragma once

#include "kernels/cpu/table.h"

namespace hone::kernels {

void gemm(const Gemm& problem);

}  // namespace hone::kernels
