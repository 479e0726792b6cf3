// Python function tests. The program runs in one box and the tests in another; between them go calls and plain values.
#include <nlohmann/json.hpp>

#include "reward/code/judging.h"

namespace hone::code {
namespace {

using Json = nlohmann::json;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (c & 0x80) != 0;
}

/// The files of the program's box. A program that defines the function stands alone, after whatever else the prompt
/// imports or defines; any other continues the prompt.
std::vector<BoxFile> program_files(const Language& language, const FunctionTests& tests, const std::string& program) {
  const bool prompt_is_code =
      !tests.entry_point.empty() && defines_in_python(tests.prompt, tests.entry_point);  // else it is words
  if (!tests.imports.empty()) return {{"/box/prompt.py", tests.imports}, {language.source, program}};
  if (!prompt_is_code) return {{language.source, program}};
  if (!defines_in_python(program, tests.entry_point)) return {{language.source, tests.prompt + program}};
  return {{"/box/prompt.py", tests.prompt}, {language.source, program}};
}

struct JudgeSays {
  int64_t passed = 0, total = 0;
  std::string failure;
  bool tests_at_fault = false, program_gone = false;
};

std::optional<JudgeSays> read_judge(const std::string& output, const std::string& token) {
  const size_t at = output.rfind("\n" + token);
  if (at == std::string::npos) return std::nullopt;
  const size_t start = at + 1 + token.size();
  const Json line = Json::parse(output.substr(start, output.find('\n', start) - start), nullptr, false);
  if (!line.is_array() || line.size() != 5) return std::nullopt;
  return JudgeSays{line[0].get<int64_t>(), line[1].get<int64_t>(), line[2].get<std::string>(), line[3].get<bool>(),
                   line[4].get<bool>()};
}

/// What became of the program when not all tests passed.
CodeVerdict failed(const JudgeSays& says, const RunResult& program) {
  CodeVerdict verdict = verdict_of(program);
  verdict.passed = says.passed;
  verdict.total = says.total;
  const bool ended_by_itself = program.status == RunStatus::kOk || program.status == RunStatus::kRuntimeError;
  if (program.status == RunStatus::kSandboxError) return verdict;
  if (program.status != RunStatus::kStopped && !ended_by_itself) return verdict;
  if (says.program_gone && says.failure == "the program left" && ended_by_itself) {
    verdict.status = CodeStatus::kRuntimeError;
    verdict.reason =
        "ended before the tests were through: " + (program.reason.empty() ? "exit code 0" : verdict.reason);
    return verdict;
  }
  verdict.reason = says.failure;
  const bool does_not_compile = says.failure.rfind("does not compile", 0) == 0;
  const bool assertion = !says.program_gone && says.failure.rfind("AssertionError", 0) == 0;
  verdict.status = does_not_compile ? CodeStatus::kCompileError
                   : assertion      ? CodeStatus::kWrongAnswer
                                    : CodeStatus::kRuntimeError;
  return verdict;
}

}  // namespace

bool defines_in_python(std::string_view program, std::string_view name) {
  for (std::string_view rest = program; !rest.empty();) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    bool defined = false;
    for (const std::string_view word : {"async def ", "def ", "class "}) {
      if (defined || line.rfind(word, 0) != 0) continue;
      line.remove_prefix(std::min(line.find_first_not_of(' ', word.size()), line.size()));
      defined = true;
    }
    if (line.rfind(name, 0) != 0 || (line.size() > name.size() && is_word(line[name.size()]))) continue;
    const size_t next = line.find_first_not_of(" \t", name.size());
    if (next == std::string_view::npos) continue;
    const bool assigned = (line[next] == '=' && line.substr(next, 2) != "==") || line[next] == ':';
    if (defined || assigned) return true;
  }
  return false;
}

CodeVerdict Judging::judge_python(const Language& language, const FunctionTests& tests, const std::string& text) const {
  const std::string token = new_token();
  Program judge, program;
  for (Program* box : {&judge, &program}) {
    box->visible = language.visible;
    box->limits = limits();
  }
  judge.command = {language.tool, "-s", "-S", "/box/judge.pyc"};
  const Json task = {token,      tests.test,  tests.entry_point,     tests.prompt,
                     tests.list, tests.setup, config_.partial_credit};
  judge.files = {{"/box/judge.pyc", harness_.judge},
                 {"/box/task.json", task.dump(-1, ' ', true, Json::error_handler_t::replace)}};
  leave_room_for_judging(judge.limits);
  program.command = {language.tool, "-s", "-S", "/box/candidate.pyc"};
  program.files = program_files(language, tests, text);
  program.files.push_back({"/box/candidate.pyc", harness_.candidate});
  const auto [judged, ran] = sandbox_.run_linked(judge, program);
  const auto says = judged.status == RunStatus::kOk ? read_judge(judged.output, token) : std::nullopt;
  if (!says) {
    CodeVerdict verdict = verdict_of(judged);
    // The judge can only be brought down by time and space, and what takes these is what the program returned.
    if (verdict.status == CodeStatus::kOk || verdict.status == CodeStatus::kRuntimeError) {
      return sandbox_error("the judge did not finish: " + verdict.reason);
    }
    verdict.reason = "in the tests: " + verdict.reason;
    verdict.total = 1;
    return verdict;
  }
  if (says->tests_at_fault) return sandbox_error(says->failure);
  if (says->passed == says->total && !says->program_gone) {
    // Stopped by the judge's end, or ended at the same moment: all answers had been given.
    CodeVerdict verdict = verdict_of(ran);
    const bool fine = ran.status == RunStatus::kStopped || ran.status == RunStatus::kOk;
    if (fine) verdict = {.status = CodeStatus::kOk};
    verdict.passed = says->passed;
    verdict.total = says->total;
    return verdict;
  }
  return failed(*says, ran);
}

}  // namespace hone::code
