// Base64 (RFC 4648) to bytes. Pure; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hone {

/// Nothing where `text` is no base64; padding may be missing.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace hone
