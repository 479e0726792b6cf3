// Runs a config: its stages one after the other in a run folder, continuing where an earlier process stopped.
#pragma once

#include <string>
#include <vector>

namespace hone {

struct RunRequest {
  std::string config;                  ///< YAML or JSON file
  std::vector<std::string> overrides;  ///< section.key=value
  std::string output;                  ///< run folder; empty: runs/<name in config>
  bool fresh = false;                  ///< the folder must be new or empty
  bool dry_run = false;                ///< everything up to the first step, then the plan
};

/// Returns the exit code: 0 when all stages are done, 128 + n when signal n stopped the run after saving. Throws Error otherwise.
int run_pipeline(const RunRequest& request);

/// What `hone status` prints: stages, steps, last metrics, newest checkpoint, how the run ended.
std::string describe_run(const std::string& folder, bool json);

}  // namespace hone
