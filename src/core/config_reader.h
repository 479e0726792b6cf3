// The visitor that fills sections from a tree of values.
#pragma once

#include <string>
#include <vector>

#include "config_node.h"
#include "hone/core/config.h"

namespace hone {

class ConfigReader : public ConfigVisitor {
 public:
  /// `known` are all keys there are, for keys that stand in the wrong section.
  ConfigReader(const ConfigNode& root, const std::vector<std::string>& known, std::vector<ConfigProblem>& problems);
  /// Call after the description: what is left over in the root is unknown.
  void finish();

 protected:
  void on_value(const Field& field, const Slot& slot, bool* present) override;
  bool begin_section(const Field& field) override;
  void end_section() override;
  size_t begin_list(const Field& field, std::string_view single, size_t size) override;
  bool begin_element(size_t index) override;
  void end_list() override;
  std::vector<size_t> begin_tagged(const Field& field, std::span<const std::string_view> names,
                                   size_t current) override;
  void begin_alternative(size_t) override {}
  void end_alternative() override {}

 private:
  /// A map that is being read, or a list (keys of a list are not checked).
  struct Level {
    const ConfigNode* node = nullptr;  ///< null when the file does not have it
    ConfigPlace place;                 ///< of the node, or of the map around it
    std::string path;
    std::vector<std::string> keys{};  ///< that the description knows
    bool keys_complete = true;        ///< false when an unknown `type` hides some
    bool single = false;              ///< a list that is given as its one element
  };

  const ConfigNode::Entry* take(std::string_view name);
  std::string join(std::string_view name) const;
  void report(const ConfigPlace& place, const std::string& path, const Problem& problem);
  void missing(const Field& field, const std::string& expected);
  /// Opens a map, or says that the value is not one.
  bool open_map(const ConfigNode* node, const ConfigPlace& place, const std::string& path, bool null_is_empty);
  void report_unknown(const ConfigNode::Entry& entry);
  /// The known key that an unknown one was meant to be, or nothing; `path` itself when another type has it.
  std::string meant_key(const std::string& key, const std::string& path) const;

  const std::vector<std::string>& known_;
  std::vector<ConfigProblem>& problems_;
  std::vector<Level> levels_;
};

}  // namespace hone
