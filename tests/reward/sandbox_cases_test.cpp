// The least that the sandbox must survive: hostile programs of thirteen kinds, and well-behaved ones that look alike.
#include <thread>

#include "reward/sandbox_programs.h"

namespace hone::testing {
namespace {

using enum RunStatus;
using Statuses = std::set<RunStatus>;
using SandboxCases = SandboxTest;

// Processes

TEST_F(SandboxCases, ForkBombs) {
  const Statuses allowed = {kProcesses, kCpuTime, kWallTime};
  if (repeats() == 1) limits_.cpu_seconds = 0.6;
  expect_python("fork", "import os\nwhile True:\n try: os.fork(); os.fork()\n except OSError: pass", allowed);
  expect_python("fork and leave", R"(
import os
while True:
  try:
    if os.fork(): os._exit(0)
  except OSError: pass
)",
                allowed);
  expect_python("shell", "import os\nos.execv('/bin/sh', ['sh', '-c', 'f() { f | f & f; }; f'])", allowed);
  expect_cpp("fork", "#include <unistd.h>\nint main() { for (;;) { fork(); fork(); } }", allowed);
  expect_cpp("threads", R"(
#include <pthread.h>
#include <unistd.h>
void* wait(void*) { for (;;) pause(); }
int main() { for (;;) { pthread_t t; pthread_create(&t, nullptr, wait, nullptr); } }
)",
             allowed);
}

TEST_F(SandboxCases, MachineStaysUsableUnderAForkBomb) {
  std::thread bomb([&] { sandbox_->run(python("import os\nwhile True:\n try: os.fork()\n except OSError: pass")); });
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  for (int i = 0; i < 3; ++i) {
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(std::system("true"), 0);
    EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), 0.5);
  }
  bomb.join();
}

// Memory

TEST_F(SandboxCases, MemoryBombs) {
  const Statuses allowed = {kMemory, kRuntimeError};
  expect_python("blocks", R"(
import time
held = []
try:
  while True: held.append(bytearray(b'x' * (64 << 20)))
except MemoryError: pass
raise SystemExit(1)
)",
                allowed);
  expect_python("a map", R"(
import mmap
m = mmap.mmap(-1, 8 << 30)
for i in range(0, 8 << 30, 4096): m[i] = 1
)",
                allowed);
  expect_python("children", R"(
import os, time
for i in range(8):
  if os.fork() == 0:
    held = b'x' * (200 << 20)
    time.sleep(60)
while True: os.wait()
)",
                allowed);
  expect_python("list", "a = [0] * 10**10", allowed);
  expect_cpp("blocks", R"(
#include <cstdlib>
#include <cstring>
#include <unistd.h>
int main() { for (;;) { void* p = malloc(64 << 20); if (!p) _exit(1); memset(p, 1, 64 << 20); } }
)",
             allowed);
  expect_cpp(
      "static memory",
      "static volatile char all[60l << 30];\nint main() { for (long i = 0; i < sizeof all; i += 4096) all[i] = 1; }",
      allowed);
  // These are bounded as files.
  const Statuses files = {kMemory, kRuntimeError, kFiles, kDenied};
  expect_python("shared memory", R"(
import os
for i in range(1000): open('/dev/shm/%d' % i, 'wb', buffering=0).write(b'x' * (8 << 20))
)",
                files);
  expect_python("memfd", R"(
import os
held = []
while True:
  held.append(os.memfd_create('x'))
  for i in range(64): os.write(held[-1], b'x' * (1 << 20))
)",
                files);
}

// Time

TEST_F(SandboxCases, EndlessComputations) {
  const double limit = repeats() == 1 ? 0.5 : 2;
  const std::pair<const char*, const char*> texts[] = {
      {"loop", "while True: pass"},
      {"one call", "pow(7**999999, 7**99999)"},
      {"regular expression", "import re\nre.match('(a+)+$', 'a' * 60 + 'b')"},
      {"handlers", "import signal\nfor s in (24, 14, 15):\n signal.signal(s, lambda *a: None)\nwhile True: pass"},
      {"threads", R"(
import ctypes, threading
def burn():
  while True: sum(range(10 ** 6))
for i in range(8): threading.Thread(target=burn).start()
)"},
      {"processes", "import os\nfor i in range(3): os.fork()\nwhile True: pass"},
  };
  for (const auto& [name, text] : texts) {
    for (int i = 0; i < repeats(); ++i) {
      const std::string marker = new_marker();
      Program program = python(text, marker);
      program.limits.cpu_seconds = limit;
      program.limits.wall_seconds = 20;  // others use this machine, too
      const RunResult result = run_checked(program, marker);
      EXPECT_EQ(result.status, kCpuTime) << name << " " << result.reason;
      EXPECT_GE(result.cpu_seconds, limit) << name;
      EXPECT_LE(result.cpu_seconds, limit + 0.5) << name;
    }
  }
  Program loop = cpp("int main() { for (;;) asm volatile(\"\"); }");
  loop.limits.cpu_seconds = 0.5;
  loop.limits.wall_seconds = 20;
  const RunResult result = sandbox_->run(loop);
  EXPECT_EQ(result.status, kCpuTime);
  EXPECT_GE(result.cpu_seconds, 0.5);
  EXPECT_LE(result.cpu_seconds, 1.0);
}

TEST_F(SandboxCases, SleepersMeetTheClock) {
  for (const char* text :
       {"import time\ntime.sleep(60)", "import signal\nsignal.pause()", "import os\nos.kill(os.getpid(), 19)"}) {
    const std::string marker = new_marker();
    Program program = python(text, marker);
    program.limits.wall_seconds = 0.6;
    const RunResult result = run_checked(program, marker);
    EXPECT_EQ(result.status, kWallTime) << text;
    EXPECT_GE(result.wall_seconds, 0.6);
    EXPECT_LE(result.wall_seconds, 1.1);
  }
}

// Disk

TEST_F(SandboxCases, DiskFillers) {
  const auto free_before = fs::space("/tmp").available;
  const Statuses allowed = {kFiles, kRuntimeError};
  expect_python("one file", R"(
f = open('a', 'wb', buffering=0)
while True:
  try: f.write(b'\0' * 65536)
  except OSError: break
)",
                allowed);
  expect_python("many files", R"(
for i in range(10000):
  try: open('f%d' % i, 'wb').write(b'x' * 4096)
  except OSError: pass
)",
                allowed);
  expect_python("empty files", R"(
for i in range(10000):
  try: open('f%d' % i, 'wb')
  except OSError: pass
)",
                allowed);
  expect_python("unlinked", R"(
import os
f = open('a', 'wb', buffering=0)
os.unlink('a')
while True: f.write(b'\0' * 65536)
)",
                allowed);
  expect_python("sparse", "f = open('a', 'wb')\nf.truncate(1 << 40)", allowed);
  expect_cpp("one file", R"(
#include <csignal>
#include <fcntl.h>
#include <unistd.h>
char zeros[65536];
int main() {
  signal(SIGXFSZ, SIG_IGN);
  int f = open("a", O_CREAT | O_WRONLY, 0600);
  while (write(f, zeros, sizeof zeros) > 0) {}
}
)",
             allowed);
  expect_cpp("core", R"(
#include <cstdlib>
#include <cstring>
int main() { void* p = malloc(200 << 20); memset(p, 1, 200 << 20); abort(); }
)",
             {kRuntimeError});
  EXPECT_FALSE(fs::exists("core"));
  const auto free_after = fs::space("/tmp").available;
  EXPECT_GT(free_after + (512ULL << 20), free_before);  // others write, too
}

// Output

TEST_F(SandboxCases, OutputFloods) {
  const std::pair<const char*, const char*> texts[] = {
      {"output", "while True: print('x' * 65536)"},
      {"error", "import os\nwhile True: os.write(2, b'x' * 65536)"},
      {"bytes to both", "import os\nwhile True: os.write(1, b'x'); os.write(2, b'y')"},
      {"and a right answer", "print('x\\n' * (1 << 20))\nprint(42)"},
  };
  for (const auto& [name, text] : texts) {
    const std::string marker = new_marker();
    const Program program = python(text, marker);
    const RunResult result = run_checked(program, marker);
    EXPECT_EQ(result.status, kOutput) << name << result.reason;
    EXPECT_LE(result.output.size() + result.error.size(), static_cast<size_t>(program.limits.output_bytes));
  }
  expect_output(python("print('x' * 900 * 1024, end='')"), std::string(900 * 1024, 'x'));
}

// Orphans

TEST_F(SandboxCases, GrandchildrenThatHoldThePipes) {
  for (const char* loop : {"time.sleep(3600)", "\n    while True:\n      print('x', flush=True); time.sleep(1)"}) {
    const std::string marker = new_marker();
    const auto start = std::chrono::steady_clock::now();
    const RunResult result = run_checked(python(std::string(R"(
import os, time
print('right', flush=True)
if os.fork() == 0:
  os.setsid()
  if os.fork() == 0:
    )") + loop + "\n  os._exit(0)\n",
                                                marker),
                                         marker);
    EXPECT_EQ(result.status, kProcesses) << result.reason;
    EXPECT_EQ(result.output.substr(0, 6), "right\n");
    EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), 1.5);
  }
  expect_cpp("grandchild", R"(
#include <cstdio>
#include <unistd.h>
int main() { puts("right"); fflush(stdout); if (fork() == 0) { setsid(); if (fork() == 0) for (;;) pause(); } }
)",
             {kProcesses});
}

// Descriptors

TEST_F(SandboxCases, Descriptors) {
  expect_output(python(R"(
import os
held = []
try:
  while True: held.append(os.open('/dev/null', os.O_RDONLY))
except OSError: pass
print(len(held) <= 32)
)"),
                "True\n");
  expect_output(python(R"(
import os
for fd in range(3, 1024):
  try: os.write(fd, b'x'); print('wrote to', fd)
  except OSError: pass
found = [fd for fd in range(3, 1024) if os.path.exists('/proc/self/fd/%d' % fd)]
print(found)
)"),
                "[]\n");
  expect_python("pipes", R"(
import os, socket
held = []
while True:
  a, b = socket.socketpair()
  a.setblocking(False)
  held += [a, b]
  try:
    while True: a.send(b'x' * 65536)
  except BlockingIOError: pass
)",
                {kRuntimeError, kFiles});
  expect_python("in flight", R"(
import array, socket
a, b = socket.socketpair()
a.setblocking(False)
n = open('/dev/null')
while True: a.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [n.fileno()] * 20))])
)",
                {kRuntimeError, kFiles});
  const int leaked = open("/dev/null", O_RDONLY);  // without O_CLOEXEC, as careless libraries do it
  const auto again = std::make_unique<Sandbox>();
  const RunResult result = again->run(python("import os\nprint(sorted(os.listdir('/proc/self/fd'))[:-1])"));
  EXPECT_EQ(result.output, "['0', '1', '2']\n");
  close(leaked);
}

// Programs that do no harm

TEST_F(SandboxCases, BenignProgramsEndWell) {
  Program copy = python("import sys\ndata = sys.stdin.read()\nprint('y' * 1040000)\nassert len(data) == 5 << 20");
  copy.input = std::string(5 << 20, 'z');
  expect_output(copy, std::string(1040000, 'y') + "\n");
  expect_output(python("x = bytearray(b'x' * (100 << 20))\ny = bytes(90 << 20)\nprint(len(x))"), "104857600\n");
  expect_output(python(R"(
import threading
done = []
threads = [threading.Thread(target=lambda: done.append(sum(range(1000)))) for _ in range(4)]
for t in threads: t.start()
for t in threads: t.join()
print(done)
)"),
                "[499500, 499500, 499500, 499500]\n");
  expect_output(python("open('a', 'wb').write(b'x' * (10 << 20))\nprint(len(open('a', 'rb').read()))"), "10485760\n");
  expect_output(python("print(0.1 + 0.2)\nprint()"), "0.30000000000000004\n\n");
  expect_output(python("import subprocess\nprint(subprocess.run(['echo', 'hi'], capture_output=True).stdout)"),
                "b'hi\\n'\n");
  expect_output(
      python(
          "import multiprocessing as m\nif __name__ == '__main__':\n with m.Pool(2) as p: print(p.map(abs, [-1, 2]))"),
      "[1, 2]\n");
  Program busy = python("import time\nwhile time.process_time() < 1.8: pass\nprint(1)");
  busy.limits.wall_seconds = 20;
  expect_output(busy, "1\n");
  expect_output(cpp(R"(
#include <cstdio>
int deep(int n) { volatile char room[600]; room[0] = 1; return n == 0 ? 0 : deep(n - 1) + room[0]; }
int main() { printf("%d\n", deep(10000)); }
)"),
                "10000\n");
  expect_output(python("print(open('/dev/stdin').read() + input.__name__)"), "input\n");
}

TEST_F(SandboxCases, EightCorrectProgramsBesideAHostileOne) {
  const std::string correct =
      "import time\nt = time.process_time()\nwhile time.process_time() - t < 0.05: pass\nprint(42)";
  const char* const hostile[] = {
      "import os\nwhile True:\n try: os.fork()\n except OSError: pass",
      "held = []\nwhile True: held.append(bytearray(b'x' * (1 << 20)))",
      "while True: print('x' * 65536)",
      "import os\nn = 0\nwhile True:\n n += 1\n open(str(n), 'wb').write(b'x' * 4096)",
  };
  for (const char* text : hostile) {
    std::vector<RunResult> results(9);
    std::vector<std::thread> threads;
    for (size_t i = 0; i < results.size(); ++i) {
      threads.emplace_back([&, i] { results[i] = sandbox_->run(python(i == 0 ? text : correct)); });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_NE(results[0].status, kOk);
    EXPECT_NE(results[0].status, kSandboxError) << results[0].reason;
    for (size_t i = 1; i < results.size(); ++i) {
      EXPECT_EQ(results[i].status, kOk) << results[i].reason << results[i].error;
      EXPECT_EQ(results[i].output, "42\n");
    }
  }
}

}  // namespace
}  // namespace hone::testing
