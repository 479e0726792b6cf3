// What a box cannot reach: the network, and files of others.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "reward/sandbox_programs.h"

namespace hone::testing {
namespace {

using enum RunStatus;
using SandboxReach = SandboxTest;

// Network

class Listener {
 public:
  explicit Listener(int family) : socket_(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_storage address{};
    address.ss_family = static_cast<sa_family_t>(family);
    socklen_t size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    if (family == AF_INET) {
      reinterpret_cast<sockaddr_in&>(address).sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    } else {
      reinterpret_cast<sockaddr_in6&>(address).sin6_addr = in6addr_loopback;
    }
    usable_ =
        socket_ >= 0 && bind(socket_, reinterpret_cast<sockaddr*>(&address), size) == 0 && listen(socket_, 8) == 0;
    getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(reinterpret_cast<sockaddr_in&>(address).sin_port);  // at the same place in both
  }
  /// A Unix socket: a name that starts with a zero byte is abstract.
  explicit Listener(const std::string& name) : socket_(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path, sizeof address.sun_path - 1);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    usable_ = bind(socket_, reinterpret_cast<sockaddr*>(&address), size) == 0 && listen(socket_, 8) == 0;
  }
  ~Listener() { close(socket_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  bool usable() const { return usable_; }
  int port() const { return port_; }
  bool was_reached() const {
    const int peer = accept(socket_, nullptr, nullptr);
    if (peer >= 0) close(peer);
    return peer >= 0;
  }

 private:
  int socket_;
  bool usable_ = false;
  int port_ = 0;
};

TEST_F(SandboxReach, NothingIsReachedOverTheNetwork) {
  const Listener four(AF_INET), six(AF_INET6), abstract(std::string("\0hone-box-test", 14));
  const fs::path folder = fs::temp_directory_path() / new_marker();
  fs::create_directory(folder);
  const std::string path = (folder / "socket").string();
  const Listener file(path);
  ASSERT_TRUE(four.usable() && abstract.usable() && file.usable());
  const std::string text = R"(
import socket
def attempt(family, address, kind=socket.SOCK_STREAM):
  try:
    s = socket.socket(family, kind)
    s.settimeout(1)
    s.connect(address)
    s.send(b'secret')
    print('reached', address)
  except (OSError, AttributeError) as error: pass
attempt(socket.AF_INET, ('127.0.0.1', PORT4))
attempt(socket.AF_INET, ('127.0.0.1', PORT4), socket.SOCK_DGRAM)
attempt(socket.AF_INET6, ('::1', PORT6))
attempt(socket.AF_UNIX, '\0hone-box-test')
attempt(socket.AF_UNIX, 'PATH')
attempt(40, (2, 1234))
attempt(socket.AF_INET, ('127.0.0.1', 0), socket.SOCK_RAW)
attempt(16, (0, 0), socket.SOCK_RAW)
try: socket.getaddrinfo('example.com', 80); print('resolved')
except OSError: pass
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
print(libc.syscall(425, 8, ctypes.create_string_buffer(256)))  # io_uring_setup
)";
  const std::string marker = new_marker();
  const Program program = python(
      filled(text, {{"PORT4", std::to_string(four.port())}, {"PORT6", std::to_string(six.port())}, {"PATH", path}}),
      marker);
  const RunResult result = run_checked(program, marker);
  EXPECT_EQ(result.status, kOk) << result.reason << result.error;
  EXPECT_EQ(result.output, "-1\n");
  for (const Listener* listener : {&four, &six, &abstract, &file}) EXPECT_FALSE(listener->was_reached());
  fs::remove_all(folder);
}

// Files of others

class SandboxSecrets : public SandboxTest {
 protected:
  void SetUp() override {
    SandboxTest::SetUp();
    home_ = fs::current_path() / new_marker();
    fs::create_directories(home_ / ".config");
    std::ofstream(home_ / "secret.txt") << kSecret;
    std::ofstream(home_ / "task.out") << kSecret;
    std::ofstream(home_ / "tests.json") << kSecret;
    std::ofstream(home_ / ".bashrc") << "# mine\n";
    fs::permissions(home_, fs::perms::all);
  }
  void TearDown() override { fs::remove_all(home_); }

  static constexpr char kSecret[] = "the-secret-of-the-trainer";
  fs::path home_;
};

TEST_F(SandboxSecrets, NothingIsRead) {
  setenv("HONE_TEST_SECRET", kSecret, 1);
  const std::string text = filled(R"(
import glob, os, pwd
def show(path):
  try:
    with open(path, 'rb') as f: print(path, f.read(4096))
  except OSError: pass
print(dict(os.environ))
home = 'HOME_FOLDER'
for path in (home + '/secret.txt', '/etc/shadow', '/proc/1/environ', '/proc/1/cmdline', '/proc/1/maps', '/proc/1/mem',
             '/proc/self/environ', '/proc/self/mountinfo', '/proc/%d/environ' % os.getppid()): show(path)
for pid in os.listdir('/proc'):
  if pid.isdigit():
    show('/proc/%s/environ' % pid)
    for fd in glob.glob('/proc/%s/fd/*' % pid):
      if int(pid) != os.getpid(): show(fd)
print([p.pw_dir for p in pwd.getpwall()])
for base, folders, files in os.walk('/'):
  if base.startswith(('/proc', '/usr', '/lib')): folders[:] = []; continue
  for name in files:
    if name.endswith(('.out', '.ans', '.txt')) or name.startswith(('expected', 'tests')): show(os.path.join(base, name))
print(os.path.exists('SOURCE_FOLDER'), os.path.exists(home), os.path.exists('/root'), os.path.exists('/home'))
)",
                                  {{"HOME_FOLDER", home_.string()}, {"SOURCE_FOLDER", HONE_SOURCE_DIR}});
  const std::string marker = new_marker();
  const RunResult result = run_checked(python(text, marker), marker, home_);
  unsetenv("HONE_TEST_SECRET");
  EXPECT_EQ(result.output.find(kSecret), std::string::npos) << result.output;
  EXPECT_EQ(result.error.find(kSecret), std::string::npos);
  EXPECT_EQ(result.output.find(home_.string()), std::string::npos) << result.output;
  EXPECT_NE(result.output.find("False False False False"), std::string::npos) << result.output << result.error;
}

TEST_F(SandboxSecrets, NothingIsWritten) {
  const std::string text = filled(R"(
import os, sys
written = []
def attempt(path):
  try:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w') as f: f.write('x')
    written.append(path)
  except OSError: pass
home, work = 'HOME_FOLDER', 'WORK_FOLDER'
for path in (work + '/box-trace', home + '/.bashrc', home + '/.config/x', '/root/.bashrc', os.__file__,
             '/usr/lib/python3/dist-packages/sitecustomize.py', '../box-trace', '../../box-trace', '/box/program.py', '/etc/passwd',
             '/run/init', '/dev/null/x', '/dev/box-trace', '/proc/sys/kernel/core_pattern', '/proc/sysrq-trigger', '/sys/x',
             '/proc/1/oom_score_adj'):
  attempt(path)
for path in ('/box', '/', '/usr/bin/true'):
  try: os.chmod(path, 0o777); written.append('mode of ' + path)
  except OSError: pass
attempt('/tmp/box-trace'); attempt('/dev/shm/box-trace')
os.symlink('/etc/passwd', '/tmp/link')
attempt('/tmp/link')
# The box has a /tmp of its own, whatever the machine keeps in its.
print([path for path in written if not path.startswith(('/tmp/', '/dev/shm/'))])
)",
                                  {{"HOME_FOLDER", home_.string()}, {"WORK_FOLDER", fs::current_path().string()}});
  const std::string marker = new_marker();
  const RunResult result = run_checked(python(text, marker), marker, home_);
  EXPECT_EQ(result.output, "[]\n") << result.error;
  for (const char* path : {"/tmp/box-trace", "/dev/shm/box-trace", "box-trace"}) EXPECT_FALSE(fs::exists(path)) << path;
}

}  // namespace
}  // namespace hone::testing
