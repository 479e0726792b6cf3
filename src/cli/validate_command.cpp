// hone validate CONFIG...: all the errors of all the files.
#include <cstdio>
#include <memory>

#include "commands.h"
#include "hone/core/error.h"
#include "hone/pipeline/config.h"

namespace hone::cli {

void add_validate(CLI::App& app, int& exit_code) {
  struct Options {
    std::vector<std::string> configs, overrides;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("validate", "Check configs; nothing is loaded or run");
  command->add_option("CONFIG", options->configs, "YAML or JSON files")->required();
  command->add_option("--set", options->overrides, "section.key=value in place of what the files say; repeatable")
      ->allow_extra_args(false);
  command->footer("Example:\n  hone validate configs/miniature/*.yaml");
  command->callback([options, &exit_code] {
    for (const std::string& config : options->configs) {
      try {
        std::vector<std::string> absent;
        load_run_config(config, options->overrides, &absent);
        for (const std::string& line : absent) fmt::print(stderr, "{}: note: {}\n", config, line);
        fmt::print("{}: valid\n", config);
      } catch (const Error& error) {
        fmt::print(stderr, "{}\n", error.what());
        exit_code = static_cast<int>(error.kind());
      }
    }
  });
}

}  // namespace hone::cli
