// The sub-commands of hone. Each function adds one to the command line: its options, its help with an example, and what
// it does when it is chosen. A command reports failure by throwing Error, or sets `exit_code` when it has already said
// what is wrong.
#pragma once

#include <CLI/CLI.hpp>

namespace hone::cli {

void add_run(CLI::App& app, int& exit_code);
void add_launch(CLI::App& app, int& exit_code);
void add_validate(CLI::App& app, int& exit_code);
void add_config(CLI::App& app, int& exit_code);
void add_init(CLI::App& app, int& exit_code);
void add_status(CLI::App& app, int& exit_code);
void add_report(CLI::App& app, int& exit_code);
void add_generate(CLI::App& app, int& exit_code);
void add_chat(CLI::App& app, int& exit_code);
void add_logprobs(CLI::App& app, int& exit_code);
void add_tokenizer(CLI::App& app, int& exit_code);
void add_score(CLI::App& app, int& exit_code);
void add_eval(CLI::App& app, int& exit_code);
void add_export(CLI::App& app, int& exit_code);
void add_import(CLI::App& app, int& exit_code);
void add_bench(CLI::App& app, int& exit_code);
void add_doctor(CLI::App& app, int& exit_code);

using AddCommand = void (*)(CLI::App& app, int& exit_code);
/// In the order of `hone --help`.
inline constexpr AddCommand kCommands[] = {
    add_run,      add_launch,    add_validate, add_config, add_init,   add_status, add_report, add_generate, add_chat,
    add_logprobs, add_tokenizer, add_score,    add_eval,   add_export, add_import, add_bench,  add_doctor};

}  // namespace hone::cli
