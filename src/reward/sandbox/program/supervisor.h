// The supervisor's loop: takes requests from the control socket, keeps up to `jobs` of them running, answers each, and
// ends with everything that is running when its caller is gone. One thread.
#pragma once

#include <string>

namespace hone::sandbox {

int run_supervisor(const std::string& bubblewrap, int jobs);

}  // namespace hone::sandbox
