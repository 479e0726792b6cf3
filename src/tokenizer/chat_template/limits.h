// What a template may cost. Templates come from model folders, that is, from strangers: none may hang, overflow the
// stack or fill the memory. docs/chat_templates.md lists these.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hone::jinja {

inline constexpr size_t kMaxTemplateBytes = size_t{1} << 20;
inline constexpr int kMaxExpressionDepth = 300;  ///< operators, brackets and filters within each other
inline constexpr int kMaxBlockDepth = 100;       ///< blocks within each other
inline constexpr int kMaxNesting = 1000;         ///< nodes under evaluation at once, through macros and recursive loops
inline constexpr int kMaxValueDepth = 200;       ///< containers within each other
inline constexpr int64_t kMaxRange = 100'000;    ///< numbers of a range(), as in Jinja's sandbox
inline constexpr int64_t kFarRange = int64_t{1} << 60;     ///< its start, stop and step, so that no sum overflows
inline constexpr size_t kMaxTextBytes = size_t{16} << 20;  ///< the result, and any text on the way

/// A step is the evaluation of a node, a turn of a loop, an element of a container or 16 bytes of text that are made or
/// looked through.
inline constexpr int64_t kMaxSteps = 20'000'000;
inline constexpr int64_t kBytesPerStep = 16;
inline constexpr int64_t kNamesPerStep = 8;    ///< variables that are passed when one is looked up
inline constexpr size_t kMaxParameters = 255;  ///< of a macro

}  // namespace hone::jinja
