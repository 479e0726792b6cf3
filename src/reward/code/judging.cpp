#include "reward/code/judging.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "reward/code/extract.h"

namespace hone::code {
namespace {

CodeStatus status_of(RunStatus status) {
  switch (status) {
    case RunStatus::kOk:
      return CodeStatus::kOk;
    case RunStatus::kRuntimeError:
    case RunStatus::kStopped:
      return CodeStatus::kRuntimeError;
    case RunStatus::kCpuTime:
      return CodeStatus::kCpuTime;
    case RunStatus::kWallTime:
      return CodeStatus::kWallTime;
    case RunStatus::kMemory:
      return CodeStatus::kMemory;
    case RunStatus::kOutput:
      return CodeStatus::kOutput;
    case RunStatus::kProcesses:
      return CodeStatus::kProcesses;
    case RunStatus::kFiles:
      return CodeStatus::kFiles;
    case RunStatus::kDenied:
      return CodeStatus::kDenied;
    case RunStatus::kSandboxError:
      return CodeStatus::kSandboxError;
  }
  return CodeStatus::kSandboxError;
}

/// The last line with something in it: where Python names the exception.
std::string_view last_line(std::string_view text) {
  const size_t last = text.find_last_not_of(" \t\r\n");
  if (last == std::string_view::npos) return {};
  text = text.substr(0, last + 1);
  const size_t start = text.rfind('\n');
  return text.substr(start == std::string_view::npos ? 0 : start + 1).substr(0, 300);
}

}  // namespace

CodeVerdict verdict_of(const RunResult& run) {
  CodeVerdict verdict{.status = status_of(run.status), .reason = run.reason};
  if (verdict.status == CodeStatus::kRuntimeError && !run.error.empty()) {
    verdict.reason.append("; ").append(last_line(run.error));
  }
  return verdict;
}

CodeVerdict sandbox_error(std::string reason) {
  return {.status = CodeStatus::kSandboxError, .reason = std::move(reason)};
}

std::string new_token() {
  std::array<unsigned char, 16> bytes;
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    throw std::system_error(errno, std::generic_category(), "getrandom");
  }
  std::string token;
  for (const unsigned char byte : bytes) token += {"0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]};
  return token;
}

const Language* Judging::find_language(std::string_view name) const {
  const auto at =
      std::find_if(languages_.begin(), languages_.end(), [&](const Language& l) { return l.is_called(name); });
  return at == languages_.end() ? nullptr : &*at;
}

RunLimits Judging::limits() const {
  RunLimits limits;
  limits.cpu_seconds = config_.cpu_seconds;
  limits.wall_seconds = config_.wall_seconds;
  limits.memory_bytes = config_.memory_mebibytes << 20;
  return limits;
}

void Judging::leave_room_for_judging(RunLimits& limits) {
  limits.memory_bytes += 256LL << 20;
  limits.cpu_seconds += 2;
  limits.wall_seconds += 2;
}

CodeVerdict Judging::judge(const Task& task, std::string_view completion) const {
  const Language* const language = find_language(task.language);
  if (language == nullptr) return sandbox_error("no such programming language: " + task.language);
  if (!language->available()) {
    return sandbox_error("no " + language->tool + " on this machine (apt-get install " + language->package + ")");
  }
  const auto program = find_program(completion, *language);
  if (!program) return {.status = CodeStatus::kWrongAnswer, .reason = "the thinking does not end"};
  if (const auto* streams = std::get_if<StreamTests>(&task.tests)) return judge_streams(*language, *streams, *program);
  const auto& functions = std::get<FunctionTests>(task.tests);
  if (language->name == "python") return judge_python(*language, functions, *program);
  if (language->name == "cpp") return judge_cpp(*language, functions, *program);
  return sandbox_error("no function tests for " + language->name);
}

Compiled Judging::compile(const Language& language, const std::string& source,
                          const std::vector<BoxFile>& others) const {
  Program compiler;
  compiler.command = language.compile;
  compiler.visible = language.visible;
  compiler.files = others;
  compiler.files.push_back({language.source, source});
  compiler.limits = compile_limits();
  RunResult run = sandbox_.run(compiler);
  if (run.status == RunStatus::kOk) return {.program = std::move(run.output), .failure = std::nullopt};
  CodeVerdict failure = verdict_of(run);
  if (failure.status != CodeStatus::kSandboxError) {
    failure.status = CodeStatus::kCompileError;
    const size_t error = run.error.find("error:");
    if (error != std::string::npos)
      failure.reason = run.error.substr(error, std::min<size_t>(run.error.find('\n', error) - error, 300));
  }
  return {.program = {}, .failure = failure};
}

}  // namespace hone::code
