// hone-sandbox: the program that holds the boxes. hone carries it inside itself and executes it from memory; within a
// box the same program is the first process.
#include <cstdlib>
#include <string_view>

#include "reward/sandbox/program/init.h"
#include "reward/sandbox/program/supervisor.h"

int main(int argc, char** argv) {
  const std::string_view role = argc > 1 ? argv[1] : "";
  if (role == "init") return hone::sandbox::run_init();
  if (role == "supervise" && argc == 4) return hone::sandbox::run_supervisor(argv[2], std::atoi(argv[3]));
  return 2;
}
