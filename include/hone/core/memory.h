// Gives memory back to the system that the process holds but does not need. Owns nothing. Thread-safe.
#pragma once

namespace hone {

/// Freed heap, and pages of program text, which come back from the page cache when they are next run. LibTorch runs
/// 40 MB of code once, when it registers its operators; call before something large is allocated.
void release_idle_memory();

}  // namespace hone
