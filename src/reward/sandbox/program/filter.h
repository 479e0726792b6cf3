// The seccomp filter of every box.
#pragma once

#include <string>

namespace hone::sandbox {

/// The filter as the kernel takes it. Throws std::runtime_error when libseccomp cannot make it.
std::string make_filter();

}  // namespace hone::sandbox
