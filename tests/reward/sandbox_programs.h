// For the tests of the sandbox: programs to run, and what to check from outside.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "hone/core/error.h"
#include "hone/reward/sandbox.h"

namespace hone::testing {

namespace fs = std::filesystem;

/// HONE_SANDBOX_REPEATS: how often a hostile program is run; 1 by default, 20 for the full suite.
inline int repeats() {
  const char* const value = std::getenv("HONE_SANDBOX_REPEATS");
  return value != nullptr ? std::max(1, std::atoi(value)) : 1;
}

inline std::string read_text(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();  // what of a process that ends meanwhile could still be read; an iterator would throw
  return text.str();
}

/// `text` with each word of the map replaced, everywhere.
inline std::string filled(std::string text, const std::map<std::string, std::string>& words) {
  for (const auto& [word, value] : words) {
    for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + value.size())) {
      text.replace(at, word.size(), value);
    }
  }
  return text;
}

/// The processes of this machine whose arguments hold `marker`.
inline std::vector<int> processes_with(const std::string& marker) {
  std::vector<int> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    const int pid = std::atoi(entry.path().filename().c_str());
    if (pid > 0 && pid != getpid() && read_text(entry.path() / "cmdline").find(marker) != std::string::npos) {
      found.push_back(pid);
    }
  }
  return found;
}

inline std::vector<int> children_of(int pid) {
  std::vector<int> children;
  std::error_code ignored;
  for (const auto& thread : fs::directory_iterator("/proc/" + std::to_string(pid) + "/task", ignored)) {
    std::ifstream in(thread.path() / "children");
    for (int child = 0; in >> child;) children.push_back(child);
  }
  return children;
}

inline size_t open_descriptors() {
  return static_cast<size_t>(std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()));
}

/// What a run must leave as it was, in this process and around it.
struct Surroundings {
  size_t descriptors = open_descriptors();
  std::vector<int> children = children_of(getpid());
  std::string folder = fs::current_path().string();
  mode_t mask = current_umask();
  std::string signals = signal_lines();
  std::set<std::string> shared_memory = names_in("/dev/shm"), temporary = names_in("/tmp");
  std::map<std::string, std::string> watched;

  explicit Surroundings(const fs::path& tree = {}) {
    if (tree.empty()) return;
    for (const auto& entry : fs::recursive_directory_iterator(tree)) {
      watched[entry.path().string()] = entry.is_regular_file() ? read_text(entry.path()) : "";
    }
  }
  static mode_t current_umask() {
    const mode_t now = umask(0);
    umask(now);
    return now;
  }
  static std::string signal_lines() {
    std::ifstream in("/proc/self/status");
    std::string all;
    for (std::string line; std::getline(in, line);) {
      if (line.rfind("Sig", 0) == 0 && line.rfind("SigQ", 0) != 0 && line.rfind("SigPnd", 0) != 0) all += line + "\n";
    }
    return all;
  }
  /// Names that a box would use; other programs of the machine come and go.
  static std::set<std::string> names_in(const fs::path& folder) {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder)) {
      const std::string name = entry.path().filename().string();
      if (name.rfind("box-trace", 0) == 0) names.insert(name);
    }
    return names;
  }
  void expect_equal(const Surroundings& after) const {
    EXPECT_EQ(descriptors, after.descriptors);
    EXPECT_EQ(children, after.children);
    EXPECT_EQ(folder, after.folder);
    EXPECT_EQ(mask, after.mask);
    EXPECT_EQ(signals, after.signals);
    EXPECT_EQ(shared_memory, after.shared_memory);
    EXPECT_EQ(temporary, after.temporary);
    EXPECT_EQ(watched, after.watched);
  }
};

/// Programs of this machine that the tests run in boxes.
inline std::vector<std::string> system_folders() {
  std::vector<std::string> folders;
  for (const char* folder : {"/bin", "/lib", "/lib64", "/usr/bin", "/usr/lib", "/usr/lib64", "/usr/include"}) {
    if (fs::exists(folder)) folders.push_back(folder);
  }
  return folders;
}

class SandboxTest : public ::testing::Test {
 protected:
  void SetUp() override {
    try {
      sandbox_ = std::make_unique<Sandbox>(SandboxOptions{.jobs = 9, .bubblewrap = {}});
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
  }

  /// A word that is found nowhere else on this machine.
  static std::string new_marker() {
    static int count = 0;
    return "hone-marker-" + std::to_string(getpid()) + "-" + std::to_string(count++) + "-" +
           std::to_string(std::chrono::steady_clock::now().time_since_epoch().count());
  }

  Program python(const std::string& text, const std::string& marker = "none") const {
    Program program;
    program.command = {"/usr/bin/python3", "-s", "-S", "/box/program.py", marker};
    program.visible = system_folders();
    program.files = {{"/box/program.py", text}};
    program.limits = limits_;
    return program;
  }

  /// Compiled once for each text.
  Program cpp(const std::string& text, const std::string& marker = "none") const {
    static std::map<std::string, std::string> compiled;
    std::string& binary = compiled[text];
    if (binary.empty()) {
      Program compiler;
      compiler.command = {"/bin/sh", "-c",
                          "/usr/bin/g++ -std=gnu++20 -O1 -w -o /tmp/p /box/p.cpp -pthread && exec cat /tmp/p"};
      compiler.visible = system_folders();
      compiler.files = {{"/box/p.cpp", text}};
      compiler.limits = {.cpu_seconds = 30, .wall_seconds = 90, .memory_bytes = 1LL << 30, .output_bytes = 64LL << 20};
      compiler.limits.descriptors = 256;
      const RunResult result = sandbox_->run(compiler);
      EXPECT_EQ(result.status, RunStatus::kOk) << result.reason << result.error;
      binary = result.output;
    }
    Program program;
    program.command = {"/box/program", marker};
    program.visible = system_folders();
    program.files = {{"/box/program", binary, /*executable=*/true}};
    program.limits = limits_;
    return program;
  }

  /// Runs it and checks from outside that nothing of it is left, that it came back in time, and that the box is sound
  /// afterwards.
  RunResult run_checked(const Program& program, const std::string& marker, const fs::path& tree = {}) {
    const Surroundings before(tree);
    const auto start = std::chrono::steady_clock::now();
    RunResult result = sandbox_->run(program);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    EXPECT_LT(took.count(), program.limits.wall_seconds + 1) << result.reason;
    EXPECT_EQ(processes_with(marker), std::vector<int>()) << result.reason;
    EXPECT_EQ(children_of(sandbox_->supervisor()), std::vector<int>());
    before.expect_equal(Surroundings(tree));
    EXPECT_NE(result.status, RunStatus::kSandboxError) << result.reason;
    const RunResult plain = sandbox_->run(python("print(6 * 7)"));
    EXPECT_EQ(plain.status, RunStatus::kOk) << plain.reason;
    EXPECT_EQ(plain.output, "42\n");
    return result;
  }

  /// Each time the program ends in one of the ways named.
  void expect_ends(const std::string& name, const std::string& marker, const Program& program,
                   const std::set<RunStatus>& allowed) {
    for (int i = 0; i < repeats(); ++i) {
      const RunResult result = run_checked(program, marker);
      EXPECT_TRUE(allowed.count(result.status) > 0) << name << " ended with " << static_cast<int>(result.status) << " "
                                                    << result.reason << " " << result.output << result.error;
    }
  }
  void expect_python(const std::string& name, const std::string& text, const std::set<RunStatus>& allowed) {
    const std::string marker = new_marker();
    expect_ends(name, marker, python(text, marker), allowed);
  }
  void expect_cpp(const std::string& name, const std::string& text, const std::set<RunStatus>& allowed) {
    const std::string marker = new_marker();
    expect_ends(name, marker, cpp(text, marker), allowed);
  }
  /// A well-behaved program: ends well and prints this.
  void expect_output(const Program& program, const std::string& output) {
    const RunResult result = sandbox_->run(program);
    EXPECT_EQ(result.status, RunStatus::kOk) << result.reason << result.error;
    EXPECT_EQ(result.output, output);
  }

  std::unique_ptr<Sandbox> sandbox_;
  RunLimits limits_;
};

}  // namespace hone::testing
