#include "hone/core/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <memory>
#include <mutex>
#include <utility>

#include "hone/core/error.h"

namespace hone {
namespace {

using Show = std::function<void(std::string_view line)>;

// The person's stderr, or the display that stands on it.
class PersonSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  void redirect(Show show) {
    const std::lock_guard lock(mutex_);
    show_ = std::move(show);
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const std::string line = fmt::format("hone: {}{}", message.level >= spdlog::level::warn ? "warning: " : "",
                                         std::string_view(message.payload.data(), message.payload.size()));
    if (show_) return show_(line);
    fmt::print(stderr, "{}\n", line);
  }
  void flush_() override {}

 private:
  Show show_;
};

std::shared_ptr<PersonSink> person() {
  static const auto the_sink = std::make_shared<PersonSink>();
  return the_sink;
}

// Guards the list of sinks.
std::mutex& sinks_mutex() {
  static std::mutex the_mutex;
  return the_mutex;
}

spdlog::logger& logger() {
  static spdlog::logger the_logger("hone", person());
  return the_logger;
}

void log(spdlog::level::level_enum level, std::string_view message) {
  const std::lock_guard lock(sinks_mutex());
  logger().log(level, "{}", message);
  logger().flush();
}

}  // namespace

void log_info(std::string_view message) {
  log(spdlog::level::info, message);
}

void log_warning(std::string_view message) {
  log(spdlog::level::warn, message);
}

LogFile::LogFile(const std::filesystem::path& path) {
  const std::lock_guard lock(sinks_mutex());
  try {
    auto file = std::make_shared<spdlog::sinks::basic_file_sink_st>(path.string());
    file->set_pattern("%Y-%m-%dT%H:%M:%S%z %l: %v");
    logger().sinks().push_back(std::move(file));
  } catch (const spdlog::spdlog_ex& error) {
    throw_failed({.what = error.what(), .place = path.string()});
  }
}

LogFile::~LogFile() {
  const std::lock_guard lock(sinks_mutex());
  logger().sinks().pop_back();
}

LogRedirect::LogRedirect(Show show) {
  person()->redirect(std::move(show));
}

LogRedirect::~LogRedirect() {
  person()->redirect(nullptr);
}

}  // namespace hone
