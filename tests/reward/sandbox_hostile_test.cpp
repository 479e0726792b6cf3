// Further hostile programs: the kernel's doors, the supervisor, the first process of the box.
#include "reward/sandbox_programs.h"

namespace hone::testing {
namespace {

using enum RunStatus;
using SandboxHostile = SandboxTest;

constexpr char kCalls[] = R"(
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
  ctypes.set_errno(0)
  return libc.syscall(number, *arguments), ctypes.get_errno()
)";

#ifdef __x86_64__
TEST_F(SandboxHostile, ForbiddenCallsEndTheProgram) {
  // ptrace, mount, umount2, pivot_root, chroot, setns, unshare, bpf, keyctl, init_module, kexec_load, process_vm_readv,
  // perf_event_open, userfaultfd, open_by_handle_at, fsopen, move_mount
  for (const int number : {101, 165, 166, 155, 161, 308, 272, 321, 250, 175, 246, 310, 298, 323, 304, 430, 429}) {
    const RunResult result =
        sandbox_->run(python(kCalls + std::string("call(") + std::to_string(number) + ", 0, 0, 0, 0, 0)"));
    EXPECT_EQ(result.status, kDenied) << number << " " << result.reason << result.output << result.error;
  }
}

TEST_F(SandboxHostile, OtherCallsDoNotExist) {
  // io_uring_setup, memfd_create, memfd_secret, shmget, msgget, semget, mq_open, clone3, name_to_handle_at,
  // lookup_dcookie, personality, syslog, modify_ldt, iopl
  for (const int number : {425, 319, 447, 29, 68, 64, 240, 435, 303, 212, 135, 103, 154, 172}) {
    expect_output(python(kCalls + std::string("print(call(") + std::to_string(number) + ", 0, 0, 0, 0, 0))"),
                  "(-1, 38)\n");
  }
  // clone with a new user namespace
  expect_output(python(kCalls + std::string("print(call(56, 0x10000011, 0, 0, 0, 0)[1])")), "38\n");
}
#endif

TEST_F(SandboxHostile, TheFirstProcessCannotBeTouched) {
  expect_output(python(R"(
import os, signal
for s in range(1, 65):
  if s in (32, 33): continue
  try: os.kill(1, s)
  except OSError as e: print(s, e)
for path in ('/proc/1/mem', '/proc/1/environ', '/proc/1/maps', '/proc/1/auxv', '/proc/1/oom_score_adj'):
  for mode in ('rb', 'wb'):
    if 'oom' in path and mode == 'rb': continue
    try: open(path, mode).read(1); print('opened', path, mode)
    except OSError: pass
for path in ('/proc/1/fd', '/proc/1/cwd', '/proc/1/root', '/proc/1/exe'):
  try: print(os.listdir(path) if path.endswith('fd') else os.readlink(path))
  except OSError: pass
print('alive')
)"),
                "alive\n");
}

TEST_F(SandboxHostile, KillingEverythingKillsOnlyTheBox) {
  const int supervisor = sandbox_->supervisor();
  expect_python("kill all", "import os\nos.kill(-1, 9)\nwhile True: pass", {kRuntimeError, kCpuTime});
  expect_python("kill pids", R"(
import os
for pid in range(2, 70000):
  if pid != os.getpid():
    try: os.kill(pid, 9); print('killed', pid)
    except OSError: pass
raise SystemExit(3)
)",
                {kRuntimeError});
  expect_python("kill parent group", "import os\nos.kill(os.getppid(), 9)\nos.killpg(0, 9)", {kRuntimeError});
  EXPECT_EQ(sandbox_->supervisor(), supervisor);
}

TEST_F(SandboxHostile, Daemons) {
  expect_python("daemon", R"(
import os, signal, time
for s in range(1, 65):
  try: signal.signal(s, signal.SIG_IGN)
  except (OSError, ValueError): pass
for i in range(5):
  if os.fork(): os._exit(0)
  os.setsid()
for fd in range(0, 64):
  try: os.close(fd)
  except OSError: pass
while True: time.sleep(100)
)",
                {kProcesses});
  expect_python("subreaper", R"(
import ctypes, os, time
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
for i in range(3):
  if os.fork() == 0:
    os.setsid()
    if os.fork() == 0: time.sleep(100)
    os._exit(0)
)",
                {kProcesses});
  expect_python("stopped", R"(
import os, signal, time
pid = os.fork()
if pid == 0: time.sleep(100)
os.kill(pid, signal.SIGSTOP)
)",
                {kProcesses});
}

TEST_F(SandboxHostile, LimitsCannotBeRaised) {
  expect_output(python(R"(
import resource
for name in ('RLIMIT_CPU', 'RLIMIT_FSIZE', 'RLIMIT_NOFILE', 'RLIMIT_NPROC', 'RLIMIT_CORE', 'RLIMIT_MEMLOCK'):
  kind = getattr(resource, name)
  soft, hard = resource.getrlimit(kind)
  try: resource.setrlimit(kind, (hard + 1, hard + 1)); print('raised', name)
  except (ValueError, OSError): pass
print(resource.getrlimit(resource.RLIMIT_NOFILE), resource.getrlimit(resource.RLIMIT_CORE))
)"),
                "(32, 32) (1, 1)\n");
}

TEST_F(SandboxHostile, NoPrivileges) {
  expect_output(python(R"(
import os
status = dict(line.split(':\t', 1) for line in open('/proc/self/status').read().splitlines() if ':\t' in line)
print(status['CapEff'], status['CapPrm'], status['CapInh'], status['CapAmb'], status['NoNewPrivs'], status['Seccomp'], os.getuid())
for attempt in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0]), lambda: os.chroot('/tmp'),
                lambda: os.mknod('/tmp/disk', 0o60644, os.makedev(8, 0)), lambda: os.sethostname('x') if hasattr(os, 'sethostname') else None,
                lambda: os.nice(-5)):
  if attempt.__code__.co_names[-1:] == ('chroot',): continue
  try:
    if attempt() is not None: print('done')
  except (OSError, AttributeError): pass
)"),
                "0000000000000000 0000000000000000 0000000000000000 0000000000000000 1 2 1000\n");
}

TEST_F(SandboxHostile, DevicesAreFew) {
  expect_output(python(R"(
import os
print(sorted(os.listdir('/dev')))
for path in ('/dev/kvm', '/dev/mem', '/dev/kmsg', '/dev/fuse', '/dev/tty', '/dev/ptmx', '/sys/fs/cgroup'):
  if os.path.exists(path): print(path)
)"),
                "['fd', 'full', 'null', 'random', 'shm', 'stderr', 'stdin', 'stdout', 'urandom', 'zero']\n");
}

TEST_F(SandboxHostile, StrangeEnds) {
  expect_python("no program", "import os\nos.execv('/bin/true', ['true'])\n", {kOk});
  expect_python("closed", "import os\nfor fd in range(3): os.close(fd)\nos._exit(7)", {kRuntimeError});
  expect_python("segmentation fault", "import ctypes\nctypes.string_at(0)", {kRuntimeError});
  expect_python("trap", "import os, signal\nos.kill(os.getpid(), signal.SIGTRAP)", {kRuntimeError});
  expect_python("its own kill", "import os\nos.kill(os.getpid(), 9)", {kRuntimeError});
  expect_python("deep recursion",
                "import sys\nsys.setrecursionlimit(10**9)\ndef f(x): return [f([x])]\nimport functools\nf = "
                "functools.lru_cache(None)(lambda x: f(x + 1))\nf(0)",
                {kRuntimeError, kMemory, kCpuTime});
  Program missing = python("");
  missing.command[0] = "/no/such/interpreter";
  const RunResult result = sandbox_->run(missing);
  EXPECT_EQ(result.status, kSandboxError);
  EXPECT_NE(result.reason.find("No such file"), std::string::npos) << result.reason;
}

TEST_F(SandboxHostile, BoxesShareNothing) {
  sandbox_->run(python("open('/tmp/left', 'w').write('x')\nopen('/dev/shm/left', 'w').write('x')"));
  expect_output(python("import os\nprint(os.listdir('/tmp'), os.listdir('/box'))"), "[] ['program.py']\n");
}

}  // namespace
}  // namespace hone::testing
