#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "config_value.h"
#include "hone/core/config_file.h"

namespace hone {
namespace {

using Json = nlohmann::ordered_json;

class KeyLister : public ConfigVisitor {
 public:
  std::vector<ConfigKey> keys;

 protected:
  void on_value(const Field& field, const Slot& slot, bool* present) override {
    const bool text = std::holds_alternative<std::string*>(slot);
    const bool unset = text && present == nullptr && std::get<std::string*>(slot)->empty();
    add({.path = join(field.name),
         .type = type_text(slot, present != nullptr),
         .default_value = field.required ? "required"
                          : unset        ? ""
                                         : value_text(slot, present),
         .range = range_text(field.range),
         .unit = std::string(field.unit),
         .help = std::string(field.help),
         .types = {}});
  }
  bool begin_section(const Field& field) override {
    prefixes_.push_back(join(field.name));
    return true;
  }
  void end_section() override { prefixes_.pop_back(); }
  size_t begin_list(const Field& field, std::string_view single, size_t) override {
    std::string type = "list of maps", help(field.help);
    if (!single.empty()) help += fmt::format(" Each has the keys of '{}'.", single);
    const char* const required = !field.required ? "null" : single.empty() ? "required" : "";
    add({join(field.name), type, required, "", "", help, {}});
    prefixes_.push_back(single.empty() ? join(field.name) + ".N" : join(single));
    return 1;
  }
  bool begin_element(size_t) override {
    prefixes_.push_back(prefixes_.back());
    return true;
  }
  void end_list() override { prefixes_.pop_back(); }
  std::vector<size_t> begin_tagged(const Field& field, std::span<const std::string_view> names, size_t) override {
    add({join(field.name),
         fmt::format("{}", fmt::join(names, " | ")),
         "required",
         "",
         "",
         std::string(field.help),
         {}});
    std::vector<size_t> all(names.size());
    for (size_t i = 0; i < all.size(); ++i) all[i] = i;
    names_.assign(names.begin(), names.end());
    tags_.push_back(names_);
    return all;
  }
  void begin_alternative(size_t index) override { chosen_.push_back(tags_.back()[index]); }
  void end_alternative() override {
    const bool last = chosen_.back() == tags_.back().back();
    chosen_.pop_back();
    if (last) tags_.pop_back();
  }

 private:
  std::string join(std::string_view name) const {
    return prefixes_.empty() ? std::string(name) : prefixes_.back() + "." + std::string(name);
  }
  // The same key in several alternatives is listed once.
  void add(ConfigKey key) {
    const auto same = std::ranges::find_if(keys, [&](const ConfigKey& k) {
      return std::tie(k.path, k.type, k.default_value, k.range, k.help) ==
             std::tie(key.path, key.type, key.default_value, key.range, key.help);
    });
    if (same == keys.end()) {
      if (!chosen_.empty()) key.types = {chosen_.back()};
      keys.push_back(std::move(key));
    } else if (!chosen_.empty()) {
      same->types.push_back(chosen_.back());
      if (same->types.size() == tags_.back().size()) same->types.clear();
    }
  }

  std::vector<std::string> prefixes_;
  std::vector<std::string> names_;
  std::vector<std::vector<std::string>> tags_;  // the names of each open `type` key
  std::vector<std::string> chosen_;             // the alternative that is open in each
};

// One JSON Schema object a level; alternatives of a `type` key become oneOf.
class SchemaBuilder : public ConfigVisitor {
 public:
  SchemaBuilder() { levels_.emplace_back(); }
  Json finish() { return levels_.back().object(); }

 protected:
  void on_value(const Field& field, const Slot& slot, bool* present) override {
    Json schema;
    std::visit([&](const auto& target) { describe_type(target, field.range, schema); }, slot);
    if (present != nullptr && schema.contains("enum")) schema["enum"].push_back(nullptr);
    if (present != nullptr && schema.contains("type")) schema["type"] = Json::array({schema["type"], "null"});
    if (!field.required) schema["default"] = default_value(slot, present);
    schema["description"] =
        fmt::format("{}{}", field.help, field.unit.empty() ? "" : fmt::format(" Unit: {}.", field.unit));
    add(field, std::move(schema));
  }
  bool begin_section(const Field& field) override {
    levels_.push_back({.field = field});
    return true;
  }
  void end_section() override {
    Level level = std::move(levels_.back());
    levels_.pop_back();
    Json schema = level.object();
    if (level.element) {
      element_ = std::move(schema);
    } else {
      schema["description"] = level.field.help;
      level.field.required = !level.required.empty();
      add(level.field, std::move(schema));
    }
  }
  size_t begin_list(const Field& field, std::string_view single, size_t) override {
    lists_.push_back({field, single});
    return 1;
  }
  bool begin_element(size_t) override {
    levels_.push_back({.element = true});
    return true;
  }
  void end_list() override {
    const auto [field, single] = lists_.back();
    lists_.pop_back();
    Json list = {{"type", field.required ? Json("array") : Json({"array", "null"})},
                 {"minItems", field.required ? 1 : 0},
                 {"description", field.help}};
    Json& properties = levels_.back().properties;
    if (single.empty()) {
      list["items"] = std::move(element_);
      add(field, std::move(list));
      return;
    }
    // One element may stand alone, and an element of the list may be taken from another file.
    const std::string reference = fmt::format("#/properties/{}", single);
    const Json other = {{"type", "object"},
                        {"properties", {{"name", {{"type", "string"}}}, {"config", {{"type", "string"}}}}},
                        {"required", {"name", "config"}},
                        {"additionalProperties", false}};
    list["items"] = {{"anyOf", Json::array({{{"$ref", reference}}, other})}};
    properties[std::string(single)] = std::move(element_);
    properties[std::string(field.name)] = std::move(list);
    levels_.back().one_of = {std::string(single), std::string(field.name)};
  }
  std::vector<size_t> begin_tagged(const Field& field, std::span<const std::string_view> names, size_t) override {
    levels_.back().tag = field;
    levels_.back().names = names;
    std::vector<size_t> all(names.size());
    for (size_t i = 0; i < all.size(); ++i) all[i] = i;
    return all;
  }
  void begin_alternative(size_t index) override {
    const Level& level = levels_.back();
    Level alternative;
    alternative.properties[std::string(level.tag.name)] = {{"const", level.names[index]},
                                                           {"description", level.tag.help}};
    alternative.required.push_back(std::string(level.tag.name));
    levels_.push_back(std::move(alternative));
  }
  void end_alternative() override {
    Level alternative = std::move(levels_.back());
    levels_.pop_back();
    levels_.back().alternatives.push_back({std::move(alternative.properties), std::move(alternative.required)});
  }

 private:
  struct Alternative {
    Json properties, required;
  };
  struct Level {
    Field field{};
    bool element = false;
    Json properties = Json::object();
    Json required = Json::array();
    std::vector<std::string> one_of{};
    Field tag{};
    std::span<const std::string_view> names{};
    std::vector<Alternative> alternatives{};

    Json object() const {
      if (alternatives.empty()) return plain(properties, required);
      Json choices = Json::array();
      for (const Alternative& alternative : alternatives) {
        Json all = alternative.properties, needed = alternative.required;
        all.update(properties);
        for (const Json& key : required) needed.push_back(key);
        choices.push_back(plain(all, needed));
      }
      return {{"type", "object"}, {"oneOf", std::move(choices)}};
    }
    Json plain(const Json& all, const Json& needed) const {
      Json schema = {{"type", "object"}, {"properties", all}};
      if (!needed.empty()) schema["required"] = needed;
      if (!one_of.empty()) {
        schema["oneOf"] = Json::array();
        for (const std::string& key : one_of) schema["oneOf"].push_back({{"required", Json::array({key})}});
      }
      schema["additionalProperties"] = false;
      return schema;
    }
  };

  void add(const Field& field, Json schema) {
    Level& level = levels_.back();
    level.properties[std::string(field.name)] = std::move(schema);
    if (field.required) level.required.push_back(field.name);
  }

  static void describe_type(bool*, const Range&, Json& schema) { schema["type"] = "boolean"; }
  static void describe_type(int64_t*, const Range& range, Json& schema) {
    schema["type"] = "integer";
    if (std::isfinite(range.min)) schema["minimum"] = static_cast<int64_t>(range.min);
    schema["maximum"] = static_cast<int64_t>(std::isfinite(range.max) ? range.max : kMaxCount);
  }
  static void describe_type(double*, const Range& range, Json& schema) {
    schema["type"] = "number";
    if (std::isfinite(range.min)) schema[range.min_excluded ? "exclusiveMinimum" : "minimum"] = range.min;
    if (std::isfinite(range.max)) schema["maximum"] = range.max;
  }
  static void describe_type(std::string*, const Range&, Json& schema) { schema["type"] = "string"; }
  static void describe_type(std::vector<std::string>*, const Range&, Json& schema) {
    schema["type"] = "array";
    schema["items"] = {{"type", "string"}};
  }
  static void describe_type(const Choice& choice, const Range&, Json& schema) {
    schema["enum"] = std::vector<std::string>(choice.names.begin(), choice.names.end());
  }

  static Json default_value(const Slot& slot, const bool* present) {
    if (present != nullptr && !*present) return nullptr;
    return std::visit(
        [](const auto& target) -> Json {
          if constexpr (std::is_same_v<std::decay_t<decltype(target)>, Choice>) {
            return target.names[*target.index];
          } else {
            return *target;
          }
        },
        slot);
  }

  std::vector<Level> levels_;
  std::vector<std::pair<Field, std::string_view>> lists_;
  Json element_;
};

}  // namespace

std::vector<ConfigKey> config_keys(const DescribeConfig& describe) {
  KeyLister lister;
  describe(lister);
  return std::move(lister.keys);
}

std::string config_schema(const DescribeConfig& describe) {
  SchemaBuilder builder;
  describe(builder);
  Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"title", "hone config"}};
  schema.update(builder.finish());
  return schema.dump(2) + "\n";
}

}  // namespace hone
