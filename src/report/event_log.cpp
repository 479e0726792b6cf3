#include "hone/report/event_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <chrono>
#include <cmath>
#include <optional>
#include <vector>

#include "hone/core/error.h"
#include "report/crc32c.h"

namespace hone {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "events.out.tfevents.", kSuffix = ".hone";
constexpr size_t kLengthBytes = 8, kChecksumBytes = 4;

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

template <typename Unsigned>
std::string little_endian(Unsigned value) {
  std::string bytes;
  for (size_t i = 0; i < sizeof value; ++i) bytes += static_cast<char>((value >> (8 * i)) & 0xFF);
  return bytes;
}

uint64_t read_little_endian(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;) value = (value << 8) | static_cast<uint8_t>(bytes[i]);
  return value;
}

// Protocol buffers: a field is a tag (number * 8 + wire type) and its value.
std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>((value & 0x7F) | 0x80);
  return bytes + static_cast<char>(value);
}

std::string tag(uint64_t field, uint64_t wire_type) {
  return varint(field * 8 + wire_type);
}

std::string varint_field(uint64_t field, uint64_t value) {
  return tag(field, 0) + varint(value);
}

std::string double_field(uint64_t field, double value) {
  return tag(field, 1) + little_endian(std::bit_cast<uint64_t>(value));
}

std::string bytes_field(uint64_t field, std::string_view value) {
  return tag(field, 2) + varint(value.size()) + std::string(value);
}

std::string float_field(uint64_t field, float value) {
  return tag(field, 5) + little_endian(std::bit_cast<uint32_t>(value));
}

// message Event: double wall_time = 1, int64 step = 2, and one `what` of: string file_version = 3, Summary summary = 5,
// SessionLog session_log = 7.
std::string event(double wall_time, int64_t step, const std::string& what) {
  return double_field(1, wall_time) + varint_field(2, static_cast<uint64_t>(step)) + what;
}

std::string record(std::string_view bytes) {
  const std::string length = little_endian(uint64_t{bytes.size()});
  return length + little_endian(masked_crc32c(length)) + std::string(bytes) + little_endian(masked_crc32c(bytes));
}

// The step of an event that this file wrote.
int64_t step_of(std::string_view event) {
  constexpr size_t kStepAt = 1 + sizeof(double) + 1;
  uint64_t step = 0;
  for (size_t i = kStepAt, shift = 0; i < event.size() && shift < 64; ++i, shift += 7) {
    step |= static_cast<uint64_t>(event[i] & 0x7F) << shift;
    if ((event[i] & 0x80) == 0) break;
  }
  return static_cast<int64_t>(step);
}

// The bytes of the record at the start of `file`; nothing when it is torn or damaged.
std::optional<std::string_view> first_record(std::string_view file) {
  if (file.size() < kLengthBytes + kChecksumBytes) return std::nullopt;
  const std::string_view length = file.substr(0, kLengthBytes);
  if (read_little_endian(file.substr(kLengthBytes, kChecksumBytes)) != masked_crc32c(length)) return std::nullopt;
  const uint64_t size = read_little_endian(length);
  file.remove_prefix(kLengthBytes + kChecksumBytes);
  if (file.size() < kChecksumBytes || size > file.size() - kChecksumBytes) return std::nullopt;
  const std::string_view bytes = file.substr(0, size);
  if (read_little_endian(file.substr(size, kChecksumBytes)) != masked_crc32c(bytes)) return std::nullopt;
  return bytes;
}

// How many bytes of a file hold whole events up to `last_step`.
uint64_t size_up_to(const fs::path& path, int64_t last_step) {
  const MappedFile file(path);
  std::string_view rest = file.bytes();
  for (auto bytes = first_record(rest); bytes && step_of(*bytes) <= last_step; bytes = first_record(rest)) {
    rest.remove_prefix(kLengthBytes + bytes->size() + 2 * kChecksumBytes);
  }
  return file.bytes().size() - rest.size();
}

// The number in the name of an event file of ours.
std::optional<int64_t> file_number(const std::string& name) {
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return std::nullopt;
  int64_t number = 0;
  const char* const end = name.data() + name.size() - kSuffix.size();
  const auto read = std::from_chars(name.data() + kPrefix.size(), end, number);
  return read.ptr == end && read.ec == std::errc{} ? std::optional(number) : std::nullopt;
}

// Cuts what earlier processes wrote beyond `last_step`, and gives the path for this one's events. TensorBoard reads the
// files of a folder in the order of their names, so the number, by custom a time in seconds, is larger than theirs.
fs::path next_file(const fs::path& folder, int64_t last_step) {
  create_folders(folder);
  auto number = static_cast<int64_t>(now());
  for (const auto& entry : fs::directory_iterator(folder)) {
    const auto earlier = file_number(entry.path().filename().string());
    if (!earlier) continue;
    number = std::max(number, *earlier + 1);
    const AppendFile cut(entry.path(), last_step == 0 ? 0 : size_up_to(entry.path(), last_step));
  }
  return folder / fmt::format("{}{:010}{}", kPrefix, number, kSuffix);
}

}  // namespace

EventLog::EventLog(const fs::path& folder, int64_t last_step) : file_(next_file(folder, last_step)) {
  constexpr uint64_t kSessionStart = 1;
  file_.write(record(event(now(), 0, bytes_field(3, "brain.Event:2"))));
  file_.write(record(event(now(), last_step + 1, bytes_field(7, varint_field(1, kSessionStart)))));
}

void EventLog::append(int64_t step, const StepMetrics& metrics, double wall_time) {
  std::string summary;
  for (const auto& [name, value] : metrics) {
    if (!std::isfinite(value)) continue;
    summary += bytes_field(1, bytes_field(1, name) + float_field(2, static_cast<float>(value)));
  }
  file_.write(record(event(wall_time, step, bytes_field(5, summary))));
}

void EventLog::append(int64_t step, const StepMetrics& metrics) {
  append(step, metrics, now());
}

}  // namespace hone
