#include "hone/dist/launch_environment.h"

#include <gtest/gtest.h>

#include <map>

#include "hone/core/error.h"

namespace hone::dist {
namespace {

LaunchEnvironment read(const std::map<std::string, std::string>& variables) {
  return launch_environment([&](const std::string& name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

std::string refusal(const std::map<std::string, std::string>& variables) {
  try {
    read(variables);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    return error.what();
  }
  return "accepted";
}

TEST(LaunchEnvironment, IsAWorldOfOneWithoutALauncher) {
  EXPECT_EQ(read({}).size, 1);
  EXPECT_EQ(read({{"RANK", "0"}, {"WORLD_SIZE", "1"}}).size, 1);
  // A batch script is no task of srun.
  EXPECT_EQ(read({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}}).size, 1);
}

TEST(LaunchEnvironment, OfTorchrun) {
  const auto e = read({{"RANK", "5"},
                       {"WORLD_SIZE", "8"},
                       {"LOCAL_RANK", "1"},
                       {"MASTER_ADDR", "node7"},
                       {"MASTER_PORT", "1234"},
                       {"TORCHELASTIC_USE_AGENT_STORE", "True"},
                       {"TORCHELASTIC_RESTART_COUNT", "2"}});
  EXPECT_EQ(e.rank, 5);
  EXPECT_EQ(e.size, 8);
  EXPECT_EQ(e.local_rank, 1);
  EXPECT_EQ(e.address, "node7");
  EXPECT_EQ(e.port, 1234);
  EXPECT_TRUE(e.launcher_hosts);
  EXPECT_EQ(e.restarts, 2);
}

TEST(LaunchEnvironment, OfMpirunOnOneMachine) {
  const auto e = read({{"OMPI_COMM_WORLD_RANK", "1"},
                       {"OMPI_COMM_WORLD_SIZE", "2"},
                       {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                       {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}});
  EXPECT_EQ(e.rank, 1);
  EXPECT_EQ(e.address, "127.0.0.1");
  EXPECT_EQ(e.port, 29500);
  EXPECT_FALSE(e.launcher_hosts);
}

TEST(LaunchEnvironment, OfSrunMeetsAtTheFirstHost) {
  const auto address = [](const std::string& hosts) {
    return read({{"SLURM_PROCID", "3"}, {"SLURM_STEP_NUM_TASKS", "4"}, {"SLURM_STEP_NODELIST", hosts}}).address;
  };
  EXPECT_EQ(address("one"), "one");
  EXPECT_EQ(address("one,two"), "one");
  EXPECT_EQ(address("node[003-010,12],other"), "node003");
  EXPECT_EQ(address("rack[1,4]-gpu,x[2-3]"), "rack1-gpu");
  EXPECT_EQ(address("one,node[1-2]"), "one");
}

TEST(LaunchEnvironment, SaysWhatIsWrong) {
  EXPECT_NE(refusal({{"WORLD_SIZE", "2"}}).find("RANK is not"), std::string::npos);
  EXPECT_NE(refusal({{"WORLD_SIZE", "2"}, {"RANK", "2"}}).find("0 to 1"), std::string::npos);
  EXPECT_NE(refusal({{"WORLD_SIZE", "two"}, {"RANK", "0"}}).find("'two'"), std::string::npos);
  EXPECT_NE(refusal({{"WORLD_SIZE", "2"}, {"RANK", "0"}}).find("MASTER_ADDR"), std::string::npos);
  EXPECT_NE(refusal({{"WORLD_SIZE", "2"}, {"RANK", "0"}, {"MASTER_ADDR", "a"}, {"MASTER_PORT", "99999"}}).find("65535"),
            std::string::npos);
}

}  // namespace
}  // namespace hone::dist
