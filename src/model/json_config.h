// One config.json with checked access: every refusal names the file and the key.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace hone {

/// Sorted; the ordered kind searches its keys one by one, and an index may have a hundred thousand.
using Json = nlohmann::json;

/// An object of the file; the top one, or one below it.
class JsonConfig {
 public:
  /// Reads a whole file. Throws Error kInput.
  static JsonConfig load(const std::string& path, int64_t max_bytes = 1 << 20);
  static JsonConfig parse(const std::string& text, std::string place);

  const std::string& place() const { return place_; }
  const Json& json() const { return json_; }
  /// Present, null or not.
  bool has(const char* key) const { return json_.contains(key); }
  /// Present and not null.
  bool given(const char* key) const { return has(key) && !json_[key].is_null(); }

  std::optional<int64_t> integer(const char* key) const;
  /// A whole number from `least` to `most`; without a fallback the key is required.
  int64_t size(const char* key, int64_t least, int64_t most, std::optional<int64_t> fallback = std::nullopt) const;
  /// A finite number above 0.
  std::optional<double> positive(const char* key) const;
  double positive(const char* key, double fallback) const { return positive(key).value_or(fallback); }
  /// A finite number, 0 or more.
  double non_negative(const char* key, double fallback) const;
  bool boolean(const char* key, bool fallback) const;
  std::string text(const char* key) const;
  std::optional<JsonConfig> object(const char* key) const;
  /// `count` finite numbers above 0.
  std::vector<double> positives(const char* key, size_t count) const;
  std::vector<int64_t> integers(const char* key) const;
  std::vector<std::string> texts(const char* key) const;
  /// Refuses a value that changes the computation in a way that the model does not know.
  void require(const char* key, std::initializer_list<Json> allowed, const std::string& hint = "") const;

  [[noreturn]] void refuse(const char* key, const std::string& what, const std::string& expected = "") const;

 private:
  JsonConfig(Json json, std::string place) : json_(std::move(json)), place_(std::move(place)) {}

  Json json_;
  std::string place_;
};

}  // namespace hone
