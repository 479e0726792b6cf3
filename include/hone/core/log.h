// What the program says to the person beside its results: a line on stderr, and the same line with its time in the
// run's log.txt. Thread-safe. Metrics have logs of their own (report/metrics.h).
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace hone {

/// "hone: MESSAGE" on stderr.
void log_info(std::string_view message);
/// "hone: warning: MESSAGE"; only for what the user can act on.
void log_warning(std::string_view message);

/// Keeps a copy of all later lines at the end of a file, until it goes.
class LogFile {
 public:
  /// Throws Error kFailed when the file cannot be opened.
  explicit LogFile(const std::filesystem::path& path);
  ~LogFile();
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;
};

/// Until it goes, gives the lines to `show` in place of stderr: a progress display prints them above itself.
class LogRedirect {
 public:
  explicit LogRedirect(std::function<void(std::string_view line)> show);
  ~LogRedirect();
  LogRedirect(const LogRedirect&) = delete;
  LogRedirect& operator=(const LogRedirect&) = delete;
};

}  // namespace hone
