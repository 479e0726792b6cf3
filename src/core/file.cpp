#include "hone/core/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstdio>
#include <system_error>
#include <thread>
#include <utility>

#include "hone/core/error.h"
#include "hone/core/fail_point.h"

namespace hone {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kTemporaryPrefix = ".tmp-";

std::string reason(int code) {
  return std::generic_category().message(code);
}

[[noreturn]] void throw_write(std::string_view doing, const fs::path& path, int code) {
  throw_failed({.what = fmt::format("cannot {}: {}", doing, reason(code)), .place = path.string()});
}

[[noreturn]] void throw_read(std::string_view doing, const fs::path& path, int code) {
  throw_input({.what = fmt::format("cannot {}: {}", doing, reason(code)), .place = path.string()});
}

/// An open descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return value_; }
  int release() { return std::exchange(value_, -1); }

 private:
  int value_;
};

/// Makes a system call until no signal interrupts it.
template <typename Call>
auto uninterrupted(Call call) {
  decltype(call()) result;
  do {
    result = call();
  } while (result == -1 && errno == EINTR);
  return result;
}

int open_to_read(const fs::path& path) {
  // Opening a pipe would wait for its writer; reading a file never waits.
  const int descriptor = uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); });
  if (descriptor < 0) throw_read("open", path, errno);
  return descriptor;
}

/// Size of an open file; a folder or device has none.
uint64_t file_size(int descriptor, const fs::path& path) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) throw_read("read", path, errno);
  HONE_CHECK(S_ISREG(status.st_mode), .what = "not a regular file", .place = path.string());
  return static_cast<uint64_t>(status.st_size);
}

// The calls below, and no others, change the disk. Each gives the seam its chance to fail first.

/// `call` is what the seam and the message name; `make` returns -1 and sets errno when it fails.
template <typename Make>
int durable(std::string_view call, const fs::path& path, Make make, const fs::path& target = {}) {
  const int injected = before_durable_call(call, path, target);
  if (injected != 0) throw_write(call, path, injected);
  const int result = uninterrupted(make);
  if (result < 0) throw_write(call, path, errno);
  return result;
}

int open_to_write(const fs::path& path, int flags) {
  return durable("open", path, [&] { return ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0666); });
}

void write_all(int descriptor, const fs::path& path, std::string_view bytes) {
  const int injected = before_durable_call("write", path);
  if (injected != 0) bytes = bytes.substr(0, bytes.size() / 2);  // a disk fills in the middle of a write
  while (!bytes.empty()) {
    const ssize_t written = uninterrupted([&] { return ::write(descriptor, bytes.data(), bytes.size()); });
    if (written < 0) throw_write("write", path, errno);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  if (injected != 0) throw_write("write", path, injected);
}

void sync_descriptor(int descriptor, const fs::path& path) {
  durable("fsync", path, [&] { return ::fsync(descriptor); });
}

void sync_folder(const fs::path& folder) {
  const Descriptor descriptor(
      uninterrupted([&] { return ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (descriptor.get() < 0) throw_write("open", folder, errno);
  sync_descriptor(descriptor.get(), folder);
}

void rename_durable(const fs::path& from, const fs::path& to) {
  durable(
      "rename", from, [&] { return std::rename(from.c_str(), to.c_str()); }, to);
}

void truncate_durable(int descriptor, const fs::path& path, uint64_t size) {
  durable("truncate", path, [&] { return ::ftruncate(descriptor, static_cast<off_t>(size)); });
}

void remove_durable(const fs::path& path) {
  durable("remove", path, [&] {
    std::error_code error;
    fs::remove_all(path, error);
    errno = error.value();
    return error ? -1 : 0;
  });
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

/// A name beside `path` that no other process or call uses, and that remove_leftovers() knows.
fs::path temporary_name(const fs::path& path) {
  static std::atomic<uint64_t> count{0};
  return folder_of(path) /
         fmt::format("{}{}-{}-{}", kTemporaryPrefix, path.filename().string(), ::getpid(), count.fetch_add(1));
}

/// Clean-up on the way out of a failure: what it cannot remove is a left-over for the next start.
void discard(const fs::path& path) noexcept {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

}  // namespace

std::string read_file(const fs::path& path, uint64_t max_bytes) {
  const Descriptor descriptor(open_to_read(path));
  const uint64_t size = file_size(descriptor.get(), path);
  HONE_CHECK(size <= max_bytes, .what = "file is too long", .place = path.string(),
             .got = fmt::format("{} bytes", size), .expected = fmt::format("at most {}", max_bytes));
  std::string bytes(size, '\0');
  size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t count =
        uninterrupted([&] { return ::read(descriptor.get(), bytes.data() + filled, bytes.size() - filled); });
    if (count < 0) throw_read("read", path, errno);
    HONE_CHECK(count > 0, .what = "file became shorter while it was read", .place = path.string());
    filled += static_cast<size_t>(count);
  }
  return bytes;
}

MappedFile::MappedFile(const fs::path& path) {
  const Descriptor descriptor(open_to_read(path));
  size_ = file_size(descriptor.get(), path);
  if (size_ == 0) return;  // an empty mapping is not allowed
  void* const address = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, descriptor.get(), 0);
  if (address == MAP_FAILED) throw_read("map", path, errno);
  data_ = static_cast<const char*>(address);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<char*>(data_), size_);
}

void MappedFile::forget(std::string_view part) const {
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const auto offset = static_cast<size_t>(part.data() - data_);
  HONE_ASSERT(part.data() >= data_ && offset + part.size() <= size_);
  const size_t begin = (offset + page - 1) / page * page, end = (offset + part.size()) / page * page;
  if (begin < end) ::madvise(const_cast<char*>(data_) + begin, end - begin, MADV_DONTNEED);
}

FileWriter::FileWriter(fs::path path) : path_(std::move(path)), descriptor_(open_to_write(path_, O_EXCL)) {}

FileWriter::~FileWriter() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void FileWriter::write(std::string_view bytes) {
  HONE_ASSERT(descriptor_ >= 0);
  write_all(descriptor_, path_, bytes);
  hash_.update(bytes);
  size_ += bytes.size();
}

std::string FileWriter::finish() {
  HONE_ASSERT(descriptor_ >= 0);
  sync_descriptor(descriptor_, path_);
  // Network file systems report late failures here. A second close after EINTR could hit somebody else's descriptor.
  if (::close(std::exchange(descriptor_, -1)) != 0 && errno != EINTR) throw_write("close", path_, errno);
  return hash_.hex();
}

std::string write_atomic(const fs::path& path, const std::function<void(FileWriter&)>& fill) {
  const fs::path temporary = temporary_name(path);
  try {
    FileWriter writer(temporary);
    fill(writer);
    const std::string hash = writer.finish();
    rename_durable(temporary, path);
    sync_folder(folder_of(path));
    return hash;
  } catch (...) {
    discard(temporary);
    throw;
  }
}

std::string write_atomic(const fs::path& path, std::string_view bytes) {
  return write_atomic(path, [bytes](FileWriter& writer) { writer.write(bytes); });
}

AppendFile::AppendFile(fs::path path, uint64_t size) : path_(std::move(path)), size_(size) {
  const bool created = !fs::exists(path_);
  Descriptor descriptor(open_to_write(path_, O_APPEND));
  const uint64_t found = file_size(descriptor.get(), path_);
  HONE_CHECK(found >= size, .what = fmt::format("file is {} bytes short of the checkpoint", size - found),
             .place = path_.string(), .got = fmt::format("{} bytes", found),
             .expected = fmt::format("at least {}", size));
  if (found > size) truncate_durable(descriptor.get(), path_, size);
  if (created) sync_folder(folder_of(path_));
  descriptor_ = descriptor.release();
}

AppendFile::~AppendFile() {
  ::close(descriptor_);
}

void AppendFile::append(std::string_view line) {
  std::string bytes(line);
  bytes += '\n';
  try {
    write_all(descriptor_, path_, bytes);
  } catch (...) {
    // Half a line would run into the next one. When even this fails, the next start cuts it off.
    static_cast<void>(::ftruncate(descriptor_, static_cast<off_t>(size_)) == 0);
    throw;
  }
  size_ += bytes.size();
}

void AppendFile::sync() {
  sync_descriptor(descriptor_, path_);
}

PendingFolder::PendingFolder(const fs::path& parent, std::string_view name)
    : temporary_(temporary_name(parent / name)), final_(parent / name) {
  durable("mkdir", temporary_, [&] { return ::mkdir(temporary_.c_str(), 0777); });
}

PendingFolder::~PendingFolder() {
  if (!published_) discard(temporary_);
}

void PendingFolder::publish(const std::string& point) {
  for (const auto& entry : fs::recursive_directory_iterator(temporary_)) {
    if (entry.is_directory()) sync_folder(entry.path());
  }
  sync_folder(temporary_);
  fail_point(point + ".before_rename");
  // A folder with content cannot be renamed over: the old one steps aside, and comes back when the new one fails.
  const fs::path old = fs::exists(final_) ? temporary_name(final_) : fs::path();
  if (!old.empty()) rename_durable(final_, old);
  try {
    rename_durable(temporary_, final_);
  } catch (...) {
    std::error_code ignored;
    if (!old.empty()) fs::rename(old, final_, ignored);
    throw;
  }
  published_ = true;
  fail_point(point + ".after_rename");
  sync_folder(folder_of(final_));
  if (!old.empty()) discard(old);
}

void create_folders(const fs::path& folder) {
  if (folder.empty() || fs::is_directory(folder)) return;
  create_folders(folder.parent_path());
  durable("mkdir", folder, [&] { return ::mkdir(folder.c_str(), 0777) == 0 || errno == EEXIST ? 0 : -1; });
  sync_folder(folder_of(folder));
}

void remove_folder(const fs::path& folder) {
  const fs::path leaving = temporary_name(folder);
  rename_durable(folder, leaving);
  remove_durable(leaving);
}

void remove_leftovers(const fs::path& folder) {
  if (!fs::is_directory(folder)) return;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.path().filename().string().starts_with(kTemporaryPrefix)) continue;
    remove_durable(entry.path());
  }
}

uint64_t free_disk_bytes(const fs::path& path) {
  struct statvfs status {};
  if (::statvfs(path.c_str(), &status) != 0) throw_read("measure the disk of", path, errno);
  return static_cast<uint64_t>(status.f_bavail) * status.f_frsize;
}

FileLock::FileLock(const fs::path& folder) {
  const fs::path path = folder / "lock";
  Descriptor descriptor(uninterrupted([&] { return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666); }));
  if (descriptor.get() < 0) throw_write("open", path, errno);
  // held() of another process has it for a moment only.
  constexpr int kTries = 20, kMilliseconds = 10;
  int result = -1;
  for (int tried = 0; tried < kTries && result != 0; ++tried) {
    if (tried > 0) std::this_thread::sleep_for(std::chrono::milliseconds(kMilliseconds));
    result = uninterrupted([&] { return ::flock(descriptor.get(), LOCK_EX | LOCK_NB); });
    if (result != 0 && errno != EWOULDBLOCK) break;
  }
  if (result != 0) {
    if (errno != EWOULDBLOCK) throw_write("lock", path, errno);
    throw_input({.what = "another run uses this folder",
                 .place = folder.string(),
                 .got = "lock of " + read_file(path, 4096),
                 .hint = "wait for it, stop it, or choose another folder"});
  }
  std::array<char, HOST_NAME_MAX + 1> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  const std::string holder = fmt::format("process {} on {}", ::getpid(), host.data());
  // The text is for people only: no need for it to be durable.
  if (::ftruncate(descriptor.get(), 0) != 0 ||
      ::pwrite(descriptor.get(), holder.data(), holder.size(), 0) != static_cast<ssize_t>(holder.size())) {
    throw_write("write", path, errno);
  }
  descriptor_ = descriptor.release();
}

FileLock::~FileLock() {
  ::close(descriptor_);
}

bool FileLock::held(const fs::path& folder) {
  Descriptor descriptor(uninterrupted([&] { return ::open((folder / "lock").c_str(), O_RDWR | O_CLOEXEC); }));
  if (descriptor.get() < 0) return false;
  return uninterrupted([&] { return ::flock(descriptor.get(), LOCK_SH | LOCK_NB); }) != 0;
}

}  // namespace hone
