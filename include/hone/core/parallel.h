// Runs a loop on several threads of its own, for work that may wait (programs, files) or that stands outside the
// thread pool of the tensors. Owns its threads for the time of the call. Thread-safe.
#pragma once

#include <cstddef>
#include <functional>

namespace hone {

/// Calls body(i) once for each i below `count`, on at most `threads` threads, the caller's among them; 0 stands for one
/// a processor. Returns when all calls have. The first exception is thrown on; calls not yet begun are then left out.
void parallel_for(size_t count, size_t threads, const std::function<void(size_t)>& body);

/// The number of threads that `threads` stands for.
size_t thread_count(size_t threads);

}  // namespace hone
