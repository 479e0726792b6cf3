#include "hone/data/lines.h"

#include <archive.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>

#include "hone/core/error.h"
#include "parquet.h"

namespace hone {
namespace {

constexpr size_t kLongestLine = size_t{64} << 20;
constexpr size_t kBufferBytes = size_t{1} << 16;

class Unpacker {
 public:
  explicit Unpacker(const std::string& path) : name_(path.empty() ? "standard input" : path) {
    archive_read_support_filter_all(reader_.get());
    archive_read_support_format_raw(reader_.get());
    archive_read_support_format_empty(reader_.get());
    if (!path.empty()) {
      file_.number = open(path.c_str(), O_RDONLY | O_CLOEXEC);
      HONE_CHECK(file_.number >= 0, .what = std::strerror(errno), .place = name_);
    }
    check(archive_read_open_fd(reader_.get(), path.empty() ? STDIN_FILENO : file_.number, kBufferBytes));
    archive_entry* entry = nullptr;
    const int begun = archive_read_next_header(reader_.get(), &entry);
    empty_ = begun == ARCHIVE_EOF;
    if (!empty_) check(begun);
  }

  /// Bytes into `buffer`; 0 at the end.
  size_t read(char* buffer, size_t size) {
    if (empty_) return 0;
    const la_ssize_t n = archive_read_data(reader_.get(), buffer, size);
    if (n < 0) check(static_cast<int>(n));
    return static_cast<size_t>(n);
  }

  const std::string& name() const { return name_; }

 private:
  void check(int result) {
    if (result == ARCHIVE_OK) return;
    const char* const why = archive_error_string(reader_.get());
    throw_input({.what = why != nullptr ? why : "cannot be read", .place = name_});
  }

  struct File {
    ~File() {
      if (number >= 0) close(number);
    }
    int number = -1;
  };
  struct Free {
    void operator()(archive* reader) const { archive_read_free(reader); }
  };
  std::string name_;
  File file_;  // open longer than the reader
  std::unique_ptr<archive, Free> reader_{archive_read_new()};
  bool empty_ = false;
};

}  // namespace

bool is_parquet(const std::string& path) {
  constexpr std::string_view kMark = "PAR1";
  if (!std::filesystem::is_regular_file(path)) return false;  // a pipe can be read only once
  std::ifstream file(path, std::ios::binary);
  char begin[kMark.size()] = {};
  return file.read(begin, sizeof begin) && std::string_view(begin, sizeof begin) == kMark;
}

void for_each_line(const std::string& path,
                   const std::function<void(std::string_view line, const std::string& place)>& each) {
  if (!path.empty() && is_parquet(path)) return for_each_parquet_row(path, each);
  Unpacker file(path);
  int64_t number = 0;
  const auto take = [&](std::string_view line) {
    const std::string place = fmt::format("{}:{}", file.name(), ++number);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") != std::string_view::npos) each(line, place);
  };
  std::string line;  // its start, where a buffer ended within it
  std::string buffer(kBufferBytes, '\0');
  while (const size_t n = file.read(buffer.data(), buffer.size())) {
    std::string_view rest(buffer.data(), n);
    for (size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
      line += rest.substr(0, end);
      take(line);
      line.clear();
      rest.remove_prefix(end + 1);
    }
    line += rest;
    HONE_CHECK(line.size() <= kLongestLine, .what = "a line is too long",
               .place = fmt::format("{}:{}", file.name(), number + 1),
               .expected = fmt::format("at most {} MiB", kLongestLine >> 20));
  }
  if (!line.empty()) take(line);
}

}  // namespace hone
