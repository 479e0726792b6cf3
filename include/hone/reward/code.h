// The reward `code`: whether the program in a completion passes the tests of its record. docs/rewards_code.md says how
// records look and what is guaranteed.
//
// A CodeJudge owns a Sandbox. judge() may be called from several threads at once, and should be: that is what lets
// programs run side by side.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hone/data/records.h"
#include "hone/reward/config.h"

namespace hone {

enum class CodeStatus {
  kOk,  ///< ran, passed all tests
  kWrongAnswer,
  kRuntimeError,  ///< an exception, an exit code, a signal, or an end before the tests were through
  kCompileError,
  kCpuTime,
  kWallTime,
  kMemory,
  kOutput,
  kProcesses,
  kFiles,
  kDenied,
  kSandboxError,  ///< the record or the sandbox is at fault: nothing can be said about the program
};
/// "OK", "WA", "RE", "CE", "TLE", "WLE", "MLE", "OLE", "PLE", "FLE", "DENIED", "IE".
std::string_view to_string(CodeStatus status);

struct CodeVerdict {
  CodeStatus status = CodeStatus::kSandboxError;
  std::string reason{};  ///< for people; empty when right
  int64_t passed = 0;    ///< tests; all are run only for partial credit
  int64_t total = 0;
};

class CodeJudge {
 public:
  /// Throws Error kInput, saying what to install, where programs cannot be isolated or Python is missing.
  explicit CodeJudge(const CodeReward& config);
  ~CodeJudge();

  CodeVerdict judge(const Record& record, std::string_view completion) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// For `hone doctor`: the sandbox and the languages, one line each. Never throws.
std::vector<std::string> code_report();

}  // namespace hone
