// The one exception type of hone, and the two checks that throw it.
//
// A message is one line: where, what, got, expected, hint. HONE_CHECK is for errors of the user or the environment (bad
// input, a full disk); HONE_ASSERT is for our own bugs. Both stay on in release builds. Only main() catches everything.
// Thread-safe.
#pragma once

#include <fmt/format.h>

#include <exception>
#include <string>

namespace hone {

/// What an error means for the exit code of the program (docs: exit codes).
enum class ErrorKind : int {
  kFailed = 1,  ///< the environment or hone itself failed
  kInput = 2,   ///< bad command line, config or input; found before expensive work
  kGuard = 3,   ///< a named guard stopped a run that had gone wrong
};

/// The parts of a message. Empty parts are left out.
struct Problem {
  std::string what;        ///< what is wrong, as a clause: "unknown key 'seeed'"
  std::string place{};     ///< "config.yaml:3:1", a file, a tensor name
  std::string got{};       ///< the value found
  std::string expected{};  ///< the values allowed
  std::string hint{};      ///< what to do
};

/// "place: what: got G, expected E (hint)" on one line; line breaks inside the parts become spaces.
std::string to_line(const Problem& problem);

class Error : public std::exception {
 public:
  Error(ErrorKind kind, const Problem& problem) : Error(kind, to_line(problem)) {}
  /// `message` is one line, or one line per problem where a whole file was checked.
  Error(ErrorKind kind, std::string message) : kind_(kind), message_(std::move(message)) {}

  const char* what() const noexcept override { return message_.c_str(); }
  ErrorKind kind() const noexcept { return kind_; }

 private:
  ErrorKind kind_;
  std::string message_;
};

/// Throws ErrorKind::kInput: the user can mend it.
[[noreturn]] void throw_input(const Problem& problem);
/// Throws ErrorKind::kFailed: the environment broke.
[[noreturn]] void throw_failed(const Problem& problem);
/// Throws ErrorKind::kFailed for a broken invariant of our own.
[[noreturn]] void throw_bug(const char* expression, const char* file, int line, const std::string& detail);

}  // namespace hone

/// User or environment error (ErrorKind::kInput) unless `condition`; the rest are the fields of Problem, in order.
#define HONE_CHECK(condition, ...)                       \
  do {                                                   \
    if (!(condition)) [[unlikely]]                       \
      ::hone::throw_input(::hone::Problem{__VA_ARGS__}); \
  } while (false)

/// A bug of ours unless `condition`; the rest is an optional fmt format and its arguments.
#define HONE_ASSERT(condition, ...)                                                     \
  do {                                                                                  \
    if (!(condition)) [[unlikely]]                                                      \
      ::hone::throw_bug(#condition, __FILE__, __LINE__, ::fmt::format("" __VA_ARGS__)); \
  } while (false)
