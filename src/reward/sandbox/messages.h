// What the caller and the supervisor say to each other. A request is a memory file whose descriptor comes over the
// control socket together with the socket that the answer goes to; the answer is the bytes up to the end of that
// socket.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hone/reward/sandbox.h"

namespace hone::sandbox {

enum class RequestKind : uint8_t { kDescribe, kRun };

/// kDescribe is answered by lines for people; kRun takes one or two programs and is answered by a result each.
struct Request {
  RequestKind kind = RequestKind::kRun;
  std::vector<Program> programs;
};

std::string encode(RequestKind kind, const std::vector<const Program*>& programs);
Request decode_request(std::string_view bytes);
std::string encode(const std::vector<RunResult>& results);
std::vector<RunResult> decode_results(std::string_view bytes);

/// Descriptors of the supervisor that stay where they are.
inline constexpr int kControlDescriptor = 3;

}  // namespace hone::sandbox
