// Benchmark files as their authors publish them, read as problems: what is asked, what is right, and which reward says
// so. docs/evaluation.md has a table of the formats and their sources. Pure functions; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "hone/data/config.h"
#include "hone/data/records.h"

namespace hone {

/// A row of the benchmark's file with the fields that templates and rewards read: `prompt`, `id` where the row names
/// itself, and `answer`, `choices` or tests. Its own fields stay; one that we call the same gives way. A gold that is
/// null gives a record without `answer`. Throws Error kInput naming `place` for a row that is not of this benchmark.
Record read_benchmark(Benchmark benchmark, const Record& row, const std::string& place);

/// The type of the reward that judges completions of it: math, code, multiple_choice or ifeval.
std::string_view judge_of(Benchmark benchmark);

}  // namespace hone
