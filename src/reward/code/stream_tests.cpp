// Programs that read standard input and write standard output: one box for each test case, compared here.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "reward/code/compare.h"
#include "reward/code/judging.h"
#include "reward/embedded.h"

namespace hone::code {

CodeVerdict Judging::judge_streams(const Language& language, const StreamTests& tests, const std::string& text) const {
  const auto total = static_cast<int64_t>(tests.cases.size());
  Program program;
  program.command = language.run;
  program.visible = language.visible;
  program.files = language.files;
  program.limits = limits();
  if (language.compile.empty()) {
    program.files.push_back({language.source, text});
  } else {
    Compiled compiled = compile(language, text, {});
    if (compiled.failure) {
      compiled.failure->total = total;
      return *compiled.failure;
    }
    program.files.push_back({kCompiledPath, std::move(compiled.program), /*executable=*/true});
  }
  CodeVerdict result{.status = CodeStatus::kOk, .reason = {}, .passed = 0, .total = total};
  for (int64_t i = 0; i < total; ++i) {
    const auto& test = tests.cases[static_cast<size_t>(i)];
    program.input = test.input;
    const CodeVerdict verdict = judge_case(language, test, tests.checker, program);
    if (verdict.status == CodeStatus::kOk) {
      ++result.passed;
      continue;
    }
    if (verdict.status == CodeStatus::kSandboxError) return verdict;
    if (result.status == CodeStatus::kOk) {
      result.status = verdict.status;
      result.reason = fmt::format("test {}: {}", i + 1, verdict.reason);
    }
    if (!config_.partial_credit) break;
  }
  return result;
}

CodeVerdict Judging::judge_case(const Language& language, const StreamTests::Case& test, const std::string& checker,
                                const Program& program) const {
  const RunResult run = sandbox_.run(program);
  CodeVerdict verdict = verdict_of(run);
  if (verdict.status == CodeStatus::kRuntimeError && language.compile_error_code != 0 &&
      run.exit_code == language.compile_error_code) {
    verdict.status = CodeStatus::kCompileError;
  }
  if (verdict.status != CodeStatus::kOk) return verdict;
  if (!checker.empty()) return ask_checker(test, checker, run.output);
  const auto difference = find_difference(run.output, test.output, config_.comparison, config_.float_tolerance);
  if (difference) return {.status = CodeStatus::kWrongAnswer, .reason = *difference};
  return verdict;
}

CodeVerdict Judging::ask_checker(const StreamTests::Case& test, const std::string& checker,
                                 const std::string& output) const {
  const auto accepted = check(test, checker, output);
  if (accepted) {
    if (*accepted) return {.status = CodeStatus::kOk};
    return {.status = CodeStatus::kWrongAnswer, .reason = "the task's checker refuses the output"};
  }
  // A checker that copes with the expected output is sound, and it is this one that cannot be read.
  if (!check(test, checker, test.output)) return sandbox_error("the task's checker fails");
  return {.status = CodeStatus::kWrongAnswer, .reason = "the task's checker cannot read the output"};
}

std::optional<bool> Judging::check(const StreamTests::Case& test, const std::string& checker,
                                   const std::string& output) const {
  const Language& python = *find_language("python");
  const std::string token = new_token();
  Program program;
  program.command = {python.tool, "-s", "-S", "/box/checker.py"};
  program.visible = python.visible;
  const nlohmann::json task = {token, checker, test.input, test.output, output};
  program.files = {{"/box/checker.py", std::string(embedded::python_checker())},
                   {"/box/task.json", task.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace)}};
  program.limits = limits();
  const RunResult run = sandbox_.run(program);
  if (run.status != RunStatus::kOk) return std::nullopt;
  if (run.output.find("\n" + token + "right\n") != std::string::npos) return true;
  if (run.output.find("\n" + token + "wrong\n") != std::string::npos) return false;
  return std::nullopt;
}

}  // namespace hone::code
