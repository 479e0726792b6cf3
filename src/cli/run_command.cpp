// hone run CONFIG and hone status RUN.
#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "commands.h"
#include "hone/pipeline/run.h"

namespace hone::cli {

void add_run(CLI::App& app, int& exit_code) {
  struct Options {
    RunRequest request;
    bool dry_run = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("run", "Run a config; run again, it continues where it was");
  command->add_option("CONFIG", options->request.config, "A stage or a pipeline, YAML or JSON")->required();
  command->add_option("--output", options->request.output, "The run folder; by default runs/<name in the config>");
  command
      ->add_option("--set", options->request.overrides, "section.key=value in place of what the file says; repeatable")
      ->allow_extra_args(false);
  command->add_flag("--fresh", options->request.fresh, "Refuse to continue: the folder must be new or empty");
  command->add_option("--from", options->request.from,
                      "Do this stage and those after it again; what they left is kept as NAME.old");
  command->add_option("--until", options->request.until, "Stop after this stage");
  command->add_option("--only", options->request.only, "Run this stage only; what it needs must be there");
  command->add_flag("--dry-run", options->dry_run, "Load everything, print stages, tokens, memory and disk, and stop");
  command->footer("Example:\n  hone run configs/miniature/r1_zero.yaml --set seed=2 --output runs/second");
  command->callback([options, &exit_code] {
    if (options->dry_run) {
      fmt::print("{}", plan_run(options->request));
    } else {
      exit_code = run_pipeline(options->request);
    }
  });
}

void add_status(CLI::App& app, int&) {
  struct Options {
    std::string run;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("status", "Show the stages of a run, its last metrics and how it ended");
  command->add_option("RUN", options->run, "The run folder")->required();
  command->add_flag("--json", options->json, "As JSON");
  command->footer("Example:\n  hone status runs/miniature_r1_zero");
  command->callback([options] { fmt::print("{}", describe_run(options->run, options->json)); });
}

}  // namespace hone::cli
