// hone export: a run in, a Hugging Face model folder out.
#include <memory>
#include <optional>
#include <string>

#include "commands.h"
#include "hone/core/log.h"
#include "hone/pipeline/run.h"

namespace hone::cli {

void add_export(CLI::App& app, int&) {
  struct Options {
    std::string run, output;
    std::optional<std::string> stage;
    std::optional<int64_t> step;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("export", "Write the model of a run as a folder that transformers loads");
  command->add_option("RUN", options->run, "Run folder, finished or not")->required();
  command->add_option("--stage", options->stage, "Name of a stage; by default the last one that has saved something");
  command->add_option("--step", options->step, "Step of a checkpoint; by default the finished model, or the newest");
  command->add_option("--output", options->output, "The new folder")->required();
  command->footer("Example:\n  hone export runs/miniature_r1_zero --output models/chains");
  command->callback([options] {
    prepare_process(std::nullopt);
    export_model(options->run, options->stage, options->step, options->output);
    log_info(options->output + " is a model folder now");
  });
}

}  // namespace hone::cli
