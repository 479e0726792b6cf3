// C++ function tests. As with Python, the tests and the program are two processes in two boxes; the function's
// declaration says which types travel between them (harness/remote.h).
#include <fmt/format.h>

#include "reward/code/cpp_source.h"
#include "reward/code/judging.h"
#include "reward/embedded.h"

namespace hone::code {
namespace {

// As in harness/remote.h.
constexpr int kProgramLeft = 71, kGarbled = 72, kNotANumber = 73;

constexpr char kHeaderPath[] = "/box/remote.h";

bool mentions_nan(std::string_view test) {
  return test.find("nan") != std::string_view::npos || test.find("NAN") != std::string_view::npos;
}

/// The tests with a stand-in for the function.
std::string tests_source(const std::string& before, const std::string& declaration, const std::string& name,
                         std::string_view test) {
  // MultiPL-E tests begin by closing the body of the function.
  const size_t first = std::min(test.find_first_not_of(" \t\r\n"), test.size());
  if (test.substr(first).rfind('}', 0) == 0) test.remove_prefix(first + 1);
  return fmt::format(
      "#undef NDEBUG\n#include <bits/stdc++.h>\n#include <cassert>\n#define HONE_TESTS\n{}#include \"{}\"\n{}\n"
      "namespace hone_declared {{ {}; }}\n"
      "static const hone_remote::Function<decltype(hone_declared::{})> {};\n{}\n",
      mentions_nan(test) ? "" : "#define HONE_NO_NAN\n", kHeaderPath, before, declaration, name, name, test);
}

/// The program with a loop that answers calls. A main function of its own is put aside.
std::string program_source(const std::string& program, const std::string& declaration, const std::string& name) {
  return fmt::format(
      "#include <bits/stdc++.h>\n#include \"{}\"\n#define main hone_main_of_the_program\n#line 1 \"program.cpp\"\n{}\n"
      "#undef main\nnamespace hone_declared {{ {}; }}\n"
      "int main() {{\n  decltype(&hone_declared::{}) function = &::{};\n  hone_remote::serve(function);\n}}\n",
      kHeaderPath, program, declaration, name, name);
}

CodeVerdict failed(const RunResult& judged, const RunResult& ran) {
  CodeVerdict verdict = verdict_of(ran);
  verdict.total = 1;
  if (ran.status == RunStatus::kSandboxError) return verdict;
  const bool limit =
      ran.status != RunStatus::kStopped && ran.status != RunStatus::kOk && ran.status != RunStatus::kRuntimeError;
  if (limit) return verdict;
  verdict.status = CodeStatus::kRuntimeError;
  if (judged.exit_code == kProgramLeft) {
    verdict.reason = "ended before the tests were through: " + (ran.reason.empty() ? "exit code 0" : verdict.reason);
  } else if (judged.exit_code == kGarbled) {
    verdict.reason = "the program sends what is no answer";
  } else {
    verdict = verdict_of(judged);
    verdict.total = 1;
    if (judged.exit_code == kNotANumber) verdict.reason = "the result holds a NaN, which no test mentions";
    const bool thrown = judged.error.find("terminate called") != std::string::npos;
    if (verdict.status == CodeStatus::kRuntimeError && !thrown) verdict.status = CodeStatus::kWrongAnswer;
  }
  return verdict;
}

}  // namespace

CodeVerdict Judging::judge_cpp(const Language& language, const FunctionTests& tests, const std::string& text) const {
  if (!tests.list.empty()) return sandbox_error("C++ function tests are one text in `test`");
  const std::string name = tests.entry_point.empty() ? find_candidate_name(tests.test) : tests.entry_point;
  if (name.empty()) return sandbox_error("the record has no entry_point");
  // The prompt's declaration is the task's; without a prompt in code, the program's own has to do.
  const auto wanted = find_cpp_function(tests.prompt, name);
  std::string program = text;
  if (wanted && !find_cpp_function(text, name)) {
    program = tests.prompt + text;
    for (int missing = open_braces(program); missing > 0; --missing) program += "\n}";
  } else if (wanted) {
    program = header_lines(tests.prompt) + text;
  }
  const auto function = wanted ? wanted : find_cpp_function(program, name);
  if (!function) {
    return {.status = CodeStatus::kCompileError, .reason = "no function " + name + " of plain types", .total = 1};
  }
  const std::string before = wanted ? tests.prompt.substr(0, wanted->start) : header_lines(program);
  const std::vector<BoxFile> header = {{kHeaderPath, std::string(embedded::cpp_remote())}};
  const std::string judge_text = tests_source(before, function->declaration, name, tests.test);
  const Compiled judge = cache_.get(judge_text, [&] { return compile(language, judge_text, header); });
  if (judge.failure) {
    CodeVerdict verdict = *judge.failure;
    if (wanted) return sandbox_error("the tests do not compile: " + verdict.reason);
    verdict.reason = "the tests do not compile with the program's declaration: " + verdict.reason;
    return verdict;
  }
  const Compiled candidate = compile(language, program_source(program, function->declaration, name), header);
  if (candidate.failure) return *candidate.failure;
  Program judge_box, program_box;
  for (Program* box : {&judge_box, &program_box}) {
    box->command = language.run;
    box->visible = language.visible;
    box->limits = limits();
  }
  judge_box.files = {{kCompiledPath, judge.program, /*executable=*/true}};
  program_box.files = {{kCompiledPath, candidate.program, /*executable=*/true}};
  leave_room_for_judging(judge_box.limits);
  const auto [judged, ran] = sandbox_.run_linked(judge_box, program_box);
  if (judged.status == RunStatus::kSandboxError) return verdict_of(judged);
  // Only the tests run in the judge's process, so its exit code is evidence.
  const bool in_time = ran.status == RunStatus::kStopped || ran.status == RunStatus::kOk;
  if (judged.status == RunStatus::kOk && in_time)
    return {.status = CodeStatus::kOk, .reason = {}, .passed = 1, .total = 1};
  return failed(judged, ran);
}

}  // namespace hone::code
