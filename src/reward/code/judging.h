// What the kinds of tests share: the sandbox, the limits, and the way from the end of a run to a verdict. Thread-safe.
#pragma once

#include <deque>
#include <map>
#include <mutex>
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

/// Compiled tests, which all completions of a prompt share; the most recent ones.
class CompileCache {
 public:
  /// What `compile` made of `source`, now or earlier. Failures are not kept: a sandbox that broke may work again.
  template <class Compile>
  Compiled get(const std::string& source, const Compile& compile) {
    {
      const std::lock_guard lock(mutex_);
      if (const auto at = programs_.find(source); at != programs_.end()) return {.program = at->second, .failure = {}};
    }
    Compiled compiled = compile();
    if (compiled.failure) return compiled;
    const std::lock_guard lock(mutex_);
    if (programs_.emplace(source, compiled.program).second) order_.push_back(source);
    if (order_.size() > kMost) {
      programs_.erase(order_.front());
      order_.pop_front();
    }
    return compiled;
  }

 private:
  static constexpr size_t kMost = 64;
  std::mutex mutex_;
  std::map<std::string, std::string> programs_;
  std::deque<std::string> order_;
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
  /// What the checker says; nothing when it fails.
  std::optional<bool> check(const StreamTests::Case& test, const std::string& checker, const std::string& output) const;
  CodeVerdict judge_python(const Language& language, const FunctionTests& tests, const std::string& program) const;
  CodeVerdict judge_cpp(const Language& language, const FunctionTests& tests, const std::string& program) const;
  Compiled compile(const Language& language, const std::string& source, const std::vector<BoxFile>& others) const;
  const Language* find_language(std::string_view name) const;
  RunLimits limits() const;
  /// The judge's own share: it holds the values of both sides, and it is the program that shall run out of time.
  static void leave_room_for_judging(RunLimits& limits);

  const CodeReward& config_;
  const Sandbox& sandbox_;
  const std::vector<Language>& languages_;
  const PythonHarness harness_;
  mutable CompileCache cache_;
};

/// A verdict for a run that did not end well by itself; for kOk, OK.
CodeVerdict verdict_of(const RunResult& run);
CodeVerdict sandbox_error(std::string reason);
/// Text that no program can have seen before.
std::string new_token();
/// Whether the text has a line outside any block that defines `name`, as Python does.
bool defines_in_python(std::string_view program, std::string_view name);

}  // namespace hone::code
