// Places where a test can make the program die or its disk fail, to prove that no artefact is lost.
//
// HONE_FAILPOINT=NAME:ACTION[:N] arms one point for the whole process: at the N-th passage (1 by default) of the point
// NAME the ACTION happens, once: `kill` is SIGKILL to itself, `error` an input/output error, `full` a full disk. The
// point `durable` is passed before every system call that writes, so N walks through all of them. Thread-safe.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace hone {

/// Passes the point `name`; throws Error kFailed (or dies) when it is armed and due.
void fail_point(std::string_view name);

/// For tests in the process: replaces what HONE_FAILPOINT said. Throws Error kInput when `spec` is malformed.
void arm_fail_point(const std::string& spec);
/// Disarms; true when the action happened.
bool disarm_fail_point();

/// Sees each system call that writes, before it is made: its name ("open", "write", "fsync", "rename", "mkdir",
/// "remove", "truncate"), its file, and the new name of a rename.
using DurableObserver =
    std::function<void(std::string_view call, const std::filesystem::path& path, const std::filesystem::path& target)>;
/// For tests: calls `observer` from now on; an empty one ends it.
void observe_durable_calls(DurableObserver observer);

/// For core/file: passes the point `durable` and tells the observer. Returns the errno that the call must fail with, or
/// 0.
int before_durable_call(std::string_view call, const std::filesystem::path& path,
                        const std::filesystem::path& target = {});

}  // namespace hone
