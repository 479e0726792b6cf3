#include "hone/core/error.h"

#include <algorithm>

namespace hone {

std::string to_line(const Problem& problem) {
  std::string line = problem.place.empty() ? problem.what : problem.place + ": " + problem.what;
  if (!problem.got.empty()) line += ": got " + problem.got;
  if (!problem.expected.empty()) line += (problem.got.empty() ? ": expected " : ", expected ") + problem.expected;
  if (!problem.hint.empty()) line += " (" + problem.hint + ")";
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

void throw_input(const Problem& problem) {
  throw Error(ErrorKind::kInput, problem);
}

void throw_failed(const Problem& problem) {
  throw Error(ErrorKind::kFailed, problem);
}

void throw_bug(const char* expression, const char* file, int line, const std::string& detail) {
  throw Error(ErrorKind::kFailed, Problem{.what = fmt::format("internal error, please report: {} is false{}{}",
                                                              expression, detail.empty() ? "" : "; ", detail),
                                          .place = fmt::format("{}:{}", file, line)});
}

}  // namespace hone
