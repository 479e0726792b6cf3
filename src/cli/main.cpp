// hone: samples, rewards, trains, checkpoints and evaluates. Each sub-command is a function of commands.h.
#include <cstdio>
#include <exception>
#include <filesystem>

#include "commands.h"
#include "hone/core/error.h"

namespace {

constexpr const char* kFooter = R"(Start here:
  hone run configs/miniature/r1_zero.yaml     a base model learns to reason, on two CPU cores
  hone init r1_zero my_run                    configs with every key explained, to edit
  hone config keys                            every key there is

Exit codes: 0 done, 1 failed, 2 bad command line, config or input, 3 stopped by a guard, 128 + n stopped by signal n.

Environment: OMP_NUM_THREADS sets the threads (as runtime.threads does), NO_COLOR turns colours off,
HONE_ISA=generic|avx2|avx512 chooses the instruction set, HONE_FAILPOINT=NAME:kill|error|full[:N] breaks a run on purpose.)";

int run(int argc, char** argv) {
  CLI::App app("Teaches language models to reason: GRPO and the rest of the DeepSeek-R1 recipe, natively.", "hone");
  app.set_version_flag("--version", "hone " HONE_VERSION);
  app.footer(kFooter);
  app.require_subcommand(1);
  int exit_code = 0;
  for (const hone::cli::AddCommand add : hone::cli::kCommands) add(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(hone::ErrorKind::kInput);
  }
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const hone::Error& error) {
    std::fprintf(stderr, "hone: %s\n", error.what());
    return static_cast<int>(error.kind());
  } catch (const std::filesystem::filesystem_error& error) {  // a link to itself, a folder that may not be entered
    std::fprintf(stderr, "hone: %s: %s\n", error.path1().c_str(), error.code().message().c_str());
    return static_cast<int>(hone::ErrorKind::kInput);
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr,
                 "hone: out of memory (lower optimizer.micro_batch_tokens, sampling.max_num_seqs or "
                 "sampling.max_completion_length; hone run --dry-run shows what is needed)\n");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "hone: %s\n", error.what());
  }
  return static_cast<int>(hone::ErrorKind::kFailed);
}
