// What `hone doctor` says about the sandbox.
#include <exception>

#include "hone/core/error.h"
#include "hone/reward/sandbox.h"

namespace hone {

std::vector<std::string> sandbox_report() {
  std::vector<std::string> lines;
  try {
    const Sandbox sandbox;
    lines.push_back("sandbox: works (bubblewrap, namespaces, seccomp, rlimits)");
    lines.insert(lines.end(), sandbox.facts().begin(), sandbox.facts().end());
  } catch (const std::exception& error) {
    lines.push_back(std::string("sandbox: does not work: ") + error.what());
  }
  return lines;
}

}  // namespace hone
