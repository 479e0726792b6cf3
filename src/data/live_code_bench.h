// The tests of LiveCodeBench's problems, out of their packing. Pure; thread-safe.
#pragma once

#include <nlohmann/json.hpp>
#include <stdexcept>

namespace hone {

/// The fields of the reward `code` for a row: `test_cases` where programs read and write streams, else `test_list`,
/// `test_setup_code` and `program_imports`. Throws std::invalid_argument that says what was expected.
nlohmann::ordered_json live_code_bench_tests(const nlohmann::ordered_json& row);

}  // namespace hone
