// Files that survive a crash. Everything hone writes goes through here, so that the order "bytes, fsync, rename, fsync
// of the folder" stands in one place and tests can make any call fail (fail_point.h).
//
// An object owns its descriptor or mapping and belongs to one thread; the functions are thread-safe. Failures of
// reading are Error kInput, failures of writing Error kFailed; both name the file and the reason of the operating
// system.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "hone/core/hash.h"

namespace hone {

/// The whole file. Throws when it is longer than `max_bytes`.
std::string read_file(const std::filesystem::path& path, uint64_t max_bytes);

/// A file mapped read-only: bytes() is valid as long as the object. The file must not be truncated meanwhile; a file
/// that was replaced or deleted does no harm.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::string_view bytes() const { return {data_, size_}; }
  /// Gives the memory of `part` of bytes() back; it is read again from the file where it is looked at once more.
  void forget(std::string_view part) const;

 private:
  const char* data_ = nullptr;
  size_t size_ = 0;
};

/// A new file, hashed while it is written. Without finish() it is abandoned: nothing is promised about its bytes.
class FileWriter {
 public:
  /// Throws when `path` exists.
  explicit FileWriter(std::filesystem::path path);
  ~FileWriter();
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  void write(std::string_view bytes);
  /// Syncs and closes; returns the SHA-256 of what was written.
  std::string finish();
  uint64_t size() const { return size_; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  int descriptor_;
  uint64_t size_ = 0;
  Sha256 hash_;
};

/// Replaces `path` by what `fill` writes, or leaves it as it was. On return the new file survives a power cut. Returns
/// its SHA-256.
std::string write_atomic(const std::filesystem::path& path, const std::function<void(FileWriter&)>& fill);
std::string write_atomic(const std::filesystem::path& path, std::string_view bytes);

/// A log to which whole lines are added, and which a resumed run cuts back to the size its checkpoint recorded.
class AppendFile {
 public:
  /// Keeps the first `size` bytes (0 starts anew) and creates the file when needed. Throws when it is shorter.
  AppendFile(std::filesystem::path path, uint64_t size);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  /// Adds `line` and a line break, or nothing at all when it throws.
  void append(std::string_view line);
  /// After it, all lines survive a power cut. Call it before a checkpoint records size().
  void sync();
  uint64_t size() const { return size_; }

 private:
  std::filesystem::path path_;
  int descriptor_;
  uint64_t size_;
};

/// A folder that appears as a whole or not at all. It is filled below path(), with FileWriter, which syncs each file.
class PendingFolder {
 public:
  /// Creates parent/.tmp-NAME-PID-N.
  PendingFolder(const std::filesystem::path& parent, std::string_view name);
  /// Removes what was not published.
  ~PendingFolder();
  PendingFolder(const PendingFolder&) = delete;
  PendingFolder& operator=(const PendingFolder&) = delete;

  const std::filesystem::path& path() const { return temporary_; }
  /// Renames it to parent/NAME, replacing a folder of that name, and makes that durable. Passes the fail points
  /// `POINT.before_rename` and `POINT.after_rename`.
  void publish(const std::string& point);

 private:
  std::filesystem::path temporary_, final_;
  bool published_ = false;
};

/// Creates `folder` and the missing ones above it, durably.
void create_folders(const std::filesystem::path& folder);
/// Removes a folder so that it disappears as a whole: a crash leaves it complete, or as a left-over.
void remove_folder(const std::filesystem::path& folder);
/// Removes the temporary files and folders (.tmp-*) that dead runs left directly in `folder`. The caller holds the lock
/// of the run, so nobody is writing them.
void remove_leftovers(const std::filesystem::path& folder);

/// Bytes that an ordinary user may still write to the disk that holds `path`.
uint64_t free_disk_bytes(const std::filesystem::path& path);

/// Keeps a second run out of a folder for as long as it lives. The file FOLDER/lock names the holder; the lock itself
/// belongs to the process (flock), so the one of a dead process does not count.
class FileLock {
 public:
  /// Throws Error kInput naming the holder when another process holds it.
  explicit FileLock(const std::filesystem::path& folder);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  /// Whether a process holds the lock of `folder` now.
  static bool held(const std::filesystem::path& folder);

 private:
  int descriptor_;
};

}  // namespace hone
