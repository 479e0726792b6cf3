#include <cstdlib>
#include <string_view>

#include "hone/core/error.h"
#include "kernels/cpu/table.h"

namespace hone::kernels {
namespace {

bool runs(std::string_view name) {
#if defined(__x86_64__)
  if (name == "avx512") return __builtin_cpu_supports("avx512f");
  if (name == "avx2") return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
  return name == "generic";
}

const CpuKernels& choose() {
#if defined(__x86_64__)
  static const CpuKernels* const all[] = {&kAvx512Kernels, &kAvx2Kernels, &kGenericKernels};
#else
  static const CpuKernels* const all[] = {&kGenericKernels};
#endif
  const char* wanted = std::getenv("HONE_ISA");
  for (const CpuKernels* table : all) {
    if (runs(table->name) && (wanted == nullptr || std::string_view(wanted) == table->name)) return *table;
  }
  throw_input({.what = "this processor has no such instruction set",
               .place = "HONE_ISA",
               .got = wanted,
               .expected = "generic, or one that the processor has of avx2, avx512"});
}

}  // namespace

const CpuKernels& cpu_kernels() {
  static const CpuKernels& chosen = choose();
  return chosen;
}

}  // namespace hone::kernels
