#include <fmt/format.h>

#include <stdexcept>

#include "hone/core/error.h"
#include "hone/reward/code.h"
#include "reward/code/judging.h"
#include "reward/code/languages.h"
#include "reward/code/task.h"
#include "reward/embedded.h"
#include "reward/sandbox/wire.h"

HONE_EMBED(python_values, HONE_HARNESS "/values.py")
HONE_EMBED(python_judge, HONE_HARNESS "/judge.py")
HONE_EMBED(python_candidate, HONE_HARNESS "/candidate.py")
HONE_EMBED(python_script, HONE_HARNESS "/script.py")
HONE_EMBED(python_precompile, HONE_HARNESS "/precompile.py")
HONE_EMBED(python_checker, HONE_HARNESS "/checker.py")
HONE_EMBED(cpp_remote, HONE_HARNESS "/remote.h")

namespace hone {
namespace {

/// Runs an empty program of the language; nothing when that works.
std::string trial(const Sandbox& sandbox, const code::Language& language) {
  if (!language.available()) return "no " + language.tool;
  Program program;
  program.visible = language.visible;
  program.files = language.files;
  program.files.push_back({language.source, language.compile.empty() ? "" : "int main() {}"});
  program.command = language.compile.empty() ? language.run : language.compile;
  program.limits = code::compile_limits();
  const RunResult run = sandbox.run(program);
  return run.status == RunStatus::kOk ? "" : run.reason + " " + run.error.substr(0, 200);
}

/// Throws Error kInput when Python does not work.
code::PythonHarness compile_harness(const Sandbox& sandbox, const code::Language& python) {
  const std::string hint =
      "apt-get install " + python.package + ", or set `python` to an interpreter that everybody may read";
  const std::string what = "the reward `code` cannot run Python programs";
  HONE_CHECK(python.available(), .what = what, .got = "no " + python.tool, .hint = hint);
  const std::string values(embedded::python_values());
  Program program;
  program.visible = python.visible;
  program.limits = code::compile_limits();
  program.files = {{"/box/precompile.py", std::string(embedded::python_precompile())},
                   {"/box/judge.py", values + std::string(embedded::python_judge())},
                   {"/box/candidate.py", values + std::string(embedded::python_candidate())}};
  program.command = {python.tool, "-s", "-S", "/box/precompile.py", "/box/judge.py", "/box/candidate.py"};
  const RunResult run = sandbox.run(program);
  HONE_CHECK(run.status == RunStatus::kOk, .what = what, .got = code::verdict_of(run).reason, .hint = hint);
  sandbox::Reader reader(run.output);
  code::PythonHarness harness;
  harness.judge = reader.text();
  harness.candidate = reader.text();
  return harness;
}

}  // namespace

struct CodeJudge::State {
  explicit State(const CodeReward& reward)
      : config(reward),
        sandbox({.jobs = reward.jobs, .bubblewrap = {}}),
        languages(code::make_languages(reward.python.value_or(""))),
        judging(config, sandbox, languages, compile_harness(sandbox, languages.front())) {}
  const CodeReward config;
  const Sandbox sandbox;
  const std::vector<code::Language> languages;
  const code::Judging judging;
};

CodeJudge::CodeJudge(const CodeReward& config) : state_(std::make_unique<State>(config)) {}

CodeJudge::~CodeJudge() = default;

CodeVerdict CodeJudge::judge(const Record& record, std::string_view completion) const {
  try {
    return state_->judging.judge(code::read_task(record), completion);
  } catch (const std::invalid_argument& error) {
    return {.status = CodeStatus::kSandboxError, .reason = error.what()};
  } catch (const std::runtime_error& error) {  // no descriptors, no memory
    return {.status = CodeStatus::kSandboxError, .reason = error.what()};
  }
}

std::string_view to_string(CodeStatus status) {
  constexpr std::string_view kNames[] = {"OK",  "WA",  "RE",  "CE",  "TLE",    "WLE",
                                         "MLE", "OLE", "PLE", "FLE", "DENIED", "IE"};
  return kNames[static_cast<size_t>(status)];
}

std::vector<std::string> code_report() {
  std::vector<std::string> lines = sandbox_report();
  try {
    const Sandbox sandbox;
    for (const code::Language& language : code::make_languages("")) {
      const std::string problem = trial(sandbox, language);
      lines.push_back(problem.empty() ? fmt::format("{}: runs ({})", language.name, language.tool)
                                      : fmt::format("{}: does not run: {} (apt-get install {})", language.name, problem,
                                                    language.package));
    }
  } catch (const std::exception&) {  // sandbox_report has said why
  }
  return lines;
}

}  // namespace hone
