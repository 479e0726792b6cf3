// hone doctor: what works on this machine and what is missing.
#include <sys/sysinfo.h>
#include <torch/version.h>

#include <cstdio>
#include <filesystem>

#include "commands.h"
#include "hone/core/error.h"
#include "hone/core/file.h"
#include "hone/kernels/ops.h"
#include "hone/kernels/parallel.h"
#include "hone/pipeline/run.h"
#include "hone/reward/code.h"

namespace hone::cli {
namespace {

std::string gigabytes(uint64_t bytes) {
  return fmt::format("{:.1f} GB", static_cast<double>(bytes) * 1e-9);
}

std::string memory() {
  struct sysinfo info {};
  if (::sysinfo(&info) != 0) return "unknown";
  return gigabytes(uint64_t{info.totalram} * info.mem_unit);
}

std::string builtin_model() {
  try {
    return model_folder("builtin:miniature");
  } catch (const Error& error) {
    return fmt::format("MISSING: {}", error.what());
  }
}

void doctor() {
  const auto row = [](const char* name, const std::string& value) { fmt::print("{:<16}{}\n", name, value); };
  row("hone", HONE_VERSION);
  row("compiler", HONE_COMPILER);
  row("LibTorch", TORCH_VERSION);
  row("instruction set", kernels::instruction_set());
  row("threads", std::to_string(kernels::num_threads()));
  row("memory", memory());
  row("disk, free here", gigabytes(free_disk_bytes(std::filesystem::current_path())));
  row("built-in model", builtin_model());
  row("CUDA, NCCL", "this build is for the CPU only");
  fmt::print("\nthe reward code:\n");
  for (const std::string& line : code_report()) fmt::print("  {}\n", line);
}

}  // namespace

void add_doctor(CLI::App& app, int&) {
  CLI::App* command = app.add_subcommand("doctor", "Show what works on this machine and what is missing");
  command->footer("Example:\n  hone doctor");
  command->callback([] { doctor(); });
}

}  // namespace hone::cli
