#include "kernels/cpu/isa.h"

namespace hone::kernels {

constinit const CpuKernels kAvx2Kernels = table("avx2");

}  // namespace hone::kernels
