// hone report RUN...: one or several runs as one HTML file.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <memory>

#include "commands.h"
#include "hone/core/file.h"
#include "hone/report/html.h"

namespace hone::cli {

void add_report(CLI::App& app, int&) {
  struct Options {
    std::vector<std::string> runs;
    std::string output;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("report", "Show runs as one HTML file that needs no network");
  command->add_option("RUN", options->runs, "Run folders, finished or not; several are overlaid")->required();
  command->add_option("--output", options->output,
                      "The HTML file; by default report.html, in the run folder when there is one");
  command->footer("Example:\n  hone report runs/miniature_r1_zero runs/other --output compare.html");
  command->callback([options] {
    std::vector<RunData> runs;
    for (const std::string& run : options->runs) runs.push_back(read_run(run));
    std::filesystem::path output = options->output;
    if (output.empty())
      output = runs.size() == 1 ? std::filesystem::path(options->runs[0]) / "report.html" : "report.html";
    write_atomic(output, html_report(std::move(runs)));
    fmt::print("{}\n", output.string());
  });
}

}  // namespace hone::cli
