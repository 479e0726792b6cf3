#include "kernels/cpu/isa.h"

namespace hone::kernels {

constinit const CpuKernels kAvx512Kernels = table("avx512");

}  // namespace hone::kernels
