// Rows with completions in them, as `hone score` and `hone eval --completions` take and `hone generate` writes them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "hone/data/config.h"
#include "hone/data/records.h"
#include "hone/reward/reward.h"
#include "jsonl.h"

namespace hone::cli {

/// The reward that --reward and --params describe. Throws Error kInput.
RewardConfig read_reward(const std::string& type, const std::string& params);

/// The completions of a row: "completion" or "completions", texts or objects with "text", "finish_reason" and "ids" or
/// "tokens". `rewards` decide whether tokens must be known. Throws Error kInput naming `place`.
std::vector<Completion> read_completions(const Json& row, const RewardSet& rewards, const std::string& place);

/// (KEY, NAME): what a file calls the field KEY.
using FieldMap = std::vector<std::pair<std::string, std::string>>;
/// From "KEY=NAME" each; KEY is a field of a record, or completions. Throws Error kInput.
FieldMap read_fields(const std::vector<std::string>& assignments);
/// The same for a file of problems. Throws Error kInput for completions.
FieldsConfig fields_config(const FieldMap& fields);

}  // namespace hone::cli
