// The life of the supervisor and of its boxes: they die with their caller, and the caller outlives them.
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <thread>

#include "reward/sandbox_programs.h"

namespace hone::testing {
namespace {

using enum RunStatus;
using SandboxLife = SandboxTest;

bool gone_soon(const std::string& marker) {
  for (int i = 0; i < 500; ++i) {
    if (processes_with(marker).empty()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

bool seen_soon(const std::string& marker) {
  for (int i = 0; i < 500; ++i) {
    if (!processes_with(marker).empty()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

constexpr char kSleep[] = "import time\ntime.sleep(100)";

TEST_F(SandboxLife, NothingIsLeftWhenTheSandboxEnds) {
  const size_t descriptors = open_descriptors();
  const auto children = children_of(getpid());
  for (int i = 0; i < 3; ++i) {
    const Sandbox sandbox;
    EXPECT_EQ(sandbox.run(python("print(1)")).output, "1\n");
    EXPECT_EQ(children_of(getpid()).size(), children.size() + 1);
  }
  EXPECT_EQ(open_descriptors(), descriptors);
  EXPECT_EQ(children_of(getpid()), children);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), 0) << "a zombie";  // there is the fixture's supervisor, and it runs
}

TEST_F(SandboxLife, ManyRunsLeaveNothing) {
  expect_output(python("print(1)"), "1\n");
  const Surroundings before;
  const size_t held = static_cast<size_t>(std::distance(
      fs::directory_iterator("/proc/" + std::to_string(sandbox_->supervisor()) + "/fd"), fs::directory_iterator()));
  for (int i = 0; i < 30; ++i) {
    sandbox_->run(python(i % 3 == 0 ? "print(1)" : i % 3 == 1 ? "import os\nos.abort()" : "print('x' * (3 << 20))"));
  }
  before.expect_equal(Surroundings());
  const size_t held_after = static_cast<size_t>(std::distance(
      fs::directory_iterator("/proc/" + std::to_string(sandbox_->supervisor()) + "/fd"), fs::directory_iterator()));
  EXPECT_EQ(held, held_after);
  EXPECT_EQ(children_of(sandbox_->supervisor()), std::vector<int>());
}

TEST_F(SandboxLife, AKilledSupervisorIsReplacedAndTakesItsBoxesAlong) {
  for (const int signal : {SIGKILL, SIGTERM}) {
    const std::string marker = new_marker();
    const int first = sandbox_->supervisor();
    ASSERT_GT(first, 0);  // kill(-1) would end everything
    Program sleeper = python(kSleep, marker);
    sleeper.limits.wall_seconds = 1;
    RunResult result;
    std::thread caller([&] { result = sandbox_->run(sleeper); });
    ASSERT_TRUE(seen_soon(marker));
    kill(first, signal);
    caller.join();  // it was tried once more, under a new supervisor
    EXPECT_EQ(result.status, kWallTime) << result.reason;
    EXPECT_TRUE(gone_soon(marker));
    EXPECT_NE(sandbox_->supervisor(), first);
    expect_output(python("print(1)"), "1\n");
  }
}

TEST_F(SandboxLife, ARunThatLosesItsSupervisorTwiceIsNoVerdict) {
  const std::string marker = new_marker();
  RunResult result;
  std::thread caller([&] { result = sandbox_->run(python(kSleep, marker)); });
  for (int i = 0; i < 2; ++i) {
    const int pid = sandbox_->supervisor();
    ASSERT_GT(pid, 0);
    ASSERT_TRUE(seen_soon(marker));
    kill(pid, SIGKILL);
    ASSERT_TRUE(i == 0 || gone_soon(marker));
    while (i == 0 && sandbox_->supervisor() == pid) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  caller.join();
  EXPECT_EQ(result.status, kSandboxError);
}

TEST_F(SandboxLife, EverythingDiesWithTheCaller) {
  const std::string marker = new_marker();
  const pid_t caller = fork();
  if (caller == 0) {
    Sandbox sandbox;
    Program sleeper = python(kSleep, marker);
    sleeper.limits.wall_seconds = 90;
    sandbox.run(sleeper);
    _exit(0);
  }
  ASSERT_TRUE(seen_soon(marker));
  const auto supervisors = children_of(caller);
  kill(caller, SIGKILL);
  waitpid(caller, nullptr, 0);
  EXPECT_TRUE(gone_soon(marker));
  ASSERT_EQ(supervisors.size(), 1U);
  for (int i = 0; i < 300 && kill(supervisors[0], 0) == 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  // Whoever adopted it reaps it.
  EXPECT_TRUE(kill(supervisors[0], 0) != 0 ||
              read_text("/proc/" + std::to_string(supervisors[0]) + "/cmdline").empty());
}

TEST_F(SandboxLife, DiesWithTheCallerEvenWhenAChildOfItHoldsTheSocket) {
  const std::string marker = new_marker();
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t caller = fork();
  if (caller == 0) {
    Sandbox sandbox;
    const pid_t holder = fork();  // such as a worker of a data loader: it inherits the socket
    if (holder == 0) {
      sleep(60);
      _exit(0);
    }
    (void)!write(ends[1], &holder, sizeof holder);
    Program sleeper = python(kSleep, marker);
    sleeper.limits.wall_seconds = 90;
    sandbox.run(sleeper);
    _exit(0);
  }
  ASSERT_TRUE(seen_soon(marker));
  kill(caller, SIGKILL);
  waitpid(caller, nullptr, 0);
  EXPECT_TRUE(gone_soon(marker));
  pid_t holder = -1;
  ASSERT_EQ(read(ends[0], &holder, sizeof holder), static_cast<ssize_t>(sizeof holder));
  EXPECT_EQ(kill(holder, SIGKILL), 0) << "it should have held the socket until now";
  close(ends[0]);
  close(ends[1]);
}

TEST_F(SandboxLife, LinkedPrograms) {
  const Program first = python("import os\nos.write(0, b'ping')\nprint(os.read(0, 10))");
  const Program second = python("import os\nprint(os.read(0, 10), flush=True)\nos.write(0, b'pong')\nwhile True: pass");
  const auto [a, b] = sandbox_->run_linked(first, second);
  EXPECT_EQ(a.status, kOk) << a.error;
  EXPECT_EQ(a.output, "b'pong'\n");
  EXPECT_EQ(b.status, kStopped);
  EXPECT_EQ(b.output, "b'ping'\n");
  // One that ends at once stops the other while that is still being built.
  for (int i = 0; i < 10; ++i) {
    const auto [quick, slow] = sandbox_->run_linked(python("pass"), python(kSleep));
    EXPECT_EQ(quick.status, kOk);
    EXPECT_EQ(slow.status, kStopped);
  }
  EXPECT_EQ(children_of(sandbox_->supervisor()), std::vector<int>());
}

TEST_F(SandboxLife, RunsSideBySide) {
  Program sleeper = python("import time\ntime.sleep(0.5)\nprint(1)");
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] { EXPECT_EQ(sandbox_->run(sleeper).output, "1\n"); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), 3.5);
}

// 40 programs a second on two processors leave each 50 ms of their time. Time by the clock is not tested: others use
// the machine, too.
TEST_F(SandboxLife, ABoxIsCheap) {
  constexpr int kRuns = 40;
  rusage before{}, after{};
  getrusage(RUSAGE_CHILDREN, &before);
  const auto start = std::chrono::steady_clock::now();
  {
    const Sandbox sandbox;
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i) {
      threads.emplace_back([&] {
        for (int k = 0; k < kRuns / 2; ++k) EXPECT_EQ(sandbox.run(python("print(1)")).output, "1\n");
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  getrusage(RUSAGE_CHILDREN, &after);
  const auto seconds = [](const rusage& usage) {
    return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
  };
  const double each = (seconds(after) - seconds(before)) / kRuns;
  printf("%.1f ms of processor time a program, %.0f programs a second by the clock\n", each * 1e3,
         kRuns / took.count());
  EXPECT_LT(each, 0.05);
}

TEST_F(SandboxLife, JobsBoundWhatRunsAtOnce) {
  const Sandbox one({.jobs = 1, .bubblewrap = {}});
  const std::string marker = new_marker();
  const Program sleeper = python("import time\ntime.sleep(0.2)", marker);
  std::vector<std::thread> threads;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 3; ++i) threads.emplace_back([&] { EXPECT_EQ(one.run(sleeper).status, kOk); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_GE(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), 0.6);
}

// Root has control groups and a user for each box; nobody else has. Both must hold.
TEST_F(SandboxLife, WorksForAnOrdinaryUser) {
  if (geteuid() != 0) GTEST_SKIP() << "this is an ordinary user already";
  const pid_t child = fork();
  if (child == 0) {
    if (setgid(54321) != 0 || setuid(54321) != 0) _exit(90);
    try {
      const Sandbox sandbox;
      if (sandbox.run(python("print(1)")).output != "1\n") _exit(91);
      const RunStatus memory =
          sandbox.run(python("held = []\nwhile True: held.append(bytearray(b'x' * (4 << 20)))")).status;
      if (memory != kMemory && memory != kRuntimeError) _exit(92);
      const RunStatus children = sandbox
                                     .run(python("import os, time\nfor i in range(8):\n if os.fork() == 0:\n  "
                                                 "held = b'x' * (100 << 20); time.sleep(60)\ntime.sleep(60)"))
                                     .status;
      if (children != kMemory) _exit(93);
      Program bomb = python("import os\nwhile True:\n try: os.fork()\n except OSError: pass");
      bomb.limits.wall_seconds = 1;
      const RunStatus forks = sandbox.run(bomb).status;
      if (forks != kWallTime && forks != kCpuTime && forks != kProcesses) _exit(94);
      Program loop = python("import os\nos.fork()\nwhile True: pass");
      loop.limits.cpu_seconds = 0.5;
      loop.limits.wall_seconds = 20;
      const RunResult looped = sandbox.run(loop);
      if (looped.status != kCpuTime || looped.cpu_seconds > 1.0) _exit(95);
    } catch (const std::exception& error) {
      fprintf(stderr, "%s\n", error.what());
      _exit(96);
    }
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
}

TEST_F(SandboxLife, ReportSaysWhatIsThere) {
  const auto lines = sandbox_report();
  ASSERT_GE(lines.size(), 4U);
  EXPECT_EQ(lines[0].rfind("sandbox: works", 0), 0U) << lines[0];
}

TEST(SandboxAbsent, IsRefusedInOneLine) {
  try {
    const Sandbox sandbox({.jobs = 1, .bubblewrap = "/no/such/bwrap"});
    FAIL() << "no refusal";
  } catch (const Error& error) {
    const std::string line = error.what();
    EXPECT_NE(line.find("apt-get install bubblewrap"), std::string::npos) << line;
    EXPECT_EQ(line.find('\n'), std::string::npos);
  }
  try {
    const Sandbox sandbox({.jobs = 1, .bubblewrap = "/bin/false"});
    FAIL() << "no refusal";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("programs cannot be isolated here"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace hone::testing
