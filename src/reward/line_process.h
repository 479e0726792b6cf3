// A program that answers a line with a line: started without a shell, its standard input and output are pipes, its
// standard error is ours. Owns the process and ends it, with its children, when it goes. One thread at a time.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace hone {

/// A line, or why there is none.
struct LineAnswer {
  std::optional<std::string> line;
  std::string reason{};
  bool ended = false;  ///< the program ended by itself, before it answered
};

class LineProcess {
 public:
  /// Starts argv[0], looked for in PATH. Where that fails, every ask() says so.
  explicit LineProcess(const std::vector<std::string>& argv);
  ~LineProcess();
  LineProcess(const LineProcess&) = delete;
  LineProcess& operator=(const LineProcess&) = delete;

  /// Writes `line` and a line break, and waits for a line. After an answer without line the process is of no more use.
  LineAnswer ask(std::string line, std::chrono::duration<double> timeout);
  /// False where the program has said something unasked: its next line might be the answer to an older question.
  bool in_step();

 private:
  bool read_some();  // false at the end
  std::string how_it_ended();

  pid_t pid_ = -1;
  int to_ = -1, from_ = -1;
  std::string start_failure_, received_;
};

}  // namespace hone
