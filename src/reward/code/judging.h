// What the kinds of tests share: the sandbox, the limits, and the way from the end of a run to a verdict. Thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hone/reward/code.h"
#include "hone/reward/sandbox.h"
#include "reward/code/languages.h"
#include "reward/code/task.h"

namespace hone::code {

/// A compiled program, or why there is none.
struct Compiled {
  std::string program;
  std::optional<CodeVerdict> failure;
};

/// The two sides of a Python function test as byte code.
struct PythonHarness {
  std::string judge, candidate;
};

class Judging {
 public:
  Judging(const CodeReward& config, const Sandbox& sandbox, const std::vector<Language>& languages,
          PythonHarness harness)
      : config_(config), sandbox_(sandbox), languages_(languages), harness_(std::move(harness)) {}

  CodeVerdict judge(const Task& task, std::string_view completion) const;

 private:
  CodeVerdict judge_streams(const Language& language, const StreamTests& tests, const std::string& program) const;
  CodeVerdict judge_case(const Language& language, const StreamTests::Case& test, const std::string& checker,
                         const Program& program) const;
  CodeVerdict ask_checker(const StreamTests::Case& test, const std::string& checker, const std::string& output) const;
  CodeVerdict judge_python(const Language& language, const FunctionTests& tests, const std::string& program) const;
  CodeVerdict judge_cpp(const Language& language, const FunctionTests& tests, const std::string& program) const;
  Compiled compile(const Language& language, const std::string& source, const std::vector<BoxFile>& others) const;
  const Language* find_language(std::string_view name) const;
  RunLimits limits() const;

  const CodeReward& config_;
  const Sandbox& sandbox_;
  const std::vector<Language>& languages_;
  const PythonHarness harness_;
};

/// A verdict for a run that did not end well by itself; for kOk, OK.
CodeVerdict verdict_of(const RunResult& run);
CodeVerdict sandbox_error(std::string reason);
/// Text that no program can have seen before.
std::string new_token();
/// Whether the text has a line outside any block that defines `name`, as Python does.
bool defines_in_python(std::string_view program, std::string_view name);

}  // namespace hone::code
