#include "hone/report/event_log.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "core/faults.h"
#include "hone/core/error.h"
#include "report/crc32c.h"

namespace hone {
namespace {

namespace fs = std::filesystem;
using test::TempFolder;

constexpr uint64_t kAny = 1 << 24;

uint64_t number(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes.size(); ++i) value |= uint64_t{static_cast<uint8_t>(bytes[i])} << (8 * i);
  return value;
}

/// The payloads of the whole records of a file, and what is left behind them.
std::pair<std::vector<std::string>, std::string> records(std::string_view file) {
  std::vector<std::string> out;
  while (file.size() >= 16) {
    const uint64_t size = number(file.substr(0, 8));
    if (number(file.substr(8, 4)) != masked_crc32c(file.substr(0, 8)) || size > file.size() - 16) break;
    const std::string_view bytes = file.substr(12, size);
    if (number(file.substr(12 + size, 4)) != masked_crc32c(bytes)) break;
    out.emplace_back(bytes);
    file.remove_prefix(16 + size);
  }
  return {out, std::string(file)};
}

std::vector<fs::path> files_of(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

/// Event of event.proto, as far as an EventLog writes it: tag 0x09 double wall_time, tag 0x10 varint step, then a
/// field.
struct Event {
  int64_t step = 0;
  int kind = 0;  ///< field number of the last field
};
Event decode(const std::string& bytes) {
  Event event;
  size_t at = 10;
  for (int shift = 0;; shift += 7) {
    const auto byte = static_cast<uint8_t>(bytes.at(at++));
    event.step |= int64_t{byte & 0x7F} << shift;
    if (byte < 0x80) break;
  }
  event.kind = static_cast<uint8_t>(bytes.at(at)) >> 3;
  return event;
}

/// Steps of the scalars, file after file as TensorBoard reads them; what is torn is reported as step -1.
std::vector<int64_t> steps_in(const fs::path& folder) {
  std::vector<int64_t> steps;
  for (const fs::path& file : files_of(folder)) {
    const auto [events, rest] = records(read_file(file, kAny));
    for (const std::string& bytes : events) {
      const Event event = decode(bytes);
      if (event.kind == 5) steps.push_back(event.step);
    }
    if (!rest.empty()) steps.push_back(-1);
  }
  return steps;
}

std::vector<int64_t> up_to(int64_t last) {
  std::vector<int64_t> steps;
  for (int64_t step = 1; step <= last; ++step) steps.push_back(step);
  return steps;
}

void log_steps(EventLog& log, int64_t from, int64_t to) {
  for (int64_t step = from; step <= to; ++step) log.append(step, {{"loss", static_cast<double>(step)}});
}

// tests/fixtures/make_events.py: the same events through TensorBoard's own writer.
TEST(EventLog, WritesTheBytesOfTensorBoardsWriter) {
  const fs::path fixtures = fs::path(HONE_SOURCE_DIR) / "tests/fixtures";
  const TempFolder folder;
  {
    EventLog log(folder / "run", 0);
    for (const auto& event : nlohmann::ordered_json::parse(read_file(fixtures / "events.json", kAny))) {
      StepMetrics metrics;
      for (const auto& [name, value] : event["metrics"].items()) metrics.emplace_back(name, value.get<double>());
      log.append(event["step"].get<int64_t>(), metrics, event["wall_time"].get<double>());
    }
  }
  const auto files = files_of(folder / "run");
  ASSERT_EQ(files.size(), 1U);
  const auto [events, rest] = records(read_file(files[0], kAny));
  const auto [expected, expected_rest] = records(read_file(fixtures / "events.tfrecord", kAny));
  ASSERT_EQ(expected.size(), 5U);
  ASSERT_TRUE(rest.empty() && expected_rest.empty());
  // Before them stand the file's version and the start of the session.
  EXPECT_NE(events.at(0).find("brain.Event:2"), std::string::npos);
  EXPECT_EQ(decode(events.at(1)).kind, 7);
  EXPECT_EQ(decode(events.at(1)).step, 1);
  EXPECT_EQ(std::vector(events.begin() + 2, events.end()), expected);
}

TEST(EventLog, LeavesOutWhatIsNotFinite) {
  const TempFolder folder;
  EventLog log(folder / "run", 0);
  log.append(1, {{"finite", 1}, {"missing", std::nan("")}});
  const std::string file = read_file(files_of(folder / "run").at(0), kAny);
  EXPECT_NE(file.find("finite"), std::string::npos);
  EXPECT_EQ(file.find("missing"), std::string::npos);
}

// Whatever a killed process left of its file, from nothing to all of it, the resumed run has each step once and whole.
TEST(EventLog, ResumedStepsAreThereOnce) {
  const TempFolder folder;
  {
    EventLog log(folder / "first", 0);
    log_steps(log, 1, 9);
  }
  const fs::path first = files_of(folder / "first").at(0);
  const std::string bytes = read_file(first, kAny);
  for (const int64_t saved : {0, 1, 6, 9}) {
    for (size_t size = 0; size <= bytes.size(); size += 7) {
      const fs::path run = folder / "run";
      fs::remove_all(run);
      fs::create_directories(run);
      std::ofstream(run / first.filename(), std::ios::binary) << bytes.substr(0, size);
      const std::vector<int64_t> left = steps_in(run);
      const int64_t written = static_cast<int64_t>(std::ranges::count_if(left, [](int64_t step) { return step > 0; }));
      const int64_t from = std::min(saved, written);
      {
        EventLog log(run, from);
        log_steps(log, from + 1, 9);
      }
      ASSERT_EQ(steps_in(run), up_to(9)) << "saved " << saved << ", killed after " << size << " bytes";
    }
  }
}

TEST(EventLog, DamagedRecordEndsAFile) {
  const TempFolder folder;
  {
    EventLog log(folder / "run", 0);
    log_steps(log, 1, 5);
  }
  const fs::path file = files_of(folder / "run").at(0);
  const std::string bytes = read_file(file, kAny);
  for (size_t at = 0; at < bytes.size(); at += 3) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    std::ofstream(file, std::ios::binary | std::ios::trunc) << damaged;
    { const EventLog log(folder / "run", 5); }
    const std::vector<int64_t> steps = steps_in(folder / "run");
    ASSERT_LT(steps.size(), 6U);
    ASSERT_EQ(steps, up_to(static_cast<int64_t>(steps.size()))) << "byte " << at;
    const auto files = files_of(folder / "run");
    for (size_t i = 1; i < files.size(); ++i) fs::remove(files[i]);
  }
}

TEST(EventLog, ManyRestartsKeepTheOrderOfNames) {
  const TempFolder folder;
  std::ofstream(folder / "notes.txt") << "somebody else's";
  for (int64_t step = 1; step <= 12; ++step) {
    EventLog log(folder.path(), step - 1);
    log_steps(log, step, step + 3);
  }
  fs::remove(folder / "notes.txt");
  EXPECT_EQ(files_of(folder.path()).size(), 12U);
  EXPECT_EQ(steps_in(folder.path()), up_to(15));
}

}  // namespace
}  // namespace hone
