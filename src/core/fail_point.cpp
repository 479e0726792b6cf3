#include "hone/core/fail_point.h"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <system_error>

#include "hone/core/error.h"

namespace hone {
namespace {

enum class Action { kKill, kError, kFull };

/// The armed point of this process; an empty name means none.
struct Armed {
  std::string name;
  Action action = Action::kKill;
  uint64_t due = 1;     ///< the passage at which the action happens
  uint64_t passed = 0;  ///< passages so far
};

Armed parse(const std::string& spec) {
  Armed armed;
  const auto complain = [&spec] {
    throw_input({.what = "malformed fail point",
                 .place = "HONE_FAILPOINT",
                 .got = spec,
                 .expected = "NAME:ACTION[:N] with ACTION kill, error or full and N >= 1"});
  };
  const size_t colon = spec.find(':');
  if (colon == 0 || colon == std::string::npos) complain();
  armed.name = spec.substr(0, colon);
  const size_t second = spec.find(':', colon + 1);
  const std::string action = spec.substr(colon + 1, second == std::string::npos ? second : second - colon - 1);
  if (action == "kill") {
    armed.action = Action::kKill;
  } else if (action == "error") {
    armed.action = Action::kError;
  } else if (action == "full") {
    armed.action = Action::kFull;
  } else {
    complain();
  }
  if (second != std::string::npos) {
    const char* const end = spec.data() + spec.size();
    const auto [rest, error] = std::from_chars(spec.data() + second + 1, end, armed.due);
    if (error != std::errc{} || rest != end || armed.due == 0) complain();
  }
  return armed;
}

struct Seam {
  std::mutex mutex;
  Armed armed;
  DurableObserver observer;
};

Seam& seam() {
  static Seam instance;
  static const bool read_environment = [] {
    const char* const spec = std::getenv("HONE_FAILPOINT");
    if (spec != nullptr && *spec != '\0') instance.armed = parse(spec);
    return true;
  }();
  static_cast<void>(read_environment);
  return instance;
}

/// The errno of the action when `name` is armed and due, or 0. The caller holds the mutex.
int pass(Armed& armed, std::string_view name) {
  if (armed.name != name || ++armed.passed != armed.due) return 0;
  if (armed.action == Action::kKill) std::raise(SIGKILL);
  return armed.action == Action::kFull ? ENOSPC : EIO;
}

}  // namespace

void fail_point(std::string_view name) {
  Seam& state = seam();
  const std::lock_guard lock(state.mutex);
  const int code = pass(state.armed, name);
  if (code != 0) {
    throw_failed({.what = std::generic_category().message(code), .place = fmt::format("fail point {}", name)});
  }
}

void arm_fail_point(const std::string& spec) {
  Seam& state = seam();
  const std::lock_guard lock(state.mutex);
  state.armed = parse(spec);
}

bool disarm_fail_point() {
  Seam& state = seam();
  const std::lock_guard lock(state.mutex);
  const bool fired = !state.armed.name.empty() && state.armed.passed >= state.armed.due;
  state.armed = Armed{};
  return fired;
}

void observe_durable_calls(DurableObserver observer) {
  Seam& state = seam();
  const std::lock_guard lock(state.mutex);
  state.observer = std::move(observer);
}

int before_durable_call(std::string_view call, const std::filesystem::path& path, const std::filesystem::path& target) {
  Seam& state = seam();
  const std::lock_guard lock(state.mutex);
  if (state.observer) state.observer(call, path, target);
  return pass(state.armed, "durable");
}

}  // namespace hone
