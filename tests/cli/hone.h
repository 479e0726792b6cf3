// For tests of the program as a user runs it: start it, wait for it, kill it, read what it left.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace hone::test {

using Arguments = std::vector<std::string>;
/// Variables that a process gets beside those of the test.
using Environment = std::map<std::string, std::string>;

struct Result {
  int exit_code = 0;  ///< 128 + n when signal n ended it
  std::string out, err;
};

/// A running hone; killed when it goes.
class Process {
 public:
  explicit Process(const Arguments& arguments, const Environment& environment = {}, const std::string& input = "");
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void send(int signal) const;
  /// Waits at most so long; nothing when it still runs.
  std::optional<Result> wait_for(double seconds);
  Result wait();

 private:
  Result collect(int status);

  std::filesystem::path folder_;  ///< its standard streams
  int pid_ = -1;
};

inline Result hone(const Arguments& arguments, const Environment& environment = {}, const std::string& input = "") {
  return Process(arguments, environment, input).wait();
}

/// A file of the source tree.
std::string source(const std::string& path);
std::string read(const std::filesystem::path& path);

/// The lines of JSON Lines.
template <class Json>
std::vector<Json> json_lines(const std::string& text) {
  std::vector<Json> out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) out.push_back(Json::parse(line));
  return out;
}

/// R1-Zero on the miniature, small enough to run often: 6 steps of 8 x 4 completions with every part at work (two
/// minibatches, two iterations, a reference that moves, evaluations, a checkpoint every other step).
Arguments small_run(const std::filesystem::path& output, const Arguments& more = {});

/// What a run leaves that must not depend on how it went: hashes of weights, samples and evaluations, and the metrics
/// without times and memory.
std::map<std::string, std::string> fingerprint(const std::filesystem::path& run);

}  // namespace hone::test
