#include "reward/sandbox/descriptor.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#ifndef MFD_EXEC  // Linux 6.3
#define MFD_EXEC 0x0010U
#define MFD_NOEXEC_SEAL 0x0008U
#endif

namespace hone::sandbox {

void Descriptor::reset(int number) {
  if (number_ >= 0) close(number_);
  number_ = number;
}

int checked(int number, const char* call) {
  if (number < 0) throw std::system_error(errno, std::generic_category(), call);
  return number;
}

std::pair<Descriptor, Descriptor> make_pipe() {
  int ends[2];
  checked(pipe2(ends, O_CLOEXEC), "pipe");
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

std::pair<Descriptor, Descriptor> make_socket_pair(int type) {
  int ends[2];
  checked(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), "socketpair");
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

Descriptor memory_file(std::string_view bytes, bool executable) {
  // Older kernels refuse the flag and let every memory file be executed.
  int number = memfd_create("hone", MFD_CLOEXEC | (executable ? MFD_EXEC : MFD_NOEXEC_SEAL));
  if (number < 0 && errno == EINVAL) number = memfd_create("hone", MFD_CLOEXEC);
  Descriptor file(checked(number, "memfd_create"));
  while (!bytes.empty()) {
    const ssize_t n = write(file.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    checked(static_cast<int>(n < 0 ? -1 : 0), "write to a memory file");
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  checked(static_cast<int>(lseek(file.get(), 0, SEEK_SET)), "lseek");
  return file;
}

Descriptor reopen(const Descriptor& file) {
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  return Descriptor(checked(open(path.c_str(), O_RDONLY | O_CLOEXEC), "open a memory file"));
}

std::string read_whole(const Descriptor& file) {
  struct stat status {};
  checked(fstat(file.get(), &status), "fstat");
  std::string bytes(static_cast<size_t>(status.st_size), '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = pread(file.get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    checked(static_cast<int>(n < 0 ? -1 : 0), "read");
    if (n == 0) throw std::system_error(EIO, std::generic_category(), "a memory file is cut off");
    done += static_cast<size_t>(n);
  }
  return bytes;
}

}  // namespace hone::sandbox
