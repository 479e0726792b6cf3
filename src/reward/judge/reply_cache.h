// Replies that were paid for once, in a file of JSON lines: {"key": SHA-256 of the request, "reply": text}.
//
// Owns its open file. Thread-safe; one process at a time may use a file.
#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "hone/core/file.h"

namespace hone {

class ReplyCache {
 public:
  /// Reads the file where there is one, and creates it where there is none. Lines that cannot be read are left out,
  /// with a warning. Throws Error.
  explicit ReplyCache(const std::filesystem::path& path);

  std::optional<std::string> find(const std::string& key) const;
  /// Keeps the first reply to a request and returns the one that is kept. Throws Error kFailed where the file cannot be
  /// written.
  std::string keep(const std::string& key, const std::string& reply);

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::string> replies_;
  std::optional<AppendFile> file_;
};

}  // namespace hone
