// The threads of the program: loops over work of a few microseconds a piece.
//
// The caller claims chunks like every other thread and waits only for those that another thread has begun. So a thread
// that the system has put aside delays nothing but its own chunk. (OpenMP's barrier waits for every thread, spinning;
// where another program needs a core, that makes a small model ten times slower than one thread would be.) These are
// the only threads: LibTorch's own operations run in the thread that calls them. Results never depend on which thread
// does what. One loop at a time; a loop inside a loop runs in its thread.
#pragma once

#include <cstdint>

namespace hone::kernels {

/// At first those that OpenMP would use: OMP_NUM_THREADS, or the cores that the process may use.
int num_threads();
void set_num_threads(int threads);

using ParallelBody = void (*)(const void* context, int64_t begin, int64_t end);
/// Calls body(context, begin, end) for chunks of at least `grain` that cover [0, n). Rethrows the first exception.
void run_parallel(int64_t n, int64_t grain, ParallelBody body, const void* context);

/// Runs body(begin, end) over [0, n), serially where the whole work is under about 20,000 multiply-adds.
template <class Body>
void parallel(int64_t n, int64_t work_each, const Body& body) {
  const int64_t grain = 20'000 / (work_each < 1 ? 1 : work_each) + 1;
  run_parallel(
      n, grain,
      [](const void* context, int64_t begin, int64_t end) { (*static_cast<const Body*>(context))(begin, end); }, &body);
}

}  // namespace hone::kernels
