#include "model/json_config.h"

#include <algorithm>
#include <cmath>

#include "hone/core/error.h"
#include "hone/core/file.h"

namespace hone {

JsonConfig JsonConfig::load(const std::string& path, int64_t max_bytes) {
  return parse(read_file(path, static_cast<uint64_t>(max_bytes)), path);
}

JsonConfig JsonConfig::parse(const std::string& text, std::string place) {
  try {
    constexpr int kMaxDepth = 32;
    Json json = Json::parse(text, [&](int depth, Json::parse_event_t, Json&) {
      HONE_CHECK(depth <= kMaxDepth, .what = "nested too deeply", .place = place);
      return true;
    });
    HONE_CHECK(json.is_object(), .what = "not a JSON object", .place = place);
    return {std::move(json), std::move(place)};
  } catch (const nlohmann::json::parse_error& error) {
    throw_input({.what = fmt::format("not JSON at its byte {}", error.byte),
                 .place = place,
                 .hint = "JSON has no NaN, Infinity or comments"});
  } catch (const nlohmann::json::exception&) {
    throw_input({.what = "a number is too large", .place = place});
  }
}

void JsonConfig::refuse(const char* key, const std::string& what, const std::string& expected) const {
  throw_input({.what = fmt::format("'{}' {}", key, what),
               .place = place_,
               .got = given(key) ? json_[key].dump(-1, ' ', true, Json::error_handler_t::replace).substr(0, 200) : "",
               .expected = expected});
}

std::optional<int64_t> JsonConfig::integer(const char* key) const {
  if (!given(key)) return std::nullopt;
  const Json& value = json_[key];
  if (!value.is_number_integer()) refuse(key, "must be a whole number");
  if (value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX))
    refuse(key, "is out of range");
  return value.get<int64_t>();
}

int64_t JsonConfig::size(const char* key, int64_t least, int64_t most, std::optional<int64_t> fallback) const {
  const auto value = given(key) ? integer(key) : fallback;
  if (!value.has_value()) refuse(key, "is missing");
  if (*value < least || *value > most) refuse(key, "is out of range", fmt::format("{} to {}", least, most));
  return *value;
}

std::optional<double> JsonConfig::positive(const char* key) const {
  if (!given(key)) return std::nullopt;
  const Json& value = json_[key];
  if (!value.is_number() || !(value.get<double>() > 0) || !std::isfinite(value.get<double>()))
    refuse(key, "must be a positive number");
  return value.get<double>();
}

double JsonConfig::non_negative(const char* key, double fallback) const {
  return given(key) && json_[key] == 0 ? 0.0 : positive(key, fallback);
}

bool JsonConfig::boolean(const char* key, bool fallback) const {
  if (!given(key)) return fallback;
  if (!json_[key].is_boolean()) refuse(key, "must be true or false");
  return json_[key].get<bool>();
}

std::string JsonConfig::text(const char* key) const {
  if (!given(key) || !json_[key].is_string()) refuse(key, "is missing or not a string");
  return json_[key].get<std::string>();
}

std::optional<JsonConfig> JsonConfig::object(const char* key) const {
  if (!given(key)) return std::nullopt;
  if (!json_[key].is_object()) refuse(key, "must be an object");
  return JsonConfig(json_[key], fmt::format("{}: {}", place_, key));
}

std::vector<double> JsonConfig::positives(const char* key, size_t count) const {
  const std::string expected = fmt::format("{} positive numbers", count);
  if (!given(key) || !json_[key].is_array() || json_[key].size() != count)
    refuse(key, "is not a list of the right length", expected);
  std::vector<double> values;
  for (const Json& value : json_[key]) {
    if (!value.is_number() || !(value.get<double>() > 0) || !std::isfinite(value.get<double>()))
      refuse(key, "holds something else", expected);
    values.push_back(value.get<double>());
  }
  return values;
}

std::vector<int64_t> JsonConfig::integers(const char* key) const {
  if (!given(key)) return {};
  const Json& list = json_[key];
  if (!list.is_array() || !std::ranges::all_of(list, [](const Json& v) { return v.is_number_integer(); }))
    refuse(key, "must be a list of whole numbers");
  return list.get<std::vector<int64_t>>();
}

std::vector<std::string> JsonConfig::texts(const char* key) const {
  if (!given(key)) return {};
  const Json& list = json_[key];
  if (!list.is_array() || !std::ranges::all_of(list, [](const Json& v) { return v.is_string(); }))
    refuse(key, "must be a list of strings");
  return list.get<std::vector<std::string>>();
}

void JsonConfig::require(const char* key, std::initializer_list<Json> allowed, const std::string& hint) const {
  if (!given(key) || std::ranges::find(allowed, json_[key]) != allowed.end()) return;
  throw_input({.what = fmt::format("'{}' has a value that is not supported", key),
               .place = place_,
               .got = json_[key].dump(-1, ' ', true, Json::error_handler_t::replace).substr(0, 200),
               .expected = allowed.size() == 0 ? "no such key" : Json(std::vector<Json>(allowed)).dump(),
               .hint = hint});
}

}  // namespace hone
