#include "kernels/cpu/isa.h"

namespace hone::kernels {

constinit const CpuKernels kGenericKernels = table("generic");

}  // namespace hone::kernels
