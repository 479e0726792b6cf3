// The sub-commands of hone. Each function adds one to the command line: its options, its help with an example, and what
// it does when it is chosen. A command reports failure by throwing Error, or sets `exit_code` when it has already said
// what is wrong.
#pragma once

#include <CLI/CLI.hpp>

namespace hone::cli {

void add_validate(CLI::App& app, int& exit_code);
void add_config(CLI::App& app, int& exit_code);
void add_init(CLI::App& app, int& exit_code);

}  // namespace hone::cli
