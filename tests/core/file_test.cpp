#include "hone/core/file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <vector>

#include "core/faults.h"
#include "hone/core/error.h"
#include "hone/core/fail_point.h"

namespace hone {
namespace {

namespace fs = std::filesystem;
using test::ChildEnd;
using test::in_child;
using test::TempFolder;

constexpr uint64_t kAny = 1 << 20;

std::string message_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

void expect_mentions(const std::string& message, const std::vector<std::string>& parts) {
  for (const std::string& part : parts) EXPECT_NE(message.find(part), std::string::npos) << part << " in " << message;
}

/// Names in a folder.
std::vector<std::string> list(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

/// Makes the n-th durable call of `action` fail, for n = 1.. until none is left, and calls `check(message)` after each;
/// `prepare` sets the scene. Returns how many calls there are.
int fail_each_call(const std::function<void()>& prepare, const std::function<void()>& action,
                   const std::function<void(const std::string&)>& check) {
  for (int n = 1;; ++n) {
    prepare();
    arm_fail_point(fmt::format("durable:{}:{}", n % 2 == 0 ? "full" : "error", n));
    const std::string message = message_of(action);
    if (!disarm_fail_point()) return n - 1;
    expect_mentions(message, {n % 2 == 0 ? "No space left on device" : "Input/output error"});
    check(message);
  }
}

TEST(File, ReadsWhatWasWritten) {
  const TempFolder folder;
  const std::string bytes("a\0b\n\xff", 5);
  const std::string hash = write_atomic(folder / "f", bytes);
  EXPECT_EQ(read_file(folder / "f", kAny), bytes);
  EXPECT_EQ(MappedFile(folder / "f").bytes(), bytes);
  EXPECT_EQ(hash, sha256(bytes));
  write_atomic(folder / "f", "");
  EXPECT_EQ(read_file(folder / "f", 0), "");
  EXPECT_EQ(MappedFile(folder / "f").bytes(), "");
  EXPECT_EQ(list(folder.path()), std::vector<std::string>{"f"});
}

TEST(File, RefusalsNameTheFile) {
  const TempFolder folder;
  write_atomic(folder / "f", "123456");
  expect_mentions(message_of([&] { read_file(folder / "f", 5); }), {folder / "f", "6 bytes", "at most 5"});
  expect_mentions(message_of([&] { read_file(folder / "g", 5); }), {folder / "g", "No such file"});
  expect_mentions(message_of([&] { MappedFile(folder / "g"); }), {folder / "g", "No such file"});
  expect_mentions(message_of([&] { read_file(folder.path(), 5); }), {folder.path(), "not a regular file"});
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);  // nobody ever writes to it
  expect_mentions(message_of([&] { read_file(folder / "pipe", 5); }), {folder / "pipe", "not a regular file"});
  expect_mentions(message_of([&] { FileWriter(folder / "f"); }), {folder / "f", "File exists"});
  expect_mentions(message_of([&] { write_atomic(folder / "absent" / "f", ""); }), {"absent", "No such file"});
}

TEST(File, MappingOutlivesReplacement) {
  const TempFolder folder;
  write_atomic(folder / "f", "old");
  const MappedFile mapped(folder / "f");
  write_atomic(folder / "f", "new");
  EXPECT_EQ(mapped.bytes(), "old");
}

/// The durable calls of `action` on things below `folder`: call, name (temporary ones are "new"), new name.
std::vector<std::string> calls_of(const fs::path& folder, const std::function<void()>& action) {
  std::vector<std::string> calls;
  const auto name = [&folder](const fs::path& path) {
    std::string result;
    for (const fs::path& part : fs::relative(path, folder)) {
      const bool temporary = part.string().starts_with(".tmp-");
      result += (result.empty() ? "" : "/") + (temporary ? std::string("new") : part.string());
    }
    return result;
  };
  observe_durable_calls([&](std::string_view call, const fs::path& path, const fs::path& target) {
    calls.push_back(fmt::format("{} {}{}", call, name(path), target.empty() ? "" : " to " + name(target)));
  });
  action();
  observe_durable_calls({});
  return calls;
}

TEST(File, AtomicWriteSyncsBeforeItRenames) {
  const TempFolder folder;
  EXPECT_EQ(calls_of(folder.path(), [&] { write_atomic(folder / "f", "bytes"); }),
            (std::vector<std::string>{"open new", "write new", "fsync new", "rename new to f", "fsync ."}));
}

TEST(File, FailedAtomicWriteLeavesOldOrNew) {
  const TempFolder folder;
  const int calls = fail_each_call(
      [&] {
        disarm_fail_point();
        write_atomic(folder / "f", "old");
      },
      [&] { write_atomic(folder / "f", "new"); },
      [&](const std::string& message) {
        expect_mentions(message, {folder.path()});
        const std::string now = read_file(folder / "f", kAny);
        EXPECT_TRUE(now == "old" || now == "new") << now;
        EXPECT_EQ(list(folder.path()), std::vector<std::string>{"f"});
      });
  EXPECT_EQ(calls, 5);
}

TEST(File, KilledAtomicWriteLeavesOldOrNew) {
  const TempFolder folder;
  int killed = 0;
  for (int n = 1;; ++n) {
    write_atomic(folder / "f", "old");
    const ChildEnd end = in_child([&] {
      arm_fail_point(fmt::format("durable:kill:{}", n));
      write_atomic(folder / "f", "new");
    });
    const std::string now = read_file(folder / "f", kAny);
    EXPECT_EQ(now, n <= 4 ? "old" : "new");
    remove_leftovers(folder.path());
    EXPECT_EQ(list(folder.path()), std::vector<std::string>{"f"});
    if (end == ChildEnd::kReturned) break;
    ASSERT_EQ(end, ChildEnd::kKilled);
    ++killed;
  }
  EXPECT_EQ(killed, 5);
}

TEST(File, RealShortWriteIsNoticed) {
  // The limit on file size makes the kernel write a part and then refuse, as a full disk does.
  const TempFolder folder;
  write_atomic(folder / "f", "old");
  const ChildEnd end = in_child([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{.rlim_cur = 1000, .rlim_max = 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const std::string message = message_of([&] { write_atomic(folder / "f", std::string(5000, 'x')); });
    if (message.find("File too large") == std::string::npos) throw std::runtime_error(message);
  });
  EXPECT_EQ(end, ChildEnd::kReturned);
  EXPECT_EQ(read_file(folder / "f", kAny), "old");
  EXPECT_EQ(list(folder.path()), std::vector<std::string>{"f"});
}

TEST(AppendFile, KeepsWhatTheCheckpointRecorded) {
  const TempFolder folder;
  uint64_t recorded = 0;
  {
    AppendFile log(folder / "log", 0);
    log.append("one");
    log.append("two");
    log.sync();
    recorded = log.size();
    log.append("lost");
  }
  EXPECT_EQ(recorded, 8U);
  {
    AppendFile log(folder / "log", recorded);
    EXPECT_EQ(log.size(), recorded);
    log.append("three");
  }
  EXPECT_EQ(read_file(folder / "log", kAny), "one\ntwo\nthree\n");
  expect_mentions(message_of([&] { AppendFile(folder / "log", 20); }), {folder / "log", "6 bytes short", "14 bytes"});
  { const AppendFile anew(folder / "log", 0); }
  EXPECT_EQ(read_file(folder / "log", kAny), "");
}

TEST(AppendFile, FailedAppendAddsNothing) {
  const TempFolder folder;
  AppendFile log(folder / "log", 0);
  log.append("first");
  const int calls = fail_each_call([] {}, [&] { log.append("never"); },
                                   [&](const std::string& message) {
                                     expect_mentions(message, {folder / "log"});
                                     EXPECT_EQ(read_file(folder / "log", kAny), "first\n");
                                     EXPECT_EQ(log.size(), 6U);
                                   });
  EXPECT_EQ(calls, 1);
  log.append("last");
  EXPECT_EQ(read_file(folder / "log", kAny), "first\nnever\nlast\n");
}

void fill(const PendingFolder& pending, const std::string& text) {
  fs::create_directory(pending.path() / "inner");
  for (const char* const name : {"a", "inner/b"}) {
    FileWriter file(pending.path() / name);
    file.write(text);
    file.finish();
  }
}

void publish(const fs::path& parent, const std::string& text) {
  PendingFolder pending(parent, "result");
  fill(pending, text);
  pending.publish("test");
}

/// The text of a whole folder "result", or nothing when there is none.
std::string published(const fs::path& parent) {
  if (!fs::exists(parent / "result")) return "";
  const std::string a = read_file(parent / "result" / "a", kAny);
  EXPECT_EQ(read_file(parent / "result" / "inner" / "b", kAny), a);
  return a;
}

TEST(PendingFolder, AppearsWholeOrNotAtAll) {
  const TempFolder folder;
  {
    const PendingFolder pending(folder.path(), "result");
    fill(pending, "never");
  }
  EXPECT_TRUE(list(folder.path()).empty());
  publish(folder.path(), "one");
  EXPECT_EQ(published(folder.path()), "one");
  publish(folder.path(), "two");
  EXPECT_EQ(published(folder.path()), "two");
  EXPECT_EQ(list(folder.path()), std::vector<std::string>{"result"});
}

TEST(PendingFolder, SyncsEverythingBeforeItRenames) {
  const TempFolder folder;
  EXPECT_EQ(calls_of(folder.path(), [&] { publish(folder.path(), "text"); }),
            (std::vector<std::string>{"mkdir new", "open new/a", "write new/a", "fsync new/a", "open new/inner/b",
                                      "write new/inner/b", "fsync new/inner/b", "fsync new/inner", "fsync new",
                                      "rename new to result", "fsync ."}));
}

TEST(PendingFolder, FailureLeavesTheOldOrTheNew) {
  const TempFolder folder;
  const int calls = fail_each_call(
      [&] {
        disarm_fail_point();
        publish(folder.path(), "old");
      },
      [&] { publish(folder.path(), "new"); },
      [&](const std::string&) {
        const std::string now = published(folder.path());
        EXPECT_TRUE(now == "old" || now == "new") << now;
        remove_leftovers(folder.path());
        EXPECT_EQ(list(folder.path()), std::vector<std::string>{"result"});
      });
  EXPECT_EQ(calls, 12);  // mkdir, two files of open, write and fsync, two folders synced, two renames, parent synced
}

TEST(PendingFolder, KillNeverLeavesAPart) {
  for (const char* const point : {"test.before_rename", "test.after_rename"}) {
    const TempFolder folder;
    const ChildEnd end = in_child([&] {
      arm_fail_point(std::string(point) + ":kill");
      publish(folder.path(), "new");
    });
    EXPECT_EQ(end, ChildEnd::kKilled);
    EXPECT_EQ(published(folder.path()), std::string(point) == "test.after_rename" ? "new" : "");
  }
}

TEST(Folders, LeftoversAndNothingElseAreRemoved) {
  const TempFolder folder;
  create_folders(folder / ".tmp-x-1-0" / "deep");
  create_folders(folder / "kept" / ".tmp-not-direct");
  write_atomic(folder / "file", "");
  std::ofstream(folder / ".tmp-y") << "partial";
  remove_leftovers(folder.path());
  EXPECT_EQ(list(folder.path()), (std::vector<std::string>{"file", "kept"}));
  EXPECT_TRUE(fs::exists(folder / "kept" / ".tmp-not-direct"));
  remove_leftovers(folder / "absent");
}

TEST(Folders, RemovalIsAllOrLeftover) {
  const TempFolder folder;
  publish(folder.path(), "old");
  const ChildEnd end = in_child([&] {
    arm_fail_point("durable:kill:2");
    remove_folder(folder / "result");
  });
  EXPECT_EQ(end, ChildEnd::kKilled);
  EXPECT_FALSE(fs::exists(folder / "result"));
  EXPECT_EQ(list(folder.path()).size(), 1U);
  remove_leftovers(folder.path());
  EXPECT_TRUE(list(folder.path()).empty());
}

TEST(Folders, FreeBytesAreWhatTheSystemSays) {
  const TempFolder folder;
  const double expected = static_cast<double>(fs::space(folder.path()).available);
  EXPECT_NEAR(static_cast<double>(free_disk_bytes(folder.path())), expected, 0.1 * expected);  // others write meanwhile
  expect_mentions(message_of([&] { free_disk_bytes(folder / "absent"); }), {folder / "absent"});
}

TEST(FileLock, SecondRunIsRefusedUntilTheFirstIsDead) {
  const TempFolder folder;
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t holder = ::fork();
  ASSERT_GE(holder, 0);
  if (holder == 0) {
    const FileLock lock(folder.path());
    if (::write(ready[1], "x", 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  expect_mentions(message_of([&] { FileLock second(folder.path()); }),
                  {folder.path(), fmt::format("process {} on ", holder)});
  ::kill(holder, SIGKILL);
  ::waitpid(holder, nullptr, 0);
  { const FileLock recovered(folder.path()); }
  const FileLock again(folder.path());
  expect_mentions(message_of([&] { FileLock second(folder.path()); }), {fmt::format("process {} on ", ::getpid())});
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(FailPoint, HappensOnceAtTheNthPassage) {
  arm_fail_point("here:error:2");
  fail_point("here");
  fail_point("elsewhere");
  expect_mentions(message_of([] { fail_point("here"); }), {"here", "Input/output error"});
  fail_point("here");
  EXPECT_TRUE(disarm_fail_point());
  arm_fail_point("here:full");
  EXPECT_FALSE(disarm_fail_point());
}

TEST(FailPoint, MalformedIsRefused) {
  for (const char* const spec : {"", "x", ":kill", "x:", "x:die", "x:kill:", "x:kill:0", "x:kill:-1", "x:kill:1x"}) {
    expect_mentions(message_of([&] { arm_fail_point(spec); }), {"HONE_FAILPOINT", "malformed"});
  }
}

// Run by the next test in a process of its own.
TEST(FailPoint, DISABLED_PassesFromTheEnvironment) {
  fail_point("from.environment");
}

TEST(FailPoint, EnvironmentArmsIt) {
  const auto run = [](const char* spec) {
    return in_child([spec] {
      ::setenv("HONE_FAILPOINT", spec, 1);
      ::execl("/proc/self/exe", "core_test", "--gtest_also_run_disabled_tests",
              "--gtest_filter=FailPoint.DISABLED_PassesFromTheEnvironment", "--gtest_brief=1", nullptr);
    });
  };
  EXPECT_EQ(run("from.environment:kill"), ChildEnd::kKilled);
  EXPECT_EQ(run("from.environment:kill:2"), ChildEnd::kReturned);
}

}  // namespace
}  // namespace hone
