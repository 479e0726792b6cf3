// What a config must hold beyond the ranges of its keys.
#pragma once

#include <string>
#include <vector>

#include "hone/core/config_file.h"
#include "hone/pipeline/config.h"

namespace hone {

/// Checks rules over several keys and what the world outside of the file must have, and reports what is wrong in
/// `file`. Stages without a name get one. For `absent` see load_run_config().
void check_run(ConfigFile& file, RunConfig& config, std::vector<std::string>* absent);

}  // namespace hone
