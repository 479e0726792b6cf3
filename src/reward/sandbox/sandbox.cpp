#include "hone/reward/sandbox.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>
#include <system_error>
#include <thread>

#include "hone/core/error.h"
#include "reward/embedded.h"
#include "reward/sandbox/messages.h"
#include "reward/sandbox/program/init.h"
#include "reward/sandbox/supervisor_process.h"
#include "reward/sandbox/wire.h"

HONE_EMBED(sandbox_program, HONE_SANDBOX_PROGRAM)

namespace hone {
namespace {

std::filesystem::path find_in_path(const std::string& name) {
  const char* const path = std::getenv("PATH");
  std::string rest = path != nullptr ? path : "/usr/bin:/bin";
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(':'), rest.size());
    const auto candidate = std::filesystem::path(rest.substr(0, end)) / name;
    if (candidate.is_absolute() && access(candidate.c_str(), X_OK) == 0) return candidate;
    rest.erase(0, end + 1);
  }
  return {};
}

/// What to do about a box that bubblewrap could not make.
std::string hint_for(const std::string& reason) {
  if (reason.find("bubblewrap made no box") == std::string::npos) return "";
  return "user namespaces must be allowed for ordinary users: sysctl kernel.unprivileged_userns_clone=1, "
         "user.max_user_namespaces above 0, kernel.apparmor_restrict_unprivileged_userns=0; in a container, a seccomp "
         "profile that allows unshare and mount";
}

/// A program that every box holds already. It ends with 2, as it is not told what to do.
RunResult run_nothing(const Sandbox& sandbox) {
  Program program;
  program.command = {sandbox::kInitPath};
  return sandbox.run(program);
}

}  // namespace

Sandbox::Sandbox(const SandboxOptions& options)
    : jobs_(options.jobs.value_or(std::max<int64_t>(1, std::thread::hardware_concurrency()))) {
  const auto bubblewrap = options.bubblewrap.empty() ? find_in_path("bwrap") : options.bubblewrap;
  HONE_CHECK(!bubblewrap.empty() && access(bubblewrap.c_str(), X_OK) == 0, .what = "the sandbox needs bubblewrap",
             .got = bubblewrap.empty() ? "no bwrap in PATH" : bubblewrap.string(),
             .hint = "apt-get install bubblewrap");
  try {
    supervisor_ = std::make_unique<Supervisor>(bubblewrap.string(), jobs_);
    const auto lines = supervisor_->ask(sandbox::encode(sandbox::RequestKind::kDescribe, {}));
    HONE_CHECK(lines.has_value(), .what = "the sandbox supervisor does not start");
    facts_ = sandbox::Reader(*lines).texts();
  } catch (const std::runtime_error& error) {
    throw_input({.what = "the sandbox supervisor does not start", .got = error.what()});
  }
  const RunResult trial = run_nothing(*this);
  HONE_CHECK(trial.exit_code == 2, .what = "programs cannot be isolated here", .got = trial.reason,
             .hint = hint_for(trial.reason));
}

Sandbox::~Sandbox() = default;

int Sandbox::supervisor() const {
  return supervisor_->pid();
}

RunResult Sandbox::run(const Program& program) const {
  const std::string request = sandbox::encode(sandbox::RequestKind::kRun, {&program});
  // A supervisor that somebody kills takes its runs along; one more attempt tells that from a fault of the run.
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (const auto answer = supervisor_->ask(request)) return sandbox::decode_results(*answer).at(0);
  }
  return {.reason = "the sandbox supervisor died"};
}

std::pair<RunResult, RunResult> Sandbox::run_linked(const Program& first, const Program& second) const {
  const std::string request = sandbox::encode(sandbox::RequestKind::kRun, {&first, &second});
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (const auto answer = supervisor_->ask(request)) {
      auto results = sandbox::decode_results(*answer);
      return {std::move(results.at(0)), std::move(results.at(1))};
    }
  }
  return {RunResult{.reason = "the sandbox supervisor died"}, RunResult{.reason = "the sandbox supervisor died"}};
}

}  // namespace hone
