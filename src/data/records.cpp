#include "hone/data/records.h"

#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "hone/core/error.h"
#include "hone/data/reasoning_text.h"

namespace hone {

struct Record::Fields {
  nlohmann::ordered_json json;
};

namespace {

// The library writes JSON by recursion; no stack must end there.
constexpr int kDeepest = 200;

std::optional<std::string> as_text(const nlohmann::ordered_json& json) {
  if (json.is_null() || json.is_structured()) return std::nullopt;
  return json.is_string() ? json.get<std::string>() : json.dump();
}

}  // namespace

Record::Record() : fields_(std::make_shared<Fields>(Fields{nlohmann::ordered_json::object()})) {}

Record Record::parse(std::string_view json, const std::string& place) {
  bool too_deep = false;
  const auto keep = [&too_deep](int depth, nlohmann::ordered_json::parse_event_t, nlohmann::ordered_json&) {
    too_deep = too_deep || depth > kDeepest;
    return depth <= kDeepest;
  };
  auto parsed = nlohmann::ordered_json::parse(json, keep, /*allow_exceptions=*/false);
  HONE_CHECK(!too_deep, .what = "JSON nested too deep", .place = place,
             .expected = fmt::format("at most {} levels", kDeepest));
  HONE_CHECK(!parsed.is_discarded(), .what = "not valid JSON", .place = place);
  HONE_CHECK(parsed.is_object(), .what = "not a JSON object", .place = place, .got = parsed.type_name());
  Record record;
  record.fields_ = std::make_shared<Fields>(Fields{std::move(parsed)});
  return record;
}

bool Record::has(std::string_view key) const {
  return fields_->json.contains(key);
}

std::optional<std::string> Record::text(std::string_view key) const {
  const auto at = fields_->json.find(key);
  return at == fields_->json.end() ? std::nullopt : as_text(*at);
}

std::optional<std::string> Record::json(std::string_view key) const {
  const auto at = fields_->json.find(key);
  if (at == fields_->json.end()) return std::nullopt;
  return at->dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::optional<std::vector<std::string>> Record::list(std::string_view key) const {
  const auto at = fields_->json.find(key);
  if (at == fields_->json.end()) return std::nullopt;
  std::vector<std::string> out;
  // One element stands for itself: a range over a JSON text or number yields just that.
  for (const auto& element : *at) {
    auto text = at->is_object() ? std::nullopt : as_text(element);
    if (!text) return std::nullopt;
    out.push_back(std::move(*text));
  }
  if (out.empty() && !at->is_array()) return std::nullopt;
  return out;
}

std::string Record::dump() const {
  return fields_->json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::optional<std::string> Record::last_message() const {
  const auto messages = fields_->json.find("messages");
  if (messages == fields_->json.end() || !messages->is_array() || messages->empty()) return std::nullopt;
  for (const auto& message : *messages) {
    if (!message.is_object() || !message.contains("role") || !message.contains("content")) return std::nullopt;
  }
  return as_text(messages->back()["content"]);
}

size_t Record::messages() const {
  const auto messages = fields_->json.find("messages");
  return messages == fields_->json.end() || !messages->is_array() ? 0 : messages->size();
}

std::string Record::names() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : fields_->json.items()) names.push_back(name);
  return fmt::format("{}", fmt::join(names, ", "));
}

Record Record::mapped(const std::vector<std::pair<std::string, std::string>>& fields, const std::string& place) const {
  const auto missing = [&](const std::string& from, std::string_view key) {
    throw_input({.what = fmt::format("the record has no field '{}', which fields.{} names", from, key),
                 .place = place,
                 .got = names()});
  };
  auto json = fields_->json;
  for (const auto& [key, from] : fields) {
    if (from.find("{{") == std::string::npos) {
      const auto at = fields_->json.find(from);
      if (at == fields_->json.end()) missing(from, key);
      json[key] = *at;
      continue;
    }
    std::string filled;
    size_t done = 0;
    for (size_t open = from.find("{{"); open != std::string::npos; open = from.find("{{", done)) {
      const size_t close = from.find("}}", open);
      HONE_CHECK(close != std::string::npos, .what = fmt::format("fields.{}: '{{{{' without '}}}}'", key), .got = from);
      const std::string name(trim(std::string_view(from).substr(open + 2, close - open - 2)));
      const auto value = text(name);
      if (!value) missing(name, key);
      filled += from.substr(done, open - done) + *value;
      done = close + 2;
    }
    json[key] = filled + from.substr(done);
  }
  Record record;
  record.fields_ = std::make_shared<Fields>(Fields{std::move(json)});
  return record;
}

std::string_view to_string(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kAbort:
      return "abort";
  }
  HONE_ASSERT(false);
}

}  // namespace hone
