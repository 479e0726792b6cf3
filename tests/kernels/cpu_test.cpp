// The kernels of one processor: all instruction sets give the same bits, and the exponential is accurate.
#include "kernels/cpu/table.h"

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/comparison.h"

namespace hone::kernels {
namespace {

std::vector<const CpuKernels*> tables() {
  std::vector<const CpuKernels*> all = {&kGenericKernels};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) all.push_back(&kAvx2Kernels);
  if (__builtin_cpu_supports("avx512f")) all.push_back(&kAvx512Kernels);
#endif
  return all;
}

TEST_F(Ops, InstructionSetsGiveTheSameBits) {
  if (tables().size() < 2) GTEST_SKIP() << "this processor has only the generic kernels";
  const at::Tensor a = random({37, 600}), b = random({10, 600, 16}), x = random({3, 100}, 3.0);
  std::vector<at::Tensor> results;
  for (const CpuKernels* k : tables()) {
    at::Tensor e = at::empty({100}), y = at::empty({5, 50}), stats = at::empty({3});
    std::vector<at::Tensor> products;
    for (const int64_t depth : {150, 600}) {  // one sum, and a sum of sections
      for (const GemmSum sum : {GemmSum::kFresh, GemmSum::kAdd, GemmSum::kContinue}) {
        products.push_back(at::ones({37, 155}));
        k->gemm({37, 155, depth, a.const_data_ptr<float>(), 600, 1, b.const_data_ptr<float>(), 16, 600 * 16,
                 products.back().data_ptr<float>(), 155, sum},
                0, 37, 0, 10);
      }
    }
    const float* row = x.const_data_ptr<float>();
    float* s = stats.data_ptr<float>();
    k->exp_row(row, e.data_ptr<float>(), 100, s, s + 1);
    s[2] = k->weighted_row(row, e.const_data_ptr<float>(), s[0], 100);
    k->rms_norm(row, row + 100, 1e-5F, y.data_ptr<float>(), 50);
    k->swiglu(row, row + 100, y.data_ptr<float>() + 50, 50);
    k->swiglu_backward(row, row + 100, row + 200, y.data_ptr<float>() + 100, y.data_ptr<float>() + 150, 50);
    k->rms_norm_backward(row, row + 100, row + 200, 1e-5F, y.data_ptr<float>() + 200, e.data_ptr<float>(), 50);
    results.push_back(at::cat({at::cat(products).flatten(), e, y.flatten(), stats}));
  }
  for (const auto& r : results) EXPECT_TRUE(same_bits(r, results.front()));
}

TEST_F(Ops, ExponentialIsAccurate) {
  std::vector<float> z, e(20001);
  for (int i = 0; i <= 20000; ++i) z.push_back(-87.0F + 87.0F * static_cast<float>(i) / 20000.0F);
  float largest, total;
  cpu_kernels().exp_row(z.data(), e.data(), 20001, &largest, &total);
  for (size_t i = 0; i < z.size(); ++i) EXPECT_NEAR(e[i] / std::exp(static_cast<double>(z[i])), 1.0, 3e-7) << z[i];
  const float infinite[2] = {0.0F, -std::numeric_limits<float>::infinity()};
  cpu_kernels().exp_row(infinite, e.data(), 2, &largest, &total);
  EXPECT_EQ(e[1], 0.0F);
  const float broken[3] = {0.0F, std::nanf(""), 1.0F};
  for (const CpuKernels* k : tables()) {
    k->exp_row(broken, e.data(), 3, &largest, &total);
    EXPECT_TRUE(std::isnan(total)) << k->name;
  }
}

}  // namespace
}  // namespace hone::kernels
