#include "kernels/matmul.h"
#include "hone/kernels/parallel.h"

#include <algorithm>

namespace hone::kernels {

void gemm(const Gemm& g) {
  if (g.m == 0 || g.n == 0) return;
  constexpr int64_t kRows = 96;  // a multiple of every tile height
  const int64_t panels = (g.n + 15) / 16;
  const int64_t row_tasks = (g.m + kRows - 1) / kRows;
  // Enough tasks for every thread even with few rows (decoding), whole panel pairs in each.
  const int64_t wanted = (4 * num_threads() + row_tasks - 1) / row_tasks;
  const int64_t panels_each = std::max<int64_t>(2, (panels / wanted + 1) / 2 * 2);
  const int64_t panel_tasks = (panels + panels_each - 1) / panels_each;
  const auto& kernels = cpu_kernels();
  parallel(row_tasks * panel_tasks, std::min(g.m, kRows) * panels_each * 16 * g.k, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t row = task / panel_tasks * kRows, panel = task % panel_tasks * panels_each;
      kernels.gemm(g, row, std::min(g.m, row + kRows), panel, std::min(panels, panel + panels_each));
    }
  });
}

}  // namespace hone::kernels
