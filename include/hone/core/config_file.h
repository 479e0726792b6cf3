// A config file on its way to typed sections: reading, overrides, the report of everything that is wrong with it, and
// the other things made from the descriptions of sections (core/config.h): the resolved file, the list of keys, the
// JSON Schema. A ConfigFile owns the file's tree of values and its problems; it belongs to one thread. The functions
// are thread-safe.
#pragma once

#include <filesystem>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hone/core/config.h"
#include "hone/core/error.h"

namespace hone {

/// Calls `describe` of some section with the visitor.
using DescribeConfig = std::function<void(ConfigVisitor&)>;

/// Keys are written with dots; elements of lists by number: "stage.rewards.0.weight". The empty key is the whole file.
class ConfigFile {
 public:
  /// Reads YAML, or JSON when the name ends in .json. Throws Error kInput when the file cannot be read or parsed; all
  /// other problems are collected.
  explicit ConfigFile(const std::filesystem::path& path);
  /// The same for a text that is at hand; `name` stands for the file in messages.
  ConfigFile(const std::string& name, std::string text);
  ~ConfigFile();
  ConfigFile(const ConfigFile&) = delete;
  ConfigFile& operator=(const ConfigFile&) = delete;

  /// What the file says, before it is read into types.
  bool has(std::string_view key) const;
  std::optional<std::string> text(std::string_view key) const;  ///< of a scalar
  size_t size(std::string_view key) const;                      ///< of a list or map, else 0
  std::vector<std::string> keys(std::string_view key) const;    ///< of a map
  /// Replaces the value at `key` by the one that another file has at `from`, keeping the member `keep` of the old map.
  /// Where the other file has problems, takes them over and ignores `key`.
  void include(std::string_view key, const ConfigFile& other, std::string_view from, std::string_view keep);
  /// Leaves an element of a list out of everything that follows, as it is already known to be wrong.
  void ignore(std::string_view key);
  /// Sets "key=value", the value in YAML. Missing maps and lists on the way are made; a list grows at its end.
  void set(const std::string& assignment);

  /// Fills `section` from the whole file and collects what is unknown, missing, mistyped or out of range.
  template <class T>
  void read(T& section) {
    T prototype{};
    read([&](ConfigVisitor& v) { describe(v, section); }, [&](ConfigVisitor& v) { describe(v, prototype); });
  }

  /// Collects a problem at the place of `key`, or of the nearest map around it; `key` itself need not exist.
  void report(std::string_view key, const Problem& problem);
  /// Collects the lines of an error that was thrown by another file.
  void report(const Error& error);
  /// Whether none of these keys has a problem so far: a check of several keys makes sense only then.
  bool sound(std::initializer_list<std::string> keys) const;
  bool has_problems() const;
  /// Throws Error kInput with one line for each problem, if there is any.
  void throw_problems() const;

 private:
  void read(const DescribeConfig& describe, const DescribeConfig& prototype);
  struct State;
  std::unique_ptr<State> state_;
};

/// One key of the reference: all as text.
struct ConfigKey {
  std::string path;                ///< "stage.rewards.N.weight"
  std::string type;                ///< "integer", "grpo | dapo", "list of text"
  std::string default_value;       ///< as YAML; "required" when there is none
  std::string range;               ///< "[1, 7]", ">= 1", or empty
  std::string unit;                ///< or empty
  std::string help;                ///< one sentence
  std::vector<std::string> types;  ///< the values of the nearest `type` key that this key belongs to; empty: all
};

std::vector<ConfigKey> config_keys(const DescribeConfig& describe);

/// JSON Schema (draft 2020-12), for editors.
std::string config_schema(const DescribeConfig& describe);

/// Every key with its value as YAML, with its help as comments when `comments`.
std::string config_yaml(const DescribeConfig& describe, bool comments = false);

}  // namespace hone
