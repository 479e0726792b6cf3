// hone launch: a run on several ranks.
#include <memory>

#include "commands.h"
#include "hone/core/error.h"
#include "hone/dist/launcher.h"

namespace hone::cli {

void add_launch(CLI::App& app, int& exit_code) {
  auto request = std::make_shared<dist::LaunchRequest>();
  CLI::App* command =
      app.add_subcommand("launch", "Run a config on several ranks (processes), of one or more machines");
  command->add_option("--nproc-per-node", request->ranks_per_node, "Ranks on this machine")
      ->required()
      ->check(CLI::Range(1, 4096));
  command->add_option("--nnodes", request->nodes, "Machines; start hone launch on each")->check(CLI::Range(1, 4096));
  command->add_option("--node-rank", request->node, "Which of them this is, from 0")->check(CLI::Range(0, 4095));
  command->add_option("--master-addr", request->address, "Machine 0, as the others reach it");
  command
      ->add_option("--master-port", request->port,
                   "Where the ranks meet; by default a free port, or 29500 for several machines")
      ->check(CLI::Range(1, 65535));
  command->add_option("--max-restarts", request->max_restarts, "Start all again so often when one fails")
      ->check(CLI::Range(0, 1000));
  command->add_option("COMMAND", request->arguments, "After --: run CONFIG and its options")->required();
  command->footer(
      "Sets RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT, so torchrun, mpirun and srun can start `hone "
      "run`\n"
      "in its place. OMP_NUM_THREADS is cores / ranks unless it is set. Ctrl-C and SIGTERM make all ranks save at the "
      "same\n"
      "step and stop.\n\n"
      "Examples:\n"
      "  hone launch --nproc-per-node 2 -- run configs/miniature/r1_zero.yaml\n"
      "  hone launch --nproc-per-node 8 --nnodes 2 --node-rank 0 --master-addr host0 -- run my.yaml --output "
      "/shared/run");
  command->callback([request, &exit_code] {
    HONE_CHECK(request->arguments.front() == "run", .what = "hone launch starts `run` only",
               .got = request->arguments.front(), .hint = "hone launch --nproc-per-node 2 -- run CONFIG");
    exit_code = dist::launch(*request);
  });
}

}  // namespace hone::cli
