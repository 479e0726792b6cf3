#include "hone/dist/launch_environment.h"

#include <charconv>
#include <cstdlib>

#include "hone/core/error.h"

namespace hone::dist {
namespace {

constexpr int64_t kDefaultPort = 29500;  // PyTorch's

// Where a launcher says it.
struct Launcher {
  const char *name, *rank, *size, *local_rank, *local_size;
};

// srun's own count, SLURM_STEP_NUM_TASKS, tells its tasks from a batch script, which has SLURM_NTASKS too.
constexpr Launcher kLaunchers[] = {
    {"torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"},
    {"mpirun (Open MPI)", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK",
     "OMPI_COMM_WORLD_LOCAL_SIZE"},
    {"srun", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", "SLURM_STEP_TASKS_PER_NODE"},
    {"mpirun (MPICH)", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"},
};

int64_t to_integer(const std::string& name, const std::string& text, int64_t least, int64_t most) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  HONE_CHECK(error == std::errc() && end == text.data() + text.size() && value >= least && value <= most, .what = name,
             .place = "environment", .got = "'" + text + "'",
             .expected = fmt::format("a whole number from {} to {}", least, most));
  return value;
}

// The first of a list of hosts in Slurm's form: "node[003-010,12],other" is node003.
std::string first_host(const std::string& hosts) {
  const size_t open = hosts.find('['), comma = hosts.find(',');
  if (open == std::string::npos || comma < open) return hosts.substr(0, comma);
  const size_t end = hosts.find_first_of("-,]", open);
  const size_t close = hosts.find(']', open);
  if (close == std::string::npos) return hosts.substr(0, open);
  const size_t suffix = hosts.find(',', close);
  return hosts.substr(0, open) + hosts.substr(open + 1, end - open - 1) + hosts.substr(close + 1, suffix - close - 1);
}

std::string find_address(const GetVariable& get, const Launcher& launcher, int64_t size) {
  if (const auto address = get("MASTER_ADDR"); address && !address->empty()) return *address;
  if (const auto hosts = get("SLURM_STEP_NODELIST"); hosts && std::string_view(launcher.name) == "srun") {
    return first_host(*hosts);
  }
  const auto local_size = get(launcher.local_size);
  HONE_CHECK(local_size == std::to_string(size), .what = fmt::format("{} ranks, but no MASTER_ADDR", size),
             .place = "environment", .hint = "set it to the host of rank 0, the same for all ranks");
  return "127.0.0.1";
}

}  // namespace

std::optional<std::string> environment_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

LaunchEnvironment launch_environment(const GetVariable& get) {
  constexpr int64_t kMostRanks = 1 << 20, kMostPorts = 65535;
  for (const Launcher& launcher : kLaunchers) {
    const auto size = get(launcher.size), rank = get(launcher.rank);
    if (!size) continue;
    LaunchEnvironment out;
    out.size = to_integer(launcher.size, *size, 1, kMostRanks);
    if (out.size == 1) return out;
    HONE_CHECK(rank.has_value(), .what = fmt::format("{} is set, {} is not", launcher.size, launcher.rank),
               .place = "environment", .hint = "start the ranks by hone launch, torchrun, mpirun or srun");
    out.rank = to_integer(launcher.rank, *rank, 0, out.size - 1);
    if (const auto local = get(launcher.local_rank)) {
      out.local_rank = to_integer(launcher.local_rank, *local, 0, out.size - 1);
    }
    out.address = find_address(get, launcher, out.size);
    out.port = to_integer("MASTER_PORT", get("MASTER_PORT").value_or(std::to_string(kDefaultPort)), 1, kMostPorts);
    out.launcher_hosts = get("TORCHELASTIC_USE_AGENT_STORE") == "True";
    out.restarts =
        to_integer("TORCHELASTIC_RESTART_COUNT", get("TORCHELASTIC_RESTART_COUNT").value_or("0"), 0, kMostRanks);
    return out;
  }
  return {};
}

}  // namespace hone::dist
