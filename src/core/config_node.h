// The tree of values in a config file, each with the place it came from, and the parser that makes it: yaml-cpp's
// events, held to the part of YAML that a config needs (no anchors, tags or several documents; bounded depth and size).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hone/core/error.h"

namespace hone {

/// Where a value stands. Line and column count from 1, columns in characters; line 0 is an override, which has none.
struct ConfigPlace {
  std::shared_ptr<const std::string> source;  ///< "config.yaml", or "--set a.b=1"
  int line = 0;
  int column = 0;
  std::string text() const;
};

struct ConfigNode {
  enum class Kind { kNull, kScalar, kList, kMap };
  struct Entry;

  Kind kind = Kind::kNull;
  std::string text;     ///< of a scalar
  bool quoted = false;  ///< a scalar that can only be text
  ConfigPlace place;
  std::vector<Entry> entries;  ///< of a list (empty keys) or a map
  bool ignored = false;        ///< known to be wrong as a whole: not looked into

  const Entry* find(std::string_view key) const;
  Entry* find(std::string_view key);
};

struct ConfigNode::Entry {
  std::string key;
  ConfigPlace place;  ///< of the key
  ConfigNode value;
};

/// Something wrong with a config: one line of the report.
struct ConfigProblem {
  ConfigPlace place;
  std::string path;  ///< the dotted key that is not as it should be; empty for the whole file
  Problem problem;   ///< without its place
};

inline constexpr uint64_t kMaxConfigBytes = 1 << 20;
inline constexpr size_t kMaxConfigDepth = 32;
inline constexpr size_t kMaxConfigNodes = 20000;

/// Parses YAML, or JSON where `json` says so (JSON is YAML but for its escapes outside the basic plane). What is wrong
/// is added to `problems`; nothing is returned where the error makes the rest useless.
std::optional<ConfigNode> parse_config(std::string text, const std::shared_ptr<const std::string>& source, bool json,
                                       std::vector<ConfigProblem>& problems);

/// User's text in a message: control characters replaced, cut to a readable length.
std::string printable(std::string_view text, size_t max_bytes = 60);

}  // namespace hone
