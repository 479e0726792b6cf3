// The verifiable instructions of IFEval (Zhou et al., arXiv 2311.07911), read from a record. Pure; thread-safe.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "text.h"

namespace hone::ifeval {

/// Whether a response follows an instruction. The response is not blank.
using Check = std::function<bool(TextView response)>;

struct Instruction {
  std::string id;
  Check follows;
};

struct Instructions {
  std::vector<Instruction> all;
  std::string problem{};  ///< why the record cannot be used; empty when it can
};

/// Reads `instruction_id_list` and `kwargs` of a record, a JSON object. Never throws for what stands there.
Instructions read_instructions(const nlohmann::json& record);

}  // namespace hone::ifeval
